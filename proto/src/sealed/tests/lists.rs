//! Lists.

use samsyn_domain::{
    AreaId, ConflictId, EditionId, PartyId,
    disclosure::{Disclosure, Object},
    registry::Role,
};
use samsyn_policy::{Duty, DutyKind, Held, Holder, Way};

use super::{
    all, no_token, read,
    world::{SIGNATORY, World, area, month},
};
use crate::{
    inbound::{self, fixture},
    sealed::{
        Encoded, Paged,
        list::{disclosure, duty, holder},
    },
    v1,
};

#[test]
fn revisions_are_listed_the_newest_first_in_pages() {
    let view = World::new().view(SIGNATORY, |egress| egress.revisions(&area()));
    let page = |from| {
        let paged = Paged { from, size: 2 };
        let token = |next: usize| next.to_string();
        read(&Encoded::<v1::ListRevisionsResponse>::page(&view, paged, token))
    };
    let (first, last) = (page(0), page(2));
    assert_eq!((first.next_page_token.as_str(), last.next_page_token.as_str()), ("2", ""));
    let listed: Vec<(u64, String)> = first
        .revisions
        .into_iter()
        .chain(last.revisions)
        .map(|revision| (revision.revision, revision.what))
        .collect();
    let expected = [(3, "dissent"), (2, "publication"), (1, "publication")];
    assert_eq!(listed, expected.map(|(revision, what)| (revision, what.to_owned())));
}

#[test]
fn duties_name_the_object_and_the_function() {
    let of = |kind, due| {
        duty(&Duty {
            kind,
            area: AreaId::parse("a").unwrap(),
            party: PartyId::parse("sdf").unwrap(),
            role: Role::Coordinator,
            due,
            overdue: due.is_some(),
        })
    };
    let answer = DutyKind::AnswerEdition(EditionId::parse("e").unwrap());
    let answer = of(answer, Some(fixture::NOW));
    assert_eq!((answer.kind.as_str(), answer.object_id.as_str()), ("answer_edition", "e"));
    assert_eq!((answer.due, answer.overdue), (Some(fixture::wire_time(0)), true));
    let settle = of(DutyKind::SettleConflict(ConflictId::parse("c").unwrap()), None);
    assert_eq!((settle.kind.as_str(), settle.object_id.as_str()), ("settle_conflict", "c"));
    assert_eq!((settle.due, settle.role.as_str()), (None, "coordinator"));
    let view = World::new().view(SIGNATORY, |egress| egress.duties(fixture::NOW));
    let page = read(&Encoded::<v1::ListDutiesResponse>::page(&view, all(), no_token));
    assert_eq!(page.duties.len(), view.content().duties.len());
}

#[test]
fn a_disclosure_tells_who_received_what_on_what_ground() {
    let context =
        v1::ReadContext { weighing_ref: "dnr 12/2025".to_owned(), ..fixture::read_context() };
    let (ground, _) = inbound::ground(Some(context.clone())).unwrap();
    let row = Disclosure {
        sequence: 17,
        at: fixture::NOW,
        receiver: samsyn_domain::OrganisationId::parse("kvv").unwrap(),
        service: samsyn_domain::ServiceId::parse("kvv/system").unwrap(),
        serial: "01".to_owned(),
        ground,
        object: Object::Joint(area(), month()),
        revision: 3,
        groups: [].into(),
        rules: ["POL-12/kvv-a".to_owned()].into(),
        rows: 5,
        digest: [0; 32],
        epoch: 1,
        view: None,
    };
    let wire = disclosure(&row, Some(fixture::NOW.after_seconds(1)));
    let expected = v1::Disclosure {
        id: "17".to_owned(),
        receiver: "kvv".to_owned(),
        object_ref: "joint a 2025-10".to_owned(),
        revision: 3,
        ground: Some(context),
        rule_ids: vec!["POL-12/kvv-a".to_owned()],
        at: Some(fixture::wire_time(0)),
        acknowledged_at: Some(fixture::wire_time(1)),
        service: "kvv/system".to_owned(),
        rows: 5,
    };
    assert_eq!(wire, expected);
    let view = World::new().view(SIGNATORY, |egress| egress.disclosures(true, &Default::default()));
    let page = crate::sealed::disclosures(&view, all(), no_token);
    assert_eq!(page, v1::ListDisclosuresResponse::default());
}

#[test]
fn a_holder_tells_who_may_have_had_it_and_when_it_confirmed_that_it_is_gone() {
    let confirmed = Holder {
        held: Held::Confirmed(fixture::NOW.after_seconds(2)),
        receiver: samsyn_domain::OrganisationId::parse("kvv").unwrap(),
        service: samsyn_domain::ServiceId::parse("kvv.example/link").unwrap(),
        peer: samsyn_domain::DomainId::parse("kvv.example").ok(),
        way: Way::Delivery,
        edition: None,
        first_at: fixture::NOW,
        last_at: fixture::NOW.after_seconds(1),
        in_passing: true,
    };
    let expected = v1::Holder {
        receiver: "kvv".to_owned(),
        service: "kvv.example/link".to_owned(),
        peer: "kvv.example".to_owned(),
        way: "delivery".to_owned(),
        edition_id: String::new(),
        first_at: Some(fixture::wire_time(0)),
        last_at: Some(fixture::wire_time(1)),
        state: "removal_confirmed".to_owned(),
        confirmed_at: Some(fixture::wire_time(2)),
        in_passing: true,
    };
    assert_eq!(holder(&confirmed), expected);
    let edition = EditionId::parse("a:2025-10:strategic:1").ok();
    let has = holder(&Holder {
        held: Held::Has,
        way: Way::Edition,
        edition,
        peer: None,
        ..confirmed.clone()
    });
    assert_eq!((has.state.as_str(), has.confirmed_at, has.peer.as_str()), ("has", None, ""));
    assert_eq!(has.edition_id, "a:2025-10:strategic:1");
    let not_said = holder(&Holder { held: Held::Unconfirmed, way: Way::Call, ..confirmed });
    assert_eq!((not_said.state.as_str(), not_said.way.as_str()), ("removal_unconfirmed", "call"));
}
