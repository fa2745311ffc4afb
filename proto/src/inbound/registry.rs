//! Requests about changes of the registry.

use std::fmt;

use samsyn_domain::{
    KeyId,
    registry::{BadChange, Base, Change, Operation, ProposalId, Record, RecordKey, Table},
};

use super::{
    context::{Context, PageAsked, page, write_context},
    fault::{Fault, Named as _},
    text::{self, Form},
};
use crate::{Reason, admin::v1};

/// A signed statement is about 200 bytes.
const STATEMENT_BYTES_MAX: usize = 1_024;
const SIGNATURE_BYTES: usize = 64;
const ROW_KEY_BYTES_MAX: usize = 512;

/// A change to preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewChangeAsked {
    /// What it changes.
    pub change: Change,
    /// Against which registry.
    pub base: Base,
}

/// A change to propose.
#[derive(Clone, PartialEq, Eq)]
pub struct ProposeChangeAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// What it changes.
    pub change: Change,
    /// Against which registry.
    pub base: Base,
    /// The signature.
    pub signature: SignatureAsked,
    /// Why.
    pub reason: Option<String>,
}

/// A proposal to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproveChangeAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The proposal.
    pub proposal: ProposalId,
    /// The signature.
    pub signature: SignatureAsked,
}

/// A proposal to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawChangeAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The proposal.
    pub proposal: ProposalId,
}

/// Changes to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesAsked {
    /// Only what waits.
    pub open_only: bool,
    /// Which page.
    pub page: PageAsked,
}

/// A registrar's signature. Whether it verifies is asked later, against the registry.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureAsked {
    /// With which registered key.
    pub key: KeyId,
    /// The signed payload.
    pub statement: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl fmt::Debug for ProposeChangeAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.change.operations().len();
        write!(f, "change of {rows} rows, {:?}, {:?}", self.signature, self.context)
    }
}

impl fmt::Debug for SignatureAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signature by {}", self.key)
    }
}

impl PreviewChangeAsked {
    /// # Errors
    /// When an operation is no row of the registry, or the base is not named.
    pub fn parse(request: v1::PreviewRegistryChangeRequest) -> Result<Self, Fault> {
        Ok(Self { change: change(request.operations)?, base: base(request.against)? })
    }
}

impl ProposeChangeAsked {
    /// # Errors
    /// When an operation is no row of the registry, base or signature are missing or malformed, or
    /// the reason identifies.
    pub fn parse(request: v1::ProposeRegistryChangeRequest) -> Result<Self, Fault> {
        Ok(Self {
            context: write_context(request.context)?,
            change: change(request.operations)?,
            base: base(request.against)?,
            signature: signature(request.signature)?,
            reason: text::alone(request.reason, Form::NOTE, "reason")?,
        })
    }
}

impl ApproveChangeAsked {
    /// # Errors
    /// When proposal or signature are missing or malformed.
    pub fn parse(request: v1::ApproveRegistryChangeRequest) -> Result<Self, Fault> {
        Ok(Self {
            context: write_context(request.context)?,
            proposal: proposal(request.proposal)?,
            signature: signature(request.signature)?,
        })
    }
}

impl WithdrawChangeAsked {
    /// # Errors
    /// When the proposal is missing.
    pub fn parse(request: v1::WithdrawRegistryChangeRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        Ok(Self { context, proposal: proposal(request.proposal)? })
    }
}

impl ChangesAsked {
    /// What is asked for.
    #[must_use]
    pub fn parse(request: v1::ListRegistryChangesRequest) -> Self {
        Self { open_only: request.open_only, page: page(request.page) }
    }
}

fn proposal(id: u64) -> Result<ProposalId, Fault> {
    if id == 0 { Err(Fault::new(Reason::MissingField, "proposal")) } else { Ok(ProposalId(id)) }
}

fn base(against: Option<v1::RegistryBase>) -> Result<Base, Fault> {
    let against = against.ok_or_else(|| Fault::new(Reason::MissingField, "against"))?;
    let digest = against.digest.try_into().map_err(|_| Reason::BadField);
    Ok(Base { epoch: against.epoch, digest: digest.named("against.digest")? })
}

fn signature(signature: Option<v1::RegistrySignature>) -> Result<SignatureAsked, Fault> {
    let asked = signature.ok_or_else(|| Fault::new(Reason::MissingField, "signature"))?;
    if asked.statement.len() > STATEMENT_BYTES_MAX {
        return Err(Fault::new(Reason::FieldTooLong, "signature.statement"));
    }
    if asked.signature.len() != SIGNATURE_BYTES {
        return Err(Fault::new(Reason::BadSignature, "signature.signature"));
    }
    if asked.key_id.is_empty() {
        return Err(Fault::new(Reason::MissingField, "signature.key_id"));
    }
    let key = KeyId::parse(&asked.key_id).map_err(|_| Reason::KeyUnknown);
    Ok(SignatureAsked {
        key: key.named("signature.key_id")?,
        statement: asked.statement,
        signature: asked.signature,
    })
}

fn change(operations: Vec<v1::RegistryOperation>) -> Result<Change, Fault> {
    let operations = operations.into_iter().enumerate().map(|(i, asked)| operation(i, asked));
    Change::of(operations.collect::<Result<_, _>>()?).map_err(|why| match why {
        BadChange::Empty => Fault::new(Reason::MissingField, "operations"),
        BadChange::TooLarge => Fault::new(Reason::TooLarge, "operations"),
        BadChange::Order => Fault::new(Reason::BadField, "operations"),
    })
}

fn operation(i: usize, asked: v1::RegistryOperation) -> Result<Operation, Fault> {
    let fault = |reason, field: &str| Fault::new(reason, format!("operations[{i}].{field}"));
    let table =
        Table::from_code(&asked.table).ok_or_else(|| fault(Reason::UnknownCode, "table"))?;
    if asked.id.len() > ROW_KEY_BYTES_MAX {
        return Err(fault(Reason::FieldTooLong, "id"));
    }
    let Some(json) = asked.json else {
        return Ok(Operation::Remove(RecordKey { table, id: asked.id }));
    };
    let record = Record::read(table, &json).map_err(|_| fault(Reason::BadField, "json"))?;
    if record.key().id == asked.id {
        Ok(Operation::Put(record.into()))
    } else {
        Err(fault(Reason::BadField, "id"))
    }
}
