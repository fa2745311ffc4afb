//! Identifiers: cheap to clone, checked once.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest identifier, in bytes.
const BYTES_MAX: usize = 128;

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// It is empty.
    #[error("is empty; give the registered id")]
    Empty,
    /// It is longer than 128 bytes.
    #[error("is longer than 128 bytes; shorten it")]
    TooLong,
    /// A character that ids do not have.
    #[error("holds a character that ids do not have; see the registered ids")]
    Character,
}

fn check(text: &str, allowed: fn(char) -> bool) -> Result<(), BadId> {
    if text.is_empty() {
        return Err(BadId::Empty);
    }
    if text.len() > BYTES_MAX {
        return Err(BadId::TooLong);
    }
    if text.chars().all(allowed) { Ok(()) } else { Err(BadId::Character) }
}

/// Codes of a registry: lower case ASCII, digits and `-_./:`.
fn code(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/' | ':')
}

/// Ids that another system gives: visible ASCII.
fn visible(c: char) -> bool {
    c.is_ascii_graphic()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $allowed:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an id.
            ///
            /// # Errors
            /// When it is empty, longer than 128 bytes, or holds a character that ids do not have.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                check(text, $allowed).map(|()| Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                Self::parse(&text).map_err(|why| de::Error::custom(format!("id `{text}` {why}")))
            }
        }
    )+};
}

ids! {
    /// A legal entity (juridisk person): `stockholms-stad`.
    OrganisationId: code;
    /// Who acts in an agreement (part): a district administration, a local police area.
    PartyId: code;
    /// A calling system of an organisation, as its certificate names it: `<organisation>/<name>`.
    ServiceId: code;
    /// An area with a joint picture (stadsdelsområde).
    AreaId: code;
    /// A part of an area (stadsdel).
    SubAreaId: code;
    /// A registered place.
    PlaceId: code;
    /// A code of the category list.
    CategoryId: code;
    /// A priority collaboration area (prioriterat samverkansområde).
    PriorityId: code;
    /// A purpose (ändamål).
    PurposeId: code;
    /// A registered legal basis.
    LegalBasisId: code;
    /// A kind of source: a code of the source list.
    SourceId: code;
    /// A group of organisations.
    GroupId: code;
    /// An agreement (samverkansöverenskommelse).
    AgreementId: code;
    /// A release row: what one receiver may have.
    RowId: code;
    /// An endorsement key.
    KeyId: code;
    /// A series of meetings.
    MeetingId: code;
    /// An observation (iakttagelse), as its publisher calls it.
    ObservationId: visible;
    /// A conflict between parties over one field of one finding.
    ConflictId: code;
    /// An edition (utgåva).
    EditionId: code;
    /// A domain, by its name: `stockholm.example`.
    DomainId: code;
    /// A function address (funktionsadress): `<organisation number>/<function>`.
    FunctionId: code;
}

impl DomainId {
    /// The calling system that its links are: `<domain>/link`.
    ///
    /// # Errors
    /// When the name is so long that it leaves no room.
    pub fn link(&self) -> Result<ServiceId, BadId> {
        ServiceId::parse(&format!("{self}/link"))
    }
}

impl EditionId {
    /// The area that it is of, as its id begins with it.
    #[must_use]
    pub fn area(&self) -> &str {
        self.part(0)
    }

    /// The track that it is of, as its id names it; empty when it names none.
    #[must_use]
    pub fn track(&self) -> &str {
        self.part(2)
    }

    fn part(&self, at: usize) -> &str {
        self.as_str().split(':').nth(at).unwrap_or_default()
    }
}

impl FunctionId {
    /// The organisation number that it begins with; empty when it has none.
    #[must_use]
    pub fn orgnr(&self) -> &str {
        self.as_str().split_once('/').map_or("", |(orgnr, _)| orgnr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_checked_once_and_bounded() {
        assert_eq!(AreaId::parse("sthlm-skarholmen").unwrap().as_str(), "sthlm-skarholmen");
        assert_eq!(AreaId::parse(""), Err(BadId::Empty));
        assert_eq!(AreaId::parse("Skärholmen"), Err(BadId::Character));
        assert_eq!(AreaId::parse(&"a".repeat(129)), Err(BadId::TooLong));
        let edition = EditionId::parse("sthlm-skarholmen:2025-10:operative:1").unwrap();
        assert_eq!((edition.area(), edition.track()), ("sthlm-skarholmen", "operative"));
        assert_eq!(EditionId::parse("other").unwrap().track(), "");
        assert_eq!(ObservationId::parse("A b"), Err(BadId::Character));
        assert!(ObservationId::parse("EMB-2025#17").is_ok());
    }
}
