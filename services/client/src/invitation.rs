//! Invitations to a link: taken for what they say when the key that they name has signed them.

use ed25519_dalek::VerifyingKey;
use samsyn_domain::{
    commit::dsse::{PayloadType, pre_authentication},
    link::Invitation,
};
use serde::{Deserialize, Serialize};

/// The form of the file.
const FORM: u32 = 1;

/// Why something is no invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInvitation {
    /// It is no file of that form.
    #[error("this is no invitation; have it sent again as `samsyn invite` wrote it")]
    Malformed,
    /// It is of another version.
    #[error("this invitation has a form that this program does not know; upgrade it")]
    OtherForm,
    /// The signature does not fit.
    #[error("this invitation was changed after it was signed; have it sent again, another way")]
    Unsigned,
}

/// An invitation that the key in it has signed. That the key is the domain's is for people to find
/// out, by its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedInvitation {
    invitation: Invitation,
    statement: Vec<u8>,
    signature: [u8; 64],
}

/// The file: JSON; bytes in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    samsyn_invitation: u32,
    statement: String,
    signature: String,
}

impl SignedInvitation {
    /// Of a statement in canonical bytes and its signature.
    ///
    /// # Errors
    /// When it is no invitation, or not signed by the key that it names.
    pub fn verify(statement: Vec<u8>, signature: &[u8]) -> Result<Self, NotAnInvitation> {
        let invitation = Invitation::decode(&statement).map_err(|_| NotAnInvitation::Malformed)?;
        let signature: [u8; 64] = signature.try_into().map_err(|_| NotAnInvitation::Malformed)?;
        let key = VerifyingKey::from_bytes(&invitation.public_key);
        let key = key.map_err(|_| NotAnInvitation::Malformed)?;
        let signed = pre_authentication(PayloadType::Invitation, &statement);
        let held = key.verify_strict(&signed, &signature.into());
        held.map_err(|_| NotAnInvitation::Unsigned)?;
        Ok(Self { invitation, statement, signature })
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn parse(text: &str) -> Result<Self, NotAnInvitation> {
        let written: Written =
            serde_json::from_str(text).map_err(|_| NotAnInvitation::Malformed)?;
        if written.samsyn_invitation != FORM {
            return Err(NotAnInvitation::OtherForm);
        }
        let bytes = |text: &str| hex::decode(text).map_err(|_| NotAnInvitation::Malformed);
        Self::verify(bytes(&written.statement)?, &bytes(&written.signature)?)
    }

    /// The text of its file.
    #[must_use]
    pub fn text(&self) -> String {
        let written = Written {
            samsyn_invitation: FORM,
            statement: hex::encode(&self.statement),
            signature: hex::encode(self.signature),
        };
        // A structure of numbers and texts always has a form.
        format!("{}\n", serde_json::to_string_pretty(&written).unwrap_or_default())
    }

    /// What it says.
    #[must_use]
    pub const fn invitation(&self) -> &Invitation {
        &self.invitation
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ed25519_dalek::{Signer as _, SigningKey};
    use samsyn_domain::Timestamp;

    use super::*;

    fn signed(of: u8, by: u8, kind: PayloadType) -> Result<SignedInvitation, NotAnInvitation> {
        let key = |seed| SigningKey::from_bytes(&[seed; 32]);
        let invitation = Invitation {
            domain: "a.example".into(),
            federation: "f.example".into(),
            endpoints: vec!["a.example:7446".into()],
            authorities: vec!["pem".into()],
            public_key: key(of).verifying_key().to_bytes(),
            organisations: BTreeMap::new(),
            made_at: Timestamp::ZERO,
        };
        let statement = invitation.encode().unwrap();
        let signature = key(by).sign(&pre_authentication(kind, &statement)).to_bytes();
        SignedInvitation::verify(statement, &signature)
    }

    #[test]
    fn an_invitation_is_signed_by_the_key_that_it_names() {
        let invitation = signed(1, 1, PayloadType::Invitation).unwrap();
        assert_eq!(SignedInvitation::parse(&invitation.text()), Ok(invitation));
        let unsigned = Err(NotAnInvitation::Unsigned);
        assert_eq!(signed(1, 2, PayloadType::Invitation), unsigned);
        assert_eq!(signed(1, 1, PayloadType::LinkPosition), unsigned);
    }

    #[test]
    fn a_changed_invitation_is_none() {
        let whole = signed(1, 1, PayloadType::Invitation).unwrap();
        for at in 0..whole.statement.len() {
            let mut changed = whole.clone();
            changed.statement[at] ^= 1;
            assert!(SignedInvitation::parse(&changed.text()).is_err(), "{at}");
        }
        let other = whole.text().replace("invitation\": 1", "invitation\": 2");
        assert_eq!(SignedInvitation::parse(&other), Err(NotAnInvitation::OtherForm));
        let more = whole.text().replace('{', "{\"more\": 1,");
        for no in ["", "{}", &more, &whole.text().replace("\": \"", "\": \"0")] {
            assert_eq!(SignedInvitation::parse(no), Err(NotAnInvitation::Malformed), "{no}");
        }
    }
}
