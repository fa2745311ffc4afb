//! The joint picture, its conflicts and its events.

use std::{pin::Pin, time::Duration};

use samsyn_ledger::Joint;
use samsyn_policy::At;
use samsyn_proto::{
    inbound::{
        AcknowledgeAsked, CompareAsked, DissentAsked, EventsAsked, ExplainAsked, JointAsked,
        Resolve, RevisionsAsked, WatchAsked,
    },
    sealed::Encoded,
    v1::{
        AcknowledgeEventsRequest, AcknowledgeEventsResponse, CompareRevisionsRequest,
        CompareRevisionsResponse, ExplainFindingRequest, ExplainFindingResponse,
        GetJointPictureRequest, GetJointPictureResponse, ListEventsRequest, ListEventsResponse,
        ListRevisionsRequest, ListRevisionsResponse, RecordDissentRequest, RecordDissentResponse,
        ResolveConflictRequest, ResolveConflictResponse, WatchEventsRequest, WatchEventsResponse,
        joint_picture_service_server::JointPictureService,
    },
};
use tokio::time::Instant;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{Shared, answer, stream};
use crate::{edge::Held, page::Place, status, telemetry};

#[tonic::async_trait]
impl JointPictureService for Shared {
    async fn get_joint_picture(
        &self,
        request: Request<GetJointPictureRequest>,
    ) -> Result<Response<Encoded<GetJointPictureResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let mut asked = JointAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        if place.revision > 0 {
            asked.at = At::Revision(place.revision);
        }
        let (joint, cursor) =
            self.answered(&caller, self.ledger.joint(&caller, &reader, &asked)).await?;
        let place = Place { revision: joint.paged(), ..place };
        let (rows, token) = (place.rows(asked.page.size), |from| place.token(from));
        Ok(answer(match &joint {
            Joint::Here(view) => {
                Encoded::<GetJointPictureResponse>::page(view, rows, cursor, token)
            }
            Joint::Received(view) => {
                Encoded::<GetJointPictureResponse>::received(view, rows, cursor, token)
            }
        }))
    }

    async fn compare_revisions(
        &self,
        request: Request<CompareRevisionsRequest>,
    ) -> Result<Response<Encoded<CompareRevisionsResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let mut asked = CompareAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        if place.revision > 0 {
            asked.to = At::Revision(place.revision);
        }
        let view = self.answered(&caller, self.ledger.compare(&reader, &asked)).await?;
        let place = Place { revision: view.content().to, ..place };
        Ok(answer(Encoded::<CompareRevisionsResponse>::page(
            &view,
            place.rows(asked.page.size),
            |from| place.token(from),
        )))
    }

    async fn explain_finding(
        &self,
        request: Request<ExplainFindingRequest>,
    ) -> Result<Response<Encoded<ExplainFindingResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = ExplainAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let view = self.answered(&caller, self.ledger.explain(&reader, &asked)).await?;
        Ok(answer(view.into()))
    }

    type WatchEventsStream =
        Pin<Box<dyn Stream<Item = Result<Encoded<WatchEventsResponse>, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let held = Held::of(&request)?;
        let meter = telemetry::Meter::of(&request)?;
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = WatchAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let ground = reader.ground().clone();
        let open = self.ledger.subscribe(&caller, ground, asked.scope, &asked.cursor);
        let feed = self.answered(&caller, open).await?;
        Ok(Response::new(stream::served(feed, held, meter, self.stopping.clone(), self.bounds)))
    }

    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<Encoded<ListEventsResponse>>, Status> {
        let held = Held::of(&request)?;
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = EventsAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let ground = reader.ground().clone();
        let open = self.ledger.subscribe(&caller, ground, asked.scope, &asked.cursor);
        let mut feed = self.answered(&caller, open).await?;
        let until = held.deadline.answer_by(Duration::from_secs(asked.wait_seconds.into()));
        let mut stopping = self.stopping.clone();
        // What the receiver does not see wakes the feed as well, and must not end the wait.
        loop {
            if let Some(view) = self.answered(&caller, feed.next(asked.limit)).await? {
                return Ok(answer(view.into()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || *stopping.borrow() {
                let cursor = self.answered(&caller, async { Ok(feed.cursor()?) }).await?;
                return Ok(answer(Encoded::<ListEventsResponse>::nothing_new(cursor)));
            }
            tokio::select! {
                () = feed.wait(left) => {}
                // The sender is gone only when the process ends.
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        }
    }

    async fn acknowledge_events(
        &self,
        request: Request<AcknowledgeEventsRequest>,
    ) -> Result<Response<AcknowledgeEventsResponse>, Status> {
        let caller = crate::caller::caller(&request)?;
        let asked = AcknowledgeAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        let work = self.ledger.acknowledge(&caller, &asked.context, &asked.cursor);
        self.answered(&caller, work).await?;
        Ok(Response::new(AcknowledgeEventsResponse {}))
    }

    async fn resolve_conflict(
        &self,
        request: Request<ResolveConflictRequest>,
    ) -> Result<Response<Encoded<ResolveConflictResponse>>, Status> {
        let (caller, reader, asked) = self.writer(request)?;
        let asked =
            Resolve::parse(asked, &self.ledger.registry()).map_err(|f| status::fault(&f))?;
        let view = self.answered(&caller, self.ledger.resolve(&caller, &reader, &asked)).await?;
        Ok(answer(view.into()))
    }

    async fn record_dissent(
        &self,
        request: Request<RecordDissentRequest>,
    ) -> Result<Response<RecordDissentResponse>, Status> {
        let (caller, _, asked) = self.writer(request)?;
        let asked =
            DissentAsked::parse(asked, &self.ledger.registry()).map_err(|f| status::fault(&f))?;
        let revision = self.answered(&caller, self.ledger.dissent(&caller, &asked)).await?;
        Ok(Response::new(RecordDissentResponse { revision }))
    }

    async fn list_revisions(
        &self,
        request: Request<ListRevisionsRequest>,
    ) -> Result<Response<Encoded<ListRevisionsResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = RevisionsAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let view = self.answered(&caller, self.ledger.revisions(&reader, &asked.area)).await?;
        Ok(answer(Encoded::<ListRevisionsResponse>::page(
            &view,
            place.rows(asked.page.size),
            |from| place.token(from),
        )))
    }
}
