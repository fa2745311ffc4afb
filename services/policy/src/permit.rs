//! Who may change what.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, Caller, Content, EditionId, LabelClass, PartyId, Secrecy, State, Timestamp,
    command::Command,
    disclosure::Grant,
    registry::{Agreement, FieldGroup, Registry, ReleaseRow, Role, Service, Shown, Variant},
};

use crate::{
    Denial, Permit, Policy, Rights, Why,
    cedar::{Attribute, Verdict},
    reader::registered,
};

/// How long a permit may wait for its commit.
const VALID_SECONDS: i64 = 30;

/// What somebody would do with an edition.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// `lock`, `answer` or `release`.
    pub action: &'a str,
    /// Which edition.
    pub edition: &'a EditionId,
    /// On behalf of which party.
    pub party: &'a PartyId,
    /// In which function.
    pub role: Option<Role>,
}

impl<'a> Deed<'a> {
    /// What would be done with an edition, on behalf of which party in which function.
    #[must_use]
    pub const fn of(
        action: &'a str,
        edition: &'a EditionId,
        (party, role): (&'a PartyId, Option<Role>),
    ) -> Self {
        Self { action, edition, party, role }
    }
}

impl Policy {
    /// Decides a command.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn permit(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        role: Option<Role>,
        command: Command,
    ) -> Result<Permit<Command>, Denial> {
        let registry = state.registry();
        let service = registered(registry, now, caller)?;
        let on = |deed: Deed<'_>| self.permit_on(state, now, caller, deed).map(|()| None);
        let asked = match &command {
            Command::Publish(c) => Some(("publish", c.area.clone(), c.party.clone(), None)),
            Command::ResolveConflict(c) => {
                Some(("resolve", c.conflict.area().clone(), c.party.clone(), Some(c.role)))
            }
            Command::RecordDissent(c) => {
                Some(("dissent", c.finding.geography.area.clone(), c.party.clone(), role))
            }
            Command::OpenEdition(c) => Some(("open", c.area.clone(), c.party.clone(), role)),
            Command::LockEdition(c) => on(Deed::of("lock", &c.edition, (&c.party, role)))?,
            Command::AnswerEdition(c) => {
                on(Deed::of("answer", &c.edition, (&c.answer.party, Some(c.answer.role))))?
            }
            Command::GiveAnswer(c) => {
                self.answers_delivered(state, now, caller, (&c.came_with(), &c.of))?;
                None
            }
            Command::ReleaseEdition(c) => on(Deed::of("release", &c.edition, (&c.party, role)))?,
            Command::Acknowledge(_) => None,
            Command::SendMessage(c) => self.sends(registry, service, &c.core).map(|()| None)?,
            Command::MarkMessage(c) => {
                let (action, field) = ("read_messages", "function_address");
                self.speaks_for(registry, service, action, &c.function, field)?;
                None
            }
            Command::SetLink(_) | Command::ReleaseEnvelope(_) => {
                self.overseer(service, "operate")?;
                None
            }
            Command::SuspendService(_) => {
                self.overseer(service, "suspend")?;
                None
            }
            Command::ProposeChange(_) | Command::ApproveChange(_) | Command::WithdrawChange(_) => {
                self.overseer(service, "change")?;
                None
            }
            Command::Found(_)
            | Command::AdoptPolicy(_)
            | Command::AddPart(_)
            | Command::Grants(_)
            | Command::Disclose(_)
            | Command::Denials(_)
            | Command::Tick(_)
            | Command::BackUp(_)
            | Command::Restore(_)
            | Command::NumberEnvelopes(_)
            | Command::TakeEnvelopes(_)
            | Command::SettleEnvelopes(_)
            | Command::RaiseLevel(_) => return Err(Denial::of(Why::NotAllowed)),
        };
        if let Some((action, area, party, role)) = asked {
            self.allow(registry, service, action, &area, &party, role)?;
        }
        if let Command::Publish(publish) = &command {
            let upserts = publish.upserts.iter().map(|one| &one.content);
            answers_where_it_is(registry, &publish.party, upserts)?;
        }
        Ok(Permit::grant(command, caller.clone(), state.epoch(), now.after_seconds(VALID_SECONDS)))
    }

    /// Whether a caller may `lock`, `answer` or `release` an edition: asked before anything is made
    /// for it, so that only its signatories learn that it is there.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn permit_on(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        deed: Deed<'_>,
    ) -> Result<(), Denial> {
        let Deed { action, edition, party, role } = deed;
        let registry = state.registry();
        let service = registered(registry, now, caller)?;
        let missing = || Denial::of(Why::NotFound).at("edition_id");
        let edition = state.edition(edition).ok_or_else(missing)?;
        let signs = |agreement: &Agreement| service.parties.iter().any(|p| agreement.signed_by(p));
        if !registry.agreement_of(&edition.area).is_some_and(signs) {
            return Err(missing());
        }
        self.allow(registry, service, action, &edition.area, party, role)
    }

    /// Whether a caller may oversee: `suspend`, `change`, `audit`, `administer`, `operate` or
    /// `back_up`.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn oversee(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        action: &str,
    ) -> Result<(), Denial> {
        self.overseer(registered(state.registry(), now, caller)?, action)
    }

    fn overseer(&self, service: &Service, action: &str) -> Result<(), Denial> {
        let domain = vec![
            ("signatories", Attribute::Set(Vec::new())),
            ("elsewhere", Attribute::Flag(false)),
        ];
        let domain = ("Area", "domain", domain);
        let verdict = self.ask(principal(service), action, domain, Vec::new())?;
        if verdict.allowed { Ok(()) } else { Err(Denial::of(Why::NotAllowed)) }
    }

    fn allow(
        &self,
        registry: &Registry,
        service: &Service,
        action: &str,
        area: &AreaId,
        party: &PartyId,
        role: Option<Role>,
    ) -> Result<(), Denial> {
        let agreement = registry.agreement_of(area);
        let signatories = agreement.map_or_else(Vec::new, |a| a.signatories.clone());
        let signatories = Attribute::set(signatories.iter().map(|s| &s.party));
        let mut context = vec![
            ("party", Attribute::text(party)),
            ("role", Attribute::text(role.map_or("", Role::as_str))),
        ];
        let keeps_it_elsewhere = registry.party(party).is_some_and(|party| party.home.is_some());
        if action == "publish" {
            context.push(("elsewhere", Attribute::Flag(keeps_it_elsewhere)));
        }
        let is_elsewhere = agreement.is_some_and(|agreement| agreement.home.is_some());
        let attributes =
            vec![("signatories", signatories), ("elsewhere", Attribute::Flag(is_elsewhere))];
        let resource = ("Area", area.as_str(), attributes);
        let verdict = self.ask(principal(service), action, resource, context)?;
        if verdict.allowed {
            return Ok(());
        }
        // Cedar has decided; this only says what would have to change.
        Err(if !service.parties.contains(party) {
            Denial::of(Why::NotYourParty).at("party")
        } else if agreement.is_none_or(|agreement| !agreement.signed_by(party)) {
            Denial::of(Why::NotYourArea).at("area")
        } else if action == "publish" && keeps_it_elsewhere {
            Denial::of(Why::HomeElsewhere).by("POL-53").at("party")
        } else if action != "publish" && is_elsewhere {
            Denial::of(Why::HomeElsewhere).by("POL-54").at("area")
        } else {
            Denial::of(Why::NotAllowed).at("context.actor_role")
        })
    }

    /// Decides what a release class sees of a class of labels. Recorded before it is used.
    ///
    /// # Errors
    /// When policy cannot decide.
    pub fn decide(
        &self,
        state: &State,
        rights: &Rights,
        label: &LabelClass,
    ) -> Result<Grant, Denial> {
        let (shown, rules) = self.shown(state.registry(), rights, label)?;
        let class = rights.class();
        Ok(Grant { epoch: state.epoch(), class, label: label.clone(), shown, rules })
    }

    /// What some rights see of a class of labels by a registry, and by which rules.
    pub(crate) fn shown(
        &self,
        registry: &Registry,
        rights: &Rights,
        label: &LabelClass,
    ) -> Result<(Option<Shown>, BTreeSet<String>), Denial> {
        let mut rules = BTreeSet::new();
        let mut shown: Option<Shown> = None;
        for action in ["own", "share"] {
            let verdict = self.see(registry, rights, action, label, Vec::new())?;
            if verdict.allowed {
                rules.extend(verdict.rules);
                shown = Some(FieldGroup::ALL.map(|group| (group, Variant::Exact)).into());
            }
        }
        if shown.is_none() {
            for row in rights.rows.iter().filter_map(|id| registry.release_row(id)) {
                let context = vec![("row", Attribute::Record(row_record(row)))];
                let verdict = self.see(registry, rights, "receive", label, context)?;
                if verdict.allowed {
                    rules.extend(verdict.rules.iter().map(|rule| format!("{rule}/{}", row.id)));
                    widen(shown.get_or_insert_default(), &row.shown);
                }
            }
        }
        Ok((shown, rules))
    }

    fn see(
        &self,
        registry: &Registry,
        rights: &Rights,
        action: &str,
        label: &LabelClass,
        context: Vec<(&'static str, Attribute)>,
    ) -> Result<Verdict, Denial> {
        let organisation = registry.organisation(&rights.organisation);
        let groups = registry.groups_of(&rights.organisation);
        let clearance = organisation.map_or(0, |organisation| organisation.clearance);
        let who = vec![
            ("organisation", Attribute::text(&rights.organisation)),
            ("parties", Attribute::set(&rights.parties)),
            ("groups", Attribute::set(groups.map(|group| &group.id))),
            ("clearance", Attribute::Number(clearance.into())),
            ("ceiling", Attribute::Number(rights.ceiling.unwrap_or(Secrecy::MAX.level()).into())),
        ];
        self.ask(("Receiver", "receiver", who), action, content(registry, label), context)
    }
}

/// What policy knows of a class of labels.
pub(crate) fn content(
    registry: &Registry,
    label: &LabelClass,
) -> (&'static str, &'static str, Vec<(&'static str, Attribute)>) {
    let agreement = registry.agreement_of(&label.area);
    let signatories = agreement.map_or_else(Vec::new, |a| a.signatories.clone());
    let what = vec![
        ("owner", Attribute::text(&label.owner)),
        ("area", Attribute::text(&label.area)),
        ("kind", Attribute::text(&label.kind.as_str())),
        ("priority", Attribute::text(&label.priority)),
        ("level", Attribute::Number(label.labels.level.level().into())),
        ("audience", Attribute::set(label.labels.audience.iter().map(|a| a.as_str()))),
        ("purposes", Attribute::set(&label.labels.purposes)),
        ("signatories", Attribute::set(signatories.iter().map(|s| &s.party))),
        ("embargoed", Attribute::Flag(label.embargoed)),
        ("elsewhere", Attribute::Flag(agreement.is_some_and(|a| a.home.is_some()))),
    ];
    ("Content", "content", what)
}

/// A party whose area is divided answers for the sub-areas that it publishes of.
///
/// # Errors
/// Where it does not, with the place among its observations.
pub(crate) fn answers_where_it_is<'a>(
    registry: &Registry,
    party: &PartyId,
    upserts: impl IntoIterator<Item = &'a Content>,
) -> Result<(), Denial> {
    for (i, content) in upserts.into_iter().enumerate() {
        let Some(sub_area) = &content.geography.sub_area else { continue };
        if registry.is_divided(party) && !registry.answers_for(party, sub_area, content.starts_at) {
            let field = format!("upserts[{i}].location");
            return Err(Denial::of(Why::NotYourArea).by("POL-40").at(field));
        }
    }
    Ok(())
}

pub(crate) fn principal(service: &Service) -> (&str, &str, Vec<(&'static str, Attribute)>) {
    let attributes = vec![
        ("organisation", Attribute::text(&service.organisation)),
        ("parties", Attribute::set(&service.parties)),
        ("roles", Attribute::set(service.roles.iter().map(|role| role.as_str()))),
    ];
    ("Service", service.id.as_str(), attributes)
}

fn row_record(row: &ReleaseRow) -> Vec<(&'static str, Attribute)> {
    vec![
        ("receiver", Attribute::text(&row.receiver)),
        ("areas", Attribute::set(&row.areas)),
        ("priorities", Attribute::set(&row.priorities)),
        ("kinds", Attribute::set(row.kinds.iter().map(|kind| kind.as_str()))),
        ("purposes", Attribute::set(&row.purposes)),
    ]
}

/// The union of the groups, each in its finest variant; identity always goes along.
fn widen(shown: &mut Shown, more: &Shown) {
    shown.entry(FieldGroup::Identity).or_insert(Variant::Exact);
    for (group, variant) in more {
        let finest = shown.entry(*group).or_insert(*variant);
        *finest = (*finest).min(*variant);
    }
}
