//! `samsyn edition answer`: what is signed was rebuilt here, from everything in it.

use std::collections::BTreeMap;

use samsyn_client::{
    Intent, Signer,
    verify::{ObjectKind, Opened, Pinned, Reviewed},
    wire::{self, AnswerEditionRequest, EditionHeader},
};
use samsyn_domain::{edition::Verdict, registry::Role};
use serde_json::json;

use crate::{
    commands::tables::fingerprint,
    failure::Failure,
    json,
    output::{self, Format},
    session::{self, Session},
};

/// Endorses, endorses with a reservation, or objects: rebuilds the root, then signs it.
///
/// Fetches everything in the edition, makes its content root again, and signs it with the
/// profile's endorsement key only when it is the one in review.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn edition answer EDITION --as lpo-skarholmen\n  \
    samsyn edition answer EDITION --reserve \"crew from week 44\" --as sthlm-trafikkontoret\n  \
    samsyn edition answer EDITION --object \"week 38 is missing\" --as lpo-skarholmen\n  \
    samsyn edition answer EDITION --dry-run --as sdf-skarholmen")]
pub(in crate::commands) struct Answer {
    /// The edition.
    edition: String,
    /// Endorses with this reservation; at most 2,000 characters, never about persons.
    #[arg(long, value_name = "TEXT", conflicts_with = "object")]
    reserve: Option<String>,
    /// Objects, for this reason.
    #[arg(long, value_name = "TEXT")]
    object: Option<String>,
    /// Shows what would be signed, and signs nothing.
    #[arg(long)]
    dry_run: bool,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
    /// The digest of the agreement's descriptor, hexadecimal [default: the profile's].
    #[arg(long, value_name = "HEX")]
    pin: Option<String>,
    /// Which registered key the profile holds (`<party>/<role>` unless given).
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
}

/// What is answered, by whom.
pub(super) async fn run(session: &Session, args: Answer) -> Result<(), Failure> {
    let header = super::header(session, &args.edition).await?;
    let stated = stated(session, &args, &header)?;
    let intent = stated.intent();
    let pinned = pinned(session, args.pin.as_deref())?;
    let reviewed = session.client.review(&header, &pinned).await?;
    reviewed.controlled()?;
    let told = told(&header, &reviewed, intent);
    if session.globals().output() == Format::Table {
        output::text(&told).map_err(|why| Failure::Local(why.to_string()))?;
    }
    if args.dry_run {
        let would = || {
            json!({
                "signed": false,
                "content_root": hex::encode(reviewed.content_root),
                "basis_commitment": hex::encode(reviewed.basis_commitment),
                "party": intent.party,
                "role": intent.role.as_str(),
            })
        };
        return session.show(would, || "\nnothing was signed\n".into());
    }
    let answer = signed(session, &header, &reviewed, intent, args.key_id)?;
    let request = AnswerEditionRequest {
        context: session.writes(intent.role),
        edition_id: args.edition,
        answer: Some(answer),
    };
    let call = session.client.editions.clone();
    let answered = session::answer({ call }.answer_edition(request)).await?;
    let after = answered.edition.ok_or_else(super::incomplete)?;
    session.show(
        || json!({ "edition": json::header(&after) }),
        || format!("\nsigned and sent\n\n{}", super::described(&after)),
    )
}

/// What the command line and the header come to.
struct Stated {
    party: String,
    role: Role,
    verdict: Verdict,
    text: String,
}

impl Stated {
    fn intent(&self) -> Intent<'_> {
        Intent { party: &self.party, role: self.role, verdict: self.verdict, text: &self.text }
    }
}

fn stated(session: &Session, args: &Answer, header: &EditionHeader) -> Result<Stated, Failure> {
    let party = session.party(args.party.clone())?;
    let role = match session.globals().role() {
        Some(role) => role,
        None => waited_for(&party, header)?,
    };
    let (verdict, text) = match (&args.reserve, &args.object) {
        (Some(text), _) => (Verdict::Reserved, text),
        (None, Some(text)) => (Verdict::Objected, text),
        (None, None) => (Verdict::Endorsed, &String::new()),
    };
    let text = text.trim().to_owned();
    if verdict != Verdict::Endorsed && text.is_empty() {
        return Err(Failure::Usage("a reservation or objection needs a text; give it".into()));
    }
    if text.chars().any(is_combining) {
        return Err(Failure::Usage(
            "the text has letters in two parts, as `a` and a ring: signatures need them in one \
             (normal form C); write it again"
                .into(),
        ));
    }
    Ok(Stated { party, role, verdict, text })
}

/// Marks that go with the letter before them (Unicode block 0300–036F).
const fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The one role in which an edition waits for a party.
fn waited_for(party: &str, header: &EditionHeader) -> Result<Role, Failure> {
    let own = header.waiting_for.iter().filter_map(|waiting| waiting.rsplit_once(':'));
    let roles: Vec<&str> =
        own.filter(|(waiting, _)| *waiting == party).map(|(_, role)| role).collect();
    match roles.as_slice() {
        [role] => Role::from_code(role).ok_or_else(super::incomplete),
        // The gateway says why it does not take an answer.
        [] => Ok(Role::Endorser),
        several => Err(Failure::Usage(format!(
            "`{party}` must answer in several roles; give `--role` one of {}",
            several.join(", ")
        ))),
    }
}

fn pinned(session: &Session, pin: Option<&str>) -> Result<Pinned, Failure> {
    let pinned = pin.unwrap_or(&session.profile().descriptor);
    if pinned.is_empty() {
        return Err(Failure::Usage(
            "the profile has pinned no descriptor; give `--pin` the digest that you were told"
                .into(),
        ));
    }
    Ok(Pinned { descriptor: super::digest(pinned)? })
}

/// What is about to be signed, for people.
fn told(header: &EditionHeader, reviewed: &Reviewed, intent: Intent<'_>) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &reviewed.objects {
        let name = match object.kind {
            ObjectKind::Observation => "observations",
            ObjectKind::Series => "points of series",
            ObjectKind::Assessment => "assessments",
            ObjectKind::Cell => "cells",
            ObjectKind::Decision => "decisions",
            ObjectKind::Analysis => "analysis",
        };
        let n = kinds.entry(name).or_default();
        *n = n.saturating_add(1);
    }
    let objects: Vec<String> = kinds.iter().map(|(name, n)| format!("{n} {name}")).collect();
    let analysis = reviewed.objects.iter().find(|object| object.kind == ObjectKind::Analysis);
    let analysis = analysis.map(|object| match &object.fields.text {
        Opened::Value(text) => text.clone(),
        Opened::Absent | Opened::Withheld => String::new(),
    });
    let code = header.period.as_ref().map(|period| period.code.clone()).unwrap_or_default();
    let verdict = match intent.verdict {
        Verdict::Endorsed => "endorsed".to_owned(),
        Verdict::Reserved => format!("endorsed with reservation: {}", intent.text),
        Verdict::Objected => format!("objected: {}", intent.text),
    };
    output::pairs([
        ("edition", format!("{} round {}", header.id, header.round)),
        ("of", format!("{} {code}, {} track", header.area, header.track)),
        ("agreement", format!("{} in {}", reviewed.agreement, reviewed.domain)),
        ("content", objects.join(", ")),
        ("rests on", rests_on(reviewed)),
        ("analysis", analysis.unwrap_or_default()),
        ("content root", fingerprint(&reviewed.content_root)),
        ("", "rebuilt here, and the one in review".into()),
        ("basis", fingerprint(&reviewed.basis_commitment)),
        ("signed by", format!("{} as {}", intent.party, intent.role.as_str())),
        ("verdict", verdict),
    ])
}

fn rests_on(reviewed: &Reviewed) -> String {
    let basis = &reviewed.basis;
    let pictures = basis.pictures.iter().map(|((party, _), version)| format!("{party} {version}"));
    let pictures: Vec<String> = pictures.collect();
    format!("revision {}: {}", basis.revision, pictures.join(", "))
}

fn signed(
    session: &Session,
    header: &EditionHeader,
    reviewed: &Reviewed,
    intent: Intent<'_>,
    key_id: Option<String>,
) -> Result<wire::Answer, Failure> {
    let role = intent.role.as_str();
    let seed = session.profile().endorsement_keys.get(&intent.role).ok_or_else(|| {
        Failure::Local(format!(
            "the profile holds no endorsement key of this function; put it in \
             `endorsement-{role}.key`"
        ))
    })?;
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)
        .map_err(|why| Failure::Local(format!("the system gives no random numbers: {why}")))?;
    let key_id = key_id.unwrap_or_else(|| format!("{}/{role}", intent.party));
    let signer = Signer { seed, key_id: &key_id, salt };
    Ok(samsyn_client::answer(header, reviewed, intent, signer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_the_one_that_is_waited_for() {
        let waiting = |all: &[&str]| EditionHeader {
            waiting_for: all.iter().map(|&one| one.to_owned()).collect(),
            ..EditionHeader::default()
        };
        let one = waiting(&["lpo-a:kommunpolis", "sdf-a:endorser"]);
        assert_eq!(waited_for("lpo-a", &one).unwrap(), Role::Kommunpolis);
        assert_eq!(waited_for("trafikkontoret", &one).unwrap(), Role::Endorser);
        let two = waiting(&["lpo-a:kommunpolis", "lpo-a:endorser"]);
        let failure = waited_for("lpo-a", &two).unwrap_err();
        assert!(failure.to_string().contains("kommunpolis, endorser"), "{failure}");
    }

    #[test]
    fn letters_in_two_parts_are_told_apart() {
        assert!(!"gång".chars().any(is_combining));
        assert!("ga\u{30a}ng".chars().any(is_combining));
    }
}
