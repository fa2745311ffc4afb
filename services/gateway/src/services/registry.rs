//! The registry, for operators and registrars.

use samsyn_proto::{
    admin::v1::{
        GetRegistryRequest, GetRegistryResponse, RegisteredAgreement, RegisteredReleaseRow,
        RegisteredService, SuspendServiceRequest, SuspendServiceResponse,
        registry_service_server::RegistryService,
    },
    inbound::SuspendAsked,
    v1::Scope,
};
use tonic::{Request, Response, Status};

use super::{
    Shared,
    access::{shown, time},
};
use crate::{caller::caller, status};

#[tonic::async_trait]
impl RegistryService for Shared {
    async fn get_registry(
        &self,
        request: Request<GetRegistryRequest>,
    ) -> Result<Response<GetRegistryResponse>, Status> {
        let caller = caller(&request)?;
        self.answered(&caller, async { self.ledger.oversee(&caller, "administer") }).await?;
        let part = request.into_inner().part;
        let wanted = |name: &str| part.is_empty() || part == name;
        let registry = self.ledger.registry();
        let services = registry.services().filter(|_| wanted("services"));
        let services = services.map(|service| RegisteredService {
            id: service.id.to_string(),
            organisation: service.organisation.to_string(),
            parties: service.parties.iter().map(ToString::to_string).collect(),
            roles: service.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            suspended: service.suspended,
            suspended_at: self.ledger.suspended_at(&service.id).map(time),
        });
        let agreements = registry.agreements().filter(|_| wanted("agreements"));
        let agreements = agreements.map(|agreement| RegisteredAgreement {
            id: agreement.id.to_string(),
            area: agreement.area.to_string(),
            signatories: agreement.signatories.iter().map(|s| s.party.to_string()).collect(),
        });
        let rows = registry.release_rows().filter(|_| wanted("release_rows"));
        let rows = rows.map(|row| RegisteredReleaseRow {
            id: row.id.to_string(),
            receiver: row.receiver.to_string(),
            scope: Some(Scope {
                areas: row.areas.iter().map(ToString::to_string).collect(),
                priorities: row.priorities.iter().map(ToString::to_string).collect(),
                period_kinds: row.periods.iter().map(|kind| kind.as_str().to_owned()).collect(),
            }),
            field_groups: shown(&row.shown),
            live: row.live,
            until: Some(time(samsyn_domain::registry::midnight(row.valid_to))),
        });
        Ok(Response::new(GetRegistryResponse {
            epoch: self.ledger.epoch(),
            services: services.collect(),
            agreements: agreements.collect(),
            release_rows: rows.collect(),
        }))
    }

    async fn suspend_service(
        &self,
        request: Request<SuspendServiceRequest>,
    ) -> Result<Response<SuspendServiceResponse>, Status> {
        let caller = caller(&request)?;
        let asked = SuspendAsked::parse(request.into_inner()).map_err(|f| status::fault(&f))?;
        let epoch = self.answered(&caller, self.ledger.suspend(&caller, &asked)).await?;
        Ok(Response::new(SuspendServiceResponse { epoch }))
    }
}
