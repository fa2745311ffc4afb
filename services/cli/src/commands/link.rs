//! `samsyn link`: the links of this domain with others.

use clap::Subcommand;
use samsyn_client::admin::{
    DiscardQuarantinedRequest, Link, LinkState, ListLinksRequest, ListLinksResponse,
    ListQuarantineRequest, PauseLinkRequest, QuarantinedEnvelope, ReceivedView,
    ReleaseQuarantinedRequest, RenewLinkRequest, ResumeLinkRequest,
};
use samsyn_domain::registry::Role;

use serde_json::json;

use super::tables::{NONE, moment};
use crate::{
    clock,
    failure::Failure,
    json,
    output::{self, Table},
    session::{Globals, Session, answer},
};

/// The phase of a view that is shown.
const WHOLE: &str = "whole";
const SECONDS_OF_A_DAY: i64 = 86_400;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    samsyn link status --as drift\n  \
    samsyn link status goteborg.example --as drift\n  \
    samsyn link pause goteborg.example --as drift\n  \
    samsyn link quarantine goteborg.example --as drift")]
pub(super) enum Command {
    /// Shows every link: whether it is open, how far behind the other domain is, what went wrong.
    #[command(after_help = "Examples:\n  \
        samsyn link status --as drift\n  samsyn link status goteborg.example --as drift")]
    Status {
        /// Only the link with this domain.
        peer: Option<String>,
    },
    /// Stops a link: nothing crosses it until it is resumed, and nothing is lost.
    #[command(after_help = "Example:\n  samsyn link pause goteborg.example --as drift")]
    Pause {
        /// The other domain.
        peer: String,
    },
    /// Lets a link go on.
    #[command(after_help = "Example:\n  samsyn link resume goteborg.example --as drift")]
    Resume {
        /// The other domain.
        peer: String,
    },
    /// Begins a link anew that stands still, or whose other side says `EPOCH_UNKNOWN`.
    ///
    /// It comes to that when a domain went on from a backup. Both operators run it, each in the own
    /// domain. What either side may have lost is sent again: messages and receipts of the last 35
    /// days, own pictures and views as they are now. What the other side still has is not doubled.
    /// Talk to its operator first: a link also stands still when somebody else speaks in its name.
    #[command(after_help = "Example:\n  samsyn link renew goteborg.example --as drift")]
    Renew {
        /// The other domain.
        peer: String,
    },
    /// Has an envelope take effect that was set aside, once what was in the way is mended.
    #[command(after_help = "Example:\n  samsyn link release goteborg.example 1204 --as drift")]
    Release(Aside),
    /// Lets an envelope go that was set aside: it never takes effect.
    #[command(after_help = "Example:\n  samsyn link discard goteborg.example 1204 --as drift")]
    Discard(Aside),
    /// Lists what came from a domain and was set aside, without its content.
    #[command(after_help = "Example:\n  samsyn link quarantine goteborg.example --as drift")]
    Quarantine {
        /// The other domain.
        peer: String,
    },
}

/// An envelope that was set aside.
#[derive(Debug, clap::Args)]
pub(super) struct Aside {
    /// The other domain.
    peer: String,
    /// Its number, as `samsyn link quarantine` says.
    number: u64,
    /// Of which chain.
    #[arg(long, default_value_t = 1)]
    chain: u64,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let mut links = session.client.links.clone();
    let done = match command {
        Command::Status { peer } => {
            let all = answer(links.list_links(ListLinksRequest {})).await?;
            return status(&session, all, peer.as_deref());
        }
        Command::Quarantine { peer } => {
            let request = ListQuarantineRequest { peer };
            let aside = answer(links.list_quarantine(request)).await?.envelopes;
            return quarantine(&session, &aside);
        }
        Command::Pause { peer } => {
            let context = session.writes(session.role(&[Role::Operator]).await?);
            let request = PauseLinkRequest { context, peer: peer.clone() };
            answer(links.pause_link(request)).await?;
            format!("nothing crosses the link with {peer}; `samsyn link resume {peer}` ends that")
        }
        Command::Resume { peer } => {
            let context = session.writes(session.role(&[Role::Operator]).await?);
            let request = ResumeLinkRequest { context, peer: peer.clone() };
            answer(links.resume_link(request)).await?;
            format!("the link with {peer} goes on; see `samsyn link status {peer}`")
        }
        Command::Renew { peer } => {
            let context = session.writes(session.role(&[Role::Operator]).await?);
            let request = RenewLinkRequest { context, peer: peer.clone() };
            answer(links.renew_link(request)).await?;
            format!("this side of the link has begun anew; it goes on once that of {peer} has")
        }
        Command::Release(Aside { peer, number: sequence, chain: epoch }) => {
            let context = session.writes(session.role(&[Role::Operator]).await?);
            let request = ReleaseQuarantinedRequest { context, peer, epoch, sequence };
            answer(links.release_quarantined(request)).await?;
            format!("envelope {sequence} is taken in")
        }
        Command::Discard(Aside { peer, number: sequence, chain: epoch }) => {
            let context = session.writes(session.role(&[Role::Operator]).await?);
            let request = DiscardQuarantinedRequest { context, peer, epoch, sequence };
            answer(links.discard_quarantined(request)).await?;
            format!("envelope {sequence} is gone")
        }
    };
    session.show(|| json!({ "done": done }), || output::pairs([("done", done.clone())]))
}

fn status(session: &Session, all: ListLinksResponse, peer: Option<&str>) -> Result<(), Failure> {
    let ListLinksResponse { domain, links, federation } = all;
    let is_asked = |link: &Link| peer.is_none_or(|peer| link.peer == peer);
    let links: Vec<Link> = links.into_iter().filter(is_asked).collect();
    if let Some(peer) = peer
        && links.is_empty()
    {
        let known = "see `samsyn link status` for those that are";
        return Err(Failure::Usage(format!("`{peer}` is not registered as a peer; {known}")));
    }
    let now = clock::now().as_second();
    session.show(
        || {
            let links = json::list(&links, |link| json::link(link, now));
            json!({ "domain": domain, "federation": federation, "links": links })
        },
        || {
            let headers = [
                "peer",
                "state",
                "lag",
                "oldest waiting",
                "taken in",
                "aside",
                "pictures",
                "views",
                "clock",
                "level",
                "certificate",
                "trust",
                "last fault",
            ];
            let mut table = Table::new(headers).right(2).right(4).right(5);
            for link in &links {
                table.row(row(link, now));
            }
            format!("{domain}\n{table}")
        },
    )
}

fn row(link: &Link, now: i64) -> [String; 13] {
    let seconds = lag_seconds(link, now);
    let is_open = link.state() == LinkState::Open;
    let days =
        link.certificate_until.as_ref().map(|until| (until.seconds - now) / SECONDS_OF_A_DAY);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    [
        link.peer.clone(),
        state(link),
        seconds.map_or_else(|| lag(link).to_string(), |s| format!("{} since {s} s", lag(link))),
        moment(link.oldest_waiting_at.as_ref()),
        link.taken.to_string(),
        link.quarantined.to_string(),
        pictures(link),
        views(link),
        or_none(link.clock_millis.map(|millis| format!("{millis:+} ms"))),
        or_none(is_open.then(|| link.peer_level.to_string())),
        or_none(days.map(|days| format!("{days} days"))),
        trust(link, now),
        or_none(Some(link.last_fault.clone()).filter(|fault| !fault.is_empty())),
    ]
}

/// How fresh what the peer is known by is, and until when the first of it lasts.
fn trust(link: &Link, now: i64) -> String {
    let ends = [&link.authority_until, &link.list_until].into_iter().flatten();
    let days = ends.map(|end| (end.seconds - now) / SECONDS_OF_A_DAY).min();
    match (link.trust.as_str(), days) {
        ("", _) => NONE.to_owned(),
        (trust, None) => trust.to_owned(),
        ("aging", Some(days)) => format!("aging: {days} days"),
        (trust, Some(_)) => trust.to_owned(),
    }
}

/// How many own pictures are not there yet as they may be, and how many were not taken.
fn pictures(link: &Link) -> String {
    match (link.pictures_waiting, link.pictures_refused) {
        (0, 0) => NONE.to_owned(),
        (waiting, 0) => format!("{waiting} waiting"),
        (0, refused) => format!("{refused} refused"),
        (waiting, refused) => format!("{waiting} waiting, {refused} refused"),
    }
}

/// How many views of joint pictures go there and come from there, and how many of those that come
/// are not whole.
fn views(link: &Link) -> String {
    let is_incomplete = |view: &&ReceivedView| view.phase != WHOLE;
    let incomplete = link.views_received.iter().filter(is_incomplete).count();
    let came = match (link.views_received.len(), incomplete) {
        (0, _) => None,
        (came, 0) => Some(format!("{came} in")),
        (came, incomplete) => Some(format!("{came} in, {incomplete} not whole")),
    };
    let went = (link.views_delivered > 0).then(|| format!("{} out", link.views_delivered));
    let told: Vec<String> = went.into_iter().chain(came).collect();
    if told.is_empty() { NONE.to_owned() } else { told.join(", ") }
}

/// How much the other domain has not taken in.
pub(crate) const fn lag(link: &Link) -> u64 {
    link.waiting.saturating_add(link.numbered.saturating_sub(link.acknowledged))
}

/// Since how many seconds the oldest of that waits.
pub(crate) fn lag_seconds(link: &Link, now: i64) -> Option<i64> {
    let oldest = link.oldest_waiting_at.as_ref()?;
    Some(now.saturating_sub(oldest.seconds).max(0))
}

fn state(link: &Link) -> String {
    match link.state() {
        LinkState::Unspecified => "unknown".to_owned(),
        LinkState::Open => "open".to_owned(),
        LinkState::Unreached => "unreached".to_owned(),
        LinkState::Paused => "paused".to_owned(),
        LinkState::Frozen => format!("frozen: {}", link.frozen_for),
    }
}

fn quarantine(session: &Session, aside: &[QuarantinedEnvelope]) -> Result<(), Failure> {
    session.show(
        || json!({ "envelopes": json::list(aside, json::quarantined) }),
        || {
            let mut table = Table::new(["number", "chain", "reason", "at", "envelope"]).right(0);
            for one in aside {
                table.row([
                    one.sequence.to_string(),
                    one.epoch.to_string(),
                    one.reason.clone(),
                    moment(one.at.as_ref()),
                    one.envelope_id.clone(),
                ]);
            }
            table.to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_all_that_the_other_has_not_taken_in() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let link = Link {
            peer: "b.example".to_owned(),
            state: LinkState::Frozen.into(),
            frozen_for: "fork".to_owned(),
            waiting: 2,
            numbered: 7,
            acknowledged: 4,
            oldest_waiting_at: at(1_000),
            certificate_until: at(1_060 + 3 * SECONDS_OF_A_DAY),
            ..Link::default()
        };
        let row = row(&link, 1_060);
        assert_eq!((&*row[1], &*row[2], &*row[10]), ("frozen: fork", "5 since 60 s", "3 days"));
        let idle = Link { oldest_waiting_at: None, waiting: 0, numbered: 4, ..link };
        assert_eq!((lag(&idle), lag_seconds(&idle, 1_060)), (0, None));
    }
}
