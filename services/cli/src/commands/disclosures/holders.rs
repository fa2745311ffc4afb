//! `samsyn disclosures holders`: who may have had one observation, and who has confirmed that it is
//! gone (återkallelse).

use samsyn_client::wire::{Holder, ListHoldersRequest};
use serde_json::json;

use super::super::tables::{NONE, moment};
use crate::{
    failure::Failure,
    json,
    names::Names,
    output::Table,
    session::{Globals, Session, answer, page},
};

/// Lists who may have had one observation, and who has confirmed that it is gone (återkallelse).
///
/// For those who speak for its party, and for auditors. Records name views and revisions, not
/// observations: whoever may have been shown it is listed, too many rather than too few. What was
/// read by a call is never confirmed, and an edition stays as it was locked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn disclosures holders sthlm-skarholmen W40-17 --as sdf-skarholmen\n  \
    samsyn disclosures holders sthlm-skarholmen W40-17 --party sdf-skarholmen --as auditor\n\n\
    States:\n  \
    has                   it may be seen now\n  \
    removal_unconfirmed   it has gone, and nobody there has said so\n  \
    removal_confirmed     it has gone, and its receiver said so then")]
pub(super) struct Args {
    /// The area.
    area: String,
    /// The observation, as its party named it.
    observation: String,
    /// Whose it is [default: the profile's party].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let Args { area, observation, party } = args;
    let party = session.party(party)?;
    let (gone_at, all) = holders(&session, (&area, &party, &observation)).await?;
    session.show(
        || {
            json!({
                "area": area,
                "party": party,
                "observation_id": observation,
                "gone_at": json::time(gone_at.as_ref()),
                "holders": json::list(&all, json::holder),
            })
        },
        || {
            let there = match gone_at.as_ref() {
                Some(at) => format!("gone {}", moment(Some(at))),
                None => "in its party's own picture".to_owned(),
            };
            format!(
                "{observation} of {party} in {area}: {there}\n{}\n{}",
                counted(&all),
                table(&all)
            )
        },
    )
}

async fn holders(
    session: &Session,
    (area, party, observation): (&str, &str, &str),
) -> Result<(Option<prost_types::Timestamp>, Vec<Holder>), Failure> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListHoldersRequest {
            context: session.reads(),
            area: area.to_owned(),
            party: party.to_owned(),
            observation_id: observation.to_owned(),
            page: page(token),
        };
        let next = answer(session.client.access.clone().list_holders(request)).await?;
        all.extend(next.holders);
        token = next.next_page_token;
        if token.is_empty() {
            return Ok((next.gone_at, all));
        }
    }
}

/// How many of them are how.
fn counted(all: &[Holder]) -> String {
    let of = |state: &str| all.iter().filter(|holder| holder.state == state).count();
    format!(
        "{} may have had it: {} have it, {} not confirmed, {} confirmed",
        all.len(),
        of("has"),
        of("removal_unconfirmed"),
        of("removal_confirmed"),
    )
}

fn table(all: &[Holder]) -> Table {
    let names = Names::shipped();
    let mut table = Table::new(["state", "who", "way", "first", "last", "confirmed", "note"]);
    for holder in all {
        let who = match holder.peer.as_str() {
            "" => format!("{} ({})", names.organisation(&holder.receiver), holder.service),
            peer if peer == holder.receiver => peer.to_owned(),
            peer => format!("{} ({peer})", names.organisation(&holder.receiver)),
        };
        let way = match holder.edition_id.as_str() {
            "" => holder.way.clone(),
            edition => format!("{} {edition}", holder.way),
        };
        let confirmed = holder.confirmed_at.as_ref();
        table.row([
            holder.state.clone(),
            who,
            way,
            moment(holder.first_at.as_ref()),
            moment(holder.last_at.as_ref()),
            confirmed.map_or_else(|| NONE.into(), |at| moment(Some(at))),
            if holder.in_passing { "in passing, or not at all" } else { "" }.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(state: &str, receiver: &str, peer: &str) -> Holder {
        Holder {
            state: state.into(),
            receiver: receiver.into(),
            service: format!("{receiver}/system"),
            peer: peer.into(),
            way: "call".into(),
            ..Holder::default()
        }
    }

    #[test]
    fn each_is_named_with_what_became_of_it() {
        let edition_id = "a:2025-09:strategic:1".to_owned();
        let way = "edition".to_owned();
        let all = [
            Holder { way, edition_id, ..holder("has", "region-x", "") },
            Holder { in_passing: true, ..holder("removal_unconfirmed", "kvv-x", "kvv.example") },
            holder("removal_confirmed", "city.example", "city.example"),
        ];
        let golden = "\
state                who                         way                            first  last  \
confirmed  note
has                  region-x (region-x/system)  edition a:2025-09:strategic:1  –      –     \
–
removal_unconfirmed  kvv-x (kvv.example)         call                           –      –     \
–          in passing, or not at all
removal_confirmed    city.example                call                           –      –     \
–
";
        let shown = table(&all).to_string();
        let trimmed: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, golden.lines().collect::<Vec<_>>());
        let said = "3 may have had it: 1 have it, 1 not confirmed, 1 confirmed";
        assert_eq!(counted(&all), said);
    }
}
