//! Edits of single rows from the command line. Each makes a change here, and carries it as
//! `samsyn registry apply` does.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use samsyn_domain::{
    AgreementId, AreaId, DomainId, Kind, LegalBasisId, PartyId, PeriodKind, PriorityId, PurposeId,
    RowId,
    registry::{self, FieldGroup, Record, Role, Shown, Table, Variant},
};

use super::change::{By, carry, removal, single};
use crate::{failure::Failure, session::Session};

#[derive(Debug, Subcommand)]
pub(in crate::commands) enum ReleaseRow {
    Edit(Box<EditRow>),
    Remove(RemoveRow),
}

#[derive(Debug, Subcommand)]
pub(in crate::commands) enum Agreement {
    Edit(EditAgreement),
}

/// Edits a release row: each option replaces a field of it.
///
/// What only takes away takes effect at once; what may give takes the registrars of two
/// organisations, each of whom runs the same command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry release-row edit region --live false --reason avtal --as registrar\n  \
    samsyn registry release-row edit region --show place:district,time --plan --as registrar")]
pub(in crate::commands) struct EditRow {
    /// The row.
    row: String,
    /// Of which areas.
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    areas: Vec<String>,
    /// Of which priority areas.
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    priorities: Vec<String>,
    /// Of which kinds of observation.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<String>,
    /// Of which kinds of period.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    periods: Vec<String>,
    /// For which purposes.
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    purposes: Vec<String>,
    /// On which legal bases.
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    legal_bases: Vec<String>,
    /// Which field groups, as `time` or, coarsened, `place:district`.
    #[arg(long, value_delimiter = ',', value_name = "GROUP")]
    show: Vec<String>,
    /// Whether the live picture is given, too.
    #[arg(long, value_name = "BOOL")]
    live: Option<bool>,
    /// Whether what is withheld is declared.
    #[arg(long, value_name = "BOOL")]
    declares_withheld: Option<bool>,
    /// In force from this day on.
    #[arg(long, value_name = "DATE")]
    valid_from: Option<Date>,
    /// Until the day before this one.
    #[arg(long, value_name = "DATE")]
    valid_to: Option<Date>,
    #[command(flatten)]
    by: By,
}

/// Removes a release row: its receiver gets nothing by it any more.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry release-row remove region \
    --reason \"avtalet är uppsagt\" --as registrar")]
pub(in crate::commands) struct RemoveRow {
    /// The row.
    row: String,
    #[command(flatten)]
    by: By,
}

/// Edits an agreement: each option replaces a field of it. It takes two organisations.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry agreement edit samverkan/sthlm-skarholmen \
    --periods month,quarter --reason kadens --as registrar")]
pub(in crate::commands) struct EditAgreement {
    /// The agreement.
    agreement: String,
    /// Which kinds of period its pictures have.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    periods: Vec<String>,
    /// Which functions must act on a conflict.
    #[arg(long, value_delimiter = ',', value_name = "ROLE")]
    conflict_roles: Vec<String>,
    /// In force from this day on.
    #[arg(long, value_name = "DATE")]
    valid_from: Option<Date>,
    #[command(flatten)]
    by: By,
}

/// Says in which domain a party keeps its own picture, or the joint picture of an area is ordered.
///
/// The domain is one that this one is linked with. A party that is at home there publishes there,
/// and what it addresses to the area's signatories comes over the link. An area that is at home
/// there has its joint picture there, and the parties of this domain contribute to it. It takes two
/// organisations.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry home lpo-skarholmen polisen.example --reason avtal --as registrar\n  \
    samsyn registry home sthlm-skarholmen stockholm.example --reason avtal --as registrar\n  \
    samsyn registry home lpo-skarholmen --here --reason avtal --as registrar")]
pub(in crate::commands) struct Home {
    /// The party, or the area.
    what: String,
    /// The domain.
    #[arg(required_unless_present = "here")]
    domain: Option<String>,
    /// This domain.
    #[arg(long, conflicts_with = "domain")]
    here: bool,
    #[command(flatten)]
    by: By,
}

pub(super) async fn home(session: &Session, args: Home) -> Result<(), Failure> {
    let exported = session.client.export_registry().await?;
    let registry = &exported.registry;
    let home = args.domain.as_deref().map(DomainId::parse).transpose();
    let home = home.map_err(|why| Failure::Usage(format!("the domain {why}")))?;
    if let Some(home) = home.as_ref().filter(|home| registry.peer(home).is_none()) {
        return Err(Failure::Usage(format!(
            "`{home}` is no domain that this one is linked with; see `samsyn link status`"
        )));
    }
    let party = PartyId::parse(&args.what).ok();
    let party = party.and_then(|id| registry.party(&id)).cloned();
    let area = AreaId::parse(&args.what).ok();
    let agreement = area.and_then(|id| registry.agreement_of(&id)).cloned();
    let record = match (party, agreement) {
        (Some(_), Some(_)) => {
            let what = &args.what;
            return Err(Failure::Usage(format!(
                "`{what}` is a party and an area; change the registry's files instead"
            )));
        }
        (Some(party), None) => Record::Parties(registry::Party { home, ..party }),
        (None, Some(agreement)) => Record::Agreements(registry::Agreement { home, ..agreement }),
        (None, None) => return Err(unknown("party, or area with an agreement,", &args.what)),
    };
    carry(session, &exported, &single(record)?, args.by).await
}

pub(super) async fn release_row(session: &Session, command: ReleaseRow) -> Result<(), Failure> {
    let exported = session.client.export_registry().await?;
    match command {
        ReleaseRow::Edit(args) => {
            let id = RowId::parse(&args.row).ok();
            let row = id.and_then(|id| exported.registry.release_row(&id)).cloned();
            let row = row.ok_or_else(|| unknown("release row", &args.row))?;
            let change = single(Record::ReleaseRows(args.edited(row)?))?;
            carry(session, &exported, &change, args.by).await
        }
        ReleaseRow::Remove(args) => {
            let change = removal(Table::ReleaseRows, args.row)?;
            carry(session, &exported, &change, args.by).await
        }
    }
}

pub(super) async fn agreement(session: &Session, command: Agreement) -> Result<(), Failure> {
    let Agreement::Edit(args) = command;
    let exported = session.client.export_registry().await?;
    let id = AgreementId::parse(&args.agreement).ok();
    let agreement = id.and_then(|id| exported.registry.agreement(&id)).cloned();
    let mut agreement = agreement.ok_or_else(|| unknown("agreement", &args.agreement))?;
    replace(&mut agreement.periods, &args.periods, "periods", code(PeriodKind::from_code))?;
    let roles = code(Role::from_code);
    replace(&mut agreement.conflict_roles, &args.conflict_roles, "conflict-roles", roles)?;
    agreement.valid_from = args.valid_from.unwrap_or(agreement.valid_from);
    let change = single(Record::Agreements(agreement))?;
    carry(session, &exported, &change, args.by).await
}

impl EditRow {
    fn edited(&self, mut row: registry::ReleaseRow) -> Result<registry::ReleaseRow, Failure> {
        replace(&mut row.areas, &self.areas, "areas", id(AreaId::parse))?;
        replace(&mut row.priorities, &self.priorities, "priorities", id(PriorityId::parse))?;
        replace(&mut row.kinds, &self.kinds, "kinds", code(Kind::from_code))?;
        replace(&mut row.periods, &self.periods, "periods", code(PeriodKind::from_code))?;
        replace(&mut row.purposes, &self.purposes, "purposes", id(PurposeId::parse))?;
        replace(&mut row.legal_bases, &self.legal_bases, "legal-bases", id(LegalBasisId::parse))?;
        if !self.show.is_empty() {
            row.shown = self.show.iter().map(|text| shown(text)).collect::<Result<Shown, _>>()?;
        }
        row.live = self.live.unwrap_or(row.live);
        row.declares_withheld = self.declares_withheld.unwrap_or(row.declares_withheld);
        row.valid_from = self.valid_from.unwrap_or(row.valid_from);
        row.valid_to = self.valid_to.unwrap_or(row.valid_to);
        Ok(row)
    }
}

fn replace<T: Ord>(
    set: &mut BTreeSet<T>,
    with: &[String],
    option: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(), Failure> {
    if !with.is_empty() {
        let bad = |text: &str| Failure::Usage(format!("--{option}: `{text}` is not registered"));
        let parsed = with.iter().map(|text| parse(text).ok_or_else(|| bad(text)));
        *set = parsed.collect::<Result<_, _>>()?;
    }
    Ok(())
}

fn id<T, E>(parse: impl Fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Option<T> {
    move |text| parse(text).ok()
}

fn code<T>(parse: impl Fn(&str) -> Option<T>) -> impl Fn(&str) -> Option<T> {
    parse
}

/// `time`, or `place:district`.
fn shown(text: &str) -> Result<(FieldGroup, Variant), Failure> {
    let (group, variant) = text.split_once(':').unwrap_or((text, "exact"));
    let mut variants = [Variant::Exact, Variant::SubArea, Variant::District].into_iter();
    let variant = variants.find(|one| one.as_str() == variant);
    FieldGroup::from_code(group).zip(variant).ok_or_else(|| {
        Failure::Usage(format!(
            "--show: `{text}` is no field group; write `time` or `place:district`"
        ))
    })
}

fn unknown(what: &str, id: &str) -> Failure {
    Failure::Usage(format!("{what} `{id}` is not registered; see `samsyn registry show`"))
}
