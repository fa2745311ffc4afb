//! How a party answers an edition: its own client makes the content root anew from everything in
//! the round, and signs nothing else.

use ed25519_dalek::SigningKey;
use samsyn_domain::{
    AreaId, EditionId, PartyId, Period,
    edition::Verdict,
    registry::{Role, Track},
};

use crate::{
    Client, Refused,
    verify::{self, Pinned, Rejected, Reviewed},
    wire,
};

/// As many rows as a page has: each page is a call and a record of its own.
const PAGE_ROWS: u32 = 500;

/// Why a round cannot be reviewed or answered. Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum NotEndorsed {
    /// The gateway refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What the gateway gave does not hold.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The content comes to another root than the one in review.
    #[error(
        "the content comes to the root {}, and {} is in review; fetch again, and tell the \
         coordinator if it stays so", hex::encode(.rebuilt), hex::encode(.in_review)
    )]
    OtherRoot {
        /// What was rebuilt.
        rebuilt: verify::Digest,
        /// What the header names.
        in_review: Vec<u8>,
    },
    /// A new round began while it was fetched.
    #[error("a new round began while it was fetched; answer again")]
    NewRound,
    /// The gateway left out what it must give.
    #[error("the gateway left out {0}; ask its operator")]
    Incomplete(&'static str),
}

/// What a party answers.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// Which party.
    pub party: &'a str,
    /// In which function.
    pub role: Role,
    /// What it says.
    pub verdict: Verdict,
    /// The reservation or objection, in Unicode normalization form C; empty when there is none.
    pub text: &'a str,
}

/// With which key it is signed.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The Ed25519 seed.
    pub seed: &'a [u8; 32],
    /// The registered id of the key.
    pub key_id: &'a str,
    /// 32 random bytes, drawn for this answer alone.
    pub salt: [u8; 32],
}

impl std::fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "signer with key {}", self.key_id)
    }
}

impl Client {
    /// Everything in the round of an edition that is in review, from all pages, rebuilt.
    ///
    /// # Errors
    /// When the gateway refuses, the content does not hold, or it comes to another root than the
    /// header's.
    pub async fn review(
        &self,
        header: &wire::EditionHeader,
        pinned: &Pinned,
    ) -> Result<Reviewed, NotEndorsed> {
        let mut openings = Vec::new();
        let mut token = String::new();
        let whole = loop {
            let request = wire::GetEditionReviewRequest {
                context: Some(self.profile().read_context()),
                edition_id: header.id.clone(),
                page: Some(wire::Page { size: PAGE_ROWS, token }),
            };
            let answer = self.editions.clone().get_edition_review(request).await;
            let mut page = answer.map_err(Refused::from)?.into_inner();
            if page.round != header.round {
                return Err(NotEndorsed::NewRound);
            }
            openings.append(&mut page.openings);
            token = std::mem::take(&mut page.next_page_token);
            if token.is_empty() {
                break page;
            }
        };
        let salt = |bytes: &[u8]| {
            bytes.try_into().map_err(|_| NotEndorsed::Incomplete("a salt of the round"))
        };
        let reviewed = verify::review(
            pinned,
            &whole.descriptor_bytes,
            &salt(&whole.round_salt)?,
            &whole.basis,
            &salt(&whole.basis_salt)?,
            &openings,
        )?;
        if reviewed.content_root.as_slice() == header.content_root {
            return Ok(reviewed);
        }
        let (rebuilt, in_review) = (reviewed.content_root, header.content_root.clone());
        Err(NotEndorsed::OtherRoot { rebuilt, in_review })
    }
}

/// The signed answer to a reviewed round.
///
/// # Errors
/// When what readers may get in place of exact values is not what the profile makes of them, or the
/// header lacks something.
pub fn answer(
    header: &wire::EditionHeader,
    reviewed: &Reviewed,
    intent: Intent<'_>,
    signer: Signer<'_>,
) -> Result<wire::Answer, NotEndorsed> {
    let controlled = reviewed.controlled()?;
    let Intent { party, role, verdict, text } = intent;
    let unsigned = to_sign(header, controlled, intent, &signer.salt);
    let unsigned = unsigned.ok_or(NotEndorsed::Incomplete("what an endorsement names"))?;
    let statement = verify::endorsement_payload(&unsigned);
    let signature = verify::sign(&SigningKey::from_bytes(signer.seed), &statement);
    let verdict = match verdict {
        Verdict::Endorsed => wire::Verdict::Endorsed,
        Verdict::Reserved => wire::Verdict::EndorsedWithReservation,
        Verdict::Objected => wire::Verdict::Objected,
    };
    Ok(wire::Answer {
        party: party.to_owned(),
        verdict: verdict.into(),
        text: text.to_owned(),
        statement,
        signature: signature.to_vec(),
        key_id: signer.key_id.to_owned(),
        actor_role: role.as_str().to_owned(),
        text_salt: signer.salt.to_vec(),
    })
}

fn to_sign<'a>(
    header: &wire::EditionHeader,
    reviewed: verify::Controlled<'a>,
    intent: Intent<'_>,
    salt: &[u8; 32],
) -> Option<verify::EndorsementToSign<'a>> {
    let period: Period = header.period.as_ref()?.code.parse().ok()?;
    Some(verify::EndorsementToSign {
        reviewed,
        area: AreaId::parse(&header.area).ok()?,
        edition: EditionId::parse(&header.id).ok()?,
        round: header.round,
        track: Track::from_code(&header.track)?,
        period: period.bounds(),
        party: PartyId::parse(intent.party).ok()?,
        role: intent.role,
        verdict: intent.verdict,
        reservation_commitment: verify::reservation_commitment(salt, intent.text),
    })
}
