//! An answer on its way out: counted, paced, and ended by its deadline.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use samsyn_proto::Reason;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep, sleep_until},
};
use tonic::{Status, body::Body};

use super::{budget::Spending, mend::mend};
use crate::{status, tls::Call};

/// The body of an answer, with what its call holds while it is under way.
pub(super) struct Metered {
    inner: Body,
    call: Arc<Call>,
    spending: Arc<Spending>,
    stream: bool,
    deadline: Option<Pin<Box<Sleep>>>,
    pause: Option<Pin<Box<Sleep>>>,
    ended: bool,
    _room: OwnedSemaphorePermit,
}

impl Metered {
    /// Around the body of a call. Only a stream is ended by its deadline once its answer began:
    /// what is left of a single answer is bounded by its size.
    pub(super) fn new(
        inner: Body,
        call: Arc<Call>,
        spending: Arc<Spending>,
        stream: Option<Option<Instant>>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            inner,
            call,
            spending,
            stream: stream.is_some(),
            deadline: stream.flatten().map(|at| Box::pin(sleep_until(at))),
            pause: None,
            ended: false,
            _room: room,
        }
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    /// Whether what was given is not yet paid for.
    fn pauses(&mut self, cx: &mut Context<'_>) -> bool {
        let pauses = self.pause.as_mut().is_some_and(|pause| pause.as_mut().poll(cx).is_pending());
        if !pauses {
            self.pause = None;
        }
        pauses
    }

    fn given(&mut self, mut frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(trailers) = frame.trailers_mut() {
            mend(trailers);
        } else if let Some(data) = frame.data_ref() {
            let wait = self.spending.bytes(data.len(), Instant::now());
            if self.stream && !wait.is_zero() {
                self.pause = Some(Box::pin(sleep(wait)));
            }
            self.call.offered();
        }
        frame
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.call.taken();
        if self.ended {
            return Poll::Ready(None);
        }
        if self.is_over(cx) {
            self.ended = true;
            let status = status::reason(Reason::DeadlineExceeded, "");
            let mut trailers = http::HeaderMap::new();
            return Poll::Ready(Some(match status.add_header(&mut trailers) {
                Ok(()) => Ok(Frame::trailers(trailers)),
                Err(status) => Err(status),
            }));
        }
        if self.pauses(cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner)
            .poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map(|frame| self.given(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
