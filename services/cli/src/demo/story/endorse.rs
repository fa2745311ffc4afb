//! How a party answers an edition: it rebuilds the content root from everything in it, and signs
//! only what it has rebuilt.

use ed25519_dalek::SigningKey;
use samsyn_client::{Client, verify, wire, write_context};
use samsyn_domain::{
    AreaId, EditionId, PartyId, Period,
    edition::Verdict,
    registry::{Role, Track},
};

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
    let reviewed = review(client, &header.id).await?;
    if reviewed.content_root.as_slice() != header.content_root {
        return Err(Broken::Missing("a review that comes to the root in review"));
    }
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| Broken::Missing("randomness"))?;
    let text = reservation.unwrap_or_default();
    let verdict = if text.is_empty() { Verdict::Endorsed } else { Verdict::Reserved };
    let profile = client.profile();
    let key = profile.endorsement_keys.get(&Role::Endorser);
    let key = key.ok_or(Broken::Missing("an endorsement key"))?;
    let controlled = reviewed.controlled()?;
    let unsigned = to_sign(header, controlled, &profile.party, verdict, salt, text);
    let unsigned = unsigned.ok_or(Broken::Missing("what is to be signed"))?;
    let statement = verify::endorsement_payload(&unsigned);
    let signature = verify::sign(&SigningKey::from_bytes(key), &statement);
    let role = Role::Endorser.as_str();
    let wire_verdict = match verdict {
        Verdict::Endorsed => wire::Verdict::Endorsed,
        Verdict::Reserved => wire::Verdict::EndorsedWithReservation,
        Verdict::Objected => wire::Verdict::Objected,
    };
    let request = wire::AnswerEditionRequest {
        context: Some(write_context(role)),
        edition_id: header.id.clone(),
        answer: Some(wire::Answer {
            party: profile.party.clone(),
            verdict: wire_verdict.into(),
            text: text.to_owned(),
            statement,
            signature: signature.to_vec(),
            key_id: format!("{}/{role}", profile.party),
            actor_role: role.to_owned(),
            text_salt: salt.to_vec(),
        }),
    };
    let answer = client.editions.clone().answer_edition(request).await?.into_inner();
    answer.edition.ok_or(Broken::Missing("the edition"))
}

/// The whole content of an edition, rebuilt.
async fn review(client: &Client, id: &str) -> Result<verify::Reviewed, Broken> {
    let next = |page| {
        let mut editions = client.editions.clone();
        let context = calls::reads(client);
        let request = wire::GetEditionReviewRequest { context, edition_id: id.to_owned(), page };
        async move { editions.get_edition_review(request).await }
    };
    let answers = calls::pages(next, |answer| &answer.next_page_token).await?;
    let openings: Vec<wire::Opening> =
        answers.iter().flat_map(|answer| &answer.openings).cloned().collect();
    let whole = answers.into_iter().next_back().ok_or(Broken::Missing("the review"))?;
    let salt = |bytes: &[u8]| {
        <[u8; 32]>::try_from(bytes).map_err(|_| Broken::Missing("a salt of the round"))
    };
    Ok(verify::review(
        &pinned(client)?,
        &whole.descriptor_bytes,
        &salt(&whole.round_salt)?,
        &whole.basis,
        &salt(&whole.basis_salt)?,
        &openings,
    )?)
}

/// What the client's profile has pinned.
pub(super) fn pinned(client: &Client) -> Result<verify::Pinned, Broken> {
    let bytes = hex::decode(&client.profile().descriptor).ok();
    let descriptor = bytes.and_then(|bytes| bytes.try_into().ok());
    let descriptor = descriptor.ok_or(Broken::Missing("a pinned descriptor"))?;
    Ok(verify::Pinned { descriptor })
}

fn to_sign<'a>(
    header: &wire::EditionHeader,
    reviewed: verify::Controlled<'a>,
    party: &str,
    verdict: Verdict,
    salt: [u8; 32],
    text: &str,
) -> Option<verify::EndorsementToSign<'a>> {
    let period: Period = header.period.as_ref()?.code.parse().ok()?;
    Some(verify::EndorsementToSign {
        reviewed,
        area: AreaId::parse(&header.area).ok()?,
        edition: EditionId::parse(&header.id).ok()?,
        round: header.round,
        track: Track::from_code(&header.track)?,
        period: period.bounds(),
        party: PartyId::parse(party).ok()?,
        role: Role::Endorser,
        verdict,
        reservation_commitment: verify::reservation_commitment(&salt, text),
    })
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
