//! What no policy may allow, asked of each before it is used.
//!
//! A policy is data that an operator may edit: one `permit` without a condition validates, and lets
//! everybody in. These questions are not the policy written twice; they are what has to be refused
//! whatever it says.

use samsyn_domain::registry::Role;

use crate::{
    BadPolicy, Policy,
    cedar::{Attribute, Verdict},
};

/// What acts on an area's agreement.
const DEEDS: [&str; 7] = ["publish", "resolve", "dissent", "open", "lock", "answer", "release"];
/// What oversees the domain.
const OVERSIGHT: [&str; 6] = ["suspend", "change", "audit", "administer", "operate", "back_up"];

/// Somebody's own party, and the only one that has signed the area's agreement.
const OWN: &str = "own";
const SIGNED: &str = "signed";

impl Policy {
    /// Asks everything that must be refused.
    ///
    /// # Errors
    /// The first that is not.
    pub(crate) fn refuses_strangers(&self) -> Result<(), BadPolicy> {
        self.refuses_deeds()?;
        self.refuses_letters()?;
        self.refuses_contributions()?;
        self.refuses_deliveries()?;
        self.refuses_readers()?;
        self.refuses_receivers()
    }

    fn refuses_deeds(&self) -> Result<(), BadPolicy> {
        let every_role = Role::ALL.map(Role::as_str);
        for (what, roles, parties, party) in [
            ("lets a service without any role act", &[][..], &[SIGNED][..], SIGNED),
            ("lets a service act for a party that is not its own", &every_role, &[OWN], SIGNED),
            ("lets a party act that has not signed the area's agreement", &every_role, &[OWN], OWN),
        ] {
            // To dissent is of a party and asks for no role.
            let deeds = DEEDS.iter().filter(|deed| !roles.is_empty() || **deed != "dissent");
            for deed in deeds {
                for role in every_role {
                    let (who, context) = (service(roles, parties), acts(deed, party, role, false));
                    must_refuse(self.ask(who, deed, area("a", false), context), what)?;
                }
            }
        }
        for deed in DEEDS {
            for role in every_role {
                let at_home = deed != "publish";
                let context = acts(deed, SIGNED, role, !at_home);
                let who = service(&every_role, &[SIGNED]);
                let asked = self.ask(who, deed, area("a", at_home), context);
                must_refuse(asked, "lets a domain do what is another's to do")?;
            }
        }
        let oversees = [Role::Registrar, Role::Auditor, Role::Operator];
        let insiders: Vec<&str> = Role::ALL
            .iter()
            .filter(|role| !oversees.contains(role))
            .map(|role| role.as_str())
            .collect();
        for deed in OVERSIGHT {
            let who = service(&insiders, &[SIGNED]);
            let asked = self.ask(who, deed, area("domain", false), Vec::new());
            must_refuse(asked, "lets a service oversee that is no registrar, auditor or operator")?;
        }
        Ok(())
    }

    fn refuses_letters(&self) -> Result<(), BadPolicy> {
        let every_role = Role::ALL.map(Role::as_str);
        for action in ["send_message", "read_messages"] {
            for (organisation, services) in [("o", &[][..]), ("other", &["o/s"][..])] {
                let function = vec![
                    ("organisation", Attribute::text(organisation)),
                    ("services", Attribute::set(services)),
                ];
                let context = vec![("service", Attribute::text("o/s"))];
                let who = service(&every_role, &[OWN]);
                let asked = self.ask(who, action, ("Function", "f", function), context);
                must_refuse(asked, "lets a service act for a function that is not its own")?;
            }
        }
        for (what, level, kind, orgnr) in [
            ("sends above the level that a recipient may have", 2, "notice", "1"),
            ("sends a kind that a recipient may not have", 1, "question", "1"),
            ("sends to an organisation that is not at home there", 1, "notice", "2"),
        ] {
            let addressee = vec![
                ("ceiling", Attribute::Number(1)),
                ("kinds", Attribute::set(["notice"])),
                ("orgnrs", Attribute::set(["1"])),
            ];
            let letter = vec![
                ("level", Attribute::Number(level)),
                ("kind", Attribute::text(kind)),
                ("orgnr", Attribute::text(orgnr)),
            ];
            let letter = ("Letter", "letter", letter);
            let asked = self.ask(("Addressee", "a", addressee), "address", letter, Vec::new());
            must_refuse(asked, what)?;
        }
        Ok(())
    }

    fn refuses_contributions(&self) -> Result<(), BadPolicy> {
        let content = Content { elsewhere: true, ..Content::default() };
        for (what, ceiling, content) in [
            ("contributes what its owner keeps", 3, Content { audience: &[], ..content }),
            ("contributes what is for others", 3, Content { audience: &["q"], ..content }),
            ("contributes what is under embargo", 3, Content { embargoed: true, ..content }),
            ("contributes above the level of the link", 0, content),
            ("contributes for who has not signed", 3, Content { signatories: &[OWN], ..content }),
            ("contributes what is at home here", 3, Content { elsewhere: false, ..content }),
        ] {
            let home = vec![
                ("ceiling", Attribute::Number(ceiling)),
                ("organisations", Attribute::set(["o"])),
                ("parties", Attribute::set([OWN])),
            ];
            let home = ("Home", "home", home);
            must_refuse(self.ask(home, "contribute", content.entity(), Vec::new()), what)?;
        }
        Ok(())
    }

    fn refuses_deliveries(&self) -> Result<(), BadPolicy> {
        let owner = Receiver { parties: &[SIGNED], ceiling: 0, ..Receiver::default() };
        for action in ["own", "share"] {
            let asked = self.ask(owner.entity(), action, Content::default().entity(), Vec::new());
            must_refuse(asked, "delivers above the level of a link")?;
        }
        let every_role = Role::ALL.map(Role::as_str);
        let mine = ("o", "u", "b");
        for (what, roles, parties, (organisation, purpose, basis)) in [
            (
                "reads what came for another organisation",
                &every_role[..],
                &[OWN][..],
                ("q", "u", "b"),
            ),
            ("reads what came for another party", &every_role, &[SIGNED], mine),
            ("reads what came for another purpose", &every_role, &[OWN], ("o", "v", "b")),
            ("reads what came on another legal basis", &every_role, &[OWN], ("o", "u", "c")),
        ] {
            must_refuse(
                self.ask_delivered((roles, parties), (organisation, purpose, basis), &[OWN]),
                what,
            )?;
        }
        let answers = [
            ("answers what came for another organisation", &every_role[..], OWN, ("q", OWN)),
            ("answers for a party that is not its own", &every_role, SIGNED, ("o", OWN)),
            ("answers for a party that it did not come for", &every_role, SIGNED, ("o", SIGNED)),
            ("answers in a role that it has not", &["reader"], OWN, ("o", OWN)),
        ];
        for (what, roles, of, (organisation, party)) in answers {
            must_refuse(self.ask_answer((roles, &[of]), (organisation, party)), what)?;
        }
        let unread = self.ask_delivered((&["publisher"], &[OWN]), mine, &[]);
        must_refuse(unread, "lets a service read that is no reader")
    }

    fn ask_answer(
        &self,
        (roles, parties): (&[&str], &[&str]),
        (organisation, party): (&str, &str),
    ) -> Result<Verdict, crate::Denial> {
        let delivered = vec![
            ("organisation", Attribute::text(organisation)),
            ("parties", Attribute::set([OWN])),
            ("purpose", Attribute::text("u")),
            ("legal_basis", Attribute::text("b")),
        ];
        let role = Role::Endorser.as_str();
        let context = vec![("party", Attribute::text(party)), ("role", Attribute::text(role))];
        let who = service(roles, parties);
        self.ask(who, "answer_delivered", ("Delivered", "delivered", delivered), context)
    }

    fn ask_delivered(
        &self,
        (roles, parties): (&[&str], &[&str]),
        (organisation, purpose, basis): (&str, &str, &str),
        of: &[&str],
    ) -> Result<Verdict, crate::Denial> {
        let delivered = vec![
            ("organisation", Attribute::text(organisation)),
            ("parties", Attribute::set(of)),
            ("purpose", Attribute::text(purpose)),
            ("legal_basis", Attribute::text(basis)),
        ];
        let context =
            vec![("purpose", Attribute::text("u")), ("legal_basis", Attribute::text("b"))];
        let who = service(roles, parties);
        self.ask(who, "read_delivered", ("Delivered", "delivered", delivered), context)
    }

    fn refuses_readers(&self) -> Result<(), BadPolicy> {
        let stranger = Receiver::default();
        let signatory = Receiver { parties: &[OWN], ..Receiver::default() };
        let content = Content::default();
        let shared = Content { signatories: &[OWN, SIGNED], ..Content::default() };
        let own_alone = Content { audience: &[], ..shared };
        for (what, action, reader, content) in [
            ("shows what is another party's own", "own", &stranger, &content),
            ("shows an area's content to who has not signed", "share", &stranger, &content),
            (
                "shows signatories what is under embargo",
                "share",
                &signatory,
                &Content { embargoed: true, ..shared },
            ),
            ("shows signatories what its owner keeps", "share", &signatory, &own_alone),
            (
                "shows the joint picture of an area that is at home elsewhere",
                "share",
                &signatory,
                &Content { elsewhere: true, ..shared },
            ),
            (
                "shows above the level of a signatory",
                "share",
                &Receiver { clearance: 0, ..signatory },
                &shared,
            ),
        ] {
            must_refuse(self.ask(reader.entity(), action, content.entity(), Vec::new()), what)?;
        }
        Ok(())
    }

    fn refuses_receivers(&self) -> Result<(), BadPolicy> {
        let stranger = Receiver::default();
        let cleared_for_less = Receiver { clearance: 0, ..Receiver::default() };
        let linked_for_less = Receiver { ceiling: 0, ..Receiver::default() };
        let content = Content::default();
        let addressed = Content { audience: &["o"], ..Content::default() };
        let embargoed = Content { embargoed: true, ..addressed };
        let row = Row::default();
        for (what, reader, content, row) in [
            ("gives what is not addressed to the receiver", &stranger, &content, &row),
            ("gives what is under embargo", &stranger, &embargoed, &row),
            ("gives above the receiver's level", &cleared_for_less, &addressed, &row),
            ("gives above the level of a link", &linked_for_less, &addressed, &row),
            (
                "gives of an area that is at home elsewhere",
                &stranger,
                &Content { elsewhere: true, ..addressed },
                &row,
            ),
            (
                "gives by another receiver's row",
                &stranger,
                &addressed,
                &Row { receiver: "other", ..row },
            ),
            (
                "gives of an area that the row does not name",
                &stranger,
                &addressed,
                &Row { area: "b", ..row },
            ),
            (
                "gives of a kind that the row does not name",
                &stranger,
                &addressed,
                &Row { kind: "environment", ..row },
            ),
            (
                "gives of a priority area that the row does not name",
                &stranger,
                &addressed,
                &Row { priority: "q", ..row },
            ),
            (
                "gives for a purpose that the row does not name",
                &stranger,
                &addressed,
                &Row { purpose: "v", ..row },
            ),
        ] {
            must_refuse(
                self.ask(reader.entity(), "receive", content.entity(), row.context()),
                what,
            )?;
        }
        Ok(())
    }
}

type Asked = (&'static str, &'static str, Vec<(&'static str, Attribute)>);

/// An error of the engine refuses as well.
fn must_refuse<E>(asked: Result<Verdict, E>, what: &'static str) -> Result<(), BadPolicy> {
    match asked {
        Ok(verdict) if verdict.allowed => {
            Err(BadPolicy::LetsIn { what, rules: verdict.rules.join(", ") })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn service(roles: &[&str], parties: &[&str]) -> Asked {
    let attributes = vec![
        ("organisation", Attribute::text("o")),
        ("parties", Attribute::set(parties)),
        ("roles", Attribute::set(roles)),
    ];
    ("Service", "o/s", attributes)
}

/// An area whose agreement one party has signed.
fn area(id: &'static str, elsewhere: bool) -> Asked {
    let attributes =
        vec![("signatories", Attribute::set([SIGNED])), ("elsewhere", Attribute::Flag(elsewhere))];
    ("Area", id, attributes)
}

/// What is done for a party, in a role; a publication also says whether the party keeps its own
/// picture elsewhere.
fn acts(deed: &str, party: &str, role: &str, elsewhere: bool) -> Vec<(&'static str, Attribute)> {
    let mut context = vec![("party", Attribute::text(party)), ("role", Attribute::text(role))];
    if deed == "publish" {
        context.push(("elsewhere", Attribute::Flag(elsewhere)));
    }
    context
}

/// Who would read: without parties or groups, cleared for all.
#[derive(Clone, Copy)]
struct Receiver {
    parties: &'static [&'static str],
    clearance: i64,
    ceiling: i64,
}

impl Default for Receiver {
    fn default() -> Self {
        Self { parties: &[], clearance: 3, ceiling: 3 }
    }
}

impl Receiver {
    fn entity(&self) -> Asked {
        let attributes = vec![
            ("organisation", Attribute::text("o")),
            ("parties", Attribute::set(self.parties)),
            ("groups", Attribute::set::<&str>([])),
            ("clearance", Attribute::Number(self.clearance)),
            ("ceiling", Attribute::Number(self.ceiling)),
        ];
        ("Receiver", "receiver", attributes)
    }
}

/// What would be read: addressed to the signatories.
#[derive(Clone, Copy)]
struct Content {
    audience: &'static [&'static str],
    signatories: &'static [&'static str],
    embargoed: bool,
    elsewhere: bool,
}

impl Default for Content {
    fn default() -> Self {
        let (audience, signatories) = (&["signatories"], &[SIGNED]);
        Self { audience, signatories, embargoed: false, elsewhere: false }
    }
}

impl Content {
    fn entity(&self) -> Asked {
        let attributes = vec![
            ("owner", Attribute::text(SIGNED)),
            ("area", Attribute::text("a")),
            ("kind", Attribute::text("reported_crime")),
            ("priority", Attribute::text("p")),
            ("level", Attribute::Number(1)),
            ("audience", Attribute::set(self.audience)),
            ("purposes", Attribute::set(["u"])),
            ("signatories", Attribute::set(self.signatories)),
            ("embargoed", Attribute::Flag(self.embargoed)),
            ("elsewhere", Attribute::Flag(self.elsewhere)),
        ];
        ("Content", "content", attributes)
    }
}

/// By which release row: one that covers the content above.
#[derive(Clone, Copy)]
struct Row {
    receiver: &'static str,
    area: &'static str,
    priority: &'static str,
    kind: &'static str,
    purpose: &'static str,
}

impl Default for Row {
    fn default() -> Self {
        Self { receiver: "o", area: "a", priority: "p", kind: "reported_crime", purpose: "u" }
    }
}

impl Row {
    fn context(&self) -> Vec<(&'static str, Attribute)> {
        let row = vec![
            ("receiver", Attribute::text(self.receiver)),
            ("areas", Attribute::set([self.area])),
            ("priorities", Attribute::set([self.priority])),
            ("kinds", Attribute::set([self.kind])),
            ("purposes", Attribute::set([self.purpose])),
        ];
        vec![("row", Attribute::Record(row))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = include_str!("../../../config/policy/samsyn.cedarschema");
    const POLICIES: &str = include_str!("../../../config/policy/samsyn.cedar");

    #[expect(clippy::disallowed_methods, reason = "tests load policies of their own")]
    fn loaded(policies: &str) -> Result<(), String> {
        Policy::load(SCHEMA, policies).map(drop).map_err(|why| why.to_string())
    }

    fn with(head: &str) -> String {
        format!("{POLICIES}\n@id(\"X-1\") @sv(\"x\") @en(\"x\")\n{head};\n")
    }

    #[test]
    fn t31_a_policy_that_lets_strangers_in_does_not_load() {
        assert_eq!(loaded(POLICIES), Ok(()));
        let on =
            |action: &str| format!("principal, action == Samsyn::Action::\"{action}\", resource");
        let permit = |of: &str, when: &str| format!("permit ({of}) when {{ {when} }}");
        for open in [
            "permit (principal, action, resource)".to_owned(),
            format!("permit ({})", on("publish")),
            permit(&on("audit"), "principal.roles.contains(\"reader\")"),
            format!("permit ({})", on("own")),
            permit(&on("share"), "!resource.embargoed"),
            permit(&on("receive"), "context.row.areas.contains(resource.area)"),
        ] {
            let refused = loaded(&with(&open)).unwrap_err();
            assert!(
                refused.contains("allow what none may: ") && refused.contains("X-1"),
                "{open}: {refused}"
            );
        }
    }

    /// Some question is answered otherwise when a rule loses one of its conditions.
    #[test]
    fn a_condition_that_is_taken_out_of_a_rule_is_noticed() {
        for condition in [
            "principal.roles.contains(\"publisher\") &&",
            "context.row.receiver == principal.organisation &&",
            "context.row.areas.contains(resource.area) &&",
            "context.row.priorities.contains(resource.priority) &&",
            "context.row.kinds.contains(resource.kind) &&",
            "resource.purposes.containsAny(context.row.purposes) &&",
            "resource.signatories.containsAny(principal.parties) &&",
            "resource.elsewhere &&",
            "!resource.embargoed &&",
            "resource.level <= principal.ceiling &&",
            "resource.signatories.contains(resource.owner) &&",
            "principal.organisation == resource.organisation &&",
            "principal.parties.containsAll(resource.parties) &&",
            "context.purpose == resource.purpose &&",
        ] {
            let without = POLICIES.replacen(condition, "", 1);
            assert_ne!(without, POLICIES, "{condition}");
            let refused = loaded(&without).unwrap_err();
            assert!(refused.contains("allow what none may"), "{condition}: {refused}");
        }
        for (forbid, never) in [
            ("resource.embargoed", "resource.level > 99"),
            ("resource.level > principal.clearance", "resource.level > 99"),
            ("resource.elsewhere", "resource.signatories.contains(\"nobody\")"),
            ("context.elsewhere", "context.party == \"nobody\""),
            ("resource.level > principal.ceiling", "resource.level > 99"),
        ] {
            let when = |condition: &str| format!("when {{ {condition} }}");
            let without = POLICIES.replace(&when(forbid), &when(never));
            assert_ne!(without, POLICIES, "{forbid}");
            let refused = loaded(&without).unwrap_err();
            assert!(refused.contains("allow what none may"), "{forbid}: {refused}");
        }
    }
}
