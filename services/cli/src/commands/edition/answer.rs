//! `samsyn edition answer`: what is signed was rebuilt here, from everything in it.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use samsyn_client::{
    verify::{self, Controlled, ObjectKind, Opened, Pinned, Reviewed},
    wire::{
        self, AnswerEditionRequest, EditionHeader, GetEditionReviewRequest,
        GetEditionReviewResponse,
    },
};
use samsyn_domain::{
    AreaId, EditionId, PartyId, Period,
    edition::Verdict,
    registry::{Role, Track},
};
use serde_json::json;

use crate::{
    commands::tables::fingerprint,
    failure::Failure,
    json,
    output::{self, Format},
    session::{self, Session, page},
};

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
struct Intent {
    party: String,
    role: Role,
    verdict: Verdict,
    text: String,
}

pub(super) async fn run(session: &Session, args: Answer) -> Result<(), Failure> {
    let header = super::header(session, &args.edition).await?;
    let intent = intent(session, &args, &header)?;
    let reviewed = review(session, &args.edition, args.pin.as_deref()).await?;
    if reviewed.content_root.as_slice() != header.content_root {
        return Err(Failure::Unverified(format!(
            "the content comes to the root {}, and {} is in review: nothing was signed; fetch \
             again, and tell the coordinator if it stays so",
            fingerprint(&reviewed.content_root),
            fingerprint(&header.content_root)
        )));
    }
    let controlled = reviewed.controlled()?;
    let told = told(&header, &reviewed, &intent);
    if session.globals().output() == Format::Table {
        output::text(&told).map_err(|why| Failure::Local(why.to_string()))?;
    }
    if args.dry_run {
        let would = || {
            json!({
                "signed": false,
                "content_root": hex::encode(reviewed.content_root),
                "basis_commitment": hex::encode(reviewed.basis_commitment),
                "party": &intent.party,
                "role": intent.role.as_str(),
            })
        };
        return session.show(would, || "\nnothing was signed\n".into());
    }
    let answer = signed(session, &header, controlled, intent, args.key_id)?;
    let request = AnswerEditionRequest {
        context: session.writes(Role::from_code(&answer.actor_role).unwrap_or(Role::Endorser)),
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

fn intent(session: &Session, args: &Answer, header: &EditionHeader) -> Result<Intent, Failure> {
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
    Ok(Intent { party, role, verdict, text })
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

/// Everything in the round, from all pages, rebuilt.
async fn review(session: &Session, id: &str, pin: Option<&str>) -> Result<Reviewed, Failure> {
    let pinned = pin.unwrap_or(&session.profile().descriptor);
    if pinned.is_empty() {
        return Err(Failure::Usage(
            "the profile has pinned no descriptor; give `--pin` the digest that you were told"
                .into(),
        ));
    }
    let pinned = Pinned { descriptor: super::digest(pinned)? };
    let mut whole: Option<GetEditionReviewResponse> = None;
    let mut token = String::new();
    loop {
        let request = GetEditionReviewRequest {
            context: session.reads(),
            edition_id: id.to_owned(),
            page: page(token),
        };
        let call = session.client.editions.clone();
        let mut next = session::answer({ call }.get_edition_review(request)).await?;
        token = std::mem::take(&mut next.next_page_token);
        if let Some(before) = whole.take() {
            if before.round != next.round {
                return Err(Failure::Unverified(
                    "a new round began while it was fetched; answer again".into(),
                ));
            }
            next.openings = before.openings.into_iter().chain(next.openings).collect();
        }
        let salt = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| super::incomplete());
        if token.is_empty() {
            return Ok(verify::review(
                &pinned,
                &next.descriptor_bytes,
                &salt(&next.round_salt)?,
                &next.basis,
                &salt(&next.basis_salt)?,
                &next.openings,
            )?);
        }
        whole = Some(next);
    }
}

/// What is about to be signed, for people.
fn told(header: &EditionHeader, reviewed: &Reviewed, intent: &Intent) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &reviewed.objects {
        let name = match object.kind {
            ObjectKind::Observation => "observations",
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
    reviewed: Controlled<'_>,
    intent: Intent,
    key_id: Option<String>,
) -> Result<wire::Answer, Failure> {
    let role = intent.role.as_str().to_owned();
    let key = session.profile().endorsement_keys.get(&intent.role).ok_or_else(|| {
        Failure::Local(format!(
            "the profile holds no endorsement key of this function; put it in \
             `endorsement-{role}.key`"
        ))
    })?;
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)
        .map_err(|why| Failure::Local(format!("the system gives no random numbers: {why}")))?;
    let unsigned = unsigned(header, reviewed, &intent, &salt).ok_or_else(super::incomplete)?;
    let statement = verify::endorsement_payload(&unsigned);
    let signature = verify::sign(&SigningKey::from_bytes(key), &statement).to_vec();
    let verdict = match intent.verdict {
        Verdict::Endorsed => wire::Verdict::Endorsed,
        Verdict::Reserved => wire::Verdict::EndorsedWithReservation,
        Verdict::Objected => wire::Verdict::Objected,
    };
    Ok(wire::Answer {
        key_id: key_id.unwrap_or_else(|| format!("{}/{role}", intent.party)),
        party: intent.party,
        verdict: verdict.into(),
        text: intent.text,
        statement,
        signature,
        actor_role: role,
        text_salt: salt.to_vec(),
    })
}

/// What is signed; none when the header does not name what it must.
fn unsigned<'a>(
    header: &EditionHeader,
    reviewed: Controlled<'a>,
    intent: &Intent,
    salt: &[u8; 32],
) -> Option<verify::EndorsementToSign<'a>> {
    let period: Period = header.period.as_ref()?.code.parse().ok()?;
    Some(verify::EndorsementToSign {
        reviewed,
        area: AreaId::parse(&header.area).ok()?,
        edition: EditionId::parse(&header.id).ok()?,
        round: header.round,
        track: Track::from_code(&header.track)?,
        period: period.bounds(),
        party: PartyId::parse(&intent.party).ok()?,
        role: intent.role,
        verdict: intent.verdict,
        reservation_commitment: verify::reservation_commitment(salt, &intent.text),
    })
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
