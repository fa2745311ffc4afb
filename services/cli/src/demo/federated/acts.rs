//! What each section has the domains do, and what it looks at.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use samsyn_client::{
    Client, ConnectError, NoChange, NotAnInvitation, NotEndorsed, Refused, SignedInvitation, Word,
    admin, operations, wire, write_context,
};
use samsyn_domain::{
    AreaId, DomainId, KeyId,
    link::Invitation,
    message::{MessageKind, Step},
    registry::{Change, Operation, Peer, PeerKey, PeerOrganisation, Record},
};
use tokio::time::sleep;

use super::{
    area::AREA,
    domains::{BASIS, Domain, FEDERATION, PRISON, PURPOSE, Who},
};
use crate::demo::{
    clock,
    print::{Section, cell},
};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// The highest level that crosses the links of the story.
const CEILING: u8 = 2;

/// Why a section cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    NoChange(#[from] NoChange),
    #[error("{0}")]
    Invitation(#[from] NotAnInvitation),
    #[error("{0}")]
    Domain(#[from] super::Error),
    #[error("{0}")]
    NotEndorsed(#[from] NotEndorsed),
    #[error("{0} did not come in time")]
    TooLate(&'static str),
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl From<tonic::Status> for Broken {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(status.into())
    }
}

/// What a domain says of itself, once its own key has signed it.
pub(super) async fn invited(domain: &Domain) -> Result<Invitation, Broken> {
    let request = admin::CreateInvitationRequest::default();
    let made = domain.operator.links.clone().create_invitation(request).await?.into_inner();
    let signed = SignedInvitation::verify(made.statement, &made.signature)?;
    Ok(signed.invitation().clone())
}

pub(super) fn short(invitation: &Invitation) -> String {
    let fingerprint = invitation.fingerprint().to_string();
    fingerprint.split(' ').take(3).collect::<Vec<_>>().join(" ") + " …"
}

/// Registers another domain as a peer, signed by the registrar; it may deliver the joint picture of
/// the area, where it is that area's home and no agreement here says so.
pub(super) async fn accept(domain: &Domain, of: &Invitation) -> Result<(), Broken> {
    let missing = || Broken::Missing("an id");
    let id = DomainId::parse(&of.domain).map_err(|_| missing())?;
    let key = KeyId::parse(&format!("{id}/1")).map_err(|_| missing())?;
    let key = PeerKey { id: key, public_key: hex::encode(of.public_key) };
    let organisations = of
        .organisations
        .iter()
        .map(|(orgnr, name)| PeerOrganisation { orgnr: orgnr.clone(), name: name.clone() });
    let peer = Peer {
        name: of.domain.clone(),
        id,
        federation: FEDERATION.to_owned(),
        endpoints: of.endpoints.clone(),
        authorities: of.authorities.clone(),
        keys: BTreeSet::from([key]),
        organisations: organisations.collect(),
        ceiling: CEILING,
        message_kinds: BTreeSet::from([
            MessageKind::InformationRequest,
            MessageKind::Notice,
            MessageKind::Answer,
        ]),
        envelopes_per_minute: 6_000,
        areas: delivered_to(domain)?,
        deliveries: BTreeSet::new(),
    };
    let change = Change::of(vec![Operation::Put(Record::Peers(peer).into())]);
    let change = change.map_err(|_| Broken::Missing("a change"))?;
    changes(domain, &change).await
}

/// What of the city's may be delivered to a domain that has no agreement on it.
fn delivered_to(domain: &Domain) -> Result<BTreeSet<AreaId>, Broken> {
    let area = AreaId::parse(AREA).map_err(|_| Broken::Missing("an area"))?;
    Ok((domain.who.domain == PRISON.domain).then_some(area).into_iter().collect())
}

/// A registrar changes its registry: these have one each, so that its signature is enough.
pub(super) async fn changes(domain: &Domain, change: &Change) -> Result<(), Broken> {
    let client: &Client = &domain.registrar;
    let exported = client.export_registry().await?;
    let request = admin::ProposeRegistryChangeRequest {
        context: Some(write_context("registrar")),
        against: Some(exported.base()),
        operations: operations(change),
        signature: Some(exported.sign(client, change, Word::Propose, exported.epoch)?),
        reason: "Avtal om informationsutbyte.".to_owned(),
    };
    client.registry.clone().propose_registry_change(request).await?;
    Ok(())
}

/// Who may have had an observation of a domain's own party, as its desk is told there.
pub(super) async fn holders(domain: &Domain, id: &str) -> Result<Vec<wire::Holder>, Broken> {
    let request = wire::ListHoldersRequest {
        context: Some(domain.desk.profile().read_context()),
        area: AREA.to_owned(),
        party: domain.who.party.to_owned(),
        observation_id: id.to_owned(),
        page: None,
    };
    let listed = domain.desk.access.clone().list_holders(request).await?.into_inner();
    Ok(listed.holders)
}

/// One of them on a line: the domain, the way, and when it confirmed that it is gone.
pub(super) fn held(holder: &wire::Holder) -> String {
    let at = holder.confirmed_at.as_ref().and_then(|at| at.to_string().parse().ok());
    let at = at.map(|at| crate::clock::local(at).strftime(" %H:%M:%S").to_string());
    let state = holder.state.replace('_', " ");
    let who = if holder.peer.is_empty() { &holder.service } else { &holder.peer };
    format!("{} {} {state}{}", cell(who, 24), cell(&holder.way, 14), at.unwrap_or_default())
}

/// Those whose word that it is gone has come.
pub(super) fn confirmed(holders: &[wire::Holder]) -> BTreeSet<&str> {
    let confirmed = holders.iter().filter(|holder| holder.state == "removal_confirmed");
    confirmed.map(|holder| holder.peer.as_str()).collect()
}

pub(super) async fn linked(domain: &Domain) -> Result<Vec<admin::Link>, Broken> {
    let listed = domain.operator.links.clone().list_links(admin::ListLinksRequest {}).await?;
    Ok(listed.into_inner().links)
}

pub(super) async fn link_with(domain: &Domain, other: Who) -> Result<admin::Link, Broken> {
    let links = linked(domain).await?;
    links.into_iter().find(|link| link.peer == other.domain).ok_or(Broken::Missing("a link"))
}

pub(super) async fn is_open(domain: &Domain, other: Who) -> Result<(), Broken> {
    until("a link", async || Ok(link_with(domain, other).await?.state() == admin::LinkState::Open))
        .await
}

pub(super) async fn is_down(domain: &Domain, other: Who) -> Result<(), Broken> {
    until("the end of a link", async || {
        Ok(link_with(domain, other).await?.state() == admin::LinkState::Unreached)
    })
    .await
}

/// Waits until a message stands in a domain's inbox.
pub(super) async fn arrives(domain: &Domain, id: &str) -> Result<(), Broken> {
    let since = Instant::now();
    let mut after = 0;
    while since.elapsed() < PATIENCE {
        // It waits there until there is something.
        let entries = domain.desk.inbox(&domain.who.address(), after, 1).await?;
        after = entries.last().map_or(after, |entry| entry.number);
        let heads = entries.into_iter().filter_map(|entry| entry.head);
        if heads.into_iter().any(|head| head.message_id == id) {
            return Ok(());
        }
    }
    Err(Broken::TooLate("a message"))
}

/// The bytes of the file that goes along with a message, once they are there.
pub(super) async fn opens(domain: &Domain, id: &str) -> Result<Vec<u8>, Broken> {
    let (_, file) = domain.desk.attachment(&domain.who.address(), id, 1).await?;
    Ok(file)
}

/// The ids in a domain's inbox, in order.
pub(super) async fn all_of(domain: &Domain) -> Result<Vec<String>, Broken> {
    let mut ids = Vec::new();
    loop {
        let after = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let entries = domain.desk.inbox(&domain.who.address(), after, 0).await?;
        if entries.is_empty() {
            return Ok(ids);
        }
        let heads = entries.into_iter().filter_map(|entry| entry.head);
        ids.extend(heads.map(|head| head.message_id));
    }
}

pub(super) fn first_is(inbox: &[String], from: usize, urgent: &str) -> bool {
    // What was numbered before the wire was cut keeps its place; the urgent one comes before all
    // that was not.
    let place = inbox.iter().position(|id| id == urgent);
    place.is_some_and(|place| place >= from && place < inbox.len().saturating_sub(1))
}

/// The steps that a message has reached with one recipient, once it has reached one.
pub(super) async fn climbs(
    domain: &Domain,
    id: &str,
    with: Who,
    step: Step,
) -> Result<Vec<String>, Broken> {
    let ladder = async || -> Result<Vec<String>, Broken> {
        let tracked = domain.desk.track_messages(&domain.who.address(), Some(id)).await?;
        let all = tracked.into_iter().flat_map(|one| one.deliveries);
        let of = |delivery: &wire::MessageDelivery| delivery.to_function.starts_with(with.orgnr);
        let delivery = all.into_iter().find(of).ok_or(Broken::Missing("a delivery"))?;
        let name = |receipt: &wire::MessageReceipt| {
            let name = receipt.step().as_str_name();
            name.trim_start_matches("MESSAGE_STEP_").to_lowercase()
        };
        Ok(delivery.receipts.iter().map(name).collect())
    };
    let reached = async || Ok(ladder().await?.iter().any(|one| one == step.as_str()));
    until("a receipt", reached).await?;
    ladder().await
}

pub(super) async fn until(
    what: &'static str,
    holds: impl AsyncFn() -> Result<bool, Broken>,
) -> Result<(), Broken> {
    let since = Instant::now();
    while !holds().await? {
        if since.elapsed() > PATIENCE {
            return Err(Broken::TooLate(what));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

pub(super) fn says(
    section: &mut Section,
    what: &str,
    refused: &Result<String, Refused>,
    reason: &str,
) {
    let said = match refused {
        Ok(_) => "it was taken".to_owned(),
        Err(refused) => refused.reason.map_or("no reason", samsyn_client::Reason::id).to_owned(),
    };
    section.holds(&format!("{what}: `{reason}`"), said == reason, || said.clone());
}

pub(super) fn labels() -> wire::Labels {
    wire::Labels {
        level: 1,
        purposes: vec![PURPOSE.to_owned()],
        regime: "nonpersonal".to_owned(),
        retain_until: Some(clock::wire(clock::now().after_seconds(365 * 86_400))),
        ..wire::Labels::default()
    }
}

pub(super) fn message(from: Who, to: Who, kind: &str, subject: &str) -> wire::SendMessageRequest {
    wire::SendMessageRequest {
        context: Some(write_context("")),
        ground: Some(wire::ReadContext {
            purpose: PURPOSE.to_owned(),
            legal_basis: BASIS.to_owned(),
            ..wire::ReadContext::default()
        }),
        from_function: from.address(),
        to_functions: vec![to.address()],
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        labels: Some(labels()),
        ..wire::SendMessageRequest::default()
    }
}
