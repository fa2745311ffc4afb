//! The registry, for operators and registrars.

use samsyn_proto::{
    admin::v1::{
        ApproveRegistryChangeRequest, ApproveRegistryChangeResponse, ExportRegistryRequest,
        ExportRegistryResponse, GetRegistryRequest, GetRegistryResponse,
        ListRegistryChangesRequest, ListRegistryChangesResponse, PreviewRegistryChangeRequest,
        PreviewRegistryChangeResponse, ProposeRegistryChangeRequest, ProposeRegistryChangeResponse,
        RegisteredAgreement, RegisteredReleaseRow, RegisteredService, RegistryRow,
        SuspendServiceRequest, SuspendServiceResponse, WithdrawRegistryChangeRequest,
        WithdrawRegistryChangeResponse, registry_service_server::RegistryService,
    },
    inbound::{
        ApproveChangeAsked, ChangesAsked, PreviewChangeAsked, ProposeChangeAsked, SuspendAsked,
        WithdrawChangeAsked,
    },
    v1::Scope,
};
use tonic::{Request, Response, Status};

use super::{
    Shared,
    access::{shown, time},
    change,
};
use crate::{caller::caller, page::Place, status};

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

    async fn export_registry(
        &self,
        request: Request<ExportRegistryRequest>,
    ) -> Result<Response<ExportRegistryResponse>, Status> {
        let caller = caller(&request)?;
        let exported = async { self.ledger.export_registry(&caller) };
        let exported = self.answered(&caller, exported).await?;
        let rows = exported.rows.into_iter().map(|(key, record)| RegistryRow {
            table: key.table.as_str().to_owned(),
            id: key.id,
            json: record.text(),
        });
        Ok(Response::new(ExportRegistryResponse {
            domain: exported.domain,
            epoch: exported.epoch,
            digest: exported.digest.into(),
            rows: rows.collect(),
        }))
    }

    async fn preview_registry_change(
        &self,
        request: Request<PreviewRegistryChangeRequest>,
    ) -> Result<Response<PreviewRegistryChangeResponse>, Status> {
        let caller = caller(&request)?;
        let asked = PreviewChangeAsked::parse(request.into_inner());
        let asked = asked.map_err(|fault| status::fault(&fault))?;
        let preview = self.answered(&caller, self.ledger.preview_change(&caller, &asked)).await?;
        Ok(Response::new(change::preview(preview.content())))
    }

    async fn propose_registry_change(
        &self,
        request: Request<ProposeRegistryChangeRequest>,
    ) -> Result<Response<ProposeRegistryChangeResponse>, Status> {
        let caller = caller(&request)?;
        let asked = ProposeChangeAsked::parse(request.into_inner());
        let asked = asked.map_err(|fault| status::fault(&fault))?;
        let proposed = self.ledger.propose_change(&caller, &asked);
        let (proposal, epoch) = self.answered(&caller, proposed).await?;
        Ok(Response::new(ProposeRegistryChangeResponse { proposal: proposal.0, epoch }))
    }

    async fn approve_registry_change(
        &self,
        request: Request<ApproveRegistryChangeRequest>,
    ) -> Result<Response<ApproveRegistryChangeResponse>, Status> {
        let caller = caller(&request)?;
        let asked = ApproveChangeAsked::parse(request.into_inner());
        let asked = asked.map_err(|fault| status::fault(&fault))?;
        let approved = self.ledger.approve_change(&caller, &asked);
        let (_, epoch) = self.answered(&caller, approved).await?;
        Ok(Response::new(ApproveRegistryChangeResponse { epoch }))
    }

    async fn withdraw_registry_change(
        &self,
        request: Request<WithdrawRegistryChangeRequest>,
    ) -> Result<Response<WithdrawRegistryChangeResponse>, Status> {
        let caller = caller(&request)?;
        let asked = WithdrawChangeAsked::parse(request.into_inner());
        let asked = asked.map_err(|fault| status::fault(&fault))?;
        self.answered(&caller, self.ledger.withdraw_change(&caller, &asked)).await?;
        Ok(Response::new(WithdrawRegistryChangeResponse {}))
    }

    async fn list_registry_changes(
        &self,
        request: Request<ListRegistryChangesRequest>,
    ) -> Result<Response<ListRegistryChangesResponse>, Status> {
        let caller = caller(&request)?;
        let asked = ChangesAsked::parse(request.into_inner());
        let (place, size) = (Place::of(&asked.page)?, asked.page.size);
        let listed = async { self.ledger.changes(&caller, asked.open_only, (place.from, size)) };
        let (changes, more) = self.answered(&caller, listed).await?;
        let next = place.from.saturating_add(size);
        Ok(Response::new(ListRegistryChangesResponse {
            changes: changes.into_iter().map(change::listed).collect(),
            next_page_token: if more { place.token(next) } else { String::new() },
        }))
    }
}
