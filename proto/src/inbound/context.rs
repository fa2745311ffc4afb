//! What stands in every request: who acts, on what ground, of what, which page.

use std::{collections::BTreeSet, fmt};

use samsyn_domain::{
    AreaId, LegalBasisId, PeriodKind, PriorityId, PurposeId, command::IdempotencyKey,
    disclosure::Ground, registry::Role,
};
use samsyn_policy::Scope;

use super::{
    fault::{Fault, Named as _},
    text::{self, Form},
    value,
};
use crate::{Reason, v1};

const PAGE_DEFAULT: u32 = 100;
const PAGE_MAX: u32 = 500;

/// How a change is repeated, and on whose behalf it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Context {
    /// The idempotency key.
    pub key: IdempotencyKey,
    /// The function that acts.
    pub role: Option<Role>,
    /// A pseudonym of the person, made by the calling system.
    pub pseudonym: Option<String>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "change {:032x} as {:?}", self.key.uuid(), self.role)
    }
}

/// The context of a change.
///
/// # Errors
/// When it is missing, its key is no UUIDv7, its role is unknown, or its pseudonym identifies.
pub fn write_context(context: Option<v1::WriteContext>) -> Result<Context, Fault> {
    let context = context.ok_or_else(|| Fault::new(Reason::MissingField, "context"))?;
    let key = value::key(&context.idempotency_key).named("context.idempotency_key")?;
    let (role, pseudonym) = actor(context)?;
    Ok(Context { key, role, pseudonym })
}

/// Role and pseudonym, without the key.
pub(super) fn actor(context: v1::WriteContext) -> Result<(Option<Role>, Option<String>), Fault> {
    let role = value::role(&context.actor_role).named("context.actor_role")?;
    let form = Form::REFERENCE;
    let pseudonym = text::alone(context.actor_pseudonym, form, "context.actor_pseudonym")?;
    Ok((role, pseudonym))
}

/// On what ground a request reads, and for which function.
///
/// # Errors
/// When purpose or legal basis is missing or of no registered form, or the reference identifies.
pub fn ground(context: Option<v1::ReadContext>) -> Result<(Ground, Option<Role>), Fault> {
    let context = context.unwrap_or_default();
    let stated = |text: &str, reason| if text.is_empty() { Err(reason) } else { Ok(()) };
    stated(&context.purpose, Reason::PurposeMissing).named("context.purpose")?;
    stated(&context.legal_basis, Reason::BasisMissing).named("context.legal_basis")?;
    let purpose = PurposeId::parse(&context.purpose).map_err(|_| Reason::PurposeNotCovered);
    let basis = LegalBasisId::parse(&context.legal_basis).map_err(|_| Reason::BasisNotCovered);
    let ground = Ground {
        purpose: purpose.named("context.purpose")?,
        legal_basis: basis.named("context.legal_basis")?,
        weighing: text::alone(context.weighing_ref, Form::REFERENCE, "context.weighing_ref")?,
    };
    let role = value::role(&context.actor_role).named("context.actor_role")?;
    Ok((ground, role))
}

/// Of what; empty lists mean all that the caller has.
///
/// # Errors
/// When an id has no registered form, or a kind of period is unknown.
pub fn scope(scope: Option<v1::Scope>) -> Result<Scope, Fault> {
    let scope = scope.unwrap_or_default();
    let kind = |code: &str| PeriodKind::from_code(code).ok_or(());
    Ok(Scope {
        areas: all(&scope.areas, "scope.areas", AreaId::parse)?,
        priorities: all(&scope.priorities, "scope.priorities", PriorityId::parse)?,
        periods: all(&scope.period_kinds, "scope.period_kinds", kind)?,
    })
}

fn all<T: Ord, E>(
    codes: &[String],
    field: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<BTreeSet<T>, Fault> {
    let one = |(i, code): (usize, &String)| {
        value::code(code, &parse).map_err(|reason| Fault::new(reason, format!("{field}[{i}]")))
    };
    codes.iter().enumerate().map(one).collect()
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAsked {
    /// How many rows at most, 1–500.
    pub size: usize,
    /// From the previous answer; empty for the first page. Not checked here.
    pub token: String,
}

/// The page asked for: 0 rows means 100, more than 500 means 500.
#[must_use]
pub fn page(page: Option<v1::Page>) -> PageAsked {
    let page = page.unwrap_or_default();
    PageAsked { size: rows(page.size), token: page.token }
}

pub(super) fn rows(asked: u32) -> usize {
    let rows = if asked == 0 { PAGE_DEFAULT } else { asked.min(PAGE_MAX) };
    usize::try_from(rows).unwrap_or(usize::MAX)
}
