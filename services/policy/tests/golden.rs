//! Who sees what, and who may do what, in the demo city: tables that are reviewed as diffs.
//! `UPDATE=1 cargo test -p samsyn-policy --test golden`.

#[cfg(test)]
mod city;

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fmt::Write as _,
        fs,
        path::Path,
    };

    use samsyn_domain::{
        Audience, Caller, Kind, LabelClass, Labels, PriorityId, PurposeId, Regime, Secrecy,
        command::{BackUp, Command, Denials, Disclose, Grants, Restore, Tick},
        registry::{FieldGroup, Role, Shown, Variant},
    };
    use samsyn_policy::{Denial, Policy, Reader, Rights};

    use super::city::{self, AREA, City, NOW, SDF, caller, id};

    /// Whose sight is told: each kind of party of the area, every partner, who oversees, who is
    /// not registered, who is shut out.
    const READERS: [&str; 13] = [
        "stockholms-stad/sdf-skarholmen",
        "polismyndigheten/lpo-skarholmen",
        "stockholms-stad/sthlm-trafikkontoret",
        "stockholms-stad/sdf-farsta",
        "kriminalvarden/kriminalvarden",
        "region-stockholm/region-stockholm",
        "aklagarmyndigheten/aklagarmyndigheten",
        "kronofogden/kronofogden",
        "tullverket/tullverket",
        "forsakringskassan/forsakringskassan",
        "raddningstjansten/raddningstjansten",
        "stockholms-stad/auditor",
        "tullverket/nowhere",
    ];

    /// Labels that differ in what matters to policy; the audience is named where it is drawn from
    /// the reader.
    const LABELS: [(&str, &[&str], u32, bool, &str); 9] = [
        ("nobody", &[], 1, false, "joint_picture"),
        ("signatories", &["signatories"], 1, false, "joint_picture"),
        ("signatories, level 3", &["signatories"], 3, false, "joint_picture"),
        ("signatories, embargoed", &["signatories"], 1, true, "joint_picture"),
        ("its organisation", &["*"], 1, false, "joint_picture"),
        ("all partners", &["partners"], 1, false, "joint_picture"),
        ("all partners, level 3", &["partners"], 3, false, "joint_picture"),
        ("all partners, embargoed", &["partners"], 1, true, "joint_picture"),
        ("all partners, for audit", &["partners"], 1, false, "audit"),
    ];

    fn label(
        kind: Kind,
        priority: &PriorityId,
        (_, audience, level, embargoed, purpose): (&str, &[&str], u32, bool, &str),
        organisation: &str,
    ) -> LabelClass {
        let token = |token: &&str| id!(Audience, if *token == "*" { organisation } else { token });
        let labels = Labels {
            level: Secrecy::of(level).unwrap(),
            audience: audience.iter().map(token).collect(),
            purposes: BTreeSet::from([id!(PurposeId, purpose)]),
            regime: Regime::Nonpersonal,
            secrecy_provisions: BTreeSet::new(),
            retain_until: NOW,
            person_related: false,
            special_category: false,
            originator_control: false,
            embargo_until: None,
            onward_sharing: false,
        };
        let (owner, area) = (city::party(SDF), city::area(AREA));
        let priority = priority.clone();
        LabelClass { owner, area, kind, priority, labels: labels.into(), embargoed }
    }

    /// The groups of the protocol in their order, `.` where one is withheld.
    fn groups(shown: Option<&Shown>) -> String {
        let Some(shown) = shown else { return "nothing".to_owned() };
        let group = |group: &FieldGroup| match shown.get(group) {
            None => ".".to_owned(),
            Some(Variant::Exact) => group.as_str().to_owned(),
            Some(variant) => format!("{}:{}", group.as_str(), variant.as_str()),
        };
        FieldGroup::ALL.iter().map(group).collect::<Vec<_>>().join(" ")
    }

    /// Which rights a reader has live and in editions, or why none.
    fn rights(city: &City, service: &str) -> Result<[(&'static str, Rights); 2], Denial> {
        let caller = caller(service);
        let state = &city.state;
        let all = Reader::view_rights(state, NOW, &caller)?;
        let rows = all.rows.iter().filter_map(|id| state.registry().release_row(id));
        let basis = rows.flat_map(|row| row.legal_bases.iter()).next();
        let basis = basis.map_or("law_2023_196", |basis| basis.as_str());
        let reader = Reader::of(state, NOW, &caller, city::ground("joint_picture", basis))?;
        let of = |live| reader.rights(state.registry(), None, live);
        Ok([("live", of(true)), ("editions", of(false))])
    }

    fn sight(city: &City, policy: &Policy, service: &str, table: &mut String) {
        let both = match rights(city, service) {
            Ok(both) => both,
            Err(denial) => {
                writeln!(table, "{service} | {}", told::<()>(&Err(denial))).unwrap();
                return;
            }
        };
        let organisation = service.split('/').next().unwrap();
        let categories = city.state.registry().categories();
        let kinds: BTreeSet<_> = categories.map(|c| (c.priority.clone(), c.kind)).collect();
        let mut nothing = BTreeMap::from([("live", 0), ("editions", 0)]);
        let mut seen: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
        for (usage, rights) in &both {
            for ((priority, kind), spec) in kinds.iter().flat_map(|kind| LABELS.map(|l| (kind, l)))
            {
                let label = label(*kind, priority, spec, organisation);
                let grant = policy.decide(&city.state, rights, &label).unwrap();
                if grant.shown.is_none() {
                    *nothing.get_mut(usage).unwrap() += 1;
                    continue;
                }
                let rules: Vec<String> = grant.rules.into_iter().collect();
                let (shown, rules) = (groups(grant.shown.as_ref()), rules.join(" "));
                let line = format!("{} | {shown} | {rules}", spec.0);
                seen.entry((line, format!("{priority} {}", kind.as_str())))
                    .or_default()
                    .push(usage);
            }
        }
        let mut lines: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for ((line, kind), usages) in seen {
            lines.entry((line, usages.join(", "))).or_default().push(kind);
        }
        for ((line, usages), of) in lines {
            let of = if of.len() == kinds.len() { "everything".to_owned() } else { of.join(", ") };
            writeln!(table, "{service} | {usages} | {of} | {line}").unwrap();
        }
        let [live, editions] = [nothing["live"], nothing["editions"]];
        writeln!(table, "{service} | nothing of {live} live, {editions} in editions").unwrap();
    }

    #[test]
    fn who_sees_what_is_as_the_leak_matrix_says() {
        let (mut city, policy) = (City::new(), city::policy());
        city.suspend("stockholms-stad/sthlm-utbildningsforvaltningen");
        let mut table = String::from(
            "# Observations that sdf-skarholmen owns, by labels. Who is not told of one is not \
             told that it exists.\n# reader | where | priority and kind | addressed to | \
             what it is shown | by which rules\n",
        );
        for service in READERS {
            sight(&city, &policy, service, &mut table);
        }
        sight(&city, &policy, "stockholms-stad/sthlm-utbildningsforvaltningen", &mut table);
        golden("leak_matrix.txt", &table);
    }

    fn told<T>(decided: &Result<T, Denial>) -> String {
        match decided {
            Ok(_) => "allowed".to_owned(),
            Err(denial) => {
                let mut text = denial.why.id().to_owned();
                if !denial.rule.is_empty() {
                    write!(text, " by {}", denial.rule).unwrap();
                }
                if !denial.field.is_empty() {
                    write!(text, " at `{}`", denial.field).unwrap();
                }
                text
            }
        }
    }

    /// What a caller may do, in the role that it claims.
    fn deeds(city: &City, policy: &Policy, caller: &Caller, role: Role) -> Vec<(String, String)> {
        let permit = |role: Option<Role>, command: Command| {
            told(&policy.permit(&city.state, NOW, caller, role, command))
        };
        let mut deeds: Vec<(String, String)> = Vec::new();
        for (name, command) in city.commands(role) {
            deeds.push((name.to_owned(), permit(Some(role), command)));
        }
        let restore = Restore { id: [0; 32], from: 0, nodes: BTreeSet::new() };
        let own: [(&str, Command); 6] = [
            ("back_up_record", Command::BackUp(BackUp { recipients: [0; 32] })),
            ("restore", Command::Restore(restore)),
            ("tick", Command::Tick(Tick)),
            ("grants", Command::Grants(Grants { grants: Vec::new() })),
            ("disclose", Command::Disclose(Disclose { disclosures: vec![], advances: vec![] })),
            ("denials", Command::Denials(Denials { denials: Vec::new() })),
        ];
        for (name, command) in own {
            deeds.push((name.to_owned(), permit(None, command)));
        }
        for action in ["suspend", "change", "audit", "administer", "operate", "back_up"] {
            let overseen = policy.oversee(&city.state, NOW, caller, action);
            deeds.push((action.to_owned(), told(&overseen)));
        }
        deeds
    }

    #[test]
    fn who_comes_with_an_expired_certificate_may_do_nothing() {
        let (city, policy) = (City::with_a_service_a_role(), city::policy());
        let caller = caller("stockholms-stad/only-coordinator");
        let role = Role::Coordinator;
        let end = caller.certificate_until();
        for (name, command) in city.commands(role) {
            let permit = policy.permit(&city.state, end, &caller, Some(role), command);
            assert_eq!(told(&permit), "CERTIFICATE_ENDED", "{name}");
        }
        let overseen = policy.oversee(&city.state, end, &caller, "audit");
        assert_eq!(told(&overseen), "CERTIFICATE_ENDED");
    }

    #[test]
    fn who_may_do_what_is_as_the_role_matrix_says() {
        let (mut city, policy) = (City::with_a_service_a_role(), city::policy());
        city.open_edition();
        city.suspend("stockholms-stad/suspended");
        let mut table =
            String::from("# service | claims the role | what policy says | of which commands\n");
        let own = Role::ALL.map(|role| (format!("stockholms-stad/only-{}", role.as_str()), role));
        let others = [
            ("stockholms-stad/only-publisher", Role::Coordinator),
            ("stockholms-stad/only-kommunpolis", Role::Coordinator),
            ("stockholms-stad/without-party", Role::Coordinator),
            ("polismyndigheten/lpo-skarholmen", Role::Kommunpolis),
            ("kriminalvarden/kriminalvarden", Role::Reader),
            ("stockholms-stad/suspended", Role::Coordinator),
            ("stockholms-stad/nowhere", Role::Coordinator),
        ];
        let others = others.map(|(service, role)| (service.to_owned(), role));
        for (service, role) in own.into_iter().chain(others) {
            let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (deed, says) in deeds(&city, &policy, &caller(&service), role) {
                said.entry(says).or_default().push(deed);
            }
            for (says, deeds) in said {
                let (role, deeds) = (role.as_str(), deeds.join(", "));
                writeln!(table, "{service} | {role} | {says} | {deeds}").unwrap();
            }
        }
        golden("role_matrix.txt", &table);
    }

    fn golden(name: &str, made: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
            fs::write(&path, made).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap();
        for (kept, made) in kept.lines().zip(made.lines()) {
            assert_eq!(kept, made, "review the change and set UPDATE=1");
        }
        assert_eq!(kept, made, "review the change and set UPDATE=1");
    }
}
