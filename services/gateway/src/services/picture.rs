//! Own pictures.

use samsyn_policy::Problem;
use samsyn_proto::{
    Reason,
    inbound::{self, PictureAsked, VersionsAsked},
    sealed::Encoded,
    v1::{
        GetPictureRequest, GetPictureResponse, ListVersionsRequest, ListVersionsResponse,
        PublishPictureRequest, PublishPictureResponse, UploadPictureRequest, UploadPictureResponse,
        ValidatePictureRequest, ValidatePictureResponse, picture_service_server::PictureService,
    },
};
use tonic::{Request, Response, Status, Streaming};

use super::{Shared, answer, counted, upload};
use crate::{page::Place, status};

#[tonic::async_trait]
impl PictureService for Shared {
    async fn publish_picture(
        &self,
        request: Request<PublishPictureRequest>,
    ) -> Result<Response<Encoded<PublishPictureResponse>>, Status> {
        let (caller, reader, asked) = self.writer(request)?;
        let checked = inbound::publication(asked, &self.ledger.registry(), (self.clock)());
        let asked = checked.value.ok_or_else(|| status::faults(&checked.faults))?;
        let view = self.answered(&caller, self.ledger.publish(&caller, &reader, &asked)).await?;
        Ok(counted(view.into(), asked.change.rows()))
    }

    async fn upload_picture(
        &self,
        request: Request<Streaming<UploadPictureRequest>>,
    ) -> Result<Response<Encoded<UploadPictureResponse>>, Status> {
        let (caller, reader, messages) = self.writer(request)?;
        let _room = self.uploads.enter(caller.service())?;
        let upload = upload::received(messages).await?;
        // Thousands of texts are screened: other calls would wait for it.
        let (registry, now) = (self.ledger.registry(), (self.clock)());
        let checked = tokio::task::spawn_blocking(move || upload.end(&registry, now)).await;
        let checked = checked.map_err(|_| status::reason(Reason::Internal, ""))?;
        let asked = checked.value.ok_or_else(|| status::faults(&checked.faults))?;
        let view = self.answered(&caller, self.ledger.publish(&caller, &reader, &asked)).await?;
        Ok(counted(view.into(), asked.change.rows()))
    }

    async fn validate_picture(
        &self,
        request: Request<ValidatePictureRequest>,
    ) -> Result<Response<Encoded<ValidatePictureResponse>>, Status> {
        let (caller, _, asked) = self.writer(request)?;
        let checked = inbound::trial(asked, &self.ledger.registry(), (self.clock)());
        let problems: Vec<Problem> = checked.faults.into_iter().map(Problem::from).collect();
        let work = async { self.ledger.validate(&caller, checked.value.as_ref(), problems) };
        Ok(answer(self.answered(&caller, work).await?.into()))
    }

    async fn get_picture(
        &self,
        request: Request<GetPictureRequest>,
    ) -> Result<Response<Encoded<GetPictureResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let mut asked = PictureAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        if place.revision > 0 {
            asked.version = place.revision;
        }
        let view = self.answered(&caller, self.ledger.picture(&reader, &asked)).await?;
        let place = Place { revision: view.content().version, ..place };
        Ok(answer(Encoded::<GetPictureResponse>::page(
            &view,
            place.rows(asked.page.size),
            |from| place.token(from),
        )))
    }

    async fn list_versions(
        &self,
        request: Request<ListVersionsRequest>,
    ) -> Result<Response<Encoded<ListVersionsResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = VersionsAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let view = self.answered(&caller, self.ledger.versions(&reader, &asked)).await?;
        Ok(answer(Encoded::<ListVersionsResponse>::page(
            &view,
            place.rows(asked.page.size),
            |from| place.token(from),
        )))
    }
}
