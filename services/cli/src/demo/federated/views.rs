//! The joint picture comes back to the police's domain, and the prison service's gets its part.

use samsyn_client::wire;
use samsyn_domain::{
    AreaId, DomainId, LegalBasisId, OrganisationId, PartyId, PurposeId, RowId,
    registry::{Change, Delivery, Operation, Peer, Record, Registry},
};

use super::{
    acts::{Broken, changes, confirmed, held, holders, linked, until},
    area::AREA,
    domains::{BASIS, CITY, Domain, POLICE, PRISON, PURPOSE, Who},
    pictures::{delta, joint_of, notes, publish, what},
};
use crate::demo::{clock, print::Section};

pub(super) async fn tell(
    section: &mut Section,
    city: &Domain,
    police: &Domain,
    prison: &Domain,
) -> Result<(), Broken> {
    let registry = city.registrar.export_registry().await?.registry;
    changes(city, &delivers(&registry)?).await?;
    section.say(
        "The city's registrar signs what goes without being asked for: to the police for the party \
         that has signed, to the prison service by its release row. Both on a purpose and a legal \
         basis, both no further than the link's level.",
    );
    let there = async || findings(city).await;
    let here = async || findings(police).await;
    until("the joint picture", async || Ok(here().await? == there().await?)).await?;
    let (here, there) = (here().await?, there().await?);
    section.holds(
        "the police read in their own domain what the city reads in its own, byte for byte",
        !here.is_empty() && bytes(&here) == bytes(&there),
        || format!("{} and {} findings", here.len(), there.len()),
    );
    until("a part of it", async || Ok(!findings(prison).await?.is_empty())).await?;
    let part = findings(prison).await?;
    for finding in &part {
        section.line(&format!("{} reads: {}, {}", PRISON.name, what(finding), seen_by(finding)));
    }
    let is_coarse = |finding: &wire::Finding| {
        finding.id == format!("{AREA}/{}", what(finding)) && !finding.withheld.is_empty()
    };
    section.holds(
        "the prison service reads its part in its own: by district, without text, and what is \
         withheld is declared",
        part.len() == 1 && part.iter().all(is_coarse) && notes(&part).iter().all(|t| t.is_empty()),
        || format!("{} findings", part.len()),
    );
    let only =
        |finding: &wire::Finding| finding.contributions.iter().all(|one| one.party == CITY.party);
    section.holds(
        "what the police addressed to the signatories alone is no part of it",
        part.iter().all(only),
        || "it is".to_owned(),
    );
    publish(&city.desk, CITY, 1, delta(Vec::new(), &["sdf-1"])).await?;
    until("that it goes", async || Ok(findings(prison).await?.is_empty())).await?;
    until("that it goes", async || Ok(findings(police).await? == findings(city).await?)).await?;
    until("both words for it", async || {
        Ok(linked(city).await?.iter().all(|link| link.numbered == link.acknowledged))
    })
    .await?;
    let left = findings(police).await?;
    section.holds(
        "the district withdraws one: it is gone from all three domains, and both others have \
         signed that they have taken that in",
        !left.iter().any(|finding| finding.contributions.iter().any(|c| c.party == CITY.party)),
        || format!("{} findings", left.len()),
    );
    let had = || holders(city, "sdf-1");
    until("a confirmation", async || Ok(confirmed(&had().await?).len() == 2)).await?;
    let had = had().await?;
    section.line("the district asks: who still has it?");
    had.iter().for_each(|holder| section.line(&format!("  {}", held(holder))));
    section.holds(
        "nobody: the record names all who had it, and each has confirmed that it is gone",
        had.len() == 2 && confirmed(&had) == [POLICE.domain, PRISON.domain].into(),
        || format!("{} may have had it", had.len()),
    );
    Ok(())
}

/// What a desk reads in its own domain.
async fn findings(domain: &Domain) -> Result<Vec<wire::Finding>, Broken> {
    match joint_of(&domain.desk, clock::now()).await {
        Ok(findings) => Ok(findings),
        // Nothing has come yet, or it is on its way.
        Err(refused)
            if refused.reason.is_some_and(|why| {
                ["HOME_ELSEWHERE", "NO_RELEASE_ROW", "NOT_FOUND", "VIEW_INCOMPLETE"]
                    .contains(&why.id())
            }) =>
        {
            Ok(Vec::new())
        }
        Err(refused) => Err(refused.into()),
    }
}

fn bytes(findings: &[wire::Finding]) -> Vec<Vec<u8>> {
    findings.iter().map(prost::Message::encode_to_vec).collect()
}

/// By which kinds of party it is seen, and what is said of how much.
fn seen_by(finding: &wire::Finding) -> String {
    let counts = finding.counts.iter().filter_map(|series| series.amount.as_ref());
    let counts = counts.map(|amount| match amount {
        wire::count_series::Amount::Exact(count) => count.to_string(),
        wire::count_series::Amount::Below(bound) => format!("<{bound}"),
    });
    let counts: Vec<String> = counts.collect();
    format!("seen by {}, count {}", finding.seen_by.join(" and "), counts.join(" and "))
}

/// What the city's registrar signs.
fn delivers(registry: &Registry) -> Result<Change, Broken> {
    let missing = || Broken::Missing("a peer");
    let put = |who: Who, id: &str| {
        let domain = DomainId::parse(who.domain).map_err(|_| missing())?;
        let peer = registry.peer(&domain).ok_or_else(missing)?;
        let deliveries = [delivery(who, id)?].into();
        let record = Record::Peers(Peer { deliveries, ..peer.clone() });
        Ok::<_, Broken>(Operation::Put(record.into()))
    };
    let operations = vec![put(PRISON, "frivarden")?, put(POLICE, "skarholmen")?];
    Change::of(operations).map_err(|_| Broken::Missing("a change"))
}

fn delivery(to: Who, id: &str) -> Result<Delivery, Broken> {
    let bad = |_| Broken::Missing("an id");
    let party =
        (!to.party.is_empty()).then(|| PartyId::parse(to.party)).transpose().map_err(bad)?;
    Ok(Delivery {
        id: RowId::parse(id).map_err(bad)?,
        organisation: OrganisationId::parse(to.organisation).map_err(bad)?,
        parties: party.into_iter().collect(),
        areas: [AreaId::parse(AREA).map_err(bad)?].into(),
        purpose: PurposeId::parse(PURPOSE).map_err(bad)?,
        legal_basis: LegalBasisId::parse(BASIS).map_err(bad)?,
        weighing: None,
    })
}
