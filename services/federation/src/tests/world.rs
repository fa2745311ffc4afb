//! Two domains in one process: ledgers of one node each, a wire in memory between them.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use samsyn_domain::{
    Caller, DomainId, FunctionId, KeyId, Labels, LegalBasisId, OrganisationId, PartyId, PurposeId,
    Regime, Secrecy, ServiceId, Timestamp,
    command::{IdempotencyKey, LinkChange},
    disclosure::Ground,
    message::{MessageId, MessageKind, Precedence, Step},
    registry::{
        Document, Entry, Function, LegalBasis, Organisation, Peer, PeerKey, PeerOrganisation, Role,
        Service,
    },
};
use samsyn_ledger::{AttachmentsIn, Clock, Ledger, Levels, Options};
use samsyn_policy::{Policy, Recorder, TrackPage};
use samsyn_proto::inbound::{
    Context, LinkAsked, MailboxAsked, MarkAsked, PageAsked, SendAsked, TrackAsked,
};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use super::fibre::{DialFibre, Fibre};
use crate::{Dial, Links};

/// 2025-10-01T06:26:40Z.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);
/// How long anything is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A domain of a test: its name, its organisation's number and its function's name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    pub(super) domain: &'static str,
    pub(super) organisation: &'static str,
    pub(super) orgnr: &'static str,
    pub(super) function: &'static str,
    pub(super) party: &'static str,
}

pub(super) const CITY: Who = Who {
    domain: "stockholm.example",
    organisation: "stockholms-stad",
    orgnr: "2120000142",
    function: "trygghet",
    party: "sdf-skarholmen",
};
pub(super) const POLICE: Who = Who {
    domain: "polisen.example",
    organisation: "polismyndigheten",
    orgnr: "2021000076",
    function: "kommunpolis",
    party: "lpo-skarholmen",
};

impl Who {
    pub(super) fn id(self) -> DomainId {
        DomainId::parse(self.domain).unwrap()
    }

    pub(super) fn function(self) -> FunctionId {
        FunctionId::parse(&format!("{}/{}", self.orgnr, self.function)).unwrap()
    }

    pub(super) fn party(self) -> PartyId {
        PartyId::parse(self.party).unwrap()
    }

    pub(super) fn service(self) -> ServiceId {
        ServiceId::parse(&format!("{}/desk", self.organisation)).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
    pub(super) fn caller(self) -> Caller {
        let organisation = OrganisationId::parse(self.organisation).unwrap();
        let until = NOW.after_seconds(400 * 86_400);
        Caller::authenticated(organisation, self.service(), "1".into(), until)
    }

    /// How the other side registers it.
    pub(super) fn as_peer(self, key: [u8; 32]) -> Peer {
        Peer {
            id: self.id(),
            name: self.domain.to_owned(),
            federation: "test".to_owned(),
            endpoints: vec!["127.0.0.1:1".to_owned()],
            authorities: vec!["of a test".to_owned()],
            keys: BTreeSet::from([PeerKey {
                id: KeyId::parse("first").unwrap(),
                public_key: hex::encode(key),
            }]),
            organisations: BTreeSet::from([PeerOrganisation {
                orgnr: self.orgnr.to_owned(),
                name: self.organisation.to_owned(),
            }]),
            ceiling: 2,
            message_kinds: BTreeSet::from([
                MessageKind::InformationRequest,
                MessageKind::Notice,
                MessageKind::Answer,
            ]),
            envelopes_per_minute: 100_000,
            areas: BTreeSet::new(),
            deliveries: BTreeSet::new(),
        }
    }

    fn document(self, peers: Vec<Peer>) -> Document {
        let mut document = self.alone();
        document.peers = peers;
        super::pictures::register(self, &mut document);
        document
    }

    /// Its registry, without anybody else in it.
    pub(super) fn alone(self) -> Document {
        let organisation = OrganisationId::parse(self.organisation).unwrap();
        let mut document = Document::default();
        document.lists.retention_days_max = 400;
        document.lists.purposes = vec![Entry {
            id: PurposeId::parse("joint_picture").unwrap(),
            sv: "lägesbild".to_owned(),
            en: "picture".to_owned(),
        }];
        document.lists.legal_bases = vec![LegalBasis {
            id: LegalBasisId::parse("law").unwrap(),
            sv: "lag".to_owned(),
            en: "law".to_owned(),
            needs_weighing: false,
        }];
        document.organisations = vec![Organisation {
            id: organisation.clone(),
            name: self.organisation.to_owned(),
            orgnr: self.orgnr.to_owned(),
            trust_domain: format!("org.{}", self.domain),
            clearance: 3,
        }];
        document.services = vec![Service {
            id: self.service(),
            organisation: organisation.clone(),
            parties: BTreeSet::from([self.party()]),
            roles: BTreeSet::from([Role::Publisher, Role::Reader, Role::Operator]),
            suspended: false,
        }];
        document.functions = vec![Function {
            id: self.function(),
            organisation,
            name: self.function.to_owned(),
            services: BTreeSet::from([self.service()]),
        }];
        document
    }
}

/// A domain that runs.
pub(super) struct Domain {
    pub(super) who: Who,
    pub(super) ledger: Ledger,
    pub(super) links: Links,
    running: JoinHandle<()>,
    now: Arc<AtomicI64>,
    keys: AtomicUsize,
    document: Document,
}

/// Both domains, and the wire.
pub(super) struct World {
    pub(super) city: Domain,
    pub(super) police: Domain,
    pub(super) wire: Arc<Fibre>,
    pub(super) dirs: [TempDir; 2],
}

#[expect(clippy::disallowed_methods, reason = "a test is its own app")]
fn policy() -> (Policy, Recorder) {
    let schema = include_str!("../../../../config/policy/samsyn.cedarschema");
    Policy::load(schema, include_str!("../../../../config/policy/samsyn.cedar")).unwrap()
}

async fn open(
    dir: &Path,
    who: Who,
    document: Document,
    (clock, levels): (Clock, Levels),
) -> Ledger {
    let (policy, recorder) = policy();
    let options = Options {
        dir: dir.to_owned(),
        node: 1,
        domain: who.domain.to_owned(),
        document: document.into(),
        nodes: None,
        clock,
        watcher: Arc::new(|_| ()),
        levels,
        attachments: Some(AttachmentsIn::Data),
    };
    Ledger::open(options, policy, recorder).await.unwrap()
}

/// The key that a domain's folder has, made where there is none yet.
pub(super) async fn key(dir: &Path, who: Who) -> [u8; 32] {
    let of_now: (Clock, Levels) = (Arc::new(|| NOW), Levels::default());
    let ledger = open(dir, who, Document::default(), of_now).await;
    let key = ledger.public_key();
    ledger.close().await;
    key
}

impl Domain {
    async fn run(dir: &Path, who: Who, document: Document, wire: Option<Arc<Fibre>>) -> Self {
        let dialer = wire.map(|wire| Arc::new(DialFibre(wire)) as Arc<dyn Dial>);
        Self::by(dir, (who, document), dialer, Levels::default()).await
    }

    /// As `run`, by a program that knows the log up to some level.
    pub(super) async fn by(
        dir: &Path,
        (who, document): (Who, Document),
        dialer: Option<Arc<dyn Dial>>,
        levels: Levels,
    ) -> Self {
        let now = Arc::new(AtomicI64::new(NOW.micros()));
        let shown = Arc::clone(&now);
        let clock: Clock = Arc::new(move || Timestamp::from_micros(shown.load(Ordering::SeqCst)));
        let ledger = open(dir, who, document.clone(), (Arc::clone(&clock), levels)).await;
        ledger.begin().await.unwrap();
        let links = Links::new(ledger.clone(), clock, dialer);
        let running = tokio::spawn(links.clone().run());
        Self { who, ledger, links, running, now, keys: AtomicUsize::new(0), document }
    }

    pub(super) async fn stop(&self) {
        self.running.abort();
        self.links.drain();
        self.ledger.close().await;
    }

    /// Stops, and begins anew on what is on its disk.
    async fn restart(&mut self, dir: &Path, wire: Option<Arc<Fibre>>) {
        let dialer = wire.map(|wire| Arc::new(DialFibre(wire)) as Arc<dyn Dial>);
        self.restart_by(dir, dialer, Levels::default()).await;
    }

    /// As `restart`, by a program that knows the log up to some level.
    pub(super) async fn restart_by(
        &mut self,
        dir: &Path,
        dialer: Option<Arc<dyn Dial>>,
        levels: Levels,
    ) {
        self.stop().await;
        let now = Timestamp::from_micros(self.now.load(Ordering::SeqCst));
        let anew = Self::by(dir, (self.who, self.document.clone()), dialer, levels).await;
        anew.at(now);
        let keys = self.keys.load(Ordering::SeqCst);
        *self = Self { keys: AtomicUsize::new(keys), ..anew };
    }

    pub(super) fn at(&self, now: Timestamp) {
        self.now.store(now.micros(), Ordering::SeqCst);
    }

    pub(super) fn context(&self) -> Context {
        let tail = self.keys.fetch_add(1, Ordering::SeqCst) as u128;
        let millis = u128::try_from(self.now.load(Ordering::SeqCst) / 1_000).unwrap();
        let key = IdempotencyKey::of(millis << 80 | 7 << 76 | 0b10 << 62 | tail).unwrap();
        Context { key, role: None, pseudonym: None }
    }

    pub(super) fn asked(&self, to: Who, subject: &str) -> SendAsked {
        SendAsked {
            context: self.context(),
            ground: ground(),
            from: self.who.function(),
            to: vec![(to.function(), "to_functions[0]".to_owned())],
            kind: MessageKind::InformationRequest,
            precedence: Precedence::Routine,
            in_reply_to: None,
            respond_by: Some(NOW.after_seconds(3_600)),
            valid_seconds: 86_400,
            subject: subject.to_owned(),
            body: "Vad vet ni om torget?".to_owned(),
            labels: labels(1),
            attachments: Vec::new(),
        }
    }

    pub(super) async fn sends(&self, to: Who, subject: &str) -> MessageId {
        let asked = self.asked(to, subject);
        self.ledger.send_message(&self.who.caller(), &asked).await.unwrap()
    }

    pub(super) fn mailbox(&self) -> MailboxAsked {
        MailboxAsked { ground: ground(), function: self.who.function() }
    }

    /// The subjects in its inbox, in order.
    pub(super) async fn inbox(&self) -> Vec<String> {
        let mut subjects = Vec::new();
        let mut inbox = self.ledger.inbox(&self.who.caller(), self.mailbox(), 0).unwrap();
        loop {
            let Some(view) = inbox.next(100).await.unwrap() else { return subjects };
            for line in &view.content().lines {
                assert_eq!(line.number, subjects.len() as u64 + 1, "dense");
                subjects.push(line.head.subject.clone());
            }
        }
    }

    /// Its operator stops its link, or lets it go on.
    pub(super) async fn sets_link(&self, change: LinkChange) {
        let peer = self.document.peers[0].id.clone();
        let asked = LinkAsked { context: self.context(), peer, change };
        self.ledger.set_link(&self.who.caller(), &asked).await.unwrap();
    }

    pub(super) async fn acts_on(&self, message: MessageId) {
        let (context, function) = (self.context(), self.who.function());
        let asked = MarkAsked { context, function, message, step: Step::Acted };
        self.ledger.mark_message(&self.who.caller(), &asked).await.unwrap();
    }

    /// The steps that a message has reached with its one recipient.
    pub(super) async fn steps(&self, message: MessageId) -> Vec<Step> {
        let page = PageAsked { size: 10, token: String::new() };
        let asked = TrackAsked { of: self.mailbox(), message: Some(message), page };
        let first = TrackPage { of: None, from: 0, size: 10 };
        let view = self.ledger.track_messages(&self.who.caller(), &asked, first).await.unwrap();
        let [tracked] = view.content().messages.as_slice() else { panic!() };
        let [delivery] = tracked.deliveries.as_slice() else { panic!() };
        delivery.receipts.iter().map(|receipt| receipt.step).collect()
    }

    pub(super) async fn reaches(&self, message: MessageId, step: Step) -> Vec<Step> {
        let reached = async {
            loop {
                let steps = self.steps(message).await;
                if steps.last() == Some(&step) {
                    return steps;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match timeout(PATIENCE, reached).await {
            Ok(steps) => steps,
            Err(_) => panic!("{:?} and not {step:?}", self.steps(message).await),
        }
    }
}

impl World {
    /// The city dials the police.
    pub(super) async fn new() -> Self {
        Self::agreed(|_| ()).await
    }

    /// As `new`, with what the police have registered of the city changed.
    pub(super) async fn agreed(edit: impl FnOnce(&mut Peer)) -> Self {
        Self::of(|police| edit(&mut police.peers[0]), |_| ()).await
    }

    /// As `new`, with the registries of both changed: that of the police, and that of the city.
    pub(super) async fn of(
        edit_police: impl FnOnce(&mut Document),
        edit_city: impl FnOnce(&mut Document),
    ) -> Self {
        Self::keyed(edit_police, |city, _| edit_city(city)).await
    }

    /// As `of`, where the city's registry names the key with which it signs.
    pub(super) async fn keyed(
        edit_police: impl FnOnce(&mut Document),
        edit_city: impl FnOnce(&mut Document, [u8; 32]),
    ) -> Self {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [of_city, of_police] = [dirs[0].path(), dirs[1].path()];
        let (city_key, police_key) = (key(of_city, CITY).await, key(of_police, POLICE).await);
        let wire = Arc::new(Fibre::default());
        let mut city_as_peer = CITY.as_peer(city_key);
        city_as_peer.endpoints.clear();
        let mut document = POLICE.document(vec![city_as_peer]);
        edit_police(&mut document);
        let police = Domain::run(of_police, POLICE, document, None).await;
        wire.leads(CITY.id(), police.links.clone());
        let mut document = CITY.document(vec![POLICE.as_peer(police_key)]);
        edit_city(&mut document, city_key);
        let city = Domain::run(of_city, CITY, document, Some(Arc::clone(&wire))).await;
        Self { city, police, wire, dirs }
    }

    pub(super) async fn restart_city(&mut self) {
        self.wire.tear();
        self.city.restart(self.dirs[0].path(), Some(Arc::clone(&self.wire))).await;
    }

    pub(super) async fn restart_police(&mut self) {
        self.wire.tear();
        self.police.restart(self.dirs[1].path(), None).await;
        self.wire.leads(CITY.id(), self.police.links.clone());
    }

    pub(super) async fn close(self) {
        for domain in [self.city, self.police] {
            domain.stop().await;
        }
    }
}

pub(super) fn ground() -> Ground {
    Ground {
        purpose: PurposeId::parse("joint_picture").unwrap(),
        legal_basis: LegalBasisId::parse("law").unwrap(),
        weighing: None,
    }
}

pub(super) fn labels(level: u32) -> Labels {
    Labels {
        level: Secrecy::of(level).unwrap(),
        audience: BTreeSet::new(),
        purposes: BTreeSet::from([PurposeId::parse("joint_picture").unwrap()]),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: NOW.after_seconds(30 * 86_400),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    }
}
