//! Editions.

use samsyn_ledger::{Answered, EditionShown, Editions, ReviewShown};
use samsyn_proto::{
    inbound::{AnswerAsked, EditionAsked, EditionsAsked, LockAsked, OpenAsked, ReleaseAsked},
    sealed::Encoded,
    v1::{
        AnswerEditionRequest, AnswerEditionResponse, GetEditionRequest, GetEditionResponse,
        GetEditionReviewRequest, GetEditionReviewResponse, ListEditionsRequest,
        ListEditionsResponse, LockEditionRequest, LockEditionResponse, OpenEditionRequest,
        OpenEditionResponse, ReleaseEditionRequest, ReleaseEditionResponse,
        edition_service_server::EditionService,
    },
};
use tonic::{Request, Response, Status};

use super::{Shared, answer};
use crate::{page::Place, status};

#[tonic::async_trait]
impl EditionService for Shared {
    async fn open_edition(
        &self,
        request: Request<OpenEditionRequest>,
    ) -> Result<Response<Encoded<OpenEditionResponse>>, Status> {
        let (caller, reader, asked) = self.writer(request)?;
        let asked =
            OpenAsked::parse(asked, &self.ledger.registry()).map_err(|f| status::fault(&f))?;
        let view =
            self.answered(&caller, self.ledger.open_edition(&caller, &reader, &asked)).await?;
        Ok(answer(view.into()))
    }

    async fn lock_edition(
        &self,
        request: Request<LockEditionRequest>,
    ) -> Result<Response<Encoded<LockEditionResponse>>, Status> {
        let (caller, reader, asked) = self.writer(request)?;
        let asked = LockAsked::parse(asked, &self.ledger.registry(), (self.clock)())
            .map_err(|f| status::fault(&f))?;
        let view =
            self.answered(&caller, self.ledger.lock_edition(&caller, &reader, &asked)).await?;
        Ok(answer(view.into()))
    }

    async fn answer_edition(
        &self,
        request: Request<AnswerEditionRequest>,
    ) -> Result<Response<Encoded<AnswerEditionResponse>>, Status> {
        let (caller, reader, asked) = self.writer(request)?;
        let asked = AnswerAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let view =
            self.answered(&caller, self.ledger.answer_edition(&caller, &reader, &asked)).await?;
        Ok(answer(match view {
            Answered::Here(view) => view.into(),
            Answered::Received(view) => Encoded::<AnswerEditionResponse>::received(&view),
        }))
    }

    async fn release_edition(
        &self,
        request: Request<ReleaseEditionRequest>,
    ) -> Result<Response<Encoded<ReleaseEditionResponse>>, Status> {
        let (caller, reader, asked) = self.writer(request)?;
        let asked = ReleaseAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let view =
            self.answered(&caller, self.ledger.release_edition(&caller, &reader, &asked)).await?;
        Ok(answer(view.into()))
    }

    async fn get_edition(
        &self,
        request: Request<GetEditionRequest>,
    ) -> Result<Response<Encoded<GetEditionResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = EditionAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let work = self.ledger.edition(&reader, &asked.edition, place.from, asked.page.size);
        let view = self.answered(&caller, work).await?;
        let token = |from| place.token(usize::try_from(from).unwrap_or(usize::MAX));
        Ok(answer(match view {
            EditionShown::Here(view) => Encoded::<GetEditionResponse>::page(&view, token),
            EditionShown::Received(view) => {
                Encoded::<GetEditionResponse>::received(&view, |from| place.token(from))
            }
        }))
    }

    async fn list_editions(
        &self,
        request: Request<ListEditionsRequest>,
    ) -> Result<Response<Encoded<ListEditionsResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = EditionsAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let page = (place.from, asked.page.size);
        let work = self.ledger.editions(&reader, &asked.area, page);
        let view = self.answered(&caller, work).await?;
        let (rows, token) = (place.rows(asked.page.size), |from| place.token(from));
        Ok(answer(match view {
            Editions::Here(view) => Encoded::<ListEditionsResponse>::page(&view, rows, token),
            Editions::Received(view) => {
                Encoded::<ListEditionsResponse>::received(&view, rows, token)
            }
        }))
    }

    async fn get_edition_review(
        &self,
        request: Request<GetEditionReviewRequest>,
    ) -> Result<Response<Encoded<GetEditionReviewResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = EditionAsked::review(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let work = self.ledger.review(&reader, &asked.edition, place.from, asked.page.size);
        let view = self.answered(&caller, work).await?;
        let token = |from| place.token(usize::try_from(from).unwrap_or(usize::MAX));
        Ok(answer(match view {
            ReviewShown::Here(view) => Encoded::<GetEditionReviewResponse>::page(&view, token),
            ReviewShown::Received(view) => {
                Encoded::<GetEditionReviewResponse>::received(&view, |from| place.token(from))
            }
        }))
    }
}
