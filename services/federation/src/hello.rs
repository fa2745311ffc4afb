//! The first frame of either side, and whether both have the same history.

use samsyn_domain::{
    DomainId, Timestamp,
    link::{Chain, EnvelopeId, FrozenFor, Link, PROTOCOL},
    registry::Peer,
};
use samsyn_ledger::Ledger;
use samsyn_proto::link::{ChainHead, Hello};

use crate::Closing;

/// What a side says first: who it is, the level up to which it reads, and how far it has come.
pub(crate) fn hello(
    (domain, level): (&DomainId, u32),
    peer: &Peer,
    link: &Link,
    now: Timestamp,
    credits: u32,
) -> Hello {
    let acknowledged = Chain { sequence: link.acknowledged, head: EnvelopeId::NONE, ..link.out };
    Hello {
        domain: domain.to_string(),
        peer: peer.id.to_string(),
        federation: peer.federation.clone(),
        protocol: PROTOCOL,
        level,
        numbered: Some(head(link.out)),
        acknowledged: Some(head(acknowledged)),
        taken: Some(head(link.taken)),
        clock_micros: now.micros(),
        credits,
    }
}

fn head(chain: Chain) -> ChainHead {
    ChainHead {
        epoch: chain.epoch,
        sequence: chain.sequence,
        envelope_id: chain.head.digest().to_vec(),
    }
}

fn chain(head: Option<&ChainHead>) -> Result<Chain, Closing> {
    let head = head.ok_or(Closing::Malformed)?;
    let id = head.envelope_id.as_slice().try_into().map_err(|_| Closing::Malformed)?;
    Ok(Chain { epoch: head.epoch, sequence: head.sequence, head: EnvelopeId::of(id) })
}

/// What the other side said, once it is of this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Greeted {
    /// What it has taken in of ours.
    pub(crate) taken: Chain,
    /// Up to which number of its own it has heard that they were taken in here.
    pub(crate) heard: u64,
    /// How many envelopes it takes from there on.
    pub(crate) credits: u32,
    /// The level that it knows.
    pub(crate) level: u32,
    /// How far its clock is from ours, in milliseconds.
    pub(crate) clock_millis: i64,
}

/// The first chain of a link.
const FIRST: u64 = 1;

/// Why there is no session: for good until somebody looks at it, or for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    /// The link is to stand still.
    Freeze(FrozenFor),
    /// The session ends.
    Close(Closing),
}

impl From<Closing> for Apart {
    fn from(why: Closing) -> Self {
        Self::Close(why)
    }
}

/// Reads what the other side said, and compares both histories.
pub(crate) fn greeted(
    (ledger, domain): (&Ledger, &DomainId),
    peer: &Peer,
    hello: &Hello,
    now: Timestamp,
) -> Result<Greeted, Apart> {
    if hello.domain != peer.id.as_str() || hello.peer != domain.as_str() {
        return Err(Closing::WrongDomain.into());
    }
    if hello.federation != peer.federation {
        return Err(Closing::WrongFederation.into());
    }
    if hello.protocol != PROTOCOL {
        return Err(Closing::ProtocolUnknown.into());
    }
    let link = ledger.link(&peer.id);
    let theirs = Theirs {
        numbered: chain(hello.numbered.as_ref())?,
        acknowledged: chain(hello.acknowledged.as_ref())?,
        taken: chain(hello.taken.as_ref())?,
    };
    theirs.compare(&link, now, |sequence| ledger.sent_under(&peer.id, sequence))?;
    let skew = hello.clock_micros.saturating_sub(now.micros()) / 1_000;
    Ok(Greeted {
        taken: theirs.taken,
        heard: theirs.acknowledged.sequence,
        credits: hello.credits,
        level: hello.level,
        clock_millis: skew,
    })
}

/// Where the other side says that it stands.
#[derive(Debug, Clone, Copy)]
struct Theirs {
    numbered: Chain,
    acknowledged: Chain,
    taken: Chain,
}

impl Theirs {
    /// Whether both have one history. `sent` gives what was sent under a number, as far as known.
    fn compare(
        &self,
        link: &Link,
        now: Timestamp,
        sent: impl Fn(u64) -> Option<EnvelopeId>,
    ) -> Result<(), Apart> {
        let Self { numbered, acknowledged, taken } = self;
        // Where a side awaits a new chain, the other has begun one: both operators have said so.
        let they_await = *taken == Chain::AWAITED;
        let is_begun = link.acknowledged == 0 && link.out.epoch > FIRST;
        if !(taken.epoch == link.out.epoch || they_await && is_begun) {
            return Err(Closing::EpochUnknown.into());
        }
        let ours = link.taken_of(numbered.epoch, now).ok_or(Closing::EpochUnknown)?;
        let is_new = ours.epoch != link.taken.epoch;
        if is_new && acknowledged.sequence > 0 {
            return Err(Closing::EpochUnknown.into());
        }
        // One side has forgotten: it has numbered less than the other has taken in, or has taken in
        // less than it had told.
        let we_forgot = taken.sequence > link.out.sequence || acknowledged.sequence > ours.sequence;
        let they_forgot = taken.sequence < link.acknowledged || numbered.sequence < ours.sequence;
        if we_forgot || they_forgot {
            return Err(Apart::Freeze(FrozenFor::Regression));
        }
        let other =
            |known: Option<EnvelopeId>, said: EnvelopeId| known.is_some_and(|known| known != said);
        let same = (numbered.sequence == ours.sequence).then_some(ours.head);
        if other(sent(taken.sequence), taken.head) || other(same, numbered.head) {
            return Err(Apart::Freeze(FrozenFor::Fork));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-10-01.
    const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);

    fn at(sequence: u64, id: u8) -> Chain {
        Chain { epoch: 1, sequence, head: EnvelopeId::of([id; 32]) }
    }

    fn link() -> Link {
        let peer = DomainId::parse("polisen.example").unwrap();
        Link { out: at(9, 9), acknowledged: 4, taken: at(7, 7), ..Link::new(peer) }
    }

    fn compare(numbered: Chain, acknowledged: u64, taken: Chain) -> Result<(), Apart> {
        let theirs = Theirs { numbered, acknowledged: at(acknowledged, 0), taken };
        theirs.compare(&link(), NOW, |n| Some(EnvelopeId::of([u8::try_from(n).unwrap(); 32])))
    }

    #[test]
    fn one_history_goes_on_wherever_the_other_side_stands_in_it() {
        assert_eq!(compare(at(7, 7), 7, at(9, 9)), Ok(()));
        assert_eq!(compare(at(12, 12), 3, at(4, 4)), Ok(()));
        assert_eq!(compare(at(7, 7), 0, at(6, 6)), Ok(()));
    }

    #[test]
    fn who_has_forgotten_or_has_another_history_stands_still() {
        let regression = Err(Apart::Freeze(FrozenFor::Regression));
        let fork = Err(Apart::Freeze(FrozenFor::Fork));
        assert_eq!(compare(at(6, 6), 6, at(9, 9)), regression, "it numbered less than we took");
        assert_eq!(compare(at(7, 7), 7, at(3, 3)), regression, "it took less than it told");
        assert_eq!(compare(at(7, 7), 7, at(10, 10)), regression, "we numbered less than it took");
        assert_eq!(compare(at(9, 9), 8, at(9, 9)), regression, "we took less than we told");
        assert_eq!(compare(at(7, 1), 7, at(9, 9)), fork);
        assert_eq!(compare(at(7, 7), 7, at(9, 1)), fork);
        assert_eq!(compare(at(7, 7), 7, at(6, 1)), fork);
        let other = Chain { epoch: 2, ..at(9, 9) };
        assert_eq!(compare(at(7, 7), 7, other), Err(Apart::Close(Closing::EpochUnknown)));
    }

    #[test]
    fn a_link_goes_on_in_new_chains_when_both_sides_have_begun_them() {
        const NEW: Chain = Chain { epoch: 1_759_300_000, sequence: 0, head: EnvelopeId::NONE };
        let unknown = Err(Apart::Close(Closing::EpochUnknown));
        let begun = Link {
            out: NEW,
            acknowledged: 0,
            taken: Chain::AWAITED,
            awaits_after: Some(1),
            ..link()
        };
        let between = |link: &Link, numbered, acknowledged, taken| {
            let acknowledged = Chain { sequence: acknowledged, ..numbered };
            Theirs { numbered, acknowledged, taken }.compare(link, NOW, |_| None)
        };
        assert_eq!(between(&begun, NEW, 0, Chain::AWAITED), Ok(()));
        assert_eq!(between(&begun, Chain { sequence: 4, ..NEW }, 0, Chain::AWAITED), Ok(()));
        // One that was begun in a time that has not come would keep out all that are begun by then.
        let (day, later) = (NEW.epoch + 86_400, NEW.epoch + 86_401);
        assert_eq!(between(&begun, Chain { epoch: day, ..NEW }, 0, Chain::AWAITED), Ok(()));
        assert_eq!(between(&begun, Chain { epoch: later, ..NEW }, 0, Chain::AWAITED), unknown);
        // One of them has not, or has begun what was there before, or nothing.
        assert_eq!(between(&begun, Chain::AWAITED, 0, Chain::AWAITED), unknown);
        assert_eq!(between(&begun, at(7, 7), 7, at(9, 9)), unknown);
        assert_eq!(between(&begun, at(0, 0), 0, Chain::AWAITED), unknown, "an old chain");
        assert_eq!(between(&begun, Chain { sequence: 4, ..NEW }, 4, Chain::AWAITED), unknown);
        assert_eq!(between(&link(), at(7, 7), 7, Chain::AWAITED), unknown);
        let unbegun = Link { out: at(0, 0), acknowledged: 0, ..link() };
        assert_eq!(between(&unbegun, at(7, 7), 7, Chain::AWAITED), unknown);
        // Once something has come, it is a chain like any other.
        let goes_on = Link { taken: Chain { sequence: 2, ..NEW }, awaits_after: None, ..begun };
        let numbered = Chain { sequence: 2, ..NEW };
        assert_eq!(between(&goes_on, numbered, 2, Chain::AWAITED), Ok(()));
        let frozen = Err(Apart::Freeze(FrozenFor::Regression));
        assert_eq!(between(&goes_on, NEW, 0, Chain::AWAITED), frozen);
    }
}
