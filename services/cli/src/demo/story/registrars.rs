//! 10, going on: one registrar takes away, two give.

use samsyn_client::{Client, Exported, Word, admin, operations, wire, write_context};
use samsyn_domain::{
    ServiceId,
    registry::{Change, FieldGroup, Operation, Record},
};

use super::{AREA, Broken, PERIOD, PRISON_SERVICE, Story, calls};
use crate::demo::print::Section;

const CITY: &str = "registrar";
const POLICE: &str = "registrar-polismyndigheten";

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let (city, police) = (story.client(CITY).await?, story.client(POLICE).await?);
    let exported = city.export_registry().await?;
    let lift = change(lifted(&exported)?)?;
    let proposal = propose(&city, &exported, &lift).await?;
    let waits = proposal.epoch.is_none();
    // Each signs what its own client has made.
    let exported = police.export_registry().await?;
    let approved = approve(&police, &exported, &change(lifted(&exported)?)?, &proposal).await?;
    let partner = Client::connect(&story.stage.profile(PRISON_SERVICE)?).await?;
    let before = assessed(&partner).await;
    section.holds(
        "the city's registrar alone does not lift it; with the police's signature it is in again",
        waits && approved.epoch.is_some() && before.is_ok(),
        || format!("waited: {waits}, then: {before:?}"),
    );
    let exported = city.export_registry().await?;
    let narrowed = propose(&city, &exported, &change(narrowed(&exported)?)?).await?;
    let (before, after) = (before?, assessed(&partner).await?);
    section.holds(
        &format!(
            "one signature takes `assessment` from its row: findings with a severity {before} → \
             {after}"
        ),
        narrowed.epoch.is_some() && before > 0 && after == 0,
        || "one registrar is enough to take away".to_owned(),
    );
    Ok(())
}

fn change(record: Record) -> Result<Change, Broken> {
    let operations = vec![Operation::Put(record.into())];
    Change::of(operations).map_err(|_| Broken::Missing("a change of the registry"))
}

fn lifted(exported: &Exported) -> Result<Record, Broken> {
    let id = ServiceId::parse(&format!("{PRISON_SERVICE}/{PRISON_SERVICE}")).ok();
    let service = id.and_then(|id| exported.registry.service(&id).cloned());
    let mut service = service.ok_or(Broken::Missing("the service"))?;
    service.suspended = false;
    Ok(Record::Services(service))
}

fn narrowed(exported: &Exported) -> Result<Record, Broken> {
    let mut rows = exported.registry.release_rows();
    let row = rows.find(|row| row.receiver.as_str() == PRISON_SERVICE).cloned();
    let mut row = row.ok_or(Broken::Missing("the release row"))?;
    row.shown.remove(&FieldGroup::Assessment);
    Ok(Record::ReleaseRows(row))
}

async fn propose(
    client: &Client,
    exported: &Exported,
    change: &Change,
) -> Result<admin::ProposeRegistryChangeResponse, Broken> {
    let request = admin::ProposeRegistryChangeRequest {
        context: Some(write_context("registrar")),
        against: Some(exported.base()),
        operations: operations(change),
        signature: Some(exported.sign(client, change, Word::Propose, exported.epoch)?),
        reason: "Nyckel utbytt.".to_owned(),
    };
    Ok(client.registry.clone().propose_registry_change(request).await?.into_inner())
}

async fn approve(
    client: &Client,
    exported: &Exported,
    change: &Change,
    proposal: &admin::ProposeRegistryChangeResponse,
) -> Result<admin::ApproveRegistryChangeResponse, Broken> {
    let request = admin::ApproveRegistryChangeRequest {
        context: Some(write_context("registrar")),
        proposal: proposal.proposal,
        signature: Some(exported.sign(client, change, Word::Approve, exported.epoch)?),
    };
    Ok(client.registry.clone().approve_registry_change(request).await?.into_inner())
}

/// How many findings a partner is shown with a severity.
async fn assessed(client: &Client) -> Result<usize, Broken> {
    let request = wire::GetJointPictureRequest {
        context: calls::reads(client),
        area: AREA.to_owned(),
        period: calls::period(PERIOD),
        ..wire::GetJointPictureRequest::default()
    };
    let picture = client.joint.clone().get_joint_picture(request).await?.into_inner();
    Ok(picture.findings.iter().filter(|finding| finding.severity.is_some()).count())
}
