//! A domain is backed up, lost and restored; and what is damaged is told as what it is.

use std::{fs, path::Path};

use super::*;
use crate::{
    Error, Ledger, Levels, Node, Rejection,
    tests::{City, caller, document},
};

const OPERATOR: &str = "stockholms-stad/drift";

/// A folder with a backup of a domain in which something was read, and what opens it.
struct Scene {
    dir: tempfile::TempDir,
    secret: String,
    city: City,
}

impl Scene {
    async fn begin() -> Self {
        Self::knowing(Levels::default()).await
    }

    /// As [`Self::begin`], by a program that knows other levels.
    async fn knowing(levels: Levels) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let city = City::knowing(&dir.path().join("first"), document(), levels).await.unwrap();
        city.reads().await.unwrap();
        let (secret, public) = new_identity();
        let scene = Self { dir, secret, city };
        scene.backed_up("backup", &public).await;
        scene
    }

    async fn backed_up(&self, name: &str, public: &str) {
        let recipients = Recipients::parse(&[public.to_owned()]).unwrap();
        let backup = self.city.ledger.back_up(&caller(OPERATOR), recipients, 35).await.unwrap();
        written(backup, &self.path(name)).await;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn identities(&self) -> Identities {
        Identities::parse(&self.secret).unwrap()
    }

    fn restore(&self, to: &str) -> Result<Manifest, BadBackup> {
        self.restore_knowing(to, Levels::default())
    }

    fn restore_knowing(&self, to: &str, levels: Levels) -> Result<Manifest, BadBackup> {
        let node = Node { id: 1, address: "local".to_owned() };
        let dir = &self.path(to);
        let onto = Onto { dir, domain: "d", node, is_among_others: false, levels };
        tokio::task::block_in_place(|| {
            restore(&self.path("backup"), None, &self.identities(), &onto)
        })
    }

    fn verified(&self) -> String {
        examine(&self.path("backup"), None, &self.identities()).unwrap_err().to_string()
    }
}

/// Writes a backup down as a client does.
async fn written(mut backup: Backup, to: &Path) {
    fs::create_dir(to).unwrap();
    let mut part = PathBuf::new();
    while let Some(piece) = backup.next().await {
        match piece.unwrap() {
            Piece::Part(name) => {
                part = to.join(name);
                fs::write(&part, []).unwrap();
            }
            Piece::Bytes(bytes) => {
                let mut whole = fs::read(&part).unwrap();
                whole.extend(bytes);
                fs::write(&part, whole).unwrap();
            }
            Piece::End { manifest, signature } => {
                fs::write(to.join(SIGNATURE), hex::encode(signature)).unwrap();
                fs::write(to.join(MANIFEST), manifest).unwrap();
            }
        }
    }
}

fn incarnations(ledger: &Ledger) -> (u64, Vec<u64>) {
    ledger.read(|state| {
        let backups = state.backups().iter().map(|row| row.position).collect();
        (state.incarnation().map_or(0, |incarnation| incarnation.number), backups)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_goes_on_from_its_backup_once_and_knows_that_it_did() {
    let scene = Scene::begin().await;
    let manifest = examine(&scene.path("backup"), None, &scene.identities()).unwrap();
    let first = scene.city.ledger.read(Clone::clone);
    assert_eq!((manifest.counts.disclosures, manifest.incarnation), (1, 0));
    scene.city.reads().await.unwrap();
    scene.city.ledger.close().await;

    let restored = scene.restore("second").unwrap();
    assert_eq!(restored, manifest);
    let second = City::open(&scene.path("second"), document()).await;
    assert_eq!(second.recorded().len(), 1, "what came after the backup is lost");
    assert_eq!(incarnations(&second.ledger), (1, vec![manifest.position]), "it knows its backup");
    let (old, new) = (first, second.ledger.read(Clone::clone));
    assert_eq!(old.evidence(), new.evidence());
    assert_eq!((old.registry_digest(), old.units()), (new.registry_digest(), new.units()));
    assert!(new.epoch() > manifest.position, "decisions are made anew");
    second.reads().await.unwrap();
    second.ledger.close().await;

    let again = City::open(&scene.path("second"), document()).await;
    assert_eq!((incarnations(&again.ledger).0, again.recorded().len()), (1, 2));
    again.ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_domain_keeps_its_level_and_an_earlier_program_restores_nothing() {
    let above = FeatureLevel::of(FeatureLevel::NEWEST.number() + 1).unwrap();
    let newer = Levels::up_to(above);
    let scene = Scene::knowing(newer).await;
    assert_eq!(scene.city.ledger.level(), above);
    scene.city.ledger.close().await;
    let (number, knows) = (above.number(), FeatureLevel::NEWEST);
    let told = format!(
        "`{}` is of a domain at level {number}, and this version knows the log up to level \
         {knows}; install a version that knows level {number}",
        scene.path("backup").join(MANIFEST).display()
    );
    assert_eq!(scene.verified(), told);
    assert_eq!(scene.restore("second").unwrap_err().to_string(), told);
    assert!(!scene.path("second").exists());

    assert_eq!(scene.restore_knowing("second", newer).unwrap().level, number);
    let dir = scene.path("second");
    let earlier = City::knowing(&dir, document(), Levels::default()).await.err();
    assert!(matches!(earlier, Some(Error::LevelUnknown { .. })), "{earlier:?}");
    let second = City::knowing(&dir, document(), newer).await.unwrap();
    assert_eq!((second.ledger.level(), incarnations(&second.ledger).0), (above, 1));
    second.ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_of_the_first_level_reads_to_programs_of_before_levels() {
    let scene = Scene::knowing(Levels::up_to(FeatureLevel::FIRST)).await;
    scene.city.ledger.close().await;
    let text = fs::read_to_string(scene.path("backup").join(MANIFEST)).unwrap();
    assert!(!text.contains("level"), "an earlier program reads it: {text}");
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest.level, 1);
}

/// Nodes of the lost cluster may still run: none of their numbers comes again.
#[tokio::test(flavor = "multi_thread")]
async fn t35_a_node_of_before_carries_a_restored_domain_no_more() {
    let scene = Scene::begin().await;
    let node = Node { id: 1, address: "127.0.0.1:1".to_owned() };
    let dir = &scene.path("second");
    let onto = Onto { dir, domain: "d", node, is_among_others: true, levels: Levels::default() };
    let refused = restore(&scene.path("backup"), None, &scene.identities(), &onto).unwrap_err();
    assert!(refused.to_string().starts_with("node 1 carried the domain before"), "{refused}");
    scene.restore("third").unwrap();
    let third = City::open(&scene.path("third"), document()).await;
    let node = Node { id: 1, address: "127.0.0.1:1".to_owned() };
    let refused = third.ledger.add_learner(node).await.unwrap_err();
    assert!(matches!(refused, Error::Membership(_)), "{refused}");
    third.ledger.close().await;
    scene.city.ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_has_a_backup_made_and_one_at_a_time() {
    let scene = Scene::begin().await;
    let (_, public) = new_identity();
    let recipients = Recipients::parse(&[public]).unwrap();
    let ledger = &scene.city.ledger;
    let refused =
        ledger.back_up(&caller("stockholms-stad/sdf-skarholmen"), recipients.clone(), 35).await;
    assert!(matches!(refused, Err(Rejection::Denied(_))));
    let under_way = ledger.back_up(&caller(OPERATOR), recipients.clone(), 35).await.unwrap();
    let second = ledger.back_up(&caller(OPERATOR), recipients.clone(), 35).await;
    assert!(matches!(second, Err(Rejection::Failed(Error::Overloaded))));
    assert_eq!(incarnations(ledger).1.len(), 2, "what is refused is not recorded");
    drop(under_way);
    for _ in 0..100 {
        if let Ok(third) = ledger.back_up(&caller(OPERATOR), recipients.clone(), 35).await {
            return written(third, &scene.path("third")).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("one that was given up makes no room");
}

/// Nothing of the domain stands in the folder: neither what it keeps under seal nor what it does
/// not.
#[tokio::test(flavor = "multi_thread")]
async fn t30_a_backup_says_nothing_without_its_key() {
    let scene = Scene::begin().await;
    let keys = fs::read_to_string(scene.path("first").join("keys.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let secret = keys["release"].as_str().unwrap().to_owned();
    for name in [ROWS, KEYS, MANIFEST, SIGNATURE] {
        let file = fs::read(scene.path("backup").join(name)).unwrap();
        for canary in [secret.as_str(), "sdf-skarholmen", "graffiti"] {
            let found = file.windows(canary.len()).any(|part| part == canary.as_bytes());
            assert!(!found, "`{canary}` in {name}");
        }
    }
    scene.city.ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_told_as_what_it_is() {
    let scene = Scene::begin().await;
    let backup = scene.path("backup");
    for name in [ROWS, KEYS] {
        let file = backup.join(name);
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        let told = |what: &str| {
            format!(
                "`{}` is not what was written: {what}; take another copy, or another backup",
                file.display()
            )
        };
        fs::write(&file, &flipped).unwrap();
        assert_eq!(scene.verified(), told("its SHA-256 is another"));
        fs::write(&file, &whole[..middle]).unwrap();
        let lengths = format!("it has {middle} bytes instead of {}", whole.len());
        assert_eq!(scene.verified(), told(&lengths));
        fs::remove_file(&file).unwrap();
        assert_eq!(scene.verified(), told("it is missing"));
        fs::write(&file, &whole).unwrap();
    }
    let file = backup.join(MANIFEST);
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, whole.replace("samsyn-backup/1", "samsyn-backup/2")).unwrap();
    let newer = "has format `samsyn-backup/2`, and this program knows `samsyn-backup/1`; use the \
                 program that made it";
    assert_eq!(scene.verified(), format!("`{}` {newer}", file.display()));
    fs::write(&file, whole.replacen("\"disclosures\": 1", "\"disclosures\": 2", 1)).unwrap();
    let unsigned = "its signature does not hold";
    assert!(scene.verified().contains(unsigned), "{}", scene.verified());
    fs::remove_file(&file).unwrap();
    assert!(scene.verified().contains("no backup, or one that was not finished"));
    fs::write(&file, &whole).unwrap();
    examine(&backup, None, &scene.identities()).unwrap();

    let other = Identities::parse(&new_identity().0).unwrap();
    let refused = examine(&backup, None, &other).unwrap_err();
    assert!(matches!(refused, BadBackup::OtherIdentity { .. }), "{refused}");
    assert!(refused.to_string().contains("which is sealed to age1"), "{refused}");
    let refused = scene.restore("first").unwrap_err();
    assert!(matches!(refused, BadBackup::Occupied(_)), "{refused}");
    scene.city.ledger.close().await;
}

/// Rows with the keys of a later backup are whole; with those of another domain they are nothing.
#[tokio::test(flavor = "multi_thread")]
async fn rows_go_with_later_keys_of_their_domain_and_with_no_others() {
    let scene = Scene::begin().await;
    let public = scene.secret.lines().next().unwrap().trim_start_matches("# public key: ");
    let public = public.to_owned();
    scene.backed_up("later", &public).await;
    let examined = |keys: &Path| examine(&scene.path("backup"), Some(keys), &scene.identities());
    examined(&scene.path("later")).unwrap();
    let other = City::open(&scene.path("other"), document()).await;
    let recipients = Recipients::parse(&[public]).unwrap();
    let backup = other.ledger.back_up(&caller(OPERATOR), recipients, 35).await.unwrap();
    written(backup, &scene.path("of-other")).await;
    let refused = examined(&scene.path("of-other")).unwrap_err();
    assert!(matches!(refused, BadBackup::OtherKeys(_)), "{refused}");
    other.ledger.close().await;
    scene.city.ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_that_did_not_end_or_was_changed_starts_nothing() {
    let scene = Scene::begin().await;
    scene.restore("second").unwrap();
    scene.city.ledger.close().await;
    let opened = |name: &str| {
        let found = Returned::find(&scene.path(name), FeatureLevel::NEWEST);
        found.map(|returned| returned.is_some()).map_err(|error| error.to_string())
    };
    assert_eq!(opened("second"), Ok(true));
    let done = scene.path("second").join("restored.json");
    let text = fs::read_to_string(&done).unwrap();
    fs::write(&done, text.replacen("\"rows\": ", "\"rows\": 1", 1)).unwrap();
    let refused = opened("second").unwrap_err();
    assert!(refused.contains("is not what was restored: its number of rows"), "{refused}");
    fs::rename(&done, scene.path("second").join("restoring.json")).unwrap();
    let refused = opened("second").unwrap_err();
    assert!(refused.contains("the restoration was not finished"), "{refused}");
}
