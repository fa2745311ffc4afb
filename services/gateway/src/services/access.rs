//! Onboarding and answers about rights.

use samsyn_domain::{Timestamp, registry::Variant};
use samsyn_policy::Reader;
use samsyn_proto::{
    Reason,
    inbound::{self, CollisionsAsked, DisclosuresAsked, ExplainAccessAsked, HoldersAsked},
    sealed::Encoded,
    v1::{
        ExplainAccessRequest, ExplainAccessResponse, GetAccessRequest, GetAccessResponse, Grant,
        ListDisclosuresRequest, ListDisclosuresResponse, ListDutiesRequest, ListDutiesResponse,
        ListHoldersRequest, ListHoldersResponse, ListMeetingCollisionsRequest,
        ListMeetingCollisionsResponse, Scope, access_service_server::AccessService,
    },
};
use tonic::{Request, Response, Status};

use super::{Shared, answer, counted};
use crate::{caller::caller, page::Place, status};

/// The level of this interface; raised by what is added.
const API_LEVEL: &str = "v1.0";

#[tonic::async_trait]
impl AccessService for Shared {
    async fn get_access(
        &self,
        request: Request<GetAccessRequest>,
    ) -> Result<Response<GetAccessResponse>, Status> {
        let caller = caller(&request)?;
        let rights = self.answered(&caller, async { self.ledger.rights(&caller) }).await?;
        let registry = self.ledger.registry();
        let service = registry.service(caller.service());
        let service = service.ok_or_else(|| status::reason(Reason::UnknownService, ""))?;
        let mut grants: Vec<Grant> = Vec::new();
        if !rights.parties.is_empty() {
            let mut signed = rights.clone();
            signed.rows.clear();
            let areas = Reader::areas(&registry, &signed);
            let lists = registry.lists();
            let groups = samsyn_domain::registry::FieldGroup::ALL;
            grants.push(Grant {
                scope: Some(Scope {
                    areas: areas.iter().map(ToString::to_string).collect(),
                    ..Scope::default()
                }),
                field_groups: groups.iter().map(|group| group.as_str().to_owned()).collect(),
                purposes: lists.purposes.iter().map(|entry| entry.id.to_string()).collect(),
                legal_bases: lists.legal_bases.iter().map(|basis| basis.id.to_string()).collect(),
                live: true,
                until: None,
                rule_id: "POL-31".to_owned(),
            });
        }
        let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
        grants.extend(rows.map(|row| Grant {
            scope: Some(Scope {
                areas: row.areas.iter().map(ToString::to_string).collect(),
                priorities: row.priorities.iter().map(ToString::to_string).collect(),
                period_kinds: row.periods.iter().map(|kind| kind.as_str().to_owned()).collect(),
            }),
            field_groups: shown(&row.shown),
            purposes: row.purposes.iter().map(ToString::to_string).collect(),
            legal_bases: row.legal_bases.iter().map(ToString::to_string).collect(),
            live: row.live,
            until: Some(time(samsyn_domain::registry::midnight(row.valid_to))),
            rule_id: format!("POL-12/{}", row.id),
        }));
        Ok(Response::new(GetAccessResponse {
            service: caller.service().to_string(),
            organisation: caller.organisation().to_string(),
            parties: rights.parties.iter().map(ToString::to_string).collect(),
            grants,
            certificate_until: Some(time(caller.certificate_until())),
            api_level: API_LEVEL.to_owned(),
            roles: service.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            domain: self.ledger.domain(),
        }))
    }

    async fn explain_access(
        &self,
        request: Request<ExplainAccessRequest>,
    ) -> Result<Response<ExplainAccessResponse>, Status> {
        let caller = caller(&request)?;
        let mut asked = request.into_inner();
        let (ground, _) =
            inbound::ground(asked.context.take()).map_err(|fault| status::fault(&fault))?;
        let asked = ExplainAccessAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let told = self.ledger.explain_access(&caller, ground, &asked.scope, asked.group);
        Ok(Response::new(ExplainAccessResponse {
            allowed: told.allowed,
            rule_ids: told.rules,
            text_sv: told.sv,
            text_en: told.en,
            remedy: told.remedy,
            reason: told.why.map_or_else(String::new, |why| why.id().to_owned()),
        }))
    }

    async fn list_disclosures(
        &self,
        request: Request<ListDisclosuresRequest>,
    ) -> Result<Response<ListDisclosuresResponse>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = DisclosuresAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let work = self.ledger.disclosures(&caller, &reader, &asked.filter);
        let view = self.answered(&caller, work).await?;
        let page = samsyn_proto::sealed::disclosures(&view, place.rows(asked.page.size), |from| {
            place.token(from)
        });
        let rows = page.disclosures.len();
        Ok(counted(page, rows))
    }

    async fn list_holders(
        &self,
        request: Request<ListHoldersRequest>,
    ) -> Result<Response<ListHoldersResponse>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = HoldersAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let place = Place::of(&asked.page)?;
        let work = self.ledger.holders(&caller, &reader, &asked.of);
        let view = self.answered(&caller, work).await?;
        let rows = place.rows(asked.page.size);
        let page = samsyn_proto::sealed::holders(&view, rows, |from| place.token(from));
        let rows = page.holders.len();
        Ok(counted(page, rows))
    }

    async fn list_duties(
        &self,
        request: Request<ListDutiesRequest>,
    ) -> Result<Response<Encoded<ListDutiesResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let page = inbound::page(asked.page);
        let place = Place::of(&page)?;
        let view = self.answered(&caller, self.ledger.duties(&reader)).await?;
        let rows = place.rows(page.size);
        Ok(answer(Encoded::<ListDutiesResponse>::page(&view, rows, |from| place.token(from))))
    }

    async fn list_meeting_collisions(
        &self,
        request: Request<ListMeetingCollisionsRequest>,
    ) -> Result<Response<Encoded<ListMeetingCollisionsResponse>>, Status> {
        let (caller, reader, asked) = self.reader(request, |r| r.context.take())?;
        let asked = CollisionsAsked::parse(asked).map_err(|f| status::fault(&f))?;
        let work = self.ledger.collisions(&reader, &asked.role, (asked.from, asked.to));
        Ok(answer(self.answered(&caller, work).await?.into()))
    }
}

/// Field groups as `place` or, coarsened, `place:district`.
pub(super) fn shown(shown: &samsyn_domain::registry::Shown) -> Vec<String> {
    let groups = shown.iter().map(|(group, variant)| match variant {
        Variant::Exact => group.as_str().to_owned(),
        Variant::SubArea | Variant::District => {
            format!("{}:{}", group.as_str(), variant.as_str())
        }
    });
    groups.collect()
}

/// A time on the wire.
pub(super) fn time(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}
