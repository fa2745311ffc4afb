//! Links with other domains, for operators.

use samsyn_domain::{
    commit::dsse::PayloadType,
    link::{FrozenFor, Invitation, QuarantinedFor, Received, Receiver},
    registry::Peer,
};
use samsyn_ledger::LinkFigures;
use samsyn_proto::{
    Reason,
    admin::v1::{
        CreateInvitationRequest, CreateInvitationResponse, DiscardQuarantinedRequest,
        DiscardQuarantinedResponse, Link, LinkState, ListLinksRequest, ListLinksResponse,
        ListQuarantineRequest, ListQuarantineResponse, PauseLinkRequest, PauseLinkResponse,
        QuarantinedEnvelope, ReceivedView, ReleaseQuarantinedRequest, ReleaseQuarantinedResponse,
        RenewLinkRequest, RenewLinkResponse, ResumeLinkRequest, ResumeLinkResponse,
        link_service_server::LinkService,
    },
    inbound::{self, LinkAsked, QuarantinedAsked},
};
use tonic::{Request, Response, Status};

use super::{Shared, access::time};
use crate::{
    caller::caller,
    links::{self, Trust},
    status,
};

const MICROS_PER_SECOND: i64 = 1_000_000;

#[tonic::async_trait]
impl LinkService for Shared {
    async fn list_links(
        &self,
        request: Request<ListLinksRequest>,
    ) -> Result<Response<ListLinksResponse>, Status> {
        let caller = caller(&request)?;
        self.answered(&caller, async { self.ledger.oversee(&caller, "administer") }).await?;
        let registry = self.ledger.registry();
        let links = registry.peers().map(|peer| self.link_of(peer)).collect();
        let federation = self.links.as_ref().map(|linking| linking.federation.clone());
        let federation = federation.unwrap_or_default();
        Ok(Response::new(ListLinksResponse { domain: self.ledger.domain(), federation, links }))
    }

    async fn pause_link(
        &self,
        request: Request<PauseLinkRequest>,
    ) -> Result<Response<PauseLinkResponse>, Status> {
        let caller = caller(&request)?;
        let asked = LinkAsked::pause(request.into_inner()).map_err(|f| status::fault(&f))?;
        self.answered(&caller, self.ledger.set_link(&caller, &asked)).await?;
        Ok(Response::new(PauseLinkResponse {}))
    }

    async fn resume_link(
        &self,
        request: Request<ResumeLinkRequest>,
    ) -> Result<Response<ResumeLinkResponse>, Status> {
        let caller = caller(&request)?;
        let asked = LinkAsked::resume(request.into_inner()).map_err(|f| status::fault(&f))?;
        self.answered(&caller, self.ledger.set_link(&caller, &asked)).await?;
        Ok(Response::new(ResumeLinkResponse {}))
    }

    async fn renew_link(
        &self,
        request: Request<RenewLinkRequest>,
    ) -> Result<Response<RenewLinkResponse>, Status> {
        let caller = caller(&request)?;
        let asked = LinkAsked::renew(request.into_inner()).map_err(|f| status::fault(&f))?;
        self.answered(&caller, self.ledger.set_link(&caller, &asked)).await?;
        Ok(Response::new(RenewLinkResponse {}))
    }

    async fn release_quarantined(
        &self,
        request: Request<ReleaseQuarantinedRequest>,
    ) -> Result<Response<ReleaseQuarantinedResponse>, Status> {
        let caller = caller(&request)?;
        let asked = QuarantinedAsked::release(request.into_inner());
        let asked = asked.map_err(|f| status::fault(&f))?;
        self.answered(&caller, self.ledger.release_quarantined(&caller, &asked)).await?;
        Ok(Response::new(ReleaseQuarantinedResponse {}))
    }

    async fn discard_quarantined(
        &self,
        request: Request<DiscardQuarantinedRequest>,
    ) -> Result<Response<DiscardQuarantinedResponse>, Status> {
        let caller = caller(&request)?;
        let asked = QuarantinedAsked::discard(request.into_inner());
        let asked = asked.map_err(|f| status::fault(&f))?;
        self.answered(&caller, self.ledger.release_quarantined(&caller, &asked)).await?;
        Ok(Response::new(DiscardQuarantinedResponse {}))
    }

    async fn list_quarantine(
        &self,
        request: Request<ListQuarantineRequest>,
    ) -> Result<Response<ListQuarantineResponse>, Status> {
        let caller = caller(&request)?;
        self.answered(&caller, async { self.ledger.oversee(&caller, "administer") }).await?;
        let peer = inbound::peer(&request.into_inner().peer).map_err(|f| status::fault(&f))?;
        if self.ledger.registered_peer(&peer).is_none() {
            return Err(status::reason(Reason::NotFound, "peer"));
        }
        let envelopes = self.ledger.quarantined(&peer);
        let told = envelopes.iter().map(|aside| QuarantinedEnvelope {
            epoch: aside.epoch,
            sequence: aside.sequence,
            envelope_id: samsyn_domain::link::Header::id_of(&aside.header).to_string(),
            reason: QuarantinedFor::as_str(aside.reason).to_owned(),
            at: Some(time(aside.at)),
        });
        Ok(Response::new(ListQuarantineResponse { envelopes: told.collect() }))
    }

    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Result<Response<CreateInvitationResponse>, Status> {
        let caller = caller(&request)?;
        self.answered(&caller, async { self.ledger.oversee(&caller, "operate") }).await?;
        let others = inbound::endpoints(request.into_inner()).map_err(|f| status::fault(&f))?;
        let invitation = self.invitation(others)?;
        let statement = invitation.encode().map_err(|error| {
            tracing::error!(%error, "an invitation cannot be written");
            status::reason(Reason::Internal, "")
        })?;
        let signature = self.ledger.sign_as_domain(PayloadType::Invitation, &statement).to_vec();
        Ok(Response::new(CreateInvitationResponse { statement, signature }))
    }
}

impl Shared {
    /// What this domain says of itself to one that it would be linked with.
    fn invitation(&self, others: Vec<String>) -> Result<Invitation, Status> {
        let linking = self.links.as_ref();
        let linking = linking.ok_or_else(|| status::reason(Reason::LinkClosed, ""))?;
        let authority = std::fs::read_to_string(&linking.authority).map_err(|error| {
            tracing::error!(%error, "the authority of links cannot be read");
            status::reason(Reason::Internal, "")
        })?;
        let registry = self.ledger.registry();
        let at_home = registry.organisations().filter(|organisation| {
            registry.functions().any(|function| function.organisation == organisation.id)
        });
        Ok(Invitation {
            domain: self.ledger.domain(),
            federation: linking.federation.clone(),
            endpoints: std::iter::once(linking.address.clone()).chain(others).collect(),
            authorities: vec![authority],
            public_key: self.ledger.public_key(),
            organisations: at_home.map(|of| (of.orgnr.clone(), of.name.clone())).collect(),
            made_at: (self.clock)(),
        })
    }

    fn link_of(&self, peer: &Peer) -> Link {
        let LinkFigures {
            link,
            waiting,
            oldest,
            quarantined,
            pictures_waiting,
            pictures_refused,
            views_delivered,
            views_received,
        } = self.ledger.link_figures(&peer.id);
        let count = |some: usize| u32::try_from(some).unwrap_or(u32::MAX);
        let linking = self.links.as_ref();
        let standing = linking.map(|linking| linking.links.standing(&peer.id));
        let standing = standing.unwrap_or_default();
        let session = standing.session;
        let trust = linking.map(|linking| linking.identity.trust(peer));
        let now = u64::try_from((self.clock)().micros() / MICROS_PER_SECOND).unwrap_or_default();
        let state = match links::LinkState::of(&link, session.is_some()) {
            links::LinkState::Open => LinkState::Open,
            links::LinkState::Unreached => LinkState::Unreached,
            links::LinkState::Paused => LinkState::Paused,
            links::LinkState::Frozen => LinkState::Frozen,
        };
        Link {
            peer: peer.id.to_string(),
            name: peer.name.clone(),
            state: state.into(),
            frozen_for: link.frozen.map_or("", FrozenFor::as_str).to_owned(),
            waiting: waiting as u64,
            numbered: link.out.sequence,
            acknowledged: link.acknowledged,
            taken: link.taken.sequence,
            oldest_waiting_at: oldest.map(time),
            quarantined: quarantined as u64,
            clock_millis: session.map(|session| session.clock_millis),
            peer_level: session.map_or(0, |session| session.level),
            certificate_until: session.map(|session| time(session.certificate_until)),
            last_fault: standing.fault.map_or_else(String::new, |fault| fault.to_string()),
            next_try_at: standing.next_try.filter(|_| session.is_none()).map(time),
            node: linking.map_or(0, |linking| linking.node),
            pictures_waiting: count(pictures_waiting),
            pictures_refused: count(pictures_refused),
            views_delivered: count(views_delivered),
            views_received: views_received.iter().map(|(of, count)| received(of, *count)).collect(),
            trust: trust.map_or("", |trust| trust.age(now).as_str()).to_owned(),
            authority_until: trust.map(|trust| seconds(trust.authority_until)),
            list_until: trust.and_then(Trust::list_until).map(seconds),
        }
    }
}

fn seconds(since_1970: u64) -> prost_types::Timestamp {
    let seconds = i64::try_from(since_1970).unwrap_or(i64::MAX);
    prost_types::Timestamp { seconds, nanos: 0 }
}

/// A view that a peer delivers.
fn received(received: &Received, findings: usize) -> ReceivedView {
    let Receiver { orgnr, parties, areas, periods, ground } = &received.receiver;
    ReceivedView {
        delivery: received.of.id.to_string(),
        orgnr: orgnr.to_string(),
        parties: parties.iter().map(ToString::to_string).collect(),
        areas: areas.iter().map(ToString::to_string).collect(),
        period_kinds: periods.iter().map(|kind| kind.as_str().to_owned()).collect(),
        purpose: ground.purpose.to_string(),
        legal_basis: ground.legal_basis.to_string(),
        phase: received.phase.as_str().to_owned(),
        step: received.step,
        findings: findings as u64,
        at: Some(time(received.at)),
    }
}
