//! Publications in several messages, and how many of them are taken in at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use samsyn_domain::ServiceId;
use samsyn_proto::{Reason, inbound::Upload, v1::UploadPictureRequest};
use tonic::{Status, Streaming};

use crate::{edge::RETRY, status};

/// Uploads at a time of one service.
const PER_SERVICE_MAX: usize = 2;
/// Uploads at a time of all services; each holds at most 4 MiB.
const UPLOADS_MAX: usize = 16;

/// How many uploads are under way; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploads(Arc<Mutex<BTreeMap<ServiceId, usize>>>);

impl Uploads {
    /// Room for one more upload of a service.
    pub(super) fn enter(&self, service: &ServiceId) -> Result<Room, Status> {
        let full = |reason| status::later(reason, RETRY);
        let mut under_way = self.0.lock().map_err(|_| full(Reason::Overloaded))?;
        if under_way.get(service).is_some_and(|own| *own >= PER_SERVICE_MAX) {
            return Err(full(Reason::QuotaExceeded));
        }
        if under_way.values().sum::<usize>() >= UPLOADS_MAX {
            return Err(full(Reason::Overloaded));
        }
        *under_way.entry(service.clone()).or_default() += 1;
        drop(under_way);
        Ok(Room { uploads: self.clone(), service: service.clone() })
    }
}

/// Room for an upload, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    uploads: Uploads,
    service: ServiceId,
}

impl Drop for Room {
    fn drop(&mut self) {
        let Ok(mut under_way) = self.uploads.0.lock() else { return };
        if let Some(own) = under_way.get_mut(&self.service) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                under_way.remove(&self.service);
            }
        }
    }
}

/// Takes in all messages of an upload.
pub(super) async fn received(
    mut messages: Streaming<UploadPictureRequest>,
) -> Result<Upload, Status> {
    let refused = |fault| status::fault(&fault);
    let mut upload = Upload::begin(messages.message().await?).map_err(refused)?;
    while let Some(message) = messages.message().await? {
        upload.more(message).map_err(refused)?;
    }
    Ok(upload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_for_a_service_and_for_all_and_is_given_back() {
        let uploads = Uploads::default();
        let service = |n: usize| ServiceId::parse(&format!("a/s{n}")).unwrap();
        let all: Vec<Room> =
            (0..UPLOADS_MAX).map(|n| uploads.enter(&service(n / 2)).unwrap()).collect();
        let own = uploads.enter(&service(0)).unwrap_err();
        assert_eq!(own.code(), tonic::Code::ResourceExhausted);
        let others = uploads.enter(&service(99)).unwrap_err();
        assert_eq!(others.code(), tonic::Code::Unavailable);
        drop(all);
        assert!(uploads.0.lock().unwrap().is_empty());
    }
}
