//! Whatever happens to wire, processes and disks, by seed: each message takes effect once, receipts
//! come to one end, files are there, the home of an area has of an own picture what it may have,
//! what it delivers is read elsewhere as it is there, answers to editions stand once, both sides
//! have one chain.
//!
//! `SAMSYN_SEEDS=from..to` runs other seeds; a failure tells its seed and steps.

mod ended;
mod own;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ops::Range,
    time::Duration,
};

use samsyn_domain::{EditionId, Timestamp, command::LinkChange, message::MessageId};
use samsyn_proto::v1;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use self::own::Own;
use super::{
    attached::list,
    editions::why,
    pictures::draft,
    world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World},
};
use crate::{Closing, Standing};

/// How many steps a life has.
const STEPS: usize = 40;
/// How many bytes a file has at most.
const FILE_MAX: u64 = 1_400_000;
/// How much later it is each time that a link begins anew, in seconds.
const LATER: i64 = 60;

/// A generator of Marsaglia (xorshift64*): the same seed gives the same steps.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }

    fn side(&mut self) -> At {
        if self.below(2) == 0 { At::City } else { At::Police }
    }
}

/// Where something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    City,
    Police,
}

impl At {
    const BOTH: [Self; 2] = [Self::City, Self::Police];

    const fn other(self) -> Self {
        match self {
            Self::City => Self::Police,
            Self::Police => Self::City,
        }
    }

    const fn who(self) -> Who {
        match self {
            Self::City => CITY,
            Self::Police => POLICE,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    /// So many messages go to the other side.
    Send(At, u64),
    /// All that stands in the inbox is dealt with.
    Mark(At),
    /// So many of its observations become new, changed, kept or withdrawn.
    Publish(At, u64),
    Cut,
    Mend,
    Tear,
    Restart(At),
    /// Its files are kept, in the place of what was kept of them before.
    BackUp(At),
    /// It goes on from the files that were kept, and both operators have the link begin anew.
    Restore(At),
    /// The city opens an edition where none is under way.
    Open,
    /// The city puts its picture of now to the endorsers.
    Lock,
    /// It endorses what it reads; the police with a reservation at times.
    Answer(At),
    /// The city releases what both endorse.
    Release,
    Wait(u64),
}

fn act(dice: &mut Dice) -> Act {
    match dice.below(26) {
        0..=3 => Act::Send(dice.side(), 1 + dice.below(8)),
        4 => Act::Mark(dice.side()),
        5..=8 => Act::Publish(dice.side(), 1 + dice.below(6)),
        9 => Act::Cut,
        10 | 11 => Act::Mend,
        12 => Act::Tear,
        13 => Act::Restart(dice.side()),
        14 => Act::BackUp(dice.side()),
        15 => Act::Restore(dice.side()),
        16 => Act::Open,
        17 | 18 => Act::Lock,
        19..=21 => Act::Answer(dice.side()),
        22 => Act::Release,
        _ => Act::Wait(dice.below(300)),
    }
}

/// What a domain knows, or knew when its files were kept.
#[derive(Default, Clone)]
struct Knows {
    /// What it has sent, by subject, in order.
    sent: Vec<String>,
    /// What it has dealt with.
    marked: BTreeSet<String>,
    own: Own,
}

/// Two domains, and what should be true of them.
struct Life {
    world: World,
    now: Timestamp,
    knows: [Knows; 2],
    kept: [Option<(TempDir, Knows)>; 2],
    /// All that was ever sent, each with its file; empty: without one.
    sent: BTreeMap<String, (MessageId, Vec<u8>)>,
    /// What was ever dealt with.
    marked: BTreeSet<String>,
    editions: BTreeSet<EditionId>,
    /// Something was forgotten: then not all comes in the order in which it was sent.
    forgot: bool,
}

impl Life {
    /// In a world in which both have published and endorse.
    fn begins(world: World) -> Self {
        let mut knows: [Knows; 2] = Default::default();
        for (knows, (id, count)) in knows.iter_mut().zip([("c1", 2), ("p1", 3)]) {
            knows.own.0.insert(id.to_owned(), (count, true));
        }
        Self {
            world,
            now: NOW,
            knows,
            kept: Default::default(),
            sent: BTreeMap::new(),
            marked: BTreeSet::new(),
            editions: BTreeSet::new(),
            forgot: false,
        }
    }

    fn domain(&self, at: At) -> &Domain {
        match at {
            At::City => &self.world.city,
            At::Police => &self.world.police,
        }
    }

    async fn does(&mut self, act: Act, dice: &mut Dice) {
        match act {
            Act::Send(at, count) => {
                for _ in 0..count {
                    let subject = format!("{:04}", self.sent.len());
                    // Some with a file, of up to three parts.
                    let bytes = if dice.below(5) == 0 { 1 + dice.below(FILE_MAX) } else { 0 };
                    let file = list(usize::try_from(bytes).unwrap());
                    let files: &[&[u8]] = if file.is_empty() { &[] } else { &[&file] };
                    let (domain, to) = (self.domain(at), at.other().who());
                    let id = domain.sends_with(to, &subject, files).await;
                    self.sent.insert(subject.clone(), (id, file));
                    self.knows[at as usize].sent.push(subject);
                }
            }
            Act::Mark(at) => {
                for subject in self.domain(at).inbox().await {
                    if self.knows[at as usize].marked.insert(subject.clone()) {
                        self.domain(at).acts_on(self.sent[&subject].0).await;
                        self.marked.insert(subject);
                    }
                }
            }
            Act::Publish(at, count) => {
                let mut own = std::mem::take(&mut self.knows[at as usize].own);
                own.publishes(self.domain(at), count, dice).await;
                self.knows[at as usize].own = own;
            }
            Act::Cut => self.world.wire.cut(),
            Act::Mend => self.world.wire.mend(),
            Act::Tear => self.world.wire.tear(),
            Act::Restart(At::City) => self.world.restart_city().await,
            Act::Restart(At::Police) => self.world.restart_police().await,
            Act::BackUp(at) => {
                let files = self.world.back_up(at.who()).await;
                self.kept[at as usize] = Some((files, self.knows[at as usize].clone()));
            }
            Act::Restore(at) => self.restore(at).await,
            Act::Open => self.open().await,
            Act::Lock => self.lock().await,
            Act::Answer(at) => self.answer(at, dice.below(2) == 0).await,
            Act::Release => self.release().await,
            Act::Wait(millis) => sleep(Duration::from_millis(millis)).await,
        }
    }

    async fn restore(&mut self, at: At) {
        let Some((files, knew)) = &self.kept[at as usize] else { return };
        self.knows[at as usize] = knew.clone();
        self.world.restore(at.who(), files).await;
        self.forgot = true;
        self.renew().await;
    }

    /// Both operators have the link begin anew, one after the other.
    async fn renew(&mut self) {
        self.now = self.now.after_seconds(LATER);
        for domain in At::BOTH.map(|at| self.domain(at)) {
            domain.at(self.now);
            domain.sets_link(LinkChange::Renew).await;
        }
        self.world.wire.tear();
    }

    /// Operators look at a link that is not open, as docs/operate.md has them do: one of them may
    /// have joined what the other had begun before, and so both begin anew once more.
    async fn is_open(&mut self) {
        let links = At::BOTH.map(|at| self.domain(at).links.clone());
        let standing = || {
            let of = links.iter().zip(At::BOTH);
            of.map(|(links, at)| links.standing(&at.other().who().id())).collect::<Vec<_>>()
        };
        let opens = timeout(PATIENCE, async {
            let mut closed = 0;
            loop {
                let both = standing();
                if both.iter().all(|one| one.session.is_some()) {
                    return;
                }
                let is_unknown = |one: &Standing| one.fault == Some(Closing::EpochUnknown);
                closed = if both.iter().all(is_unknown) { closed + 1 } else { 0 };
                // It stays so, over several tries.
                if closed > 500 {
                    closed = 0;
                    self.renew().await;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(opens.await.is_ok(), "it does not open: {:?}", standing());
    }

    /// The edition of now, as the city reads it.
    async fn newest(&self) -> Option<v1::EditionHeader> {
        let mut newest = None;
        for id in &self.editions {
            // What was opened after the files were kept is forgotten.
            if let Ok(shown) = self.world.city.shown(id, CITY).await {
                newest = Some(shown.header());
            }
        }
        newest
    }

    async fn open(&mut self) {
        let newest = self.newest().await;
        if newest.is_none_or(|newest| newest.state() == v1::EditionState::Released) {
            self.editions.insert(self.world.city.opens().await);
        }
    }

    async fn lock(&self) {
        let Some(newest) = self.newest().await else { return };
        if newest.state() == v1::EditionState::Released {
            return;
        }
        let id = EditionId::parse(&newest.id).unwrap();
        if let Err(refused) = self.world.city.would_lock(&id, |_| ()).await {
            // A contribution came in between.
            assert_eq!(why::<()>(Err(refused)), "REVISION_STALE");
        }
    }

    async fn answer(&self, at: At, reserves: bool) {
        let Some(newest) = self.newest().await else { return };
        let id = EditionId::parse(&newest.id).unwrap();
        // What it reads, which may be of before.
        let Ok(shown) = self.domain(at).shown(&id, at.who()).await else { return };
        if shown.header().state() != v1::EditionState::InReview || shown.reviews.is_empty() {
            return;
        }
        let text = if reserves && at == At::Police { "Utan ordningsvakter." } else { "" };
        let asked = shown.answered_by(at.who(), text, self.domain(at).context());
        let answered = self.domain(at).answers(&asked).await;
        if answered.is_err() {
            let why = why(answered);
            // It has answered, or another round has come since it was read.
            let expected =
                ["ALREADY_ANSWERED", "EDITION_ROUND_STALE", "EDITION_WRONG_STATE", "NOT_FOUND"];
            assert!(expected.contains(&why.as_str()), "{why}");
        }
    }

    async fn release(&self) {
        let newest = self.newest().await;
        if let Some(newest) = newest.filter(|one| one.state() == v1::EditionState::Endorsed) {
            self.world.city.releases(&newest).await;
        }
    }

    /// The wire is whole, and all that should be true becomes so.
    async fn ends(&mut self) {
        self.world.wire.mend();
        self.is_open().await;
        self.pictures_are_whole().await;
        for at in At::BOTH {
            self.mail_is_whole(at).await;
        }
        for id in &self.editions {
            self.edition_is_whole(id).await;
        }
        let link = |at: At| self.domain(at).ledger.link(&at.other().who().id());
        let settled = timeout(PATIENCE, async {
            while At::BOTH.iter().any(|at| link(*at).acknowledged != link(*at).out.sequence) {
                sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(settled.await.is_ok(), "{:?}", At::BOTH.map(link));
        let [city, police] = At::BOTH.map(link);
        assert_eq!((city.out, police.out), (police.taken, city.taken));
        assert_eq!((city.frozen, police.frozen), (None, None));
        for at in At::BOTH {
            assert!(self.domain(at).ledger.quarantined(&at.other().who().id()).is_empty());
        }
    }

    async fn pictures_are_whole(&self) {
        let own = &self.knows[At::Police as usize].own;
        let stands = self.world.police.is_in_step().await;
        assert_eq!(self.world.city.has(POLICE).await.counts, own.shared());
        assert_eq!(stands.held, own.shared().len());
        // A view has the revision of its newest change: one more that is in it.
        self.world.city.publishes(vec![draft("end", 1)], &[]).await.unwrap();
        self.world.is_same().await;
    }

    /// What one side has sent stands once in the inbox of the other, and comes to its end.
    async fn mail_is_whole(&self, at: At) {
        let (knows, there) = (&self.knows[at as usize], &self.knows[at.other() as usize]);
        let came = timeout(PATIENCE, async {
            loop {
                let came = self.domain(at.other()).inbox().await;
                if knows.sent.iter().all(|subject| came.contains(subject)) {
                    return came;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        let Ok(came) = came.await else {
            panic!("{:?}, not {:?}", self.domain(at.other()).inbox().await, knows.sent)
        };
        let once: BTreeSet<&String> = came.iter().collect();
        assert_eq!(once.len(), came.len(), "twice: {came:?}");
        assert!(self.forgot || came == knows.sent, "{came:?}, not {:?}", knows.sent);
        for subject in &knows.sent {
            let (id, file) = &self.sent[subject];
            if !file.is_empty() {
                let came = self.domain(at.other()).has_come(*id, 1).await;
                assert!(came == *file, "the file of {subject}");
            }
            let is_there = there.marked.contains(subject);
            // Who has forgotten that it dealt with something has told so before, or not.
            let may_have = is_there || self.marked.contains(subject);
            let steps = timeout(PATIENCE, async {
                loop {
                    let steps = self.domain(at).steps(*id).await;
                    let is_at = |code: &str| steps.last().is_some_and(|one| one.as_str() == code);
                    if is_at("acted") && may_have || is_at("accepted") && !is_there {
                        return steps;
                    }
                    sleep(Duration::from_millis(20)).await;
                }
            });
            let Ok(steps) = steps.await else {
                panic!("{subject}: {:?}", self.domain(at).steps(*id).await)
            };
            let ends = steps.iter().filter(|step| step.is_end()).count();
            assert!(ends <= 1 && steps.is_sorted(), "{steps:?}");
        }
    }

    /// What the police answered, once the city has said what became of all of it.
    async fn all_told(&self, id: &EditionId) -> Vec<v1::GivenAnswer> {
        let told = timeout(PATIENCE, async {
            loop {
                match self.world.police.given(id).await {
                    Some(given) if given.iter().all(|one| one.told_at.is_some()) => return given,
                    Some(_) | None => sleep(Duration::from_millis(10)).await,
                }
            }
        });
        match told.await {
            Ok(given) => given,
            Err(_) => panic!("{:?}", self.world.police.given(id).await),
        }
    }

    /// An edition is read as it is at its home; what its endorser elsewhere was told is so there.
    async fn edition_is_whole(&self, id: &EditionId) {
        let World { city, police, .. } = &self.world;
        if city.shown(id, CITY).await.is_err() {
            let gone = timeout(PATIENCE, async {
                while police.shown(id, POLICE).await.is_ok() {
                    sleep(Duration::from_millis(10)).await;
                }
            });
            assert!(gone.await.is_ok(), "{id} is forgotten at its home");
            return;
        }
        let mut header = self.world.edition_is_same(id).await;
        for given in self.all_told(id).await {
            let stands = header.answers.iter().any(|one| one.party == POLICE.party);
            let was_taken = given.reason.is_empty() && given.round == header.round;
            assert!(!was_taken || stands, "{given:?}, {header:?}");
        }
        // Who has no answer that stands can give one.
        let is_open = header.state() == v1::EditionState::InReview;
        if is_open && !header.answers.iter().any(|one| one.party == POLICE.party) {
            let asked = police.signed(id, "").await;
            drop(police.answers(&asked).await.unwrap());
            self.all_told(id).await;
            header = self.world.edition_is_same(id).await;
        }
        let parties: Vec<&String> = header.answers.iter().map(|one| &one.party).collect();
        let once: BTreeSet<&&String> = parties.iter().collect();
        assert_eq!(once.len(), parties.len(), "{header:?}");
        assert!(!is_open || parties.iter().any(|one| *one == POLICE.party), "{header:?}");
    }
}

async fn life(seed: u64, mut dice: Dice) {
    let mut life = Life::begins(World::endorsing().await);
    for _ in 0..STEPS {
        let act = act(&mut dice);
        println!("seed {seed}: {act:?}");
        life.does(act, &mut dice).await;
    }
    life.ends().await;
    life.world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_takes_effect_once_whatever_happens() {
    each(0..4, life).await;
}

/// Lives by seed, one after the other: those of every run, or those that are asked for.
async fn each<F: Future<Output = ()>>(every_run: Range<u64>, life: impl Fn(u64, Dice) -> F) {
    let seeds = env::var("SAMSYN_SEEDS").ok().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    let budget = env::var("SAMSYN_SEEDS_SECONDS").ok().and_then(|text| text.parse().ok());
    let began = tokio::time::Instant::now();
    let all = seeds.unwrap_or(every_run);
    let mut run = 0;
    for seed in all.clone() {
        if budget.is_some_and(|seconds| began.elapsed() > Duration::from_secs(seconds)) {
            break;
        }
        println!("seed {seed}");
        life(seed, Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)).await;
        run += 1;
    }
    println!("{run} seeds from {}", all.start);
    assert!(run > 0, "no seed was run");
}
