//! A small registry for tests.

use samsyn_client::wire as v1;
use samsyn_domain::{
    AreaId, CategoryId, Coordinates, Kind, Level, PlaceId, PriorityId, SourceId, SubAreaId,
    registry::{Area, Category, Document, Entry, Lists, Place, Registry, SubArea},
};

use super::{Defaults, Gazetteer, Reading, SHIPPED_GAZETTEER};

const CATEGORIES: [&str; 30] = [
    "theft_from_person",
    "bicycle_theft",
    "burglary_dwelling",
    "vehicle_theft",
    "shoplifting",
    "robbery_person",
    "assault_outdoor",
    "threats_harassment",
    "domestic_violence",
    "crime_against_elderly",
    "open_drug_dealing",
    "drug_use_traces",
    "criminal_gathering",
    "youth_gathering",
    "recruitment_concern",
    "vandalism",
    "graffiti",
    "arson_small",
    "alcohol_disorder",
    "noise_disturbance",
    "e_scooter_obstruction",
    "reckless_driving",
    "lighting_fault",
    "littering",
    "overgrown_sightline",
    "unsafe_underpass",
    "perceived_unsafe_place",
    "welfare_crime_indicator",
    "undue_influence",
    "illegal_business_premises",
];

const AREAS: [(&str, &str); 8] = [
    ("sthlm-jarva", "Järva"),
    ("sthlm-hasselby-vallingby", "Hässelby-Vällingby"),
    ("sthlm-bromma", "Bromma"),
    ("sthlm-kungsholmen", "Kungsholmen"),
    ("sthlm-norra-innerstaden", "Norra innerstaden"),
    ("sthlm-sodermalm", "Södermalm"),
    ("sthlm-farsta", "Farsta"),
    ("sthlm-skarholmen", "Skärholmen"),
];

/// Id, name, centre in 1e-4 degree, names of places.
type Part = (&'static str, &'static str, (i32, i32), &'static [&'static str]);

const PARTS: [Part; 16] = [
    ("sthlm-jarva/rinkeby", "Rinkeby", (593_880, 179_285), &["Rinkeby torg", "Rinkebystråket"]),
    ("sthlm-jarva/tensta", "Tensta", (593_945, 179_010), &["Tensta centrum"]),
    (
        "sthlm-jarva/kista",
        "Kista",
        (594_030, 179_440),
        &["Kista galleria", "Kista tunnelbanestation"],
    ),
    ("sthlm-jarva/spanga", "Spånga", (593_832, 178_990), &["Spånga station"]),
    ("sthlm-hasselby-vallingby/vallingby", "Vällingby", (593_633, 178_720), &["Vällingby centrum"]),
    (
        "sthlm-hasselby-vallingby/hasselby-gard",
        "Hässelby gård",
        (593_669, 178_437),
        &["Hässelby torg"],
    ),
    (
        "sthlm-bromma/brommaplan",
        "Åkeslund/Riksby (Brommaplan)",
        (593_383, 179_390),
        &["Brommaplan"],
    ),
    ("sthlm-bromma/blackeberg", "Blackeberg", (593_483, 178_827), &["Blackebergs torg"]),
    (
        "sthlm-kungsholmen/fridhemsplan",
        "Fridhemsplan (Kungsholmen)",
        (593_320, 180_290),
        &["Fridhemsplan"],
    ),
    (
        "sthlm-norra-innerstaden/klara",
        "Norrmalm (Klara/Sergels torg)",
        (593_326, 180_645),
        &["Sergels torg", "Centralplan"],
    ),
    (
        "sthlm-sodermalm/medborgarplatsen",
        "Katarina-Sofia (Medborgarplatsen)",
        (593_143, 180_735),
        &["Medborgarplatsen"],
    ),
    (
        "sthlm-sodermalm/slussen",
        "Slussen/Gamla stan",
        (593_200, 180_720),
        &["Slussen", "Järntorget"],
    ),
    (
        "sthlm-farsta/farsta-centrum",
        "Farsta (Farsta centrum)",
        (592_436, 180_932),
        &["Farsta centrum"],
    ),
    ("sthlm-farsta/hokarangen", "Hökarängen", (592_578, 180_825), &["Hökarängsplan"]),
    (
        "sthlm-skarholmen/skarholmen-centrum",
        "Skärholmen (Skärholmens centrum)",
        (592_771, 179_070),
        &["Skärholmstorget"],
    ),
    ("sthlm-skarholmen/bredang", "Bredäng", (592_949, 179_337), &["Bredängstorget", "Järntorget"]),
];

pub(super) fn registry() -> Registry {
    let priority = PriorityId::parse("unsafe_places").unwrap();
    let entry = |id| Entry { id, sv: String::new(), en: String::new() };
    let category = |id| Category {
        id: CategoryId::parse(id).unwrap(),
        sv: String::new(),
        en: String::new(),
        kind: Kind::ReportedCrime,
        priority: priority.clone(),
        geography: if id == "domestic_violence" { Level::District } else { Level::Place },
    };
    let area =
        |(id, name): (&str, &str)| Area { id: AreaId::parse(id).unwrap(), name: name.into() };
    let part = |(id, name, (lat, lon), _): Part| SubArea {
        id: SubAreaId::parse(id).unwrap(),
        area: AreaId::parse(id.split('/').next().unwrap()).unwrap(),
        name: name.into(),
        centre: Coordinates { lat_e7: lat * 1_000, lon_e7: lon * 1_000 },
        outline: Vec::new(),
    };
    let places = PARTS.iter().flat_map(|(part, _, _, names)| {
        (1..).zip(*names).map(move |(number, name)| Place {
            id: PlaceId::parse(&format!("{part}/p{number}")).unwrap(),
            sub_area: SubAreaId::parse(part).unwrap(),
            name: (*name).into(),
            centre: None,
        })
    });
    let document = Document {
        lists: Lists {
            priorities: vec![entry(priority.clone())],
            sources: vec![Entry {
                id: SourceId::parse("police_report").unwrap(),
                sv: String::new(),
                en: String::new(),
            }],
            ..Lists::default()
        },
        categories: CATEGORIES.into_iter().map(category).collect(),
        areas: AREAS.into_iter().map(area).collect(),
        sub_areas: PARTS.into_iter().map(part).collect(),
        places: places.collect(),
        ..Document::default()
    };
    Registry::build(&document).unwrap()
}

pub(super) fn gazetteer() -> Gazetteer {
    Gazetteer::build(&registry(), SHIPPED_GAZETTEER).unwrap()
}

pub(super) fn defaults() -> Defaults {
    Defaults {
        labels: v1::Labels { level: 1, regime: "nonpersonal".into(), ..v1::Labels::default() },
        source_kind: SourceId::parse("citizen_report").unwrap(),
        reliability: samsyn_domain::Reliability::of("B"),
        credibility: samsyn_domain::Credibility::of(2),
        basis: samsyn_domain::Basis::Fact,
    }
}

/// All areas, without samples.
pub(super) const fn reading<'a>(gazetteer: &'a Gazetteer, defaults: &'a Defaults) -> Reading<'a> {
    Reading { gazetteer, defaults, areas: &[], samples: 0 }
}

/// The id that an observation is placed by.
pub(super) fn place_of(observation: &v1::Observation) -> String {
    match observation.location.clone().unwrap() {
        v1::observation::Location::PlaceId(id)
        | v1::observation::Location::SubAreaId(id)
        | v1::observation::Location::AreaId(id) => id,
        v1::observation::Location::Coordinates(at) => format!("{},{}", at.lat_e7, at.lon_e7),
    }
}
