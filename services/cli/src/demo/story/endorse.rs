//! How a party answers an edition: it rebuilds the content root from everything in it, and signs
//! only what it has rebuilt.

use samsyn_client::{Client, Intent, Signer, verify, wire, write_context};
use samsyn_domain::{edition::Verdict, registry::Role};

use super::{Broken, calls};

/// Reviews an edition and answers it.
///
/// # Errors
/// When the whole content does not come to the root that is in review, or the gateway refuses.
pub(super) async fn answer(
    client: &Client,
    header: &wire::EditionHeader,
    reservation: Option<&str>,
) -> Result<wire::EditionHeader, Broken> {
    let reviewed = client.review(header, &pinned(client)?).await?;
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| Broken::Missing("randomness"))?;
    let profile = client.profile();
    let role = Role::Endorser;
    let key_id = format!("{}/{}", profile.party, role.as_str());
    let seed = profile.endorsement_keys.get(&role).ok_or(Broken::Missing("an endorsement key"))?;
    let text = reservation.unwrap_or_default();
    let verdict = if text.is_empty() { Verdict::Endorsed } else { Verdict::Reserved };
    let intent = Intent { party: &profile.party, role, verdict, text };
    let signer = Signer { seed, key_id: &key_id, salt };
    let request = wire::AnswerEditionRequest {
        context: Some(write_context(role.as_str())),
        edition_id: header.id.clone(),
        answer: Some(samsyn_client::answer(header, &reviewed, intent, signer)?),
    };
    let answer = client.editions.clone().answer_edition(request).await?.into_inner();
    answer.edition.ok_or(Broken::Missing("the edition"))
}

/// What the client's profile has pinned.
pub(super) fn pinned(client: &Client) -> Result<verify::Pinned, Broken> {
    let bytes = hex::decode(&client.profile().descriptor).ok();
    let descriptor = bytes.and_then(|bytes| bytes.try_into().ok());
    let descriptor = descriptor.ok_or(Broken::Missing("a pinned descriptor"))?;
    Ok(verify::Pinned { descriptor })
}

/// Locks an edition at the area's newest revision, with an analysis.
pub(super) async fn lock(
    client: &Client,
    header: &wire::EditionHeader,
    analysis: &str,
    labels: wire::Labels,
) -> Result<wire::LockEditionResponse, Broken> {
    let code = header.period.as_ref().map_or("", |period| period.code.as_str());
    let revision = calls::joint(client, &header.area, code).await?.revision;
    let request = wire::LockEditionRequest {
        context: Some(write_context("coordinator")),
        edition_id: header.id.clone(),
        revision,
        analysis: analysis.to_owned(),
        analysis_labels: Some(labels),
        party: client.profile().party.clone(),
    };
    Ok(client.editions.clone().lock_edition(request).await?.into_inner())
}
