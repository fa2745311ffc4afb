//! Joint pictures that another domain delivers: who reads them here.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    AreaId, Period, Sealed, State, Timestamp,
    commit::{canonical::Message, reader::Fields},
    disclosure::{ClassId, Disclosure, Object, ViewPart},
    link::{DeliveryRef, Phase, Received},
    registry::{FieldGroup, Registry},
};
use sha2::{Digest as _, Sha256};

use crate::{
    At, Denial, Egress, EventBatch, Policy, Projection, Reader, ReceivedDraft, ReceivedView,
    ViewChange, ViewEvent, Why, cedar::Attribute, permit::principal, received_edition::delivered,
};

/// What another domain delivers is read by whom it is for.
const RULE: &str = "POL-58";
/// The one field of what stands under seal of a finding.
const FINDING: u16 = 1;

/// A finding, or a piece of a step of a view, as it stands under seal.
#[must_use]
pub fn sealed_finding(finding: &[u8]) -> Message {
    Message::new().with(FINDING, finding)
}

/// What stood so under seal; none when it was something else.
#[must_use]
pub fn opened_finding(message: Message) -> Option<Vec<u8>> {
    let mut fields = Fields::of(message);
    let finding = fields.take_bytes(FINDING).ok()?;
    fields.finish().ok()?;
    Some(finding)
}

/// What stands for a view that another domain delivers where classes are named.
#[must_use]
pub fn received_class(of: &DeliveryRef) -> ClassId {
    let mut hash = Sha256::new_with_prefix(b"samsyn received view 1");
    for part in [of.peer.as_str(), of.id.as_str()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    ClassId::of(hash.finalize().into())
}

/// Whether something was read here of what another domain delivers.
pub(crate) fn is_of_received(record: &Disclosure) -> bool {
    record.rules.iter().any(|rule| rule.split('/').next() == Some(RULE))
}

impl Policy {
    /// The view of an area that another domain delivers and that a reader may read here; none when
    /// there is none that it may know of.
    ///
    /// # Errors
    /// When it is for the reader, on another ground; or policy cannot decide.
    pub fn received(
        &self,
        state: &State,
        reader: &Reader,
        area: &AreaId,
    ) -> Result<Option<Arc<Received>>, Denial> {
        let registry = state.registry();
        let mut denied = None;
        let of_area = |one: &&Arc<Received>| one.receiver.areas.contains(area);
        for received in state.deliveries().all_received().filter(of_area) {
            // What a domain delivered that is not the home of the area by now is not shown.
            let peer = registry.peer(&received.of.peer);
            if peer.is_none_or(|peer| !registry.speaks_for(peer, area)) {
                continue;
            }
            match self.reads(registry, reader, received) {
                Ok(true) => return Ok(Some(Arc::clone(received))),
                Ok(false) => {}
                Err(denial) => denied = Some(denial),
            }
        }
        denied.map_or(Ok(None), Err)
    }

    /// Whether a reader may read what is delivered: for its organisation and parties, on this
    /// ground.
    fn reads(
        &self,
        registry: &Registry,
        reader: &Reader,
        received: &Received,
    ) -> Result<bool, Denial> {
        let service = registry.service(reader.service());
        let Some(service) = service.filter(|one| one.organisation == *reader.organisation()) else {
            return Err(Denial::of(Why::UnknownService));
        };
        let asked = |purpose: &str, legal_basis: &str| {
            let Some(delivered) = delivered(registry, received) else { return Ok(false) };
            let context = vec![
                ("purpose", Attribute::text(purpose)),
                ("legal_basis", Attribute::text(legal_basis)),
            ];
            let delivered = ("Delivered", "delivered", delivered);
            Ok::<_, Denial>(
                self.ask(principal(service), "read_delivered", delivered, context)?.allowed,
            )
        };
        let (ground, own) = (&received.receiver.ground, reader.ground());
        if asked(own.purpose.as_str(), own.legal_basis.as_str())? {
            return Ok(true);
        }
        // Whoever may read it on its own ground is told which one is in the way.
        if !asked(ground.purpose.as_str(), ground.legal_basis.as_str())? {
            return Ok(false);
        }
        Err(if ground.purpose == own.purpose {
            Denial::of(Why::BasisNotCovered).by(RULE).at("context.legal_basis")
        } else {
            Denial::of(Why::PurposeNotCovered).by(RULE).at("context.purpose")
        })
    }
}

impl Egress<'_> {
    /// The joint picture of an area and a period as another domain delivers it.
    ///
    /// # Errors
    /// When it is not whole, another revision than the newest is asked for, or a further page of
    /// what has changed since.
    pub fn received(
        &self,
        received: &Received,
        area: &AreaId,
        (period, at): (Period, At),
        page_of: Option<u64>,
    ) -> Result<Projection<ReceivedView>, Denial> {
        is_whole(received)?;
        if !received.receiver.periods.contains(&period.kind()) {
            return Err(Denial::of(Why::NoReleaseRow).by(RULE).at("period"));
        }
        let deliveries = self.state().deliveries();
        let revision = deliveries.revision(&received.of, area);
        // Of what was, only what is now has come: pages of one picture are of one moment.
        if page_of.is_some_and(|number| number != received.number) {
            return Err(Denial::of(Why::ViewIncomplete).at("page.token"));
        }
        if page_of.is_none() && !matches!(at, At::Newest) && at != At::Revision(revision) {
            return Err(Denial::of(Why::NotFound).at("revision"));
        }
        let found = deliveries.found(&received.of, area).filter(|one| one.key.period == period);
        let findings = found.map(|found| self.finding_of(found.content.as_ref()));
        let findings: Vec<Vec<u8>> = findings.collect::<Result<_, _>>()?;
        let object = Object::Joint(area.clone(), period);
        let rows = findings.len();
        let record = self.of_received(received, object, revision, rows, &findings.concat());
        let view = ReceivedView { revision, number: received.number, findings };
        Ok(Projection::new(view, vec![record]))
    }

    /// Events of a view that another domain delivers, up to a number, and the record of what they
    /// disclose.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn received_batch(
        &self,
        received: &Received,
        drafts: Vec<ReceivedDraft>,
        (revision, next): (u64, String),
    ) -> Result<Projection<EventBatch>, Denial> {
        is_whole(received)?;
        let opened = drafts.into_iter().map(|ReceivedDraft { event, content, is_edition }| {
            let Some(content) = content else { return Ok(event) };
            let came = self.finding_of(Some(&content))?.into();
            let change = match is_edition {
                true => ViewChange::DeliveredEdition(came),
                false => ViewChange::Delivered(came),
            };
            Ok(ViewEvent { change, ..event })
        });
        let events: Vec<ViewEvent> = opened.collect::<Result<_, Denial>>()?;
        let part = ViewPart { class: received_class(&received.of), revision };
        let areas: BTreeSet<&AreaId> = events.iter().map(|event| &event.area).collect();
        let records = areas.into_iter().map(|area| {
            let of_area: Vec<_> = events.iter().filter(|event| event.area == *area).collect();
            let shown: Vec<_> = of_area.iter().map(|event| &event.change).collect();
            let shown = format!("{shown:?}");
            let at = of_area.iter().map(|event| event.revision).max().unwrap_or_default();
            let object = Object::View(area.clone());
            let record = self.of_received(received, object, at, of_area.len(), shown.as_bytes());
            Disclosure { view: Some(part), ..record }
        });
        let records = records.collect();
        let (secrets, withheld) = Default::default();
        Ok(Projection::new(EventBatch { events, next, secrets, withheld }, records))
    }

    fn finding_of(&self, content: Option<&Sealed>) -> Result<Vec<u8>, Denial> {
        let opened =
            content.and_then(|content| opened_finding(self.known().open_message(content)?));
        opened.ok_or_else(|| Denial::of(Why::Internal("the key of a received finding is gone")))
    }

    pub(crate) fn of_received(
        &self,
        received: &Received,
        object: Object,
        revision: u64,
        rows: usize,
        shown: &[u8],
    ) -> Disclosure {
        let reader = self.reader();
        Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: reader.organisation().clone(),
            service: reader.service().clone(),
            serial: reader.serial().to_owned(),
            ground: reader.ground().clone(),
            object,
            revision,
            groups: FieldGroup::ALL.into_iter().collect(),
            rules: BTreeSet::from([format!("{RULE}/{}", received.of.id)]),
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            digest: self.known().digest(shown),
            epoch: self.state().epoch(),
            view: None,
        }
    }
}

fn is_whole(received: &Received) -> Result<(), Denial> {
    match received.phase {
        Phase::Whole => Ok(()),
        Phase::Coming | Phase::Broken | Phase::TooLarge => {
            Err(Denial::of(Why::ViewIncomplete).at("area"))
        }
    }
}
