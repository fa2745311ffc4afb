//! Backups of the domain, for operators.

use std::pin::Pin;

use samsyn_ledger::{
    Rejection,
    backup::{Backup, Piece},
};
use samsyn_proto::{
    Reason,
    admin::v1::{
        BackupEnd, CreateBackupRequest, CreateBackupResponse, backup_service_server::BackupService,
        create_backup_response::Piece as Wire,
    },
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::Shared;
use crate::{caller::caller, status};

type Item = Result<CreateBackupResponse, Status>;

#[tonic::async_trait]
impl BackupService for Shared {
    type CreateBackupStream = Pin<Box<dyn Stream<Item = Item> + Send>>;

    async fn create_backup(
        &self,
        request: Request<CreateBackupRequest>,
    ) -> Result<Response<Self::CreateBackupStream>, Status> {
        let caller = caller(&request)?;
        let Some(sealed) = self.backups.clone() else {
            let allowed = self.ledger.oversee(&caller, "back_up");
            allowed.map_err(|rejection| self.denied(&caller, &rejection))?;
            return Err(status::reason(Reason::NoBackupRecipient, ""));
        };
        let begun = self.ledger.back_up(&caller, sealed.recipients, sealed.keys_days);
        let backup = self.answered(&caller, begun).await?;
        Ok(Response::new(Box::pin(futures::stream::unfold(backup, next))))
    }
}

async fn next(mut backup: Backup) -> Option<(Item, Backup)> {
    let item = match backup.next().await? {
        Ok(piece) => Ok(CreateBackupResponse { piece: Some(encoded(piece)) }),
        Err(error) => Err(status::rejection(&Rejection::from(error))),
    };
    Some((item, backup))
}

fn encoded(piece: Piece) -> Wire {
    match piece {
        Piece::Part(name) => Wire::Part(name.to_owned()),
        Piece::Bytes(bytes) => Wire::Chunk(bytes.to_vec()),
        Piece::End { manifest, signature } => {
            Wire::End(BackupEnd { manifest, signature: signature.to_vec() })
        }
    }
}
