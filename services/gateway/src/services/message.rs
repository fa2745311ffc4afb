//! Messages between functions.

use std::{pin::Pin, time::Duration};

use samsyn_policy::{TrackPage, TrackView};
use samsyn_proto::{
    inbound::{AttachmentAsked, InboxAsked, MarkAsked, MessageAsked, SendAsked, TrackAsked},
    sealed::Encoded,
    v1::{
        GetAttachmentRequest, GetMessageRequest, GetMessageResponse, ListInboxRequest,
        ListInboxResponse, ListThreadRequest, ListThreadResponse, MarkMessageRequest,
        MarkMessageResponse, SendMessageRequest, SendMessageResponse, TrackMessagesRequest,
        TrackMessagesResponse, UploadAttachmentRequest, UploadAttachmentResponse,
        WatchInboxRequest, WatchInboxResponse, message_service_server::MessageService,
    },
};
use tokio::time::Instant;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use super::{Shared, answer, attachment, counted, stream};
use crate::{caller::caller, edge::Held, page::Place, status, telemetry};

#[tonic::async_trait]
impl MessageService for Shared {
    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let caller = caller(&request)?;
        let checked =
            SendAsked::parse(request.into_inner(), &self.ledger.registry(), (self.clock)());
        let asked = checked.value.ok_or_else(|| status::faults(&checked.faults))?;
        let id = self.answered(&caller, self.ledger.send_message(&caller, &asked)).await?;
        Ok(counted(SendMessageResponse { message_id: id.to_string() }, asked.to.len()))
    }

    async fn upload_attachment(
        &self,
        request: Request<Streaming<UploadAttachmentRequest>>,
    ) -> Result<Response<UploadAttachmentResponse>, Status> {
        let caller = caller(&request)?;
        let _room = self.uploads.enter(caller.service())?;
        attachment::taken(self, &caller, request.into_inner()).await
    }

    type GetAttachmentStream = attachment::File;

    async fn get_attachment(
        &self,
        request: Request<GetAttachmentRequest>,
    ) -> Result<Response<Self::GetAttachmentStream>, Status> {
        let caller = caller(&request)?;
        let asked = AttachmentAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        attachment::given(self, &caller, &asked).await
    }

    async fn list_inbox(
        &self,
        request: Request<ListInboxRequest>,
    ) -> Result<Response<Encoded<ListInboxResponse>>, Status> {
        let held = Held::of(&request)?;
        let caller = caller(&request)?;
        let InboxAsked { of, after, size, wait_seconds } =
            InboxAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        let open = async { self.ledger.inbox(&caller, of, after) };
        let mut inbox = self.answered(&caller, open).await?;
        let until = held.deadline.answer_by(Duration::from_secs(wait_seconds.into()));
        let mut stopping = self.stopping.clone();
        loop {
            if let Some(view) = self.answered(&caller, inbox.next(size)).await? {
                return Ok(answer(view.into()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || *stopping.borrow() {
                return Ok(answer(Encoded::<ListInboxResponse>::nothing_new()));
            }
            tokio::select! {
                () = inbox.wait(left) => {}
                // The sender is gone only when the process ends.
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        }
    }

    type WatchInboxStream =
        Pin<Box<dyn Stream<Item = Result<Encoded<WatchInboxResponse>, Status>> + Send>>;

    async fn watch_inbox(
        &self,
        request: Request<WatchInboxRequest>,
    ) -> Result<Response<Self::WatchInboxStream>, Status> {
        let held = Held::of(&request)?;
        let meter = telemetry::Meter::of(&request)?;
        let caller = caller(&request)?;
        let InboxAsked { of, after, .. } =
            InboxAsked::watched(request.into_inner()).map_err(|f| status::fault(&f))?;
        let open = async { self.ledger.inbox(&caller, of, after) };
        let inbox = self.answered(&caller, open).await?;
        Ok(Response::new(stream::served(inbox, held, meter, self.stopping.clone(), self.bounds)))
    }

    async fn get_message(
        &self,
        request: Request<GetMessageRequest>,
    ) -> Result<Response<Encoded<GetMessageResponse>>, Status> {
        let caller = caller(&request)?;
        let asked = MessageAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        let view = self.answered(&caller, self.ledger.message(&caller, &asked)).await?;
        Ok(answer(view.into()))
    }

    async fn list_thread(
        &self,
        request: Request<ListThreadRequest>,
    ) -> Result<Response<Encoded<ListThreadResponse>>, Status> {
        let caller = caller(&request)?;
        let asked = MessageAsked::thread(request.into_inner()).map_err(|f| status::fault(&f))?;
        let view = self.answered(&caller, self.ledger.message_thread(&caller, &asked)).await?;
        Ok(answer(view.into()))
    }

    async fn mark_message(
        &self,
        request: Request<MarkMessageRequest>,
    ) -> Result<Response<MarkMessageResponse>, Status> {
        let caller = caller(&request)?;
        let asked = MarkAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        self.answered(&caller, self.ledger.mark_message(&caller, &asked)).await?;
        Ok(Response::new(MarkMessageResponse {}))
    }

    async fn track_messages(
        &self,
        request: Request<TrackMessagesRequest>,
    ) -> Result<Response<Encoded<TrackMessagesResponse>>, Status> {
        let caller = caller(&request)?;
        let asked = TrackAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        // The revision of this list is how many had been sent when its first page was given.
        let of = usize::try_from(place.revision).ok().filter(|of| *of > 0);
        let page = TrackPage { of, from: place.from, size: asked.page.size };
        let track = self.ledger.track_messages(&caller, &asked, page);
        let view = self.answered(&caller, track).await?;
        let TrackView { messages, of, .. } = view.content();
        let next = Place {
            revision: u64::try_from(*of).unwrap_or(u64::MAX),
            from: place.from.saturating_add(messages.len()),
        };
        Ok(answer(Encoded::<TrackMessagesResponse>::page(&view, || next.token(next.from))))
    }
}
