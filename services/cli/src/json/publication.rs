//! The JSON form of a publication, as `samsyn publish` and `samsyn validate` read it.

use samsyn_client::wire::{
    FullPicture, Period, PictureDelta, PublishPictureRequest, publish_picture_request::Change,
};
use serde_json::Value;

use super::{
    observation,
    reader::{BadForm, Node},
    statement,
};

/// The form, as the help shows it.
pub(crate) const HELP: &str = r#"The form of FILE, with the field names of PublishPictureRequest:

  {
    "party": "sdf-skarholmen",
    "area": "sthlm-skarholmen",
    "base_version": "current",
    "full": {
      "period": "2025-W40",
      "observations": [
        {
          "id": "felanmalan-20251001-17",
          "category": "lighting_fault",
          "place_id": "sthlm-skarholmen/skarholmen-centrum/p1",
          "starts_at": "2025-10-01T18:00:00+02:00",
          "ends_at": "2025-10-01T19:00:00+02:00",
          "count": 2, "severity": 3, "trend": "up", "basis": "fact",
          "source_kind": "resident_report", "reliability": "B", "credibility": 2,
          "note": "Tre lampor släckta längs gångvägen.",
          "labels": {
            "level": 1, "audience": ["signatories"], "purposes": ["joint_picture"],
            "regime": "nonpersonal", "retain_until": "2027-10-01T00:00:00Z"
          }
        }
      ]
    }
  }

`base_version` is a number, 0 for the first, or "current". Where: one of `place_id`, `sub_area_id`,
`area_id` or `"coordinates": {"lat": 59.2771, "lon": 17.907}`, in degrees. In place of `full`, a
change of some observations of any period:

  "delta": { "upserts": [ … ], "withdrawn_ids": ["…"], "reason": "mätfel rättat" }

Beside `observations`, and beside `upserts`, there may be statistics and assessments, each of
exactly its own period and without coordinates. The points of a series that are not named stay as
they are; its id among the withdrawn withdraws all of them:

  "series": [
    {
      "id": "felanmalan-statistik", "category": "lighting_fault", "area_id": "sthlm-skarholmen",
      "source_kind": "resident_report", "points": [{ "period": "2025-W40", "count": 41 }],
      "note": "Räknat på inkommen dag.", "labels": { … }
    }
  ],
  "assessments": [
    {
      "id": "bedomning-W40", "category": "lighting_fault", "area_id": "sthlm-skarholmen",
      "period": "2025-W40", "severity": 3, "trend": "up", "reliability": "B", "credibility": 2,
      "text": "Fel ligger kvar längre än förr.", "labels": { … }
    }
  ]
"#;

/// Which version a publication changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// This one.
    Version(u64),
    /// The newest when it is published.
    Current,
}

/// A publication as it was read: without context, its base version still to be filled in.
#[derive(Clone, PartialEq)]
pub(crate) struct Form {
    /// The publication.
    pub(crate) request: PublishPictureRequest,
    /// Which version it changes.
    pub(crate) base: Base,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PublishPictureRequest { party, area, .. } = &self.request;
        write!(f, "publication by {party} of {area}, base {:?}", self.base)
    }
}

/// Reads the form.
///
/// # Errors
/// The first fault, with the path of its field.
pub(crate) fn read(text: &str) -> Result<Form, BadForm> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|why| BadForm::whole(format!("is no JSON: {why}")))?;
    let root = Node::root(&value);
    let mut fields = root.object()?;
    let party = fields.required("party")?.text()?.to_owned();
    let area = fields.required("area")?.text()?.to_owned();
    let base = fields.required("base_version")?;
    let base = if base.is_text("current") {
        Base::Current
    } else {
        let number = base.whole_number();
        Base::Version(number.map_err(|_| base.bad("is neither a version nor \"current\""))?)
    };
    let change = match (fields.take("full"), fields.take("delta")) {
        (Some(full), None) => Change::Full(read_full(&full)?),
        (None, Some(delta)) => Change::Delta(read_delta(&delta)?),
        (Some(_), Some(delta)) => return Err(delta.bad("stands beside `full`; give one of them")),
        (None, None) => return Err(BadForm::whole("has neither `full` nor `delta`; give one")),
    };
    fields.end()?;
    let version = match base {
        Base::Version(version) => version,
        Base::Current => 0,
    };
    let request = PublishPictureRequest {
        context: None,
        party,
        area,
        base_version: version,
        manifest: None,
        change: Some(change),
    };
    Ok(Form { request, base })
}

fn read_full(node: &Node<'_>) -> Result<FullPicture, BadForm> {
    let mut fields = node.object()?;
    let code = fields.required("period")?.text()?.to_owned();
    let observations = fields.required("observations")?.list()?;
    let observations = observations.iter().map(observation::read).collect::<Result<_, _>>()?;
    let series = fields.all("series", statement::read_series)?;
    let assessments = fields.all("assessments", statement::read_assessment)?;
    fields.end()?;
    Ok(FullPicture { period: Some(Period { code }), observations, series, assessments })
}

fn read_delta(node: &Node<'_>) -> Result<PictureDelta, BadForm> {
    let mut fields = node.object()?;
    let upserts = fields.all("upserts", observation::read)?;
    let series = fields.all("series", statement::read_series)?;
    let assessments = fields.all("assessments", statement::read_assessment)?;
    let withdrawn_ids = fields.texts("withdrawn_ids")?;
    let reason = fields.text("reason")?;
    fields.end()?;
    Ok(PictureDelta { upserts, withdrawn_ids, reason, series, assessments })
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{Trend, observation::Location};
    use serde_json::json;

    use super::*;

    /// The example in the help.
    fn example() -> String {
        let (_, rest) = HELP.split_once("PublishPictureRequest:").unwrap();
        rest.split_once("`base_version`").unwrap().0.to_owned()
    }

    fn observations(form: &Form) -> &[samsyn_client::wire::Observation] {
        match form.request.change.as_ref().unwrap() {
            Change::Full(full) => &full.observations,
            Change::Delta(delta) => &delta.upserts,
        }
    }

    #[test]
    fn the_example_in_the_help_is_read() {
        let form = read(&example()).unwrap();
        assert_eq!((form.base, form.request.party.as_str()), (Base::Current, "sdf-skarholmen"));
        let one = &observations(&form)[0];
        assert_eq!(one.count, Some(2));
        assert_eq!(one.trend, i32::from(Trend::Up));
        assert_eq!(one.starts_at.as_ref().unwrap().to_string(), "2025-10-01T16:00:00Z");
        assert_eq!(one.labels.as_ref().unwrap().audience, ["signatories"]);
        assert!(matches!(one.location, Some(Location::PlaceId(_))));
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let mut form = read(&example()).unwrap();
        let Some(Change::Full(full)) = &mut form.request.change else { panic!() };
        let mut exact = full.observations[0].clone();
        exact.location = Some(Location::Coordinates(samsyn_client::wire::Coordinates {
            lat_e7: 592_771_001,
            lon_e7: -179_070_003,
        }));
        exact.count = None;
        exact.note.clear();
        full.observations.push(exact);
        let written: Vec<Value> = full.observations.iter().map(observation).collect();
        let again = json!({
            "party": form.request.party, "area": form.request.area, "base_version": "current",
            "full": { "period": "2025-W40", "observations": written },
        });
        assert_eq!(read(&again.to_string()).unwrap(), form);
    }

    /// The example of what may stand beside observations, with labels in place of the dots.
    fn beside() -> Value {
        let (_, rest) = HELP.split_once("all of them:").unwrap();
        let labels = r#"{"level": 1, "purposes": ["joint_picture"], "regime": "nonpersonal"}"#;
        serde_json::from_str(&format!("{{{}}}", rest.replace("{ … }", labels))).unwrap()
    }

    #[test]
    fn series_and_assessments_are_read_and_written_the_same() {
        let mut whole: Value = serde_json::from_str(&example()).unwrap();
        for (name, list) in beside().as_object().unwrap() {
            whole["full"][name] = list.clone();
        }
        let form = read(&whole.to_string()).unwrap();
        let Some(Change::Full(full)) = &form.request.change else { panic!() };
        assert_eq!(full.series[0].points[0].count, Some(41));
        assert_eq!(full.assessments[0].trend(), Trend::Up);
        let delta = json!({
            "party": "p", "area": "a", "base_version": 1,
            "delta": {
                "series": crate::json::list(&full.series, crate::json::series),
                "assessments": crate::json::list(&full.assessments, crate::json::assessment),
            },
        });
        let form = read(&delta.to_string()).unwrap();
        let Some(Change::Delta(delta)) = form.request.change else { panic!() };
        assert_eq!((&delta.series, &delta.assessments), (&full.series, &full.assessments));
        let faulty = |at: &str, name: &str, value: Value| {
            let mut whole = whole.clone();
            *whole.pointer_mut(at).unwrap().get_mut(name).unwrap() = value;
            read(&whole.to_string()).unwrap_err().to_string()
        };
        let point = faulty("/full/series/0/points/0", "count", json!(-1));
        assert!(point.starts_with("`full.series[0].points[0].count` is no whole"), "{point}");
        let said = faulty("/full/assessments/0", "period", json!(202_540));
        assert!(said.starts_with("`full.assessments[0].period` is no text"), "{said}");
    }

    #[test]
    fn a_delta_with_a_version_is_read() {
        let text = r#"{"party": "p", "area": "a", "base_version": 7,
            "delta": {"withdrawn_ids": ["x"], "reason": "r"}}"#;
        let form = read(text).unwrap();
        assert_eq!((form.base, form.request.base_version), (Base::Version(7), 7));
        let Some(Change::Delta(delta)) = form.request.change else { panic!() };
        assert_eq!((delta.withdrawn_ids, delta.reason), (vec!["x".to_owned()], "r".to_owned()));
    }

    #[test]
    fn every_fault_names_its_path() {
        let cases = [
            (
                r#""trend": "up""#,
                r#""trend": "upward""#,
                "`full.observations[0].trend` is not known",
            ),
            ("+02:00\",", "\",", "`full.observations[0].starts_at` is no time"),
            (r#""count": 2"#, r#""count": -2"#, "`full.observations[0].count` is no whole number"),
            (r#""level": 1"#, r#""level": "1""#, "`full.observations[0].labels.level` is no whole"),
            (r#"["signatories"]"#, "[7]", "`full.observations[0].labels.audience[0]` is no text"),
            (r#""severity""#, r#""severeness""#, "`full.observations[0].severeness` is no field"),
            (r#""party": "sdf-skarholmen","#, "", "`party` is missing"),
            (r#""current""#, r#""newest""#, "`base_version` is neither a version nor"),
            (r#""full""#, r#""whole""#, "the document has neither `full` nor `delta`"),
            (r#""party""#, "party", "the document is no JSON"),
            (
                r#""count": 2"#,
                r#""coordinates": {"lat": 1, "lon": 1}"#,
                "`full.observations[0].coordinates` is a second location",
            ),
            (
                r#""place_id": "sthlm-skarholmen/skarholmen-centrum/p1""#,
                r#""coordinates": {"lat": 91, "lon": 1}"#,
                "`full.observations[0].coordinates` is no point",
            ),
        ];
        for (from, to, message) in cases {
            let text = example();
            assert!(text.contains(from), "{from}");
            let bad = read(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(bad.starts_with(message), "{bad}");
        }
    }
}
