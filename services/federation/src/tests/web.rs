//! Many domains in one process: hubs in a ring, each the home of a joint picture, and spokes around
//! them that contribute to it; some spokes are linked with a neighbour too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock},
};

use futures::{FutureExt as _, future::BoxFuture};
use samsyn_domain::{
    DomainId, FeatureLevel, OrganisationId,
    disclosure::Ground,
    link::{CONTRIBUTIONS_LEVEL, DELIVERIES_LEVEL, EDITIONS_LEVEL, Header, Kind, MESSAGES_LEVEL},
    registry::{Delivery, Document, Organisation, Peer, Role, Service, Signatory},
};
use samsyn_ledger::Levels;
use samsyn_proto::link::{Frame, frame};
use tempfile::TempDir;

use super::{
    deliveries,
    fibre::{DialFibre, Fibre},
    pictures::{CITY_OF_ALL, area},
    world::{CITY, Domain, Who, ground, key},
};
use crate::{Dial, DialError, Wire};

/// Every so many-th spoke is linked with the one before it, and every so many-th is delivered the
/// joint picture of its hub.
const NEIGHBOURS: usize = 3;
const DELIVERED: usize = 4;

/// What crossed a link, beside what its receiver had said that it reads.
#[derive(Default)]
pub(super) struct Crossed {
    /// The level that each side said last: who answers, who dials.
    said: [u32; 2],
    /// How many envelopes of each kind came, by whether the side that dials sent them.
    pub(super) came: BTreeMap<(bool, i64), usize>,
    /// Of a kind above what their receiver had said.
    pub(super) above: usize,
}

impl Crossed {
    fn sees(&mut self, by_dialler: bool, frame: &Frame) {
        match &frame.kind {
            Some(frame::Kind::Hello(hello)) => self.said[usize::from(by_dialler)] = hello.level,
            Some(frame::Kind::Envelope(envelope)) => {
                let (header, _) = Header::decode(&envelope.header).unwrap();
                *self.came.entry((by_dialler, header.kind)).or_default() += 1;
                let reads = self.said[usize::from(!by_dialler)];
                self.above += usize::from(needs(header.kind) > reads);
            }
            Some(_) | None => {}
        }
    }
}

/// The level that a kind of envelope needs, by the protocol page.
pub(super) fn needs(kind: i64) -> u32 {
    match Kind::from_number(kind).unwrap() {
        Kind::Message | Kind::Receipt => MESSAGES_LEVEL,
        Kind::Contribution | Kind::Answer => CONTRIBUTIONS_LEVEL,
        Kind::View => DELIVERIES_LEVEL,
        Kind::Edition | Kind::EditionAnswer | Kind::EditionAnswered => EDITIONS_LEVEL,
    }
}

/// A link: who dials, who answers, and what is between them.
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) fibre: Arc<Fibre>,
    pub(super) crossed: Arc<Mutex<Crossed>>,
}

impl Edge {
    fn new((from, to): (usize, usize)) -> Self {
        let crossed: Arc<Mutex<Crossed>> = Arc::default();
        let seen = Arc::clone(&crossed);
        let watched = move |by: bool, frame: &Frame| seen.lock().unwrap().sees(by, frame);
        Self { from, to, fibre: Arc::new(Fibre::watched(watched)), crossed }
    }

    /// The other end.
    fn other(&self, n: usize) -> Option<usize> {
        match n {
            n if n == self.from => Some(self.to),
            n if n == self.to => Some(self.from),
            _ => None,
        }
    }
}

/// The domains, by number: the hubs first.
pub(super) struct Web {
    pub(super) all: Vec<Domain>,
    pub(super) hubs: usize,
    pub(super) edges: Vec<Edge>,
    /// What the program of each knows.
    pub(super) levels: Vec<FeatureLevel>,
    dirs: Vec<TempDir>,
}

/// Dials each peer over the fibre to it.
struct DialMany(BTreeMap<DomainId, Arc<Fibre>>);

impl Dial for DialMany {
    fn dial(&self, peer: &Peer, at: &str) -> BoxFuture<'static, Result<Wire, DialError>> {
        match self.0.get(&peer.id) {
            Some(fibre) => DialFibre(Arc::clone(fibre)).dial(peer, at),
            None => async { Err(DialError("no way".to_owned())) }.boxed(),
        }
    }
}

fn who(n: usize) -> Who {
    let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Who {
        domain: kept(format!("d{n}.example")),
        organisation: kept(format!("org-{n}")),
        orgnr: kept((5_000_000_000 + n).to_string()),
        function: "desk",
        party: kept(format!("party-{n}")),
    }
}

/// Whoever has the higher number dials: the other one runs already.
fn edges(count: usize, hubs: usize) -> Vec<(usize, usize)> {
    let ring = (1..hubs).map(|hub| (hub, hub - 1)).chain((hubs > 2).then_some((hubs - 1, 0)));
    let spokes = (hubs..count).map(|n| (n, n % hubs));
    let is_linked = |n: &usize| n.is_multiple_of(NEIGHBOURS) && n % hubs != (n - 1) % hubs;
    let beside = (hubs + 1..count).filter(is_linked).map(|n| (n, n - 1));
    ring.chain(spokes).chain(beside).collect()
}

/// Whether the joint picture of its hub is delivered to a domain.
pub(super) fn is_delivered(n: usize, hubs: usize) -> bool {
    n >= hubs && (n / hubs).is_multiple_of(DELIVERED)
}

/// To a spoke, for its party: what a signatory sees.
fn delivery(to: Who) -> Delivery {
    let Ground { purpose, legal_basis, weighing } = ground();
    Delivery {
        id: deliveries::id(),
        organisation: OrganisationId::parse(to.organisation).unwrap(),
        parties: BTreeSet::from([to.party()]),
        areas: BTreeSet::from([area()]),
        purpose,
        legal_basis,
        weighing,
    }
}

/// The registry of a domain: its own area with all its spokes where it is a hub, else with itself.
fn document(n: usize, count: usize, hubs: usize, peers: Vec<Peer>) -> Document {
    static ALL: OnceLock<Document> = OnceLock::new();
    let all = ALL.get_or_init(|| toml::from_str(CITY_OF_ALL).unwrap());
    let mut document = who(n).alone();
    let bases = std::mem::take(&mut document.lists.legal_bases);
    document.lists = all.lists.clone();
    document.lists.legal_bases.extend(bases);
    document.categories = all.categories.clone();
    document.areas = all.areas.iter().filter(|one| one.id == area()).cloned().collect();
    let sub_areas = all.sub_areas.iter().filter(|one| one.area == area());
    document.sub_areas = sub_areas.cloned().collect();
    let is_here = |one: &&samsyn_domain::registry::Place| {
        document.sub_areas.iter().any(|sub_area| sub_area.id == one.sub_area)
    };
    document.places = all.places.iter().filter(is_here).cloned().collect();
    let party = all.parties.iter().find(|one| one.id == CITY.party()).unwrap();
    let is_hub = n < hubs;
    let around = (hubs..count).filter(|spoke| is_hub && spoke % hubs == n);
    for member in [n].into_iter().chain(around) {
        let of = who(member);
        let organisation = OrganisationId::parse(of.organisation).unwrap();
        let mut party = party.clone();
        (party.id, party.organisation) = (of.party(), organisation.clone());
        (party.signs, party.home) = (false, (member != n).then(|| of.id()));
        document.parties.push(party);
        if member == n {
            continue;
        }
        document.organisations.push(Organisation {
            id: organisation.clone(),
            name: of.organisation.to_owned(),
            orgnr: of.orgnr.to_owned(),
            trust_domain: format!("org.{}", of.domain),
            clearance: 3,
        });
        // Its desk reads here too what its party has signed for.
        document.services.push(Service {
            id: of.service(),
            organisation,
            parties: BTreeSet::from([of.party()]),
            roles: BTreeSet::from([Role::Reader]),
            suspended: false,
        });
    }
    let agreement = all.agreements.iter().find(|one| one.area == area()).unwrap();
    let signs = |party: &samsyn_domain::registry::Party| Signatory {
        party: party.id.clone(),
        capacity: "district_administration".to_owned(),
    };
    let mut agreement = agreement.clone();
    agreement.tracks.clear();
    agreement.signatories = document.parties.iter().map(signs).collect();
    agreement.home = (!is_hub).then(|| who(n % hubs).id());
    document.agreements = vec![agreement];
    document.peers = peers;
    document
}

impl Web {
    /// So many domains, each by a program that knows the log up to its level.
    pub(super) async fn new(levels: Vec<FeatureLevel>, hubs: usize) -> Self {
        let count = levels.len();
        let dirs: Vec<TempDir> = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut keys = Vec::new();
        for (n, dir) in dirs.iter().enumerate() {
            keys.push(key(dir.path(), who(n)).await);
        }
        let edges: Vec<Edge> = edges(count, hubs).into_iter().map(Edge::new).collect();
        let mut web = Self { all: Vec::new(), hubs, edges, levels, dirs };
        for n in 0..count {
            let peers = web.neighbours(n).map(|other| web.peer(n, other, keys[other])).collect();
            let of = (who(n), document(n, count, hubs, peers));
            let levels = Levels::up_to(web.levels[n]);
            let domain = Domain::by(web.dirs[n].path(), of, web.dialer(n), levels).await;
            web.all.push(domain);
            web.is_answered_by(n);
        }
        web
    }

    /// Those that a domain has a link with.
    pub(super) fn neighbours(&self, n: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges.iter().filter_map(move |edge| edge.other(n))
    }

    /// What a domain has registered of another.
    fn peer(&self, n: usize, other: usize, key: [u8; 32]) -> Peer {
        let mut peer = who(other).as_peer(key);
        if n < other {
            peer.endpoints.clear();
        }
        if other % self.hubs == n && is_delivered(other, self.hubs) {
            peer.deliveries.insert(delivery(who(other)));
        }
        peer
    }

    fn dialer(&self, n: usize) -> Option<Arc<dyn Dial>> {
        let ways = self.edges.iter().filter(|edge| edge.from == n);
        let ways = ways.map(|edge| (who(edge.to).id(), Arc::clone(&edge.fibre)));
        Some(Arc::new(DialMany(ways.collect())))
    }

    fn is_answered_by(&self, n: usize) {
        for edge in self.edges.iter().filter(|edge| edge.to == n) {
            edge.fibre.leads(who(edge.from).id(), self.all[n].links.clone());
        }
    }

    /// Stops a domain, and has it go on by a program that knows the log up to a level.
    pub(super) async fn restart(&mut self, n: usize, level: FeatureLevel) {
        self.levels[n] = level;
        let (dialer, levels) = (self.dialer(n), Levels::up_to(level));
        self.all[n].restart_by(self.dirs[n].path(), dialer, levels).await;
        self.is_answered_by(n);
    }

    /// Upgrades a domain, and raises its level when its program knows it.
    pub(super) async fn upgrade(&mut self, n: usize, level: FeatureLevel) {
        self.restart(n, level).await;
        let domain = &self.all[n];
        let raised = domain.ledger.raise_level(&domain.who.caller(), Some(level)).await;
        assert_eq!(raised.unwrap(), level);
    }

    pub(super) async fn close(self) {
        for domain in self.all {
            domain.stop().await;
        }
    }
}
