//! 1: who takes part, and that nobody gets in under another's name.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use samsyn_client::{Client, wire};
use samsyn_domain::registry::{PartyKind, Role, Service};

use super::{Broken, POLICE, Story};
use crate::demo::{clock, print::Section, stage::DOMAIN};

/// How many services connect at a time.
const AT_A_TIME: usize = 8;

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    describe(story, section);
    let stage = story.stage;
    let named = stage.named();
    let profiles = named.iter().map(|(name, service)| Ok((stage.profile(name)?, *service)));
    let profiles = profiles.collect::<Result<Vec<_>, Broken>>()?;
    let (domain, all) = (DOMAIN, profiles.len());
    let known: Vec<bool> = stream::iter(profiles)
        .map(|(profile, service)| async move {
            let client = Client::connect(&profile).await?;
            let access = client.access.clone().get_access(wire::GetAccessRequest {}).await?;
            Ok::<_, Broken>(is_known(&access.into_inner(), service))
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let wrong = known.iter().filter(|known| !**known).count();
    section.holds(
        &format!("{all} services of {domain} came in, each known by its own certificate"),
        wrong == 0,
        || format!("{wrong} were told another name, organisation or party than their own"),
    );
    let forged = story.stage.forged(POLICE, clock::now())?;
    section.holds(
        "a certificate with the police's name by an authority that is not the police's: not let in",
        !is_let_in(&forged).await,
        || "it was let in".to_owned(),
    );
    Ok(())
}

fn describe(story: &Story<'_>, section: &mut Section) {
    let document = story.stage.document();
    let registry = story.stage.registry();
    let acting: Vec<_> = document.services.iter().flat_map(|s| &s.parties).collect();
    let of = |kind, sub_kind: &str| {
        let parties = acting.iter().filter_map(|id| registry.party(id));
        parties.filter(|party| party.kind == kind && party.sub_kind == sub_kind).count()
    };
    let districts = of(PartyKind::Municipal, "district_administration");
    let police = of(PartyKind::Police, "local_police_area");
    let is_partner = |s: &&Service| s.parties.is_empty() && s.roles.contains(&Role::Reader);
    let partners = document.services.iter().filter(is_partner).count();
    let parties = acting.len();
    let departments = parties.saturating_sub(districts).saturating_sub(police);
    section.say(&format!(
        "{parties} parties ({districts} districts, {police} police areas, {departments} city \
         departments), {} local agreements, {partners} partner agencies. {}, durable log, \
         mTLS on {}, {} throw-away authorities.",
        document.agreements.len(),
        match story.stage.nodes().len() {
            1 => "One voter".to_owned(),
            several => format!("{several} voters, each a process"),
        },
        story.at,
        document.organisations.len(),
    ));
}

fn is_known(access: &wire::GetAccessResponse, service: &Service) -> bool {
    let parties = service.parties.iter().map(|party| party.as_str());
    access.service == service.id.as_str()
        && access.organisation == service.organisation.as_str()
        && access.parties.iter().map(String::as_str).eq(parties)
}

/// With TLS 1.3 a client learns of the refusal at its first call.
async fn is_let_in(profile: &samsyn_client::Profile) -> bool {
    let Ok(client) = Client::connect(profile).await else { return false };
    client.access.clone().get_access(wire::GetAccessRequest {}).await.is_ok()
}
