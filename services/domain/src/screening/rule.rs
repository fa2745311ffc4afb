//! The rules of screening: identifiers and the sentences shown to an author.

/// A screening rule (granskningsregel).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Personal identity number (personnummer), folkbokföringslagen (1991:481) 18 §.
    PersonalIdentityNumber,
    /// Coordination number (samordningsnummer), lagen (2022:1697) om samordningsnummer.
    CoordinationNumber,
    /// Swedish phone number (telefonnummer).
    Phone,
    /// E-mail address (e-postadress).
    Email,
    /// Swedish number plate (registreringsnummer).
    NumberPlate,
    /// Police case number (K-nummer).
    CaseNumber,
    /// A person described by age, mostly with gender (ålder och kön).
    AgeAndGender,
    /// A control character, or one that changes the direction of text (styrtecken).
    ControlCharacter,
}

impl Rule {
    /// Every rule, in the order of the listing.
    pub const ALL: [Self; 8] = [
        Self::PersonalIdentityNumber,
        Self::CoordinationNumber,
        Self::Phone,
        Self::Email,
        Self::NumberPlate,
        Self::CaseNumber,
        Self::AgeAndGender,
        Self::ControlCharacter,
    ];

    /// The stable identifier: the policy rule, a full stop, the Swedish name in ASCII.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::PersonalIdentityNumber => "POL-01.personnummer",
            Self::CoordinationNumber => "POL-01.samordningsnummer",
            Self::Phone => "POL-01.telefonnummer",
            Self::Email => "POL-01.e-postadress",
            Self::NumberPlate => "POL-01.registreringsnummer",
            Self::CaseNumber => "POL-01.arendenummer",
            Self::AgeAndGender => "POL-01.alder-och-kon",
            Self::ControlCharacter => "POL-01.styrtecken",
        }
    }

    /// One Swedish sentence for the author: what it looks like and what to do.
    #[must_use]
    pub fn text_sv(self) -> &'static str {
        match self {
            Self::PersonalIdentityNumber => {
                "Ser ut som ett personnummer: beskriv plats och händelse, inte personen."
            }
            Self::CoordinationNumber => {
                "Ser ut som ett samordningsnummer: beskriv plats och händelse, inte personen."
            }
            Self::Phone => {
                "Ser ut som ett telefonnummer: beskriv plats och händelse, inte personen."
            }
            Self::Email => "Ser ut som en e-postadress: beskriv plats och händelse, inte personen.",
            Self::NumberPlate => {
                "Ser ut som ett registreringsnummer: beskriv plats och händelse, inte fordonet."
            }
            Self::CaseNumber => {
                "Ser ut som ett ärendenummer hos polisen: beskriv plats och händelse, inte ärendet."
            }
            Self::AgeAndGender => {
                "Ser ut att beskriva en persons ålder: beskriv plats och händelse, inte personen."
            }
            Self::ControlCharacter => {
                "Innehåller ett styrtecken som kan dölja text: skriv om stället utan det."
            }
        }
    }

    /// One English sentence for the author: what it looks like and what to do.
    #[must_use]
    pub fn text_en(self) -> &'static str {
        match self {
            Self::PersonalIdentityNumber => {
                "Looks like a personal identity number: describe place and event, not the person."
            }
            Self::CoordinationNumber => {
                "Looks like a coordination number: describe place and event, not the person."
            }
            Self::Phone => "Looks like a phone number: describe place and event, not the person.",
            Self::Email => {
                "Looks like an e-mail address: describe place and event, not the person."
            }
            Self::NumberPlate => {
                "Looks like a number plate: describe place and event, not the vehicle."
            }
            Self::CaseNumber => {
                "Looks like a police case number: describe place and event, not the case."
            }
            Self::AgeAndGender => {
                "Looks like it tells a person's age: describe place and event, not the person."
            }
            Self::ControlCharacter => {
                "Contains a control character that can hide text: write the place again without it."
            }
        }
    }
}
