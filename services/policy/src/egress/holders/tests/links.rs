//! What has left over links.

use samsyn_domain::{
    DomainId, RowId,
    link::{
        Chain, DeliveryRef, EditionOutlet, EditionRef, EnvelopeId, FrozenFor, Item, Link,
        NotTakenFor, Numbered, Outlet, PictureRef, Position, Receiver, Share, SignedPosition, Told,
        UnderWay,
    },
    registry::{Delivery, Peer, PeerOrganisation},
    row::EditionRow,
};

use super::*;

const PEER: &str = "kv.example";
const LINK: &str = "kv.example/link";

/// A peer where the partner is at home, and to which its view is delivered.
fn peer(deliveries: &[&str]) -> Peer {
    let delivery = |id: &&str| Delivery {
        id: id!(RowId, *id),
        organisation: id!(OrganisationId, "kv"),
        parties: BTreeSet::new(),
        areas: [id!(AreaId, "a")].into(),
        purpose: ground().purpose,
        legal_basis: ground().legal_basis,
        weighing: None,
    };
    Peer {
        id: id!(DomainId, PEER),
        name: PEER.to_owned(),
        federation: "test".to_owned(),
        endpoints: Vec::new(),
        authorities: Vec::new(),
        keys: BTreeSet::new(),
        organisations: [PeerOrganisation { orgnr: "3".to_owned(), name: "kv".to_owned() }].into(),
        ceiling: 2,
        message_kinds: BTreeSet::new(),
        envelopes_per_minute: 1,
        areas: BTreeSet::new(),
        deliveries: deliveries.iter().map(delivery).collect(),
    }
}

fn delivering(deliveries: &[&str]) -> World {
    World::of(Document { peers: vec![peer(deliveries)], ..document() })
}

fn outlet(cursor: &str, ended: bool) -> Row {
    let of = DeliveryRef { peer: id!(DomainId, PEER), id: id!(RowId, "d") };
    let receiver = Receiver {
        orgnr: "3".into(),
        parties: BTreeSet::new(),
        areas: [id!(AreaId, "a")].into(),
        periods: BTreeSet::new(),
        ground: ground(),
    };
    let receiver = Some(receiver.into());
    Row::Outlet(
        Outlet { step: 3, receiver, cursor: cursor.into(), ended, ..Outlet::new(of) }.into(),
    )
}

fn link(sequence: u64, acknowledged: u64, word_at: i64) -> Link {
    let out = Chain { sequence, ..Chain::default() };
    let position = Position {
        from: id!(DomainId, "d.example"),
        by: id!(DomainId, PEER),
        chain: Chain { sequence: acknowledged, ..Chain::default() },
        at: at(word_at),
    };
    let payload = position.encode().unwrap();
    let word = Some(SignedPosition { payload, signature: Vec::new() }.into());
    Link { out, acknowledged, word, ..Link::new(id!(DomainId, PEER)) }
}

fn numbered(sequence: u64) -> Row {
    carrying(sequence, Item::View { delivery: id!(RowId, "d"), part: None })
}

fn carrying(sequence: u64, item: Item) -> Row {
    Row::Numbered(Arc::new(Numbered {
        peer: id!(DomainId, PEER),
        epoch: 1,
        sequence,
        id: EnvelopeId::NONE,
        header: [].into(),
        signature: [].into(),
        payload: Sealed { key: UnitKey::named("unit"), bytes: [0].into() },
        item,
        at: at(1),
    }))
}

#[test]
fn a_view_that_is_delivered_is_confirmed_by_the_word_of_its_peer() {
    let mut world = delivering(&["d"]);
    world.state.absorb(outlet("c", false));
    world.is(1, Some(ALL));
    world.steps(2);
    world.follows(3, LINK, "kv", KV);
    let holder = world.only();
    assert_eq!((holder.way, holder.held), (Way::Delivery, Held::Has));
    assert_eq!(holder.peer, Some(id!(DomainId, PEER)));
    world.is(4, None);
    world.steps(5);
    world.follows(6, LINK, "kv", KV);
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.stores(7, LINK);
    world.state.absorb(Row::Link(link(4, 4, 7).into()));
    assert_eq!(world.only().held, Held::Confirmed(at(7)));
    // The peer has forgotten what it had said: it may have it again, until it begins anew.
    let frozen = Link { frozen: Some(FrozenFor::Regression), ..link(4, 4, 8) };
    world.state.absorb(Row::Link(frozen.into()));
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.state.absorb(Row::Link(link(4, 4, 8).into()));
    world.state.absorb(outlet("", false));
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.state.absorb(outlet("e", false));
    world.state.absorb(Row::Link(link(5, 4, 8).into()));
    world.state.absorb(numbered(5));
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.state.absorb(Row::Settled(id!(DomainId, PEER), 1, 5));
    world.state.absorb(Row::Link(link(5, 5, 9).into()));
    assert_eq!(world.only().held, Held::Confirmed(at(7)));
}

#[test]
fn a_delivery_that_has_ended_is_confirmed_once_the_peer_has_taken_in_that_it_has() {
    let mut world = delivering(&[]);
    world.state.absorb(outlet("c", false));
    world.is(1, Some(ALL));
    world.steps(2);
    world.follows(3, LINK, "kv", KV);
    assert_eq!(world.only().held, Held::Unconfirmed, "it is delivered to nobody any more");
    world.state.absorb(outlet("", true));
    world.state.absorb(Row::Link(link(5, 4, 8).into()));
    world.state.absorb(numbered(5));
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.state.absorb(Row::Settled(id!(DomainId, PEER), 1, 5));
    world.state.absorb(Row::Link(link(5, 5, 9).into()));
    assert_eq!(world.only().held, Held::Confirmed(at(9)));
}

#[test]
fn an_edition_that_was_delivered_is_there_until_the_peer_has_taken_in_that_it_goes() {
    let mut world = delivering(&["d"]);
    world.state.absorb(outlet("c", false));
    world.is(1, Some(ALL));
    world.state.absorb(Row::Edition(edition(&[1]).into()));
    let id = || id!(EditionId, "a:2025-10:strategic:1");
    let mut record = world.record(3, LINK, Object::Edition(id()), KV);
    record.receiver = id!(OrganisationId, "kv");
    world.state.absorb(Row::Disclosure(record.into()));
    let of = DeliveryRef { peer: id!(DomainId, PEER), id: id!(RowId, "d") };
    let of = EditionRef { of, edition: id() };
    let has = EditionOutlet { of: of.clone(), shown: [0; 32], at: at(3) };
    world.state.absorb(Row::LinkedEdition(EditionRow::Outlet(has.into())));
    world.is(4, None);
    let holder = world.only();
    assert_eq!((holder.way, holder.held), (Way::Edition, Held::Has), "it is locked with it");
    assert_eq!(holder.peer, Some(id!(DomainId, PEER)));
    // It may be seen there no more.
    world.state.absorb(Row::LinkedEdition(EditionRow::OutletGone(of)));
    world.state.absorb(Row::Link(link(5, 4, 8).into()));
    world.state.absorb(carrying(5, Item::Edition { delivery: id!(RowId, "d"), edition: id() }));
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.state.absorb(Row::Settled(id!(DomainId, PEER), 1, 5));
    world.state.absorb(Row::Link(link(5, 5, 9).into()));
    assert_eq!(world.only().held, Held::Confirmed(at(9)));
}

#[test]
fn above_the_level_of_the_link_nothing_was_delivered() {
    let peers = vec![Peer { ceiling: 0, ..peer(&["d"]) }];
    let mut world = World::of(Document { peers, ..document() });
    world.is(1, Some(ALL));
    world.steps(2);
    world.follows(3, LINK, "kv", KV);
    assert_eq!(world.told(), []);
}

/// The area is at home in the peer.
fn contributing() -> World {
    let mut document = Document { peers: vec![peer(&[])], ..document() };
    document.agreements[0].home = Some(id!(DomainId, PEER));
    World::of(document)
}

fn of_picture() -> PictureRef {
    let (party, area) = (id!(PartyId, "sdf"), id!(AreaId, "a"));
    PictureRef { peer: id!(DomainId, PEER), party, area }
}

fn told(second: i64, refused: bool) -> Option<Told> {
    let refused = refused.then(NotTakenFor::default);
    Some(Told { at: at(second), refused })
}

#[test]
fn a_contribution_is_confirmed_by_what_the_home_has_said_that_it_has() {
    let mut world = contributing();
    let share = |share: Share| Row::Share(share.into());
    world.is(1, Some(&["signatories"]));
    let object = || Object::Picture(id!(PartyId, "sdf"), id!(AreaId, "a"));
    let record = world.record(2, LINK, object(), "POL-55");
    world.state.absorb(Row::Disclosure(record.into()));
    let changes = vec![(id!(ObservationId, "o"), Some(1))];
    let under_way = UnderWay {
        envelopes: Vec::new(),
        compared: samsyn_domain::link::Compared { revision: 1, epoch: 1 },
        whole: false,
        last: true,
        more: false,
        since: at(2),
        changes,
    };
    let sent = Share { under_way: Some(under_way.into()), ..Share::new(of_picture()) };
    world.state.absorb(share(sent));
    let holder = world.only();
    assert_eq!((holder.way, holder.held), (Way::Contribution, Held::Has), "it may have come");
    world.state.absorb(Row::Shared(of_picture(), id!(ObservationId, "o"), 1));
    world.state.absorb(share(Share { told: told(3, false), ..Share::new(of_picture()) }));
    assert_eq!(world.only().held, Held::Has);
    world.is(4, None);
    assert_eq!(world.only().held, Held::Unconfirmed, "the home has not answered");
    world.state.absorb(Row::Unshared(of_picture(), id!(ObservationId, "o")));
    let said = Share { told: told(5, false), ..Share::new(of_picture()) };
    world.state.absorb(share(said.clone()));
    assert_eq!(world.only().held, Held::Confirmed(at(5)));
    // What the home has is not known for sure.
    world.state.absorb(share(Share { anew: true, ..said.clone() }));
    assert_eq!(world.only().held, Held::Unconfirmed);
    world.state.absorb(share(Share { told: told(6, true), ..said }));
    assert_eq!(world.only().held, Held::Unconfirmed, "it has refused");
}

#[test]
fn what_was_not_addressed_to_the_home_is_not_named_there() {
    let mut world = contributing();
    world.is(1, Some(&[]));
    let object = Object::Picture(id!(PartyId, "sdf"), id!(AreaId, "a"));
    let record = world.record(2, LINK, object, "POL-55");
    world.state.absorb(Row::Disclosure(record.into()));
    assert_eq!(world.told(), []);
}

#[test]
fn what_comes_back_from_the_home_is_read_by_some_here() {
    let mut world = contributing();
    world.is(1, Some(&["signatories"]));
    // Nothing has left yet.
    world.joint(2, "polis/lpo", "POL-58/d");
    assert_eq!(world.told(), []);
    let object = Object::Picture(id!(PartyId, "sdf"), id!(AreaId, "a"));
    let record = world.record(3, LINK, object, "POL-55");
    world.state.absorb(Row::Disclosure(record.into()));
    world.state.absorb(Row::Share(Share::new(of_picture()).into()));
    world.state.absorb(Row::Shared(of_picture(), id!(ObservationId, "o"), 1));
    world.joint(4, "polis/lpo", "POL-58/d");
    let of = |holders: Vec<(String, Way, Held)>| {
        holders.into_iter().find(|(_, way, _)| *way == Way::Returned).map(|(.., held)| held)
    };
    assert_eq!(of(world.told()), Some(Held::Has));
    // So is an edition of that home.
    let edition = Object::Edition(id!(EditionId, "a:2025-10:strategic:1"));
    let record = world.record(4, "stad/trafik", edition, "POL-58/d");
    world.state.absorb(Row::Disclosure(record.into()));
    let returned = world.told().into_iter().filter(|(_, way, _)| *way == Way::Returned);
    assert_eq!(returned.count(), 2);
    world.is(5, None);
    assert_eq!(of(world.told()), Some(Held::Unconfirmed));
}
