//! Messages between functions, as one of them.

use std::time::Duration;

use samsyn_proto::v1::{
    Attachment, GetAttachmentRequest, GetMessageRequest, GetMessageResponse, InboxEntry,
    ListInboxRequest, ListThreadRequest, MarkMessageRequest, MessageStep, Page, SendMessageRequest,
    TrackMessagesRequest, TrackedMessage, UploadAttachmentRequest, UploadAttachmentResponse,
    WatchInboxRequest, WatchInboxResponse, watch_inbox_response::What,
};
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status, Streaming};

use crate::{Client, Profile, Refused, connection::repeat, redial::Redial, write_context};

/// How many messages are asked for at a time.
const PAGE_ROWS: u32 = 500;
/// How many bytes of a file one message of an upload has.
const CHUNK_BYTES: usize = 256 * 1024;
/// How long an upload may take: as long as a gateway lets any call.
const UPLOAD_MAX: Duration = Duration::from_mins(1);

impl Client {
    /// Sends a message; gives its id. Repeats under the same key while it may go through later.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn send_message(&self, request: SendMessageRequest) -> Result<String, Refused> {
        let sent = repeat(|| {
            let (mut messages, request) = (self.messages.clone(), request.clone());
            async move { messages.send_message(request).await }
        });
        Ok(sent.await?.message_id)
    }

    /// Uploads a file that a function sends; gives what names it in a message. Repeats while it may
    /// go through later: what came of it before is never sent, and swept.
    ///
    /// # Errors
    /// What the gateway refused, or [`Refused`] as `DATA_LOSS` where other bytes came there.
    pub async fn upload_attachment(
        &self,
        function: &str,
        name: &str,
        file: &[u8],
    ) -> Result<UploadAttachmentResponse, Refused> {
        let begins = UploadAttachmentRequest {
            context: Some(self.profile().read_context()),
            function_address: function.to_owned(),
            name: name.to_owned(),
            chunk: Vec::new(),
        };
        let chunks = file.chunks(CHUNK_BYTES).map(|chunk| UploadAttachmentRequest {
            chunk: chunk.to_vec(),
            ..UploadAttachmentRequest::default()
        });
        let messages: Vec<_> = std::iter::once(begins).chain(chunks).collect();
        let uploaded = repeat(|| {
            let (mut client, messages) = (self.messages.clone(), messages.clone());
            let mut request = Request::new(tokio_stream::iter(messages));
            request.set_timeout(UPLOAD_MAX);
            async move { client.upload_attachment(request).await }
        });
        let uploaded: UploadAttachmentResponse = uploaded.await?;
        if Sha256::digest(file).as_slice() != uploaded.sha256 {
            let why = "the bytes that the gateway has are not those of the file; upload it again";
            return Err(Status::data_loss(why).into());
        }
        Ok(uploaded)
    }

    /// An attachment of a message, whole: what it is, and its bytes.
    ///
    /// # Errors
    /// What the gateway refused, or [`Refused`] as `DATA_LOSS` where they are not of its digest.
    pub async fn attachment(
        &self,
        function: &str,
        id: &str,
        number: u32,
    ) -> Result<(Attachment, Vec<u8>), Refused> {
        let mut parts = repeat(|| {
            let mut messages = self.messages.clone();
            let request = GetAttachmentRequest {
                context: Some(self.profile().read_context()),
                function_address: function.to_owned(),
                message_id: id.to_owned(),
                number,
            };
            async move { messages.get_attachment(request).await }
        })
        .await?;
        let (mut attachment, mut file) = (Attachment::default(), Vec::new());
        while let Some(part) = parts.message().await? {
            attachment = part.attachment.unwrap_or(attachment);
            file.extend(part.chunk);
        }
        if Sha256::digest(&file).as_slice() != attachment.sha256 {
            let why = "the bytes that came are not those of the attachment's digest; ask again";
            return Err(Status::data_loss(why).into());
        }
        Ok((attachment, file))
    }

    /// What stands in a function's inbox after a number, at most 100; waits so many seconds for it,
    /// at most 30.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn inbox(
        &self,
        function: &str,
        after_number: u64,
        wait_seconds: u32,
    ) -> Result<Vec<InboxEntry>, Refused> {
        let listed = repeat(|| {
            let mut messages = self.messages.clone();
            let request = ListInboxRequest {
                context: Some(self.profile().read_context()),
                function_address: function.to_owned(),
                after_number,
                size: 0,
                wait_seconds,
            };
            async move { messages.list_inbox(request).await }
        });
        Ok(listed.await?.entries)
    }

    /// A message, whole, as its sender or one of its recipients. A recipient has read it by that.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn message(&self, function: &str, id: &str) -> Result<GetMessageResponse, Refused> {
        repeat(|| {
            let mut messages = self.messages.clone();
            let request = GetMessageRequest {
                context: Some(self.profile().read_context()),
                function_address: function.to_owned(),
                message_id: id.to_owned(),
            };
            async move { messages.get_message(request).await }
        })
        .await
    }

    /// The thread of a message, as far as the function takes part, the earliest first.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn thread(
        &self,
        function: &str,
        id: &str,
    ) -> Result<Vec<GetMessageResponse>, Refused> {
        let listed = repeat(|| {
            let mut messages = self.messages.clone();
            let request = ListThreadRequest {
                context: Some(self.profile().read_context()),
                function_address: function.to_owned(),
                message_id: id.to_owned(),
            };
            async move { messages.list_thread(request).await }
        });
        Ok(listed.await?.messages)
    }

    /// Says that a message is dealt with, or not taken.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn mark_message(
        &self,
        function: &str,
        id: &str,
        step: MessageStep,
    ) -> Result<(), Refused> {
        let request = MarkMessageRequest {
            context: Some(write_context("")),
            function_address: function.to_owned(),
            message_id: id.to_owned(),
            step: step.into(),
        };
        repeat(|| {
            let (mut messages, request) = (self.messages.clone(), request.clone());
            async move { messages.mark_message(request).await }
        })
        .await
        .map(drop)
    }

    /// How far the messages that a function has sent have come, the newest first; of one of them,
    /// or of all.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn track_messages(
        &self,
        function: &str,
        one: Option<&str>,
    ) -> Result<Vec<TrackedMessage>, Refused> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let page = repeat(|| {
                let mut messages = self.messages.clone();
                let request = TrackMessagesRequest {
                    context: Some(self.profile().read_context()),
                    function_address: function.to_owned(),
                    message_id: one.unwrap_or_default().to_owned(),
                    page: Some(Page { size: PAGE_ROWS, token: token.clone() }),
                };
                async move { messages.track_messages(request).await }
            });
            let page = page.await?;
            all.extend(page.messages);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            token = page.next_page_token;
        }
    }
}

/// An inbox that is followed. After a cut it goes on behind the last message that it gave: nothing
/// is lost and nothing comes twice.
#[derive(Debug)]
pub struct InboxWatch {
    redial: Redial,
    function: String,
    after: u64,
    stream: Option<Streaming<WatchInboxResponse>>,
}

impl InboxWatch {
    /// Follows a function's inbox after a number; 0: from the first.
    #[must_use]
    pub fn new(profile: &Profile, function: &str, after: u64) -> Self {
        let function = function.to_owned();
        Self { redial: Redial::new(profile), function, after, stream: None }
    }

    /// The number of the last message that it gave.
    #[must_use]
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// The next message. A closing stream is opened anew when the gateway says, unless access
    /// ended.
    ///
    /// # Errors
    /// When the gateway refuses for good: access ended, the function is not the caller's, the
    /// certificate is not accepted.
    pub async fn next(&mut self) -> Result<InboxEntry, Refused> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.message().await {
                Ok(Some(WatchInboxResponse { what })) => {
                    self.redial.answered();
                    match what {
                        Some(What::Entry(entry)) if entry.number > self.after => {
                            self.after = entry.number;
                            return Ok(entry);
                        }
                        // The status behind it says why.
                        Some(What::Closing(closing)) if closing.reason != "ACCESS_ENDED" => {
                            let told = u64::from(closing.retry_after_seconds);
                            self.stream = None;
                            self.redial.rest(Duration::from_secs(told)).await;
                        }
                        Some(What::Entry(_) | What::Closing(_) | What::Heartbeat(_)) | None => {}
                    }
                }
                Ok(None) => {
                    self.stream = None;
                    self.redial.rest(Duration::ZERO).await;
                }
                Err(status) => {
                    self.stream = None;
                    self.redial.broken(status.into()).await?;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), Refused> {
        let Some(client) = self.redial.client().await? else { return Ok(()) };
        let request = WatchInboxRequest {
            context: Some(client.profile().read_context()),
            function_address: self.function.clone(),
            after_number: self.after,
        };
        match client.messages.clone().watch_inbox(request).await {
            Ok(answer) => {
                self.stream = Some(answer.into_inner());
                Ok(())
            }
            Err(status) => self.redial.broken(status.into()).await,
        }
    }
}
