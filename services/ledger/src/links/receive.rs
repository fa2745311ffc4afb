//! Views of joint pictures that a peer delivers.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    UnitKey,
    command::{BroughtStep, Effect, FindingChange},
    link::{Delivered, DeliveryRef, Header, QuarantinedFor},
    registry::{Peer, Registry},
};
use samsyn_policy::{opened_finding, sealed_finding};
use samsyn_proto::inbound::ReceivedEvent;

use crate::{Ledger, Rejection, keys::Keys};

impl Ledger {
    /// What a piece of a step does. What cannot be taken of it is not kept: it comes anew when its
    /// home begins the view anew.
    pub(super) async fn viewed(
        &self,
        peer: &Peer,
        header: &Header,
        delivered: &Delivered,
    ) -> Result<Effect, Rejection> {
        let Delivered { delivery, step, piece, last, terms, events } = delivered;
        let registry = self.registry();
        let refused = |reason| Ok(Effect::RefuseStep { delivery: delivery.clone(), reason });
        let of = DeliveryRef { peer: peer.id.clone(), id: delivery.clone() };
        let orgnr = header.to.orgnr.as_deref().unwrap_or_default();
        // That all of it goes is heard whoever it was for.
        if !terms.ended {
            if !is_at_home(&registry, orgnr) {
                return refused(QuarantinedFor::NotForUs);
            }
            if !terms.areas.iter().all(|area| registry.speaks_for(peer, area)) {
                return refused(QuarantinedFor::NotYours);
            }
        }
        let unit = Keys::month_unit(&format!("view|{}", peer.id), (self.inner.clock)());
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        if !last {
            let object = format!("step {} {} {step} {piece}", peer.id, delivery);
            let events = self.inner.keys.seal(&unit, &object, &sealed_finding(events))?;
            let (delivery, step, piece) = (delivery.clone(), *step, *piece);
            return Ok(Effect::StepPiece { delivery, step, piece, events });
        }
        let Some(events) = self.joined(&of, delivered) else {
            return refused(QuarantinedFor::Malformed);
        };
        let read = ReceivedEvent::parse(&events, peer.ceiling);
        let is_of_view = |event: &ReceivedEvent| terms.areas.contains(&event.key.area);
        let Some(read) = read.filter(|events| events.iter().all(is_of_view)) else {
            return refused(QuarantinedFor::Malformed);
        };
        let changes = read.into_iter().map(|event| self.change(&of, &unit, event));
        Ok(Effect::Step(Box::new(BroughtStep {
            delivery: delivery.clone(),
            step: *step,
            pieces: *piece,
            orgnr: orgnr.into(),
            terms: terms.clone(),
            changes: changes.collect::<Result<_, _>>()?,
        })))
    }

    /// The bytes of a step, with those of its earlier pieces before them; none where one is
    /// missing.
    fn joined(&self, of: &DeliveryRef, last: &Delivered) -> Option<Vec<u8>> {
        let before: Vec<_> = self.read(|state| {
            let pieces = state.deliveries().pieces(of).filter(|piece| piece.step == last.step);
            pieces.map(Arc::clone).collect()
        });
        let is_dense = before.iter().map(|piece| piece.number).eq(0..last.piece);
        let mut events = Vec::new();
        for piece in before.iter().filter(|_| is_dense) {
            events.extend(opened_finding(self.inner.keys.open_message(&piece.events)?)?);
        }
        events.extend_from_slice(&last.events);
        is_dense.then_some(events)
    }

    fn change(
        &self,
        of: &DeliveryRef,
        unit: &UnitKey,
        event: ReceivedEvent,
    ) -> Result<FindingChange, Rejection> {
        let ReceivedEvent { key, revision, recorded_at, finding, until } = event;
        let object =
            format!("finding {} {} {} {} {}", of.peer, of.id, key.area, key.period, key.id);
        let seal =
            |finding: Vec<u8>| self.inner.keys.seal(unit, &object, &sealed_finding(&finding));
        let content = finding.map(seal).transpose()?;
        Ok(FindingChange { key, revision, recorded_at, content, until })
    }
}

/// Whether an organisation is at home here: registered, and not in another domain.
pub(super) fn is_at_home(registry: &Registry, orgnr: &str) -> bool {
    registry.organisation_of(orgnr).is_some() && registry.peer_of(orgnr).is_none()
}
