//! What parties publish in an area, and who reads it by which rights.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use samsyn_domain::{
    AreaId, Audience, Basis, Caller, CategoryId, Content, Draft, Form, Geography, Kind, Labels,
    ObservationId, PartyId, PlaceId, PriorityId, PurposeId, Regime, Secrecy, Secret, Severity,
    SourceId, SubAreaId, Trend, command::IdempotencyKey, disclosure::Ground,
};
use samsyn_proto::inbound::{Change, Context, Publication};

use super::dice::Dice;
use crate::{
    samples::NOW,
    tests::{caller_with, ground},
};

const AREA: &str = "sthlm-skarholmen";
/// One of a party's publications in so many of a hundred takes something back.
const WITHDRAWN_PERCENT: u64 = 20;

pub(super) fn area() -> AreaId {
    AreaId::parse(AREA).unwrap()
}

/// Who reads, by which rights: each kind is a release class of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    /// All that is addressed to those who signed for the area.
    Signatory,
    /// Two priorities of what was observed, in places.
    Rescue,
    /// Two other priorities, one of them the same, in districts.
    Prison,
}

impl Reads {
    pub(super) const ALL: [Self; 3] = [Self::Signatory, Self::Rescue, Self::Prison];

    /// A caller of this kind, with a card of its own.
    pub(super) fn caller(self, card: &str) -> Caller {
        let service = match self {
            Self::Signatory => "polismyndigheten/lpo-skarholmen",
            Self::Rescue => "raddningstjansten/raddningstjansten",
            Self::Prison => "kriminalvarden/kriminalvarden",
        };
        caller_with(service, card)
    }

    pub(super) fn ground(self) -> Ground {
        ground(match self {
            Self::Signatory => "law_2023_196",
            Self::Rescue | Self::Prison => "osl_6_5",
        })
    }
}

/// A party that publishes.
#[derive(Debug)]
pub(super) struct Party {
    name: &'static str,
    /// Tells the keys of parties apart.
    number: u64,
    version: u64,
    /// What it has in its own picture.
    live: BTreeMap<ObservationId, Content>,
    made: u64,
}

impl Party {
    pub(super) const NAMES: [&str; 2] = ["sdf-skarholmen", "lpo-skarholmen"];

    pub(super) const fn of(name: &'static str, number: u64) -> Self {
        Self { name, number, version: 0, live: BTreeMap::new(), made: 0 }
    }

    pub(super) fn caller(&self) -> Caller {
        let organisation =
            if self.name.starts_with("sdf") { "stockholms-stad" } else { "polismyndigheten" };
        caller_with(&format!("{organisation}/{}", self.name), "publishes")
    }

    /// What it publishes next, by chance: something new, changed or taken back.
    pub(super) fn next(&mut self, dice: &mut Dice) -> Publication {
        self.made += 1;
        let known: Vec<_> = self.live.keys().cloned().collect();
        let (drafts, withdrawn) = match dice.pick(&known) {
            Some(id) if dice.percent(WITHDRAWN_PERCENT) => {
                self.live.remove(&id);
                (Vec::new(), vec![id])
            }
            Some(id) if dice.percent(50) => (vec![self.changed(id, dice)], Vec::new()),
            Some(_) | None => {
                let id = ObservationId::parse(&format!("O{}", self.made)).unwrap();
                self.live.insert(id.clone(), content(dice));
                (vec![self.changed(id, dice)], Vec::new())
            }
        };
        Publication {
            context: Context {
                key: key(self.number << 32 | self.made),
                role: None,
                pseudonym: None,
            },
            party: PartyId::parse(self.name).unwrap(),
            area: area(),
            base_version: self.version,
            change: Change::Delta { drafts, withdrawn },
            reason: None,
            manifest: None,
        }
    }

    /// An observation with other values: who sees it stays as it is, for what is narrowed is taken
    /// out of what was shown before, too.
    fn changed(&mut self, id: ObservationId, dice: &mut Dice) -> Draft {
        let content = self.live.get_mut(&id).expect("it has it");
        content.geography = geography(dice);
        content.count = Some(u32::try_from(1 + dice.below(20)).unwrap());
        content.severity = Severity::of(u32::try_from(1 + dice.below(5)).unwrap());
        content.trend = dice.pick(&[None, Some(Trend::Up), Some(Trend::Down)]).unwrap();
        let note = dice.percent(30).then(|| format!("Nära torget, {}.", dice.below(1_000)));
        Draft { id, content: content.clone(), secret: Secret { note, coordinates: None } }
    }

    /// Notes that what it published last has become a version.
    pub(super) fn published(&mut self, version: u64) {
        self.version = version;
    }
}

/// The key of a change, by its number.
pub(super) fn key(number: u64) -> IdempotencyKey {
    let millis = u128::try_from(NOW.micros() / 1_000).unwrap();
    IdempotencyKey::of(millis << 80 | 7 << 76 | 0b10 << 62 | u128::from(number)).unwrap()
}

fn geography(dice: &mut Dice) -> Geography {
    let parts = [("skarholmen-centrum", Some("p1")), ("varberg", Some("p2")), ("satra", None)];
    let (sub_area, place) = dice.pick(&parts).unwrap();
    let sub_area = format!("{AREA}/{sub_area}");
    Geography {
        area: area(),
        place: place.map(|place| PlaceId::parse(&format!("{sub_area}/{place}")).unwrap()),
        sub_area: Some(SubAreaId::parse(&sub_area).unwrap()),
    }
}

/// What a kind of reader sees depends on the category and on whom it is addressed to.
fn content(dice: &mut Dice) -> Content {
    let categories = [
        ("criminal_gathering", Kind::ObservedDisorder, "criminal_milieus"),
        ("vandalism", Kind::ObservedDisorder, "unsafe_places"),
        ("youth_gathering", Kind::ObservedDisorder, "youth_at_risk"),
        ("theft_from_person", Kind::ReportedCrime, "unsafe_places"),
    ];
    let (category, kind, priority) = dice.pick(&categories).unwrap();
    let audiences: [&[&str]; 3] =
        [&["signatories"], &["signatories", "blaljus"], &["signatories", "raddningstjansten"]];
    let starts_at = NOW.after_seconds(-86_400 * i64::try_from(dice.below(40)).unwrap());
    let labels = Labels {
        level: Secrecy::of(1).unwrap(),
        audience: parsed(dice.pick(&audiences).unwrap(), Audience::parse),
        purposes: parsed(&["joint_picture"], PurposeId::parse),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: NOW.after_seconds(300 * 86_400),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    };
    Content {
        form: Form::Observation,
        category: CategoryId::parse(category).unwrap(),
        kind,
        priority: PriorityId::parse(priority).unwrap(),
        geography: geography(dice),
        starts_at,
        ends_at: starts_at.after_seconds(3_600),
        count: None,
        severity: None,
        trend: None,
        basis: Basis::Assessment,
        source: SourceId::parse("field_observation").ok(),
        reliability: None,
        credibility: None,
        labels: Arc::new(labels),
    }
}

fn parsed<T: Ord, E: std::fmt::Debug>(
    of: &[&str],
    parse: impl Fn(&str) -> Result<T, E>,
) -> BTreeSet<T> {
    of.iter().map(|text| parse(text).unwrap()).collect()
}
