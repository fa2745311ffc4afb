//! Files that go with messages: taken in and given, part by part.

use std::pin::Pin;

use samsyn_domain::Caller;
use samsyn_ledger::{FileGiven, FileUpload, Uploaded};
use samsyn_proto::{
    inbound::{AttachmentAsked, FileAsked},
    sealed::Encoded,
    v1::{GetAttachmentResponse, UploadAttachmentRequest, UploadAttachmentResponse},
};
use tokio_stream::Stream;
use tonic::{Response, Status, Streaming};

use super::{Shared, counted};
use crate::status;

/// What is given of a file.
pub(super) type File =
    Pin<Box<dyn Stream<Item = Result<Encoded<GetAttachmentResponse>, Status>> + Send>>;

/// Takes in a file, whole. Of one that is refused nothing is kept.
pub(super) async fn taken(
    shared: &Shared,
    caller: &Caller,
    mut messages: Streaming<UploadAttachmentRequest>,
) -> Result<Response<UploadAttachmentResponse>, Status> {
    let first = messages.message().await?;
    let asked = FileAsked::parse(first.as_ref()).map_err(|fault| status::fault(&fault))?;
    let begun = async { shared.ledger.upload_file(caller, asked) };
    let mut upload = shared.answered(caller, begun).await?;
    match pushed(shared, caller, &mut upload, (first, &mut messages)).await {
        Ok(response) => Ok(response),
        Err(status) => {
            if let Err(why) = upload.discard().await {
                tracing::warn!(%why, "what came of a file is kept until it is swept");
            }
            Err(status)
        }
    }
}

async fn pushed(
    shared: &Shared,
    caller: &Caller,
    upload: &mut FileUpload,
    (first, rest): (Option<UploadAttachmentRequest>, &mut Streaming<UploadAttachmentRequest>),
) -> Result<Response<UploadAttachmentResponse>, Status> {
    let (mut message, mut count) = (first, 0_usize);
    while let Some(part) = message {
        let chunk = FileAsked::chunk(&part).map_err(|fault| status::fault(&fault))?;
        shared.answered(caller, upload.push(chunk)).await?;
        count = count.saturating_add(1);
        message = rest.message().await?;
    }
    let Uploaded { token, media_type, size, digest } =
        shared.answered(caller, upload.end()).await?;
    let response = UploadAttachmentResponse {
        attachment: token,
        media_type: media_type.as_str().to_owned(),
        size_bytes: size,
        sha256: digest.to_vec(),
    };
    Ok(counted(response, count))
}

/// Gives a file: what it is, then its bytes.
pub(super) async fn given(
    shared: &Shared,
    caller: &Caller,
    asked: &AttachmentAsked,
) -> Result<Response<File>, Status> {
    let view = shared.answered(caller, shared.ledger.attachment(caller, asked)).await?;
    let first = Encoded::<GetAttachmentResponse>::begins(&view, asked.number);
    let given = Given { file: shared.ledger.give_file(view), first: Some(first) };
    Ok(Response::new(Box::pin(futures::stream::unfold(given, next))))
}

/// How far a file was given.
struct Given {
    file: FileGiven,
    first: Option<Encoded<GetAttachmentResponse>>,
}

async fn next(mut given: Given) -> Option<(Result<Encoded<GetAttachmentResponse>, Status>, Given)> {
    if let Some(first) = given.first.take() {
        return Some((Ok(first), given));
    }
    let part = given.file.next().await.transpose()?;
    let item = part
        .map(|part| Encoded::<GetAttachmentResponse>::chunk(given.file.view(), part))
        .map_err(|rejection| status::rejection(&rejection));
    Some((item, given))
}
