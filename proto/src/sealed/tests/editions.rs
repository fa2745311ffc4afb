//! Editions.

use samsyn_domain::{
    AreaId, EditionId, KeyId, Labels, PartyId, Regime, Sealed, Secrecy, Timestamp, UnitKey,
    edition::{Answer, Edition, Locked, Phase, Round, Verdict},
    registry::{Endorser, Role, Track},
};
use samsyn_policy::{At, EditionHeader, EditionView, JointView, Masked, Opening, ReviewView};

use super::world::{SIGNATORY, World, area, month};
use crate::{
    inbound::fixture,
    sealed::edition::{bare, edition, header, review},
    v1,
};

fn sealed() -> Sealed {
    Sealed { key: UnitKey::named("unit"), bytes: [1].into() }
}

fn answer(party: &str, role: Role, verdict: Verdict) -> Answer {
    Answer {
        party: PartyId::parse(party).unwrap(),
        role,
        verdict,
        text: Some(sealed()),
        statement: b"statement".to_vec(),
        signature: vec![7; 64],
        key: KeyId::parse("key-1").unwrap(),
        at: fixture::NOW,
    }
}

fn round(number: u32, answers: Vec<Answer>) -> Round {
    let analysis_labels = Labels {
        level: Secrecy::MAX,
        audience: [].into(),
        purposes: [].into(),
        regime: Regime::Gdpr,
        secrecy_provisions: [].into(),
        retain_until: Timestamp::ZERO,
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    };
    Round {
        number,
        locked: Locked {
            revision: 41,
            root: [u8::try_from(number).unwrap(); 32],
            basis: [0; 32],
            secrets: sealed(),
            analysis_labels,
            objects: 3,
        },
        descriptor: [0; 32],
        locked_by: PartyId::parse("sdf").unwrap(),
        locked_at: fixture::NOW,
        answers,
    }
}

fn in_review(rounds: Vec<Round>) -> Edition {
    Edition {
        id: EditionId::parse("a:2025-10:operative:1").unwrap(),
        area: AreaId::parse("a").unwrap(),
        period: month(),
        track: Track::Operative,
        phase: Phase::InReview,
        due: fixture::NOW,
        overdue: true,
        opened_by: PartyId::parse("sdf").unwrap(),
        opened_at: fixture::NOW,
        rounds,
        released: None,
    }
}

fn described(masked: Masked) -> EditionHeader {
    let first = vec![answer("sdf", Role::Coordinator, Verdict::Objected)];
    let second = vec![
        answer("sdf", Role::Coordinator, Verdict::Reserved),
        answer("lpo", Role::Kommunpolis, Verdict::Endorsed),
    ];
    let lpo = PartyId::parse("lpo").unwrap();
    EditionHeader {
        edition: in_review(vec![round(1, first), round(2, second)]).into(),
        waiting_for: vec![Endorser { party: lpo, role: Role::Endorser }],
        texts: vec![Some(("Med förbehåll.".to_owned(), vec![9; 32])), None],
        masked,
    }
}

#[test]
fn a_header_tells_the_current_round_alone() {
    let wire = header(&described(Masked::Signatory));
    assert_eq!((wire.id.as_str(), wire.track.as_str()), ("a:2025-10:operative:1", "operative"));
    assert_eq!((wire.state(), wire.round, wire.revision), (v1::EditionState::InReview, 2, 41));
    assert_eq!(wire.content_root, [2; 32]);
    assert_eq!((wire.waiting_for, wire.overdue), (vec!["lpo:endorser".to_owned()], true));
    let [reserved, endorsed] = wire.answers.as_slice() else { panic!() };
    assert_eq!(reserved.verdict(), v1::Verdict::EndorsedWithReservation);
    assert_eq!((reserved.text.as_str(), reserved.text_salt.len()), ("Med förbehåll.", 32));
    assert_eq!((endorsed.text.as_str(), endorsed.text_salt.len()), ("", 0));
    assert_eq!(endorsed.actor_role, "kommunpolis");
    assert_eq!((endorsed.statement.as_slice(), endorsed.signature.len()), (&b"statement"[..], 64));
}

#[test]
fn a_partner_does_not_see_the_areas_revision() {
    assert_eq!(header(&described(Masked::Partner)).revision, 0);
    assert_eq!(bare(&in_review(vec![round(1, Vec::new())]), Masked::Partner).revision, 0);
}

#[test]
fn before_the_first_lock_there_is_no_root() {
    let wire = bare(&in_review(Vec::new()), Masked::Signatory);
    assert_eq!((wire.round, wire.content_root.len(), wire.answers.len()), (0, 0, 0));
}

#[test]
fn every_phase_has_its_state() {
    let states = Phase::ALL.map(|phase| {
        let wire = bare(&Edition { phase, ..in_review(Vec::new()) }, Masked::Signatory);
        wire.state().as_str_name().to_ascii_lowercase()
    });
    assert_eq!(states, Phase::ALL.map(|phase| format!("edition_state_{}", phase.as_str())));
}

#[test]
fn an_edition_is_sent_in_the_pages_of_its_view() {
    let joint = World::new().view(SIGNATORY, |egress| egress.joint(&area(), month(), At::Newest));
    let joint = JointView::clone(joint.content());
    let view = EditionView {
        header: described(Masked::Signatory),
        analysis: Some("Läget är stabilt.".to_owned()),
        joint,
        proof: vec![4; 10],
        next: Some(17),
    };
    let page = edition(&view, |next| format!("page-{next}"));
    assert_eq!(page.next_page_token, "page-17");
    let sent = page.edition.unwrap();
    assert_eq!((sent.analysis.as_str(), sent.proof.len()), ("Läget är stabilt.", 10));
    assert_eq!(sent.findings.len(), 1);
    let last = EditionView { next: None, analysis: None, ..view };
    let page = edition(&last, |_| panic!("no token is made for the last page"));
    assert_eq!((page.next_page_token.as_str(), page.edition.unwrap().analysis.as_str()), ("", ""));
}

#[test]
fn a_review_carries_all_that_rebuilds_the_root() {
    let opening =
        Opening { object: [5; 16], position: 21, salt: vec![6; 32], canonical: vec![7, 8] };
    let view = ReviewView {
        round: 2,
        descriptor: vec![1],
        round_salt: [2; 32],
        basis: vec![3],
        basis_salt: [4; 32],
        openings: vec![opening],
        next: None,
        labels: None,
    };
    let wire = review(&view, |_| panic!("no token is made for the last page"));
    let expected = v1::GetEditionReviewResponse {
        descriptor_bytes: vec![1],
        round_salt: vec![2; 32],
        basis: vec![3],
        basis_salt: vec![4; 32],
        openings: vec![v1::Opening {
            object_id: vec![5; 16],
            position: 21,
            salt: vec![6; 32],
            canonical: vec![7, 8],
        }],
        next_page_token: String::new(),
        round: 2,
    };
    assert_eq!(wire, expected);
}
