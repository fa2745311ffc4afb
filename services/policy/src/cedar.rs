//! The policy engine: schema and policies, validated strictly; an error denies.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use samsyn_domain::command::Digest;
use sha2::{Digest as _, Sha256};

use crate::{Denial, Recorder, Why};

/// Why a policy set cannot be used; every fault is named.
#[derive(Debug, thiserror::Error)]
pub enum BadPolicy {
    /// The schema does not hold.
    #[error("the policy schema does not hold: {0}")]
    Schema(String),
    /// The policies do not parse.
    #[error("the policies do not parse: {0}")]
    Parse(String),
    /// The policies do not hold against the schema; a warning counts as a fault.
    #[error("the policies do not hold against the schema: {0}")]
    Invalid(String),
    /// A policy has no `@id`, `@sv` or `@en`.
    #[error("a policy lacks its `@{0}` annotation; write one")]
    Unnamed(&'static str),
    /// They allow what no policy may.
    #[error("the policies allow what none may: {rules} {what}; narrow it")]
    LetsIn {
        /// What is allowed.
        what: &'static str,
        /// By which rules.
        rules: String,
    },
}

/// What a rule says, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// In Swedish.
    pub sv: String,
    /// In English.
    pub en: String,
}

/// A loaded policy set.
#[derive(Debug)]
pub struct Policy {
    schema: Schema,
    set: PolicySet,
    authorizer: Authorizer,
    digest: Digest,
    rules: BTreeMap<String, RuleText>,
    /// What was asked lately, and decided: Cedar looks at nothing but the question.
    decided: Mutex<BTreeMap<Question, Verdict>>,
}

/// So many decisions are remembered; then it is begun anew.
const DECIDED_MAX: usize = 4096;

/// Kind, id and attributes of an entity.
type Described = (String, String, Vec<(&'static str, Attribute)>);

/// All that Cedar is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    principal: Described,
    action: String,
    resource: Described,
    context: Vec<(&'static str, Attribute)>,
}

/// What Cedar decided: allowed or not, by which rules.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    pub(crate) rules: Vec<String>,
}

/// An attribute of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    Text(String),
    Number(i64),
    Flag(bool),
    Set(Vec<String>),
    Record(Vec<(&'static str, Self)>),
}

impl Attribute {
    pub(crate) fn text(text: &(impl ToString + ?Sized)) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn set<T: ToString>(items: impl IntoIterator<Item = T>) -> Self {
        Self::Set(items.into_iter().map(|item| item.to_string()).collect())
    }

    fn expression(self) -> Result<RestrictedExpression, Denial> {
        Ok(match self {
            Self::Text(text) => RestrictedExpression::new_string(text),
            Self::Number(number) => RestrictedExpression::new_long(number),
            Self::Flag(flag) => RestrictedExpression::new_bool(flag),
            Self::Set(items) => RestrictedExpression::new_set(
                items.into_iter().map(RestrictedExpression::new_string),
            ),
            Self::Record(fields) => {
                RestrictedExpression::new_record(expressions(fields)?).map_err(|_| undecided())?
            }
        })
    }
}

impl Policy {
    /// Loads and validates schema and policies; makes the one recorder.
    ///
    /// # Errors
    /// When they do not hold, where warnings count, or allow what no policy may.
    pub fn load(schema: &str, policies: &str) -> Result<(Self, Recorder), BadPolicy> {
        let (parsed, warnings) =
            Schema::from_cedarschema_str(schema).map_err(|e| BadPolicy::Schema(e.to_string()))?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(BadPolicy::Schema(warning.to_string()));
        }
        let set = PolicySet::from_str(policies).map_err(|e| BadPolicy::Parse(e.to_string()))?;
        let mut named = PolicySet::new();
        let mut rules = BTreeMap::new();
        for policy in set.policies() {
            let id = policy.annotation("id").ok_or(BadPolicy::Unnamed("id"))?.to_owned();
            let sv = policy.annotation("sv").ok_or(BadPolicy::Unnamed("sv"))?.to_owned();
            let en = policy.annotation("en").ok_or(BadPolicy::Unnamed("en"))?.to_owned();
            let renamed = policy.new_id(cedar_policy::PolicyId::new(&id));
            named.add(renamed).map_err(|e| BadPolicy::Parse(e.to_string()))?;
            rules.insert(id, RuleText { sv, en });
        }
        let result = Validator::new(parsed.clone()).validate(&named, ValidationMode::Strict);
        if !result.validation_passed_without_warnings() {
            return Err(BadPolicy::Invalid(result.to_string()));
        }
        let mut hash = Sha256::new_with_prefix(b"samsyn policy 1");
        for text in [schema, policies] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let digest = hash.finalize().into();
        let authorizer = Authorizer::new();
        let policy = Self {
            schema: parsed,
            set: named,
            authorizer,
            digest,
            rules,
            decided: Mutex::default(),
        };
        policy.refuses_strangers()?;
        Ok((policy, Recorder::new()))
    }

    /// The digest of schema and policies, as the log names it.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What a rule says, for people.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&RuleText> {
        self.rules.get(id)
    }

    pub(crate) fn ask(
        &self,
        principal: (&str, &str, Vec<(&'static str, Attribute)>),
        action: &str,
        resource: (&str, &str, Vec<(&'static str, Attribute)>),
        context: Vec<(&'static str, Attribute)>,
    ) -> Result<Verdict, Denial> {
        let described = |(kind, id, attributes): (&str, &str, Vec<_>)| {
            (kind.to_owned(), id.to_owned(), attributes)
        };
        let question = Question {
            principal: described(principal),
            action: action.to_owned(),
            resource: described(resource),
            context,
        };
        let decided = || self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = decided().get(&question) {
            return Ok(verdict.clone());
        }
        let verdict = self.decide_anew(question.clone())?;
        let mut decided = decided();
        if decided.len() >= DECIDED_MAX {
            decided.clear();
        }
        decided.insert(question, verdict.clone());
        Ok(verdict)
    }

    fn decide_anew(&self, question: Question) -> Result<Verdict, Denial> {
        let Question { principal, action, resource, context } = question;
        let (who, who_entity) = entity(principal)?;
        let (what, what_entity) = entity(resource)?;
        let entities = Entities::from_entities([who_entity, what_entity], Some(&self.schema))
            .map_err(|_| undecided())?;
        let context = Context::from_pairs(expressions(context)?).map_err(|_| undecided())?;
        let request = Request::new(who, uid("Action", &action)?, what, context, Some(&self.schema))
            .map_err(|_| undecided())?;
        let response = self.authorizer.is_authorized(&request, &self.set, &entities);
        if response.diagnostics().errors().next().is_some() {
            return Err(undecided());
        }
        let mut rules: Vec<String> =
            response.diagnostics().reason().map(ToString::to_string).collect();
        rules.sort();
        Ok(Verdict { allowed: response.decision() == Decision::Allow, rules })
    }
}

fn undecided() -> Denial {
    Denial::of(Why::Undecided)
}

fn expressions(
    fields: Vec<(&'static str, Attribute)>,
) -> Result<Vec<(String, RestrictedExpression)>, Denial> {
    fields.into_iter().map(|(name, value)| Ok((name.to_owned(), value.expression()?))).collect()
}

fn entity((kind, id, attributes): Described) -> Result<(EntityUid, Entity), Denial> {
    let uid = uid(&kind, &id)?;
    let attributes: HashMap<_, _> = expressions(attributes)?.into_iter().collect();
    let entity = Entity::new(uid.clone(), attributes, HashSet::new()).map_err(|_| undecided())?;
    Ok((uid, entity))
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Denial> {
    let kind = EntityTypeName::from_str(&format!("Samsyn::{kind}")).map_err(|_| undecided())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = include_str!("../../../config/policy/samsyn.cedarschema");
    const POLICIES: &str = include_str!("../../../config/policy/samsyn.cedar");

    #[test]
    fn what_was_decided_is_remembered_for_the_same_question_alone_and_within_bounds() {
        #[expect(clippy::disallowed_methods, reason = "a test is its own app")]
        let (policy, _) = Policy::load(SCHEMA, POLICIES).unwrap();
        let asked = |id: &str, role: &str, signatory: &str| {
            let who = vec![
                ("organisation", Attribute::text("o")),
                ("parties", Attribute::set(["p"])),
                ("roles", Attribute::set([role])),
            ];
            let area = vec![
                ("signatories", Attribute::set([signatory])),
                ("elsewhere", Attribute::Flag(false)),
            ];
            let context = vec![
                ("party", Attribute::text("p")),
                ("role", Attribute::text(role)),
                ("elsewhere", Attribute::Flag(false)),
            ];
            policy.ask(("Service", id, who), "publish", ("Area", "a", area), context).unwrap()
        };
        for _ in 0..2 {
            let verdict = asked("s", "publisher", "p");
            assert_eq!((verdict.allowed, &*verdict.rules), (true, &["POL-40".to_owned()][..]));
            assert!(!asked("s", "reader", "p").allowed, "another role");
            assert!(!asked("s", "publisher", "q").allowed, "another area");
        }
        for number in 0..DECIDED_MAX + 10 {
            asked(&number.to_string(), "publisher", "p");
        }
        let decided = policy.decided.lock().unwrap();
        assert!((1..=DECIDED_MAX).contains(&decided.len()), "{}", decided.len());
    }
}
