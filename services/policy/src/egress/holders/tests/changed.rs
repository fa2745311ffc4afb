//! What was given under a registry that is not in force any more.

use samsyn_domain::registry::{
    Applied, Base, Change as RegistryChange, Effect, Operation, Proposal, ProposalId, Record,
    RecordKey, Role, Service, Table,
};

use super::*;

impl World {
    /// A change of the registry takes effect.
    fn changes(&mut self, second: i64, operation: Operation) {
        let (epoch, at) = (self.state.epoch() + 1, at(second));
        let proposal = Proposal {
            id: ProposalId(epoch),
            change: RegistryChange::of(vec![operation]).unwrap(),
            base: Base { epoch: self.state.epoch(), digest: [0; 32] },
            replaced: Vec::new(),
            effect: Effect::Tightens,
            needed: 1,
            signed: Vec::new(),
            reason: None,
            applied: Some(Applied { epoch, at }),
        };
        self.state.absorb(Row::Proposal(proposal.into()));
        self.state.absorb(Row::Epoch(epoch));
    }
}

#[test]
fn what_was_given_by_a_row_that_is_gone_was_given() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.joint(2, "kv/reader", KV);
    assert_eq!(world.only().held, Held::Has);
    let row = RecordKey { table: Table::ReleaseRows, id: "row-kv".to_owned() };
    world.changes(3, Operation::Remove(row));
    let holder = world.only();
    assert_eq!((holder.first_at, holder.held), (at(2), Held::Unconfirmed));
}

/// A system of the city that speaks for a party.
fn speaks(service: &str, party: &str) -> Operation {
    let service = Service {
        id: id!(ServiceId, service),
        organisation: id!(OrganisationId, "stad"),
        parties: [id!(PartyId, party)].into(),
        roles: [Role::Reader].into(),
        suspended: false,
    };
    Operation::Put(Box::new(Record::Services(service)))
}

#[test]
fn who_spoke_for_its_party_once_is_named_since_it_does_so_no_more() {
    // One that was there at the founding, and one that came later.
    for service in ["stad/sdf", "stad/new"] {
        let mut world = World::new();
        world.changes(1, speaks("stad/new", "sdf"));
        world.is(2, Some(&[]));
        let object = Object::Picture(id!(PartyId, "sdf"), id!(AreaId, "a"));
        let record = world.record(3, service, object, SIGNED);
        world.state.absorb(Row::Disclosure(record.into()));
        assert_eq!(world.told(), [], "it is its party's own");
        world.changes(4, speaks(service, "trafik"));
        let holder = world.only();
        assert_eq!((holder.way, holder.held), (Way::Call, Held::Unconfirmed));
        // When it ceased to is not looked for: it may have read as its party still.
        world.joint(5, service, SIGNED);
        assert_eq!(world.only().last_at, at(5));
    }
}

#[test]
fn a_system_that_came_later_has_seen_what_its_own_party_may() {
    let mut world = World::new();
    world.is(1, Some(&[]));
    world.changes(2, speaks("stad/new", "trafik"));
    world.joint(3, "stad/new", SIGNED);
    assert_eq!(world.told(), []);
    world.is(4, Some(&["trafik"]));
    world.joint(5, "stad/new", SIGNED);
    assert_eq!(world.only().service, id!(ServiceId, "stad/new"));
}
