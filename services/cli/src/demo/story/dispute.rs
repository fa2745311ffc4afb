//! 4: a conflict is settled by two functions; a dissent is kept.

use samsyn_client::{wire, write_context};

use super::{
    AREA, Broken, DISTRICT, EDUCATION, PERIOD, POLICE, Story, TRAFFIC, calls, table::Said,
};
use crate::demo::print::Section;

/// The finding on which the sides disagree, and what they come to.
pub(super) const DISPUTED: &str = "sthlm-skarholmen/bredang/p1/youth_gathering";
const SETTLED_AT: u32 = 3;
const SETTLED_BECAUSE: &str = "Endast sena kvällar.";
/// The finding on which a signatory dissents.
pub(super) const DISSENTED: &str = "sthlm-skarholmen/varberg/p1/perceived_unsafe_place";
const DISSENT: &str = "Skolornas enkät visar att det blivit bättre sedan belysningen kom.";

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    settle(story, section).await?;
    dissent(story, section).await
}

async fn settle(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let (before, revision) = seen_by(story, DISTRICT, DISPUTED).await?;
    let conflict = before.conflicts.iter().find(|conflict| conflict.field == "severity");
    let conflict = conflict.ok_or(Broken::Missing("the conflict over Bredängstorget"))?.id.clone();
    let first = resolve(story, DISTRICT, "coordinator", &conflict, revision).await?;
    let half = first.conflict.as_ref().is_some_and(|conflict| !conflict.resolved);
    let second = resolve(story, POLICE, "kommunpolis", &conflict, first.revision).await?;
    let (after, revision) = seen_by(story, TRAFFIC, DISPUTED).await?;
    let whole = after.conflicts.iter().any(|c| c.id == conflict && c.resolved);
    let reason = after.conflicts.iter().any(|c| c.reason == SETTLED_BECAUSE);
    let said = |party| Said::by(&after, party).map(|said| said.severity);
    let kept = (said(POLICE), said(DISTRICT)) == (Some(2), Some(4));
    section.holds(
        &format!(
            "Bredängstorget: one statement settles nothing, two equal ones do: agreed at \
             {SETTLED_AT}, \"{SETTLED_BECAUSE}\"; both first values, 2 and 4, stay readable, \
             revision {revision}"
        ),
        half && whole && reason && kept && after.severity == Some(SETTLED_AT),
        || {
            format!(
                "open after one: {half}, settled after two: {whole}, reason told: {reason}, first \
                 values kept: {kept}, joint severity {:?}, revision {}",
                after.severity, second.revision
            )
        },
    );
    Ok(())
}

async fn resolve(
    story: &mut Story<'_>,
    party: &str,
    role: &str,
    conflict: &str,
    revision: u64,
) -> Result<wire::ResolveConflictResponse, Broken> {
    let client = story.client(party).await?;
    let request = wire::ResolveConflictRequest {
        context: Some(write_context(role)),
        conflict_id: conflict.to_owned(),
        revision,
        outcome: Some(wire::resolve_conflict_request::Outcome::Severity(SETTLED_AT)),
        reason: SETTLED_BECAUSE.to_owned(),
        party: party.to_owned(),
    };
    Ok(client.joint.clone().resolve_conflict(request).await?.into_inner())
}

async fn dissent(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let (untouched, _) = seen_by(story, DISTRICT, DISSENTED).await?;
    let client = story.client(EDUCATION).await?;
    let request = wire::RecordDissentRequest {
        context: Some(write_context("endorser")),
        area: AREA.to_owned(),
        period: calls::period(PERIOD),
        finding_id: DISSENTED.to_owned(),
        field_name: "trend".to_owned(),
        reason: DISSENT.to_owned(),
        party: EDUCATION.to_owned(),
    };
    client.joint.clone().record_dissent(request).await?;
    let mut blind = Vec::new();
    for party in [DISTRICT, POLICE, EDUCATION, TRAFFIC] {
        let (finding, _) = seen_by(story, party, DISSENTED).await?;
        let read = finding.dissents.iter().any(is_the_dissent);
        let same = |of: &wire::Finding| (of.severity, of.trend, of.finding_class);
        if !read || same(&finding) != same(&untouched) {
            blind.push(party);
        }
    }
    section.holds(
        "Vårbergs centrum: Utbildningsförvaltningen's dissent on the trend is recorded; all four \
         read it, and the joint value is not touched",
        blind.is_empty(),
        || format!("not so for {}", blind.join(", ")),
    );
    Ok(())
}

/// Whether this is what the education office said.
pub(super) fn is_the_dissent(dissent: &wire::Dissent) -> bool {
    dissent.party == EDUCATION && dissent.field == "trend" && dissent.reason == DISSENT
}

/// A finding of the joint picture as one party sees it, and the revision.
async fn seen_by(
    story: &mut Story<'_>,
    party: &str,
    id: &str,
) -> Result<(wire::Finding, u64), Broken> {
    let picture = calls::joint(&story.client(party).await?, AREA, PERIOD).await?;
    let finding = picture.findings.into_iter().find(|finding| finding.id == id);
    Ok((finding.ok_or(Broken::Missing("a finding that is set by hand"))?, picture.revision))
}
