use serde_json::{Value, json};

use super::*;
use crate::registry::{Document, RecordKey, Table};

fn document() -> Value {
    let organisation = |id: &str| {
        json!({"id": id, "name": id, "orgnr": id, "trust_domain": format!("{id}.example"),
            "clearance": 2})
    };
    let key = |id: &str, organisation: &str, n: u8| {
        let public_key = hex::encode([n; 32]);
        json!({"id": id, "organisation": organisation, "public_key": public_key})
    };
    let named = |id: &str| json!({"id": id, "sv": id, "en": id});
    json!({
        "lists": {
            "priorities": [named("p"), named("q")], "purposes": [named("u"), named("v")],
            "legal_bases": [named("l"), named("m")],
        },
        "organisations": [organisation("a"), organisation("b"), organisation("c")],
        "registry_keys": [key("a-1", "a", 1), key("a-2", "a", 2), key("b-1", "b", 3)],
        "parties": [{"id": "x", "organisation": "a", "name": "X", "kind": "municipal",
            "sub_kind": "s"}],
        "services": [{"id": "a/s", "organisation": "a", "parties": ["x"],
            "roles": ["publisher", "reader"], "suspended": false}],
        "endorsement_keys": [{"id": "k", "party": "x", "role": "endorser",
            "public_key": hex::encode([9; 32])}],
        "groups": [{"id": "g", "name": "g", "members": ["a", "b"],
            "functions": ["5560000001/a", "5560000001/b"]}],
        "areas": [{"id": "n", "name": "N"}, {"id": "o", "name": "O"}, {"id": "z", "name": "Z"}],
        "release_rows": [{"id": "r", "receiver": "c", "areas": ["n", "o"],
            "priorities": ["p", "q"], "kinds": ["reported_crime", "environment"],
            "periods": ["week", "month"], "purposes": ["u", "v"], "legal_bases": ["l", "m"],
            "shown": {"identity": "exact", "place": "sub_area", "time": "exact"},
            "live": true, "protected_counts": false, "declares_withheld": true,
            "valid_from": "2025-01-01", "valid_to": "2026-01-01"}],
        "meetings": [{"id": "m", "group": "g", "area": "n", "cadence": "every_week",
            "weekday": "TUE", "starts": "09:00:00", "minutes": 60, "roles": []}],
    })
}

fn built(document: Value) -> Registry {
    let document: Document = serde_json::from_value(document).unwrap();
    Registry::build(&document).unwrap()
}

fn registry() -> Registry {
    built(document())
}

/// What an edit of the document comes to.
fn effect(edit: impl FnOnce(&mut Value)) -> Effect {
    let mut document = document();
    edit(&mut document);
    let (before, after) = (registry(), built(document));
    let change = Change::between(&before, &after).unwrap();
    assert_eq!(before.changed(&change).unwrap(), after);
    before.effect(&change)
}

fn row(edit: impl FnOnce(&mut Value)) -> Effect {
    effect(|document| edit(&mut document["release_rows"][0]))
}

#[test]
fn narrowing_a_release_row_tightens_and_its_reverse_loosens() {
    let narrow: [(&str, Value); 12] = [
        ("areas", json!(["n"])),
        ("priorities", json!(["q"])),
        ("kinds", json!(["environment"])),
        ("periods", json!(["month"])),
        ("purposes", json!(["u"])),
        ("legal_bases", json!(["m"])),
        ("live", json!(false)),
        ("declares_withheld", json!(false)),
        ("valid_from", json!("2025-02-01")),
        ("valid_to", json!("2025-12-01")),
        ("shown", json!({"identity": "exact", "place": "district", "time": "exact"})),
        ("shown", json!({"identity": "exact", "place": "sub_area"})),
    ];
    for (field, value) in narrow {
        assert_eq!(row(|row| row[field] = value.clone()), Effect::Tightens, "{field} {value}");
        let mut narrowed = document();
        narrowed["release_rows"][0][field] = value.clone();
        let (before, after) = (built(narrowed), registry());
        let back = Change::between(&before, &after).unwrap();
        assert_eq!(before.effect(&back), Effect::Loosens, "{field} {value}");
    }
}

#[test]
fn what_is_not_provably_less_loosens() {
    let more: [(&str, Value); 7] = [
        ("receiver", json!("b")),
        ("areas", json!([])),
        ("shown", json!({"identity": "exact", "place": "exact", "time": "exact"})),
        ("shown", json!({"identity": "exact", "counts": "exact"})),
        ("valid_from", json!("2024-12-31")),
        ("valid_to", json!("2026-01-02")),
        ("id", json!("other")),
    ];
    for (field, value) in more {
        assert_eq!(row(|row| row[field] = value.clone()), Effect::Loosens, "{field} {value}");
    }
    let protect = |row: &mut Value| {
        row["live"] = false.into();
        row["periods"] = json!(["month"]);
        row["protected_counts"] = true.into();
    };
    assert_eq!(row(protect), Effect::Loosens);
}

#[test]
fn of_a_row_that_protects_counts_only_whole_cells_can_be_left_out() {
    let mut cells = document();
    let row = &mut cells["release_rows"][0];
    (row["live"], row["periods"], row["protected_counts"]) =
        (false.into(), json!(["month"]), true.into());
    let before = built(cells.clone());
    let effect = |field: &str, value: Value| {
        let mut narrowed = cells.clone();
        narrowed["release_rows"][0][field] = value;
        before.effect(&Change::between(&before, &built(narrowed)).unwrap())
    };
    assert_eq!(effect("kinds", json!(["environment"])), Effect::Tightens);
    let coarser = json!({"identity": "exact", "place": "district", "time": "exact"});
    assert_eq!(effect("shown", coarser), Effect::Loosens);
    assert_eq!(effect("purposes", json!(["u"])), Effect::Loosens);
    assert_eq!(effect("protected_counts", json!(false)), Effect::Loosens);
    cells["groups"][0]["members"] = json!(["b", "c"]);
    let before = built(cells.clone());
    let less = |edit: fn(&mut Value)| {
        let mut narrowed = cells.clone();
        edit(&mut narrowed);
        before.effect(&Change::between(&before, &built(narrowed)).unwrap())
    };
    assert_eq!(less(|d| d["groups"][0]["members"] = json!(["c"])), Effect::Tightens);
    assert_eq!(less(|d| d["groups"][0]["members"] = json!(["b"])), Effect::Loosens);
    assert_eq!(less(|d| d["groups"] = json!([])), Effect::Loosens);
    assert_eq!(less(|d| d["organisations"][2]["clearance"] = 1.into()), Effect::Loosens);
    // Beside another row it hides what that one gives in editions.
    let mut beside = cells["release_rows"][0].clone();
    (beside["id"], beside["protected_counts"]) = ("s".into(), false.into());
    cells["release_rows"][0]["priorities"] = json!(["p"]);
    beside["priorities"] = json!(["q"]);
    cells["release_rows"].as_array_mut().unwrap().push(beside);
    let before = built(cells.clone());
    for row in 0..2 {
        let mut removed = cells.clone();
        removed["release_rows"].as_array_mut().unwrap().remove(row);
        let change = Change::between(&before, &built(removed)).unwrap();
        let expected = if row == 0 { Effect::Loosens } else { Effect::Tightens };
        assert_eq!(before.effect(&change), expected, "{row}");
    }
}

#[test]
fn services_groups_and_clearances_can_be_taken_from() {
    let service = |edit: fn(&mut Value)| effect(|document| edit(&mut document["services"][0]));
    assert_eq!(service(|s| s["roles"] = json!(["reader"])), Effect::Tightens);
    assert_eq!(service(|s| s["parties"] = json!([])), Effect::Tightens);
    assert_eq!(service(|s| s["suspended"] = true.into()), Effect::Tightens);
    assert_eq!(service(|s| s["roles"] = json!(["publisher", "auditor"])), Effect::Loosens);
    assert_eq!(effect(|d| d["services"] = json!([])), Effect::Tightens);
    assert_eq!(effect(|d| d["groups"][0]["members"] = json!(["a"])), Effect::Tightens);
    assert_eq!(effect(|d| d["groups"][0]["members"] = json!(["a", "c"])), Effect::Loosens);
    assert_eq!(effect(|d| d["groups"][0]["name"] = "h".into()), Effect::Loosens);
    let functions = |of: Value| effect(|d| d["groups"][0]["functions"] = of);
    assert_eq!(functions(json!(["5560000001/b"])), Effect::Tightens);
    assert_eq!(functions(json!(["5560000001/b", "5560000001/c"])), Effect::Loosens);
    assert_eq!(effect(|d| d["organisations"][2]["clearance"] = 1.into()), Effect::Tightens);
    assert_eq!(effect(|d| d["organisations"][2]["clearance"] = 3.into()), Effect::Loosens);
    assert_eq!(effect(|d| d["organisations"][0]["clearance"] = 1.into()), Effect::Loosens);
    assert_eq!(effect(|d| d["organisations"][2]["name"] = "C".into()), Effect::Loosens);
    assert_eq!(effect(|d| d["endorsement_keys"] = json!([])), Effect::Tightens);
    assert_eq!(effect(|d| d["release_rows"] = json!([])), Effect::Tightens);
    assert_eq!(effect(|d| d["meetings"] = json!([])), Effect::Loosens);
    assert_eq!(effect(|d| d["lists"]["edition"] = "2".into()), Effect::Loosens);
}

#[test]
fn that_a_party_signs_tightens_and_a_key_of_its_own_loosens() {
    let signs = |document: &mut Value| document["parties"][0]["signs"] = json!(true);
    assert_eq!(effect(signs), Effect::Tightens);
    let mut signing = document();
    signs(&mut signing);
    let back = Change::between(&built(signing.clone()), &registry()).unwrap();
    assert_eq!(built(signing).effect(&back), Effect::Loosens);
    let renamed = |document: &mut Value| {
        document["parties"][0]["signs"] = json!(true);
        document["parties"][0]["name"] = json!("Y");
    };
    assert_eq!(effect(renamed), Effect::Loosens);
    let key = |document: &mut Value| {
        let public_key = hex::encode([8; 32]);
        document["publisher_keys"] = json!([{"id": "s", "party": "x", "public_key": public_key}]);
    };
    assert_eq!(effect(key), Effect::Loosens);
    let mut with_key = document();
    key(&mut with_key);
    let gone = Change::between(&built(with_key.clone()), &registry()).unwrap();
    assert_eq!(built(with_key).effect(&gone), Effect::Tightens);
}

#[test]
fn lifting_a_suspension_loosens() {
    let mut suspended = document();
    suspended["services"][0]["suspended"] = true.into();
    let (before, after) = (built(suspended), registry());
    let lift = Change::between(&before, &after).unwrap();
    assert_eq!(
        (before.effect(&lift), before.signatures_needed(Effect::Loosens)),
        (Effect::Loosens, 2)
    );
}

#[test]
fn keys_can_be_removed_alone_as_long_as_two_organisations_can_sign() {
    let remove = |id: &str| {
        effect(|document| {
            document["registry_keys"].as_array_mut().unwrap().retain(|key| key["id"] != id);
        })
    };
    assert_eq!(remove("a-1"), Effect::Tightens);
    assert_eq!(remove("b-1"), Effect::Loosens);
    let twice =
        effect(|document| document["registry_keys"] = json!([document["registry_keys"][2]]));
    assert_eq!(twice, Effect::Loosens);
    let before = registry();
    let all = ["a-1", "a-2", "b-1"]
        .map(|id| Operation::Remove(RecordKey { table: Table::RegistryKeys, id: id.into() }));
    let bad = before.changed(&Change::of(all.into()).unwrap()).unwrap_err().to_string();
    assert!(bad.contains("none would be left"), "{bad}");
}

#[test]
fn one_operation_that_loosens_makes_the_change_loosen() {
    let both = effect(|document| {
        document["release_rows"][0]["live"] = false.into();
        document["groups"][0]["members"] = json!(["a", "b", "c"]);
    });
    assert_eq!(both, Effect::Loosens);
}

#[test]
fn what_is_recorded_rests_on_rows_that_stay() {
    let refused = |edit: fn(&mut Value)| {
        let mut document = document();
        edit(&mut document);
        let before = registry();
        let after = built(document);
        before.changed(&Change::between(&before, &after).unwrap()).unwrap_err().to_string()
    };
    let moved = refused(|d| d["parties"][0]["kind"] = "police".into());
    assert!(moved.contains("another `kind`"), "{moved}");
    let gone = refused(|d| drop(d["areas"].as_array_mut().unwrap().pop()));
    assert!(gone.contains("areas z cannot be removed"), "{gone}");
}
