//! `samsyn registry delivery`: what of joint pictures goes to another domain, without being asked
//! for.

use clap::{Args, Subcommand};
use samsyn_domain::{
    AreaId, DomainId, LegalBasisId, OrganisationId, PartyId, PurposeId, RowId,
    registry::{Delivery, Peer, Record, Registry},
};

use super::change::{By, carry, single};
use crate::{failure::Failure, session::Session};

#[derive(Debug, Subcommand)]
pub(in crate::commands) enum Command {
    Put(Box<Put>),
    Remove(Remove),
}

/// Has an organisation that is at home in another domain get what it may see of joint pictures
/// here, over the link, as if it read them on this ground.
///
/// What that is, its agreements and release rows say, up to the level of the link; this gives no
/// more. Its systems read it in their own domain, on the same ground. A delivery with this id is
/// replaced. It takes two organisations.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry delivery put polisen.example skarholmen --organisation polismyndigheten \
    --parties lpo-skarholmen --areas sthlm-skarholmen --purpose joint_picture \
    --legal-basis law_2023_196 --reason avtal --as registrar\n  \
    samsyn registry delivery put kriminalvarden.example live --organisation kriminalvarden \
    --areas sthlm-skarholmen --purpose joint_picture --legal-basis osl_10_27 \
    --weighing \"dnr 7\" --plan --as registrar")]
pub(in crate::commands) struct Put {
    /// The domain that it goes to.
    peer: String,
    /// Its id.
    #[arg(value_parser = RowId::parse)]
    id: RowId,
    /// Who receives: an organisation that is at home there.
    #[arg(long, value_name = "ID", value_parser = OrganisationId::parse)]
    organisation: OrganisationId,
    /// For which of its parties: what they have signed they see as signatories. Left out: for the
    /// organisation itself, by its release rows.
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = PartyId::parse)]
    parties: Vec<PartyId>,
    /// Of which areas.
    #[arg(
        long,
        value_delimiter = ',',
        required = true,
        value_name = "ID",
        value_parser = AreaId::parse
    )]
    areas: Vec<AreaId>,
    /// For which purpose.
    #[arg(long, value_name = "ID", value_parser = PurposeId::parse)]
    purpose: PurposeId,
    /// On which legal basis.
    #[arg(long, value_name = "ID", value_parser = LegalBasisId::parse)]
    legal_basis: LegalBasisId,
    /// The reference of the recorded weighing of interests, where the basis asks for one.
    #[arg(long, value_name = "REF")]
    weighing: Option<String>,
    #[command(flatten)]
    by: By,
}

/// Takes a delivery back: what the other domain has of it goes from there, first of all.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry delivery remove kriminalvarden.example live \
    --reason \"avtalet är uppsagt\" --as registrar")]
pub(in crate::commands) struct Remove {
    /// The domain that it goes to.
    peer: String,
    /// Its id.
    id: String,
    #[command(flatten)]
    by: By,
}

pub(super) async fn run(session: &Session, command: Command) -> Result<(), Failure> {
    let exported = session.client.export_registry().await?;
    let registry = &exported.registry;
    let (peer, by) = match command {
        Command::Put(args) => args.edited(registry)?,
        Command::Remove(args) => {
            let mut peer = peer(registry, &args.peer)?;
            let before = peer.deliveries.len();
            peer.deliveries.retain(|delivery| delivery.id.as_str() != args.id);
            if peer.deliveries.len() == before {
                let (id, domain) = (&args.id, &args.peer);
                let what = format!("delivery `{id}` to `{domain}` is not registered");
                return Err(Failure::Usage(format!("{what}; see `samsyn registry export`")));
            }
            (peer, args.by)
        }
    };
    carry(session, &exported, &single(Record::Peers(peer))?, by).await
}

impl Put {
    fn edited(self, registry: &Registry) -> Result<(Peer, By), Failure> {
        let mut peer = peer(registry, &self.peer)?;
        let delivery = Delivery {
            id: self.id,
            organisation: self.organisation,
            parties: self.parties.into_iter().collect(),
            areas: self.areas.into_iter().collect(),
            purpose: self.purpose,
            legal_basis: self.legal_basis,
            weighing: self.weighing,
        };
        peer.deliveries.retain(|other| other.id != delivery.id);
        peer.deliveries.insert(delivery);
        Ok((peer, self.by))
    }
}

fn peer(registry: &Registry, name: &str) -> Result<Peer, Failure> {
    let peer = DomainId::parse(name).ok().and_then(|id| registry.peer(&id));
    let unknown = || {
        let what = format!("`{name}` is no domain that this one is linked with");
        Failure::Usage(format!("{what}; see `samsyn link status`"))
    };
    peer.cloned().ok_or_else(unknown)
}
