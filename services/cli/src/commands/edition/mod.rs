//! `samsyn edition`: editions (utgåvor), from opening to release.

mod answer;
mod export;
mod lock;
mod open;
pub(super) mod show;

use clap::{Args, Subcommand};
use samsyn_client::wire::{
    Edition, EditionHeader, GetEditionRequest, GivenAnswer, ListEditionsRequest,
    ReleaseEditionRequest,
};
use samsyn_domain::registry::Role;
use serde_json::json;

use super::tables::{all_or, editions, fingerprint, moment};
use crate::{
    failure::Failure,
    json, output,
    session::{self, Globals, Session, page, pages},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    List(List),
    Open(open::Open),
    Lock(lock::Lock),
    Answer(answer::Answer),
    Release(Release),
    Show(show::Show),
    Export(export::Export),
}

/// Lists the editions of an area that you may know of.
///
/// The newest first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn edition list sthlm-skarholmen --as sdf-skarholmen")]
pub(super) struct List {
    /// The area.
    area: String,
}

/// Releases an endorsed edition to those who may have it.
///
/// Needs the answers of all who must endorse; a time-out never endorses.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn edition release EDITION --as sdf-skarholmen")]
pub(super) struct Release {
    /// The edition.
    edition: String,
    /// The content root, hexadecimal [default: that of the current round].
    #[arg(long, value_name = "HEX")]
    root: Option<String>,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let session = globals.connect().await?;
    match command {
        Command::List(args) => list(&session, args).await,
        Command::Open(args) => open::run(&session, args).await,
        Command::Lock(args) => lock::run(&session, args).await,
        Command::Answer(args) => Box::pin(answer::run(&session, args)).await,
        Command::Release(args) => release(&session, args).await,
        Command::Show(args) => show::run(&session, args).await,
        Command::Export(args) => export::run(&session, args).await,
    }
}

async fn list(session: &Session, args: List) -> Result<(), Failure> {
    let area = args.area.as_str();
    let all = pages(|token| async move {
        let request = ListEditionsRequest {
            context: session.reads(),
            area: area.to_owned(),
            page: page(token),
        };
        let next = session::answer(session.client.editions.clone().list_editions(request)).await?;
        Ok((next.editions, next.next_page_token))
    })
    .await?;
    session.show(
        || json!({ "editions": json::list(&all, json::header) }),
        || editions(&all).to_string(),
    )
}

async fn release(session: &Session, args: Release) -> Result<(), Failure> {
    let content_root = match args.root {
        Some(hex) => digest(&hex)?.to_vec(),
        None => header(session, &args.edition).await?.content_root,
    };
    let request = ReleaseEditionRequest {
        context: session.writes(session.role(&[Role::Coordinator]).await?),
        edition_id: args.edition,
        content_root,
        party: session.party(args.party)?,
    };
    let call = session.client.editions.clone();
    let released = session::answer({ call }.release_edition(request)).await?;
    show_header(session, released.edition)
}

/// The header of an edition.
pub(super) async fn header(session: &Session, id: &str) -> Result<EditionHeader, Failure> {
    let (edition, _) = first_page(session, id, 1).await?;
    edition.header.ok_or_else(incomplete)
}

/// An edition as far as the caller may see it, all pages of it.
pub(super) async fn whole(session: &Session, id: &str) -> Result<Edition, Failure> {
    let (mut whole, mut token) = first_page(session, id, session::PAGE_ROWS).await?;
    while !token.is_empty() {
        let request = GetEditionRequest {
            context: session.reads(),
            edition_id: id.to_owned(),
            page: page(token),
        };
        let call = session.client.editions.clone();
        let next = session::answer({ call }.get_edition(request)).await?;
        token = next.next_page_token;
        let next = next.edition.ok_or_else(incomplete)?;
        whole.findings.extend(next.findings);
        whole.proof = next.proof;
    }
    Ok(whole)
}

async fn first_page(session: &Session, id: &str, size: u32) -> Result<(Edition, String), Failure> {
    let request = GetEditionRequest {
        context: session.reads(),
        edition_id: id.to_owned(),
        page: page(String::new()).map(|page| samsyn_client::wire::Page { size, ..page }),
    };
    let call = session.client.editions.clone();
    let first = session::answer({ call }.get_edition(request)).await?;
    Ok((first.edition.ok_or_else(incomplete)?, first.next_page_token))
}

fn incomplete() -> Failure {
    Failure::Unreachable("the gateway's answer is not whole; check its version".into())
}

/// 32 bytes from hexadecimal digits, blanks allowed.
pub(super) fn digest(hex: &str) -> Result<[u8; 32], Failure> {
    let digits: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Failure::Usage(format!("`{hex}` is not 64 hexadecimal digits")))
}

/// Writes what an edition came to.
fn show_header(session: &Session, header: Option<EditionHeader>) -> Result<(), Failure> {
    let header = header.ok_or_else(incomplete)?;
    session.show(|| json!({ "edition": json::header(&header) }), || described(&header))
}

/// A header, one name and value a line.
fn described(header: &EditionHeader) -> String {
    let overdue = if header.overdue { " OVERDUE: answers are missing" } else { "" };
    let code = header.period.as_ref().map(|period| period.code.clone());
    let described = output::pairs([
        ("edition", header.id.clone()),
        ("area", header.area.clone()),
        ("period", code.unwrap_or_default()),
        ("track", header.track.clone()),
        ("state", json::state(header.state).unwrap_or_default()),
        ("round", header.round.to_string()),
        ("content root", fingerprint(&header.content_root)),
        ("due", format!("{}{overdue}", moment(header.due.as_ref()))),
        ("waits for", all_or(&header.waiting_for, "nobody")),
    ]);
    let given =
        header.given.iter().map(|given| output::pairs([("answered here", answered(given))]));
    described + &given.collect::<String>()
}

/// What was answered here to an edition of another domain, and what that says of it.
fn answered(given: &GivenAnswer) -> String {
    let GivenAnswer { party, actor_role, round, told_at, reason, field, .. } = given;
    let told = match (told_at, reason.as_str(), field.as_str()) {
        (None, ..) => "on its way to the edition's home".to_owned(),
        (Some(_), "", _) => "taken by the edition's home".to_owned(),
        (Some(_), reason, "") => format!("NOT taken by the edition's home: {reason}"),
        (Some(_), reason, field) => {
            format!("NOT taken by the edition's home: {reason} at {field}")
        }
    };
    format!("{party} as {actor_role} to round {round}, {told}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_far_it_is() {
        let given = GivenAnswer {
            party: "lpo-a".into(),
            actor_role: "kommunpolis".into(),
            round: 2,
            ..GivenAnswer::default()
        };
        let told = "lpo-a as kommunpolis to round 2, on its way to the edition's home";
        assert_eq!(answered(&given), told);
        let (told_at, reason) = (Some(Default::default()), "EDITION_ROUND_STALE".to_owned());
        let refused = GivenAnswer { told_at, reason, field: "answer.statement".into(), ..given };
        let told = "lpo-a as kommunpolis to round 2, NOT taken by the edition's home: \
                    EDITION_ROUND_STALE at answer.statement";
        assert_eq!(answered(&refused), told);
    }

    #[test]
    fn a_root_is_read_as_it_is_shown() {
        let root = [0x7f; 32];
        assert_eq!(digest(&fingerprint(&root)).unwrap(), root);
        assert_eq!(digest("7f").unwrap_err().number(), 2);
    }
}
