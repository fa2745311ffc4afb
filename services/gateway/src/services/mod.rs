//! The services. A handler decodes, proposes or reads, and encodes; it has no rules of its own.

mod access;
mod attachment;
mod backup;
mod change;
mod cluster;
mod edition;
mod joint;
mod link;
mod message;
mod picture;
mod registry;
mod stream;
mod upload;

use std::future::Future;

use samsyn_domain::Caller;
use samsyn_ledger::{Clock, Ledger, Rejection};
use samsyn_policy::Reader;
use samsyn_proto::{inbound, sealed::Encoded, v1::ReadContext};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::{caller::caller, config::SealedTo, denials::Denials, edge::Rows, status};

pub(crate) use self::{stream::Bounds, upload::Uploads};

/// What every service works with; cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) denials: Denials,
    pub(crate) bounds: Bounds,
    pub(crate) uploads: Uploads,
    /// Links with other domains; none where this one has none.
    pub(crate) links: Option<Linking>,
    /// To whom backups are sealed; none where they are not to be made.
    pub(crate) backups: Option<SealedTo>,
}

/// What a node tells of its links.
#[derive(Clone)]
pub(crate) struct Linking {
    /// The links.
    pub(crate) links: samsyn_federation::Links,
    /// By what other domains are known.
    pub(crate) identity: crate::links::Identity,
    /// The federation that this domain is in.
    pub(crate) federation: String,
    /// Which node this is.
    pub(crate) node: u64,
    /// How other domains reach it.
    pub(crate) address: String,
    /// Where the authority of this domain's links is.
    pub(crate) authority: std::path::PathBuf,
}

/// An answer that is paid for by its rows.
fn answer<M>(message: Encoded<M>) -> Response<Encoded<M>> {
    let rows = message.rows();
    counted(message, rows)
}

/// An answer that is paid for by so many rows, given or taken in.
fn counted<M>(message: M, rows: usize) -> Response<M> {
    let mut response = Response::new(message);
    response.extensions_mut().insert(Rows(rows));
    response
}

impl Shared {
    /// A reader of a request on the ground that it states, with what was asked.
    fn reader<T>(
        &self,
        request: Request<T>,
        context: impl FnOnce(&mut T) -> Option<ReadContext>,
    ) -> Result<(Caller, Reader, T), Status> {
        let caller = caller(&request)?;
        let mut asked = request.into_inner();
        let (ground, _) = inbound::ground(context(&mut asked)).map_err(|f| status::fault(&f))?;
        let reader = self.ledger.reader(&caller, ground).map_err(|r| self.denied(&caller, &r))?;
        Ok((caller, reader, asked))
    }

    /// A caller that changes something of its own, and is told what that touches.
    fn writer<T>(&self, request: Request<T>) -> Result<(Caller, Reader, T), Status> {
        let caller = caller(&request)?;
        let reader = self.ledger.own_reader(&caller).map_err(|r| self.denied(&caller, &r))?;
        Ok((caller, reader, request.into_inner()))
    }

    /// The answer of the ledger, or its refusal as a status.
    async fn answered<T>(
        &self,
        caller: &Caller,
        work: impl Future<Output = Result<T, Rejection>>,
    ) -> Result<T, Status> {
        work.await.map_err(|rejection| self.denied(caller, &rejection))
    }

    /// A refusal as a status: counted for the record, and one line in the log.
    fn denied(&self, caller: &Caller, rejection: &Rejection) -> Status {
        if let Rejection::Denied(denial) = rejection {
            self.denials.count(caller.service(), denial);
        }
        let status = status::rejection(rejection);
        tracing::info!(service = %caller.service(), code = ?status.code(), "refused");
        status
    }
}
