//! Invented notes: about place and time, never about persons, without any digit.

use samsyn_domain::Kind;

/// The notes that observations of a kind may carry.
pub(super) const fn of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ReportedCrime => &[
            "Flera anmälningar rör samma stråk och samma tid på dygnet.",
            "Anmälan kom in i efterhand, tidpunkten är ungefärlig.",
            "Samma tillvägagångssätt som tidigare under månaden.",
        ],
        Kind::ObservedDisorder => &[
            "Återkommande kvällstid, mest vid entrén mot torget.",
            "Lugnare efter att fältgruppen varit på plats.",
            "Butikerna intill har påtalat samma sak.",
            "Skingrades utan ingripande.",
        ],
        Kind::PerceivedInsecurity => &[
            "Flera väljer en annan väg efter mörkrets inbrott.",
            "Framfört vid trygghetsvandring i området.",
            "Upplevelsen är starkare under vinterhalvåret.",
        ],
        Kind::Environment => &[
            "Felanmält, väntar på åtgärd.",
            "Ansvarig fastighetsägare är underrättad.",
            "Siktröjning föreslås före höstmörkret.",
        ],
        Kind::SystemThreat => &[
            "Bedömning på områdesnivå, inga uppgifter om verksamhetens namn.",
            "Gemensam tillsyn föreslås.",
        ],
    }
}
