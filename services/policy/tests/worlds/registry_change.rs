//! Changes of the registry: whose signature counts, what a preview tells, what stays as it was.

#[cfg(test)]
mod tests {
    use samsyn_domain::{
        KeyId, OrganisationId, ServiceId, Timestamp,
        command::{ApproveChange, Command, ProposeChange, Reply},
        commit::{
            dsse::{PayloadType, pre_authentication},
            hash::Digest,
            registry::{Decision, RegistryStatement},
        },
        registry::{Base, Change, Document, Effect, Registry, Signed},
    };
    use samsyn_policy::{
        BadChangeSignature, ChangePreview, NoPreview, PreviewBasis, SignedChange, verify_change,
    };
    use serde_json::{Value, json};

    use crate::world::{
        World,
        act::{Act, Put},
        registry::{RowSpec, document, sign},
    };

    const CITY: u8 = 11;
    const POLICE: u8 = 12;
    const FOR_KV: usize = 2;

    fn row() -> RowSpec {
        RowSpec {
            receiver: "kv",
            place: Some("exact"),
            groups: [true; 5],
            priorities: 0,
            periods: 0,
            wide: false,
            live: true,
            protected: false,
        }
    }

    fn founding(row: RowSpec) -> Value {
        let mut value = serde_json::to_value(document(&[row])).unwrap();
        value["lists"]["own_purpose"] = "joint".into();
        value["lists"]["own_basis"] = "law".into();
        value["services"].as_array_mut().unwrap().push(json!({"id": "stad/registrar",
            "organisation": "stad", "roles": ["registrar"]}));
        value
    }

    fn world(row: RowSpec) -> World {
        let founding: Document = serde_json::from_value(founding(row)).unwrap();
        let mut world = World::founded(founding);
        for id in 0..3 {
            let put = Put {
                id,
                category: 0,
                geography: 2,
                audience: FOR_KV,
                count: Some(4),
                ..Put::for_signatories(0)
            };
            Act::Put(put).deed(&world).unwrap().done_in(&mut world);
        }
        world
    }

    fn change(world: &World, edit: impl FnOnce(&mut Value)) -> Change {
        let before = world.state.registry();
        let mut value = serde_json::to_value(before.document()).unwrap();
        edit(&mut value);
        let document: Document = serde_json::from_value(value).unwrap();
        Change::between(before, &Registry::build(&document).unwrap()).unwrap()
    }

    fn base(world: &World) -> Base {
        Base { epoch: world.state.epoch(), digest: *world.state.registry_digest() }
    }

    fn signed(organisation: &str) -> Signed {
        Signed {
            organisation: OrganisationId::parse(organisation).unwrap(),
            service: ServiceId::parse(&format!("{organisation}/registrar")).unwrap(),
            key: KeyId::parse(&format!("key-{organisation}")).unwrap(),
            statement: Vec::new(),
            signature: Vec::new(),
            at: Timestamp::ZERO,
        }
    }

    /// A change in force, whatever it takes.
    fn carried(world: &mut World, edit: impl FnOnce(&mut Value)) {
        // Stamps rise from entry to entry.
        world.now = world.now.after_micros(1);
        let (change, base) = (change(world, edit), base(world));
        let propose = ProposeChange { change, base, signed: signed("stad"), reason: None };
        let reply = world.apply(Command::ProposeChange(propose.into()));
        let Reply::Proposed { id, epoch } = reply else { panic!("{reply:?}") };
        if epoch.is_none() {
            let approve = ApproveChange { proposal: id, signed: signed("polis") };
            let reply = world.apply(Command::ApproveChange(approve.into()));
            assert!(matches!(reply, Reply::Proposed { epoch: Some(_), .. }), "{reply:?}");
        }
        world.looked_anew();
    }

    #[test]
    fn a_signature_counts_for_its_change_by_its_organisations_key_alone() {
        let world = world(row());
        let change = change(&world, |d| d["release_rows"][0]["live"] = false.into());
        let base = base(&world);
        let stated = RegistryStatement {
            domain: "d".into(),
            base_epoch: base.epoch,
            base: Digest(base.digest),
            change: Digest(change.digest()),
            decision: Decision::Propose,
            organisation: "stad".into(),
        };
        let verify = |stated: &RegistryStatement, seed, organisation: &str, key: &str| {
            let statement = stated.encode().unwrap();
            let bytes = pre_authentication(PayloadType::RegistryChange, &statement);
            let signed = SignedChange {
                organisation: &OrganisationId::parse(organisation).unwrap(),
                decision: Decision::Propose,
                change: &change,
                base,
                statement: &statement,
                signature: &sign(seed, &bytes).0,
                key: &KeyId::parse(key).unwrap(),
            };
            verify_change(&world.state, &signed)
        };
        assert_eq!(verify(&stated, CITY, "stad", "key-stad"), Ok(()));
        let bad = BadChangeSignature::BadSignature;
        assert_eq!(verify(&stated, POLICE, "stad", "key-stad"), Err(bad));
        // A key that is registered for another organisation, or for nobody, or to endorse.
        for key in ["key-polis", "key-nobody", "key-sdf"] {
            let unknown = BadChangeSignature::KeyUnknown;
            assert_eq!(verify(&stated, POLICE, "stad", key), Err(unknown), "{key}");
        }
        let others = [
            RegistryStatement { domain: "e".into(), ..stated.clone() },
            RegistryStatement { base_epoch: base.epoch + 1, ..stated.clone() },
            RegistryStatement { base: Digest([0; 32]), ..stated.clone() },
            RegistryStatement { change: Digest([0; 32]), ..stated.clone() },
            RegistryStatement { decision: Decision::Approve, ..stated.clone() },
            RegistryStatement { organisation: "polis".into(), ..stated },
        ];
        for other in others {
            let refused = verify(&other, CITY, "stad", "key-stad");
            assert_eq!(refused, Err(BadChangeSignature::OtherChange), "{other:?}");
        }
    }

    fn preview(world: &World, edit: impl FnOnce(&mut Value)) -> ChangePreview {
        let change = change(world, edit);
        let basis =
            PreviewBasis::of(&world.state, world.now, &World::caller("stad/registrar"), &change);
        let projection = World::policy().preview_change(&basis.unwrap(), |_| [0; 32]).unwrap();
        assert_eq!(projection.disclosures().len(), 1);
        World::opened(projection)
    }

    #[test]
    fn a_preview_says_who_would_newly_see_what() {
        let mut world = world(row());
        let reader = world.reader("kv/reader");
        for _ in 0..2 {
            world.read(&reader, "2025-10".parse().unwrap());
        }
        let hide = preview(&world, |d| {
            d["release_rows"][0]["shown"].as_object_mut().unwrap().remove("counts");
        });
        assert_eq!((hide.effect, hide.needed, hide.truncated), (Effect::Tightens, 1, false));
        let lost: Vec<_> =
            hide.rights.iter().map(|r| (r.group.as_str(), r.live, r.gained)).collect();
        assert_eq!(lost, [("counts", false, 0), ("counts", true, 0)]);
        assert!(hide.rights.iter().all(|right| right.lost > 0));
        let [one] = hide.replayed.as_slice() else { panic!("{hide:?}") };
        assert_eq!((one.service.as_str(), one.disclosures), ("kv/reader", 2));
        assert_eq!(one.groups, [("counts".to_owned(), 3, 0)]);
        let coarser =
            preview(&world, |d| d["release_rows"][0]["shown"]["place"] = "district".into());
        let lost: Vec<_> = coarser.rights.iter().map(|right| right.group.as_str()).collect();
        assert_eq!(lost, ["place", "place", "place:sub_area", "place:sub_area"]);
        // Another receiver's new row gives it a right; it had been given nothing to replay.
        let new = preview(&world, |d| {
            let mut row = d["release_rows"][0].clone();
            (row["id"], row["receiver"]) = ("row-fk".into(), "fk".into());
            d["release_rows"].as_array_mut().unwrap().push(row);
        });
        assert_eq!((new.effect, new.needed), (Effect::Loosens, 2));
        let gained =
            new.rights.iter().all(|r| r.receiver.as_str() == "fk" && r.gained > 0 && r.lost == 0);
        assert!(gained && !new.rights.is_empty() && new.replayed.is_empty(), "{new:?}");
        // A week later there is nothing left to replay.
        world.now = world.now.after_seconds(7 * 24 * 3_600 + 1);
        let later = preview(&world, |d| d["release_rows"] = json!([]));
        assert_eq!((later.disclosures, later.replayed.len()), (0, 0));
        assert!(!later.rights.is_empty());
    }

    #[test]
    fn a_registry_that_would_not_hold_has_no_preview() {
        let world = world(row());
        let change = change(&world, |d| d["parties"][2]["kind"] = "other".into());
        let caller = World::caller("stad/registrar");
        let basis = PreviewBasis::of(&world.state, world.now, &caller, &change);
        assert!(matches!(basis, Err(NoPreview::Invalid(_))));
    }

    /// The cells of an edition hold the purposes of their row and the clearance of its receiver:
    /// both are those of the lock.
    #[test]
    fn an_edition_stays_as_it_was_locked_whatever_changes() {
        let mut world = world(RowSpec { protected: true, live: false, ..row() });
        let edition = world.release_edition("2025-10".parse().unwrap()).unwrap();
        let before = world.facts("kv/reader", std::slice::from_ref(&edition));
        assert!(before.iter().any(|fact| fact.starts_with("cell of")), "{before:?}");
        carried(&mut world, |d| {
            d["release_rows"][0]["purposes"] = json!(["joint", "other"]);
            d["organisations"][2]["clearance"] = 3.into();
            d["agreements"][0]["conflict_roles"] = json!(["coordinator"]);
        });
        assert_eq!(world.facts("kv/reader", std::slice::from_ref(&edition)), before);
        // What the row no longer covers is not opened any more.
        carried(&mut world, |d| d["release_rows"][0]["kinds"] = json!(["system_threat"]));
        let after = world.facts("kv/reader", std::slice::from_ref(&edition));
        assert!(after.is_subset(&before) && after.len() < before.len(), "{after:?}");
        carried(&mut world, |d| d["release_rows"] = json!([]));
        assert!(world.facts("kv/reader", &[edition]).is_empty());
    }
}
