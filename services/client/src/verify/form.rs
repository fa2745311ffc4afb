//! The forms of section 12 of the protocol page: what each position of each kind holds.

use std::collections::BTreeSet;

use samsyn_domain::{Basis, Timestamp, registry::FieldGroup};

use super::{
    canonical::{BYTES_MAX, Fields, Malformed},
    object::{
        About, Amount, Assessment, Counts, Identity, Labels, ObjectKind, Place, PlaceVariant,
        Provenance, Treatment,
    },
    tree::{ObjectId, POSITIONS},
};

const LATITUDE_MAX: i32 = 900_000_000;
const LONGITUDE_MAX: i32 = 1_800_000_000;
const NO_FORM: Malformed = Malformed::Rule("the position has no form for this kind of object");

/// A position that has a form for some kind: a group in a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(u8);

impl Position {
    pub(super) const IDENTITY: Self = Self(0);

    /// The positions that every object has a leaf at.
    pub(super) fn always() -> impl Iterator<Item = Self> {
        FieldGroup::ALL.into_iter().map(|group| Self(group.number().saturating_mul(4)))
    }

    pub(super) fn of(number: u8) -> Option<Self> {
        (number < POSITIONS).then_some(Self(number))
    }

    pub(super) const fn number(self) -> u8 {
        self.0
    }

    /// Its bit in a mask.
    pub(super) fn bit(self) -> u32 {
        1_u32.checked_shl(u32::from(self.0)).unwrap_or(0)
    }

    /// Its group; none for the last four positions.
    pub(super) fn group(self) -> Option<FieldGroup> {
        FieldGroup::ALL.into_iter().find(|group| group.number() == self.0 / 4)
    }
}

/// An opened leaf.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) object: ObjectId,
    pub(super) kind: ObjectKind,
    pub(super) value: Value,
}

/// The value of a leaf; none when it is `absent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Identity(Identity),
    Place(Option<Place>),
    Time(Option<(Timestamp, Timestamp)>),
    Counts(Option<Counts>),
    Assessment(Option<Assessment>),
    Text(Option<String>),
    Provenance(Option<Provenance>),
}

/// Reads `C` under a position. `kind` is that of the object, known after its position 0.
pub(super) fn leaf(
    canonical: &[u8],
    position: Position,
    kind: Option<ObjectKind>,
) -> Result<Leaf, Malformed> {
    let mut fields = Fields::of(canonical, BYTES_MAX)?;
    let object = fields.array(1)?;
    if fields.number::<u8>(2)? != position.number() {
        return Err(Malformed::Rule("the leaf is of another position than it is opened under"));
    }
    let inner = fields.message(3)?;
    fields.end()?;
    let (kind, value) = match kind {
        None => identity(inner).map(|(kind, value)| (kind, Value::Identity(value)))?,
        Some(kind) => (kind, value(inner, kind, position)?),
    };
    Ok(Leaf { object, kind, value })
}

fn value(fields: Fields<'_>, kind: ObjectKind, position: Position) -> Result<Value, Malformed> {
    let contributed = kind.form().is_some() || kind == ObjectKind::Cell;
    let counted = contributed && kind != ObjectKind::Assessment;
    let observed = kind == ObjectKind::Observation;
    match position.number() {
        4 if contributed => exact_place(fields, observed).map(|place| Value::Place(Some(place))),
        5 if contributed => coarser_place(fields, PlaceVariant::SubArea),
        6 if contributed => coarser_place(fields, PlaceVariant::District),
        8 if contributed => time(fields).map(|span| Value::Time(Some(span))),
        12 if counted => optional(fields, exact_counts).map(Value::Counts),
        13 if counted => optional(fields, band).map(Value::Counts),
        14 if counted => optional(fields, perturbed).map(Value::Counts),
        16 if observed => optional(fields, assessment).map(Value::Assessment),
        16 if kind == ObjectKind::Assessment => {
            assessed(fields).map(|assessed| Value::Assessment(Some(assessed)))
        }
        16 if kind == ObjectKind::Decision => {
            decided(fields).map(|decided| Value::Assessment(Some(decided)))
        }
        20 if kind != ObjectKind::Cell => optional(fields, text).map(Value::Text),
        24 if contributed => optional(fields, provenance).map(Value::Provenance),
        4 => absent(fields, Value::Place(None)),
        8 => absent(fields, Value::Time(None)),
        12 => absent(fields, Value::Counts(None)),
        16 => absent(fields, Value::Assessment(None)),
        20 => absent(fields, Value::Text(None)),
        24 => absent(fields, Value::Provenance(None)),
        _ => Err(NO_FORM),
    }
}

fn absent(fields: Fields<'_>, value: Value) -> Result<Value, Malformed> {
    fields.end().map(|()| value)
}

fn optional<'a, T>(
    fields: Fields<'a>,
    read: fn(Fields<'a>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if fields.is_empty() { Ok(None) } else { read(fields).map(Some) }
}

fn identity(mut fields: Fields<'_>) -> Result<(ObjectKind, Identity), Malformed> {
    let kind = match fields.i64(1)? {
        1 => ObjectKind::Observation,
        2 => ObjectKind::Series,
        3 => ObjectKind::Assessment,
        4 => ObjectKind::Cell,
        5 => ObjectKind::Decision,
        6 => ObjectKind::Analysis,
        _ => return Err(Malformed::Range(1)),
    };
    let identity = match kind {
        ObjectKind::Observation
        | ObjectKind::Series
        | ObjectKind::Assessment
        | ObjectKind::Cell => contribution(&mut fields)?,
        ObjectKind::Decision => decision(&mut fields)?,
        ObjectKind::Analysis => {
            let (area, labels) = (fields.text(7)?.to_owned(), labels(fields.message(8)?)?);
            let about = About::Analysis { period: fields.text(10)?.to_owned() };
            Identity { about, area, labels }
        }
    };
    fields.end()?;
    Ok((kind, identity))
}

fn contribution(fields: &mut Fields<'_>) -> Result<Identity, Malformed> {
    let category = fields.text(2)?.to_owned();
    let observation_kind = code(fields, 3, 5)?;
    let priority = fields.text(4)?.to_owned();
    let owner = fields.text(5)?.to_owned();
    let owner_kind = code(fields, 6, 3)?;
    let area = fields.text(7)?.to_owned();
    let labels = labels(fields.message(8)?)?;
    let geography = code(fields, 9, 3)?;
    let about =
        About::Contribution { category, observation_kind, priority, owner, owner_kind, geography };
    Ok(Identity { about, area, labels })
}

fn decision(fields: &mut Fields<'_>) -> Result<Identity, Malformed> {
    let category = fields.text(2)?.to_owned();
    let area = fields.text(7)?.to_owned();
    let labels = labels(fields.message(8)?)?;
    let geography = code(fields, 9, 3)?;
    let period = fields.text(10)?.to_owned();
    let geography_id = fields.text(11)?.to_owned();
    let about = About::Decision { category, geography, period, geography_id };
    Ok(Identity { about, area, labels })
}

/// A number of a list that begins with 1.
fn code(fields: &mut Fields<'_>, number: u16, last: u8) -> Result<u8, Malformed> {
    within(Some(fields.number(number)?), number, last).map(Option::unwrap_or_default)
}

fn code_if(fields: &mut Fields<'_>, number: u16, last: u8) -> Result<Option<u8>, Malformed> {
    within(fields.number_if(number)?, number, last)
}

fn within(code: Option<u8>, number: u16, last: u8) -> Result<Option<u8>, Malformed> {
    match code {
        Some(code) if !(1..=last).contains(&code) => Err(Malformed::Range(number)),
        Some(_) | None => Ok(code),
    }
}

fn labels(mut fields: Fields<'_>) -> Result<Labels, Malformed> {
    let level: u8 = fields.number(1)?;
    if level > 3 {
        return Err(Malformed::Range(1));
    }
    let labels = Labels {
        level,
        audience: fields.texts(2)?.into_iter().collect(),
        purposes: fields.texts(3)?.into_iter().collect(),
        regime: fields.text(4)?.to_owned(),
        secrecy_provisions: fields.texts(5)?.into_iter().collect(),
        retain_until: fields.i64_if(6)?.map(Timestamp::from_micros),
        person_related: fields.bool(7)?,
        special_category: fields.bool(8)?,
        originator_control: fields.bool(9)?,
        embargo_until: fields.i64_if(10)?.map(Timestamp::from_micros),
        onward_sharing: fields.bool(11)?,
    };
    fields.end()?;
    Ok(labels)
}

fn exact_place(mut fields: Fields<'_>, may_have_coordinates: bool) -> Result<Place, Malformed> {
    let place = fields.text_if(1)?.map(str::to_owned);
    let sub_area = fields.text_if(2)?.map(str::to_owned);
    let area = fields.text(3)?.to_owned();
    let coordinates = if may_have_coordinates { coordinates(&mut fields)? } else { None };
    fields.end()?;
    if sub_area.is_none() && (place.is_some() || coordinates.is_some()) {
        return Err(Malformed::Missing(2));
    }
    let variant = PlaceVariant::Exact;
    Ok(Place { variant, place, sub_area, area, coordinates, treatment: None })
}

fn coordinates(fields: &mut Fields<'_>) -> Result<Option<(i32, i32)>, Malformed> {
    let (latitude, longitude) = (fields.number_if::<i32>(4)?, fields.number_if::<i32>(5)?);
    match (latitude, longitude) {
        (None, None) => Ok(None),
        (Some(lat), Some(_)) if !(-LATITUDE_MAX..=LATITUDE_MAX).contains(&lat) => {
            Err(Malformed::Range(4))
        }
        (Some(_), Some(lon)) if !(-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&lon) => {
            Err(Malformed::Range(5))
        }
        (Some(lat), Some(lon)) => Ok(Some((lat, lon))),
        (Some(_), None) => Err(Malformed::Missing(5)),
        (None, Some(_)) => Err(Malformed::Missing(4)),
    }
}

fn coarser_place(mut fields: Fields<'_>, variant: PlaceVariant) -> Result<Value, Malformed> {
    let sub_area = match variant {
        PlaceVariant::SubArea => fields.text_if(2)?.map(str::to_owned),
        PlaceVariant::Exact | PlaceVariant::District => None,
    };
    let area = fields.text(3)?.to_owned();
    let treatment = Some(treatment(fields.message(15)?)?);
    fields.end()?;
    let place = Place { variant, place: None, sub_area, area, coordinates: None, treatment };
    Ok(Value::Place(Some(place)))
}

fn time(mut fields: Fields<'_>) -> Result<(Timestamp, Timestamp), Malformed> {
    let span = (Timestamp::from_micros(fields.i64(1)?), Timestamp::from_micros(fields.i64(2)?));
    fields.end()?;
    Ok(span)
}

fn exact_counts(mut fields: Fields<'_>) -> Result<Counts, Malformed> {
    let amount = Amount::Exact(fields.number_if(1)?);
    let source = fields.text_if(2)?.map(str::to_owned);
    fields.end()?;
    Ok(Counts { source, amount, treatment: None })
}

fn band(mut fields: Fields<'_>) -> Result<Counts, Malformed> {
    let source = fields.text_if(2)?.map(str::to_owned);
    let (lower, below): (u64, u64) = (fields.number(3)?, fields.number(4)?);
    if lower >= below {
        return Err(Malformed::Range(4));
    }
    let treatment = Some(treatment(fields.message(15)?)?);
    fields.end()?;
    Ok(Counts { source, amount: Amount::Band { lower, below }, treatment })
}

fn perturbed(mut fields: Fields<'_>) -> Result<Counts, Malformed> {
    let amount = Amount::Perturbed(fields.number(1)?);
    let source = fields.text_if(2)?.map(str::to_owned);
    let treatment = Some(treatment(fields.message(15)?)?);
    fields.end()?;
    Ok(Counts { source, amount, treatment })
}

fn treatment(mut fields: Fields<'_>) -> Result<Treatment, Malformed> {
    let profile = fields.text(1)?.to_owned();
    let method = fields.text(2)?.to_owned();
    let parameters = fields.set(3, |item| {
        let mut fields = item.message()?;
        let parameter = (fields.text(1)?.to_owned(), fields.i64(2)?);
        fields.end()?;
        Ok(parameter)
    })?;
    let bound = fields.number_if(4)?;
    fields.end()?;
    Ok(Treatment { profile, method, parameters, bound })
}

fn assessment(mut fields: Fields<'_>) -> Result<Assessment, Malformed> {
    let assessment = Assessment::Observation {
        severity: code_if(&mut fields, 1, 5)?,
        trend: code_if(&mut fields, 2, 3)?,
        basis: code_if(&mut fields, 3, 3)?,
        reliability: code_if(&mut fields, 4, 6)?,
        credibility: code_if(&mut fields, 5, 6)?,
    };
    fields.end()?;
    Ok(assessment)
}

/// An assessment rests on nothing else than itself.
fn assessed(fields: Fields<'_>) -> Result<Assessment, Malformed> {
    match assessment(fields)? {
        Assessment::Observation { basis: None, .. } => Err(Malformed::Missing(3)),
        Assessment::Observation { basis: Some(basis), .. }
            if basis != Basis::Assessment.number() =>
        {
            Err(Malformed::Range(3))
        }
        assessed @ (Assessment::Observation { .. } | Assessment::Decision { .. }) => Ok(assessed),
    }
}

fn decided(mut fields: Fields<'_>) -> Result<Assessment, Malformed> {
    let field = fields.text(6)?.to_owned();
    // Only these two have outcomes: elsewhere field 7 is refused as one that does not belong there.
    let last = match field.as_str() {
        "severity" => Some(5),
        "trend" => Some(3),
        _ => None,
    };
    let outcome: Option<u8> = last.map(|_| fields.number_if(7)).transpose()?.flatten();
    if outcome > last {
        return Err(Malformed::Range(7));
    }
    let candidates =
        fields.set(8, |item| ObjectId::try_from(item.bytes()?).map_err(|_| Malformed::Range(8)))?;
    let candidates: BTreeSet<ObjectId> = candidates.into_iter().collect();
    let decided_by: BTreeSet<String> = fields.texts(9)?.into_iter().collect();
    let dissent = fields.bool(10)?;
    fields.end()?;
    if dissent && outcome.is_some() {
        return Err(Malformed::Rule("a dissent has no outcome"));
    }
    if dissent && decided_by.len() != 1 {
        return Err(Malformed::Rule("a dissent is one party's"));
    }
    Ok(Assessment::Decision { field, outcome, candidates, decided_by, dissent })
}

fn text(mut fields: Fields<'_>) -> Result<String, Malformed> {
    let text = fields.text(1)?.to_owned();
    fields.end()?;
    Ok(text)
}

fn provenance(mut fields: Fields<'_>) -> Result<Provenance, Malformed> {
    let service = fields.text(1)?.to_owned();
    let manifest = fields.digest_if(2)?;
    fields.end()?;
    Ok(Provenance { service, manifest })
}
