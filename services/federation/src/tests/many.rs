//! Many domains at different levels, whose links are cut and whose programs are upgraded one by
//! one, by seed: in the end all is where it belongs, once, and nobody was sent what it does not
//! read.
//!
//! `SAMSYN_DOMAINS=300` has so many of them, `SAMSYN_MANY_SEED` another course.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};

use samsyn_domain::{
    FeatureLevel,
    link::{CONTRIBUTIONS_LEVEL, Kind, LEVEL, MESSAGES_LEVEL},
    message::{MessageId, Step},
};
use samsyn_proto::inbound::MarkAsked;
use tokio::time::{Instant, sleep, timeout};

use super::{
    pictures::draft,
    seeded::Dice,
    web::{Web, is_delivered, needs},
    world::PATIENCE,
};

/// So many things happen for each domain.
const STEPS: usize = 8;
/// A link that was cut is mended within so many steps.
const CUT_STEPS: u64 = 20;

#[derive(Debug, Default)]
struct Happened {
    messages: usize,
    acted: usize,
    publications: usize,
    cuts: usize,
    restarts: usize,
    upgrades: usize,
}

/// A message, with who sent it to whom, and its place among those.
struct Sent {
    id: MessageId,
    from: usize,
    to: usize,
    subject: String,
}

struct Life {
    web: Web,
    dice: Dice,
    /// What each is upgraded to; some never are.
    goals: Vec<FeatureLevel>,
    sent: Vec<Sent>,
    acted: BTreeSet<MessageId>,
    /// What each has in its own picture.
    own: Vec<BTreeMap<String, u32>>,
    /// Links that are cut, each with the step at which it is mended.
    cut: BTreeMap<usize, usize>,
    happened: Happened,
}

impl Life {
    async fn begins(seed: u64, count: usize) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let hubs = (count / 50).max(3);
        let newest = u64::from(FeatureLevel::NEWEST.number());
        let oldest = u64::from(FeatureLevel::MESSAGES.number());
        let mut level = |from: u64| {
            let number = from + dice.below(newest + 1 - from);
            FeatureLevel::of(u32::try_from(number).unwrap()).unwrap()
        };
        let mut begin: Vec<FeatureLevel> = (0..count).map(|_| level(oldest)).collect();
        // Of each level one stays, whatever the dice say.
        let stays = [FeatureLevel::MESSAGES, FeatureLevel::CONTRIBUTIONS];
        begin[hubs..hubs + 2].copy_from_slice(&stays);
        let goal = |(n, begin): (usize, &FeatureLevel)| match n {
            n if n < hubs => FeatureLevel::NEWEST,
            n if n < hubs + stays.len() => *begin,
            // Whatever the dice say, some that are delivered a view come to read it.
            n if is_delivered(n, hubs) && n % hubs == 0 => FeatureLevel::NEWEST,
            _ => level(begin.number().into()),
        };
        let goals = begin.iter().enumerate().map(goal).collect();
        let web = Web::new(begin, hubs).await;
        let own = vec![BTreeMap::new(); count];
        let (sent, acted, cut) = Default::default();
        Self { web, dice, goals, sent, acted, own, cut, happened: Happened::default() }
    }

    fn any(&mut self, of: usize) -> usize {
        usize::try_from(self.dice.below(of as u64)).unwrap()
    }

    async fn step(&mut self, step: usize) {
        for link in self.cut.extract_if(.., |_, until| *until <= step) {
            self.web.edges[link.0].fibre.mend();
        }
        let n = self.any(self.web.all.len());
        match self.dice.below(16) {
            0..=5 => self.sends(n).await,
            6..=9 => self.publishes(n).await,
            10 | 11 => self.acts().await,
            12 | 13 => {
                let link = self.any(self.web.edges.len());
                self.web.edges[link].fibre.cut();
                let until = step + usize::try_from(self.dice.below(CUT_STEPS)).unwrap();
                self.cut.insert(link, until);
                self.happened.cuts += 1;
            }
            14 => self.restarts(n, self.web.levels[n]).await,
            _ => self.upgrades(n).await,
        }
    }

    async fn sends(&mut self, from: usize) {
        let others: Vec<usize> = self.web.neighbours(from).collect();
        let to = others[self.any(others.len())];
        for _ in 0..=self.dice.below(3) {
            let so_far = self.sent.iter().filter(|sent| (sent.from, sent.to) == (from, to)).count();
            let subject = format!("{from} {so_far:04}");
            let id = self.web.all[from].sends(self.web.all[to].who, &subject).await;
            self.sent.push(Sent { id, from, to, subject });
            self.happened.messages += 1;
        }
    }

    async fn publishes(&mut self, n: usize) {
        let id = format!("o{}", self.dice.below(4));
        let count = u32::try_from(self.dice.below(1_000)).unwrap();
        let domain = &self.web.all[n];
        if self.dice.below(4) == 0 && self.own[n].remove(&id).is_some() {
            domain.publishes(Vec::new(), &[&id]).await.unwrap();
        } else {
            domain.publishes(vec![draft(&id, count)], &[]).await.unwrap();
            self.own[n].insert(id, count);
        }
        self.happened.publications += 1;
    }

    /// Somebody acts on a message, where it has come.
    async fn acts(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let of = self.any(self.sent.len());
        let Sent { id, to, .. } = self.sent[of];
        let domain = &self.web.all[to];
        let (context, function) = (domain.context(), domain.who.function());
        let asked = MarkAsked { context, function, message: id, step: Step::Acted };
        if domain.ledger.mark_message(&domain.who.caller(), &asked).await.is_ok() {
            self.acted.insert(id);
            self.happened.acted += 1;
        }
    }

    async fn restarts(&mut self, n: usize, level: FeatureLevel) {
        self.tears(n);
        self.web.restart(n, level).await;
        self.happened.restarts += 1;
    }

    async fn upgrades(&mut self, n: usize) {
        if self.web.levels[n] < self.goals[n] {
            self.tears(n);
            self.web.upgrade(n, self.goals[n]).await;
            self.happened.upgrades += 1;
        }
    }

    /// Breaks what is open with a domain; what was cut stays so.
    fn tears(&self, n: usize) {
        for (link, edge) in self.web.edges.iter().enumerate() {
            if [edge.from, edge.to].contains(&n) {
                edge.fibre.cut();
                if !self.cut.contains_key(&link) {
                    edge.fibre.mend();
                }
            }
        }
    }

    /// The wires are whole, and all are upgraded who ever will be.
    async fn ends(&mut self) {
        for n in 0..self.web.all.len() {
            self.upgrades(n).await;
        }
        for edge in &self.web.edges {
            edge.fibre.mend();
        }
    }

    fn reads(&self, n: usize, level: FeatureLevel) -> bool {
        self.web.all[n].ledger.level() >= level
    }

    /// How much was ever numbered, when nothing waits and nothing is under way; else which links
    /// are not there yet.
    fn stands(&self) -> Result<u64, Vec<String>> {
        let (mut numbered, mut open) = (0, Vec::new());
        for edge in &self.web.edges {
            for (here, there) in [(edge.from, edge.to), (edge.to, edge.from)] {
                let peer = self.web.all[there].who.id();
                let figures = self.web.all[here].ledger.link_figures(&peer);
                let reads = |n| self.reads(n, FeatureLevel::CONTRIBUTIONS);
                let pictures = reads(here) && reads(there) && figures.pictures_waiting > 0;
                if figures.waiting > 0 || figures.link.in_flight() > 0 || pictures {
                    let standing = self.web.all[here].links.standing(&peer);
                    open.push(format!("{here} to {there}: {figures:?}, {standing:?}"));
                }
                numbered += figures.link.out.sequence;
            }
        }
        if open.is_empty() { Ok(numbered) } else { Err(open) }
    }

    /// Waits until nothing changes any more: what stands twice in the same way has been answered.
    async fn is_quiet(&self) {
        let patience = PATIENCE + PATIENCE * u32::try_from(self.web.all.len() / 50).unwrap();
        let quiet = timeout(patience, async {
            let mut before = None;
            loop {
                let now = self.stands().ok();
                if now.is_some() && now == before {
                    return;
                }
                before = now;
                sleep(Duration::from_millis(50)).await;
            }
        });
        assert!(quiet.await.is_ok(), "some have not come to rest: {:#?}", self.stands());
    }

    /// Each message is there once, in its sender's order, and its receipts have come to one end.
    async fn mail_is_whole(&self) {
        for (n, domain) in self.web.all.iter().enumerate() {
            let came = domain.inbox().await;
            let by =
                |from: usize| move |subject: &&String| subject.starts_with(&format!("{from} "));
            for from in self.web.neighbours(n) {
                let sent = self.sent.iter().filter(|sent| (sent.from, sent.to) == (from, n));
                let sent: Vec<&String> = sent.map(|sent| &sent.subject).collect();
                let came: Vec<&String> = came.iter().filter(by(from)).collect();
                assert_eq!(came, sent, "from {from} to {n}");
            }
            assert_eq!(came.len(), self.sent.iter().filter(|sent| sent.to == n).count());
        }
        for sent in &self.sent {
            let steps = self.web.all[sent.from].steps(sent.id).await;
            let is_acted = self.acted.contains(&sent.id);
            let expected = if is_acted { Step::Acted } else { Step::Accepted };
            assert_eq!(steps.last(), Some(&expected), "{} to {}", sent.subject, sent.to);
            let ends = steps.iter().filter(|step| step.is_end()).count();
            assert!(ends <= 1 && steps.is_sorted(), "{steps:?}");
        }
    }

    /// Hubs have of own pictures what they may have, and spokes what is delivered to them.
    async fn pictures_are_whole(&self) {
        let hubs = self.web.hubs;
        for n in hubs..self.web.all.len() {
            let (spoke, hub) = (&self.web.all[n], &self.web.all[n % hubs]);
            let contributes = self.reads(n, FeatureLevel::CONTRIBUTIONS);
            let own = self.own[n].iter().filter(|_| contributes);
            let own: BTreeMap<String, Option<u32>> =
                own.map(|(id, count)| (id.clone(), Some(*count))).collect();
            assert_eq!(hub.has(spoke.who).await.counts, own, "of {n}");
            if is_delivered(n, hubs) && self.reads(n, FeatureLevel::DELIVERIES) {
                let same = timeout(PATIENCE, async {
                    let there = hub.joint(spoke.who).await.unwrap();
                    while spoke.joint(spoke.who).await.ok().as_ref() != Some(&there) {
                        sleep(Duration::from_millis(20)).await;
                    }
                });
                assert!(same.await.is_ok(), "the view of {n}");
            }
        }
    }

    /// Both sides of each link have one chain; nobody was ever sent what it does not read.
    fn links_are_whole(&self) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        for edge in &self.web.edges {
            let ends = [edge.from, edge.to].map(|n| &self.web.all[n]);
            let [from, to] = ends;
            let (a, b) = (from.ledger.link(&to.who.id()), to.ledger.link(&from.who.id()));
            let of = (edge.from, edge.to);
            assert_eq!((a.out, b.out), (b.taken, a.taken), "{of:?}");
            assert_eq!((a.acknowledged, b.acknowledged), (a.out.sequence, b.out.sequence));
            assert_eq!((a.frozen, b.frozen), (None, None), "{of:?}");
            for (one, other) in [(from, to), (to, from)] {
                assert!(one.ledger.quarantined(&other.who.id()).is_empty(), "{of:?}");
            }
            let crossed = edge.crossed.lock().unwrap();
            assert_eq!(crossed.above, 0, "{of:?}");
            for (&(by_dialler, kind), count) in &crossed.came {
                // By where the receiver stands in the end, whatever was said meanwhile.
                let [from, to] = ends.map(|domain| domain.ledger.link_level());
                assert!(needs(kind) <= if by_dialler { to } else { from }, "{of:?}");
                *kinds.entry(Kind::from_number(kind).unwrap()).or_default() += count;
            }
        }
        kinds
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What the process has in memory and open: KiB, file handles, threads.
fn holds() -> (String, usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kept = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let count = |of: &str| std::fs::read_dir(of).map_or(0, Iterator::count);
    let kept = kept.unwrap_or_default().trim().to_owned();
    (kept, count("/proc/self/fd"), count("/proc/self/task"))
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_at_different_levels_converge_whatever_happens_to_their_links() {
    let count = usize::try_from(number("SAMSYN_DOMAINS", 24)).unwrap();
    let seed = number("SAMSYN_MANY_SEED", 1);
    let began = Instant::now();
    let mut life = Life::begins(seed, count).await;
    let links = life.web.edges.len();
    println!("{count} domains, {links} links, seed {seed}: {:?}, {:?}", began.elapsed(), holds());
    for step in 0..count * STEPS {
        life.step(step).await;
    }
    life.ends().await;
    println!("{:?}: {:?}, {:?}", life.happened, began.elapsed(), holds());
    life.is_quiet().await;
    println!("at rest: {:?}, {:?}", began.elapsed(), holds());
    life.mail_is_whole().await;
    life.pictures_are_whole().await;
    life.is_quiet().await;
    let kinds = life.links_are_whole();
    println!("{kinds:?}: {:?}, {:?}", began.elapsed(), holds());
    // Something of each kind crossed but editions, which nobody makes here, and domains of the
    // first levels and of the newest are left.
    let expected = [Kind::Message, Kind::Receipt, Kind::Contribution, Kind::Answer, Kind::View];
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), expected);
    let levels: BTreeSet<u32> =
        life.web.all.iter().map(|domain| domain.ledger.link_level()).collect();
    assert!(levels.is_superset(&[MESSAGES_LEVEL, CONTRIBUTIONS_LEVEL, LEVEL].into()), "{levels:?}");
    life.web.close().await;
}
