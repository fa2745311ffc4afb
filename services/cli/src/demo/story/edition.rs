//! 5: the edition of a month, from its opening to its release.

use std::time::Duration;

use samsyn_client::{wire, write_context};
use tokio::time::{Instant, sleep};

use super::{
    AREA, Broken, DISTRICT, EDUCATION, PERIOD, POLICE, Story, TRAFFIC, calls,
    dispute::{DISSENTED, is_the_dissent},
    endorse,
};
use crate::demo::{
    clock,
    print::{Section, short},
};

/// The answers are wanted very soon, so that the story can wait for it.
const DUE_SECONDS: i64 = 4;
const OVERDUE_MAX: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const ANALYSIS: &str = "Öppen droghandel vid torget och samlingar vid Bredängstorget sammanfaller \
    i tid med bristande belysning längs gångstråken. Åtgärder prövas där först.";
const RESERVATION: &str = "Bemanning finns först från vecka 44.";
/// What was wrong in the first round, and its mend.
const CORRECTED: &str = "lighting_fault";
const CORRECTION: &str = "Flera armaturer släckta längs gångstråket; felanmält och beställt.";
/// How long the analysis is kept.
const KEPT_SECONDS: i64 = 400 * 24 * 60 * 60;

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let coordinator = story.client(DISTRICT).await?;
    let opened = open(&coordinator, PERIOD, DUE_SECONDS).await?;
    story.edition = Some(opened.clone());
    let first = lock(&coordinator, &opened).await?;
    for party in [DISTRICT, POLICE] {
        endorse::answer(&story.client(party).await?, &first, None).await?;
    }
    let given = calls::header(&coordinator, AREA, &opened.id).await?.answers.len();
    correct(story).await?;
    let second = lock(&coordinator, &first).await?;
    section.heading(&format!(", root {}", short(&second.content_root)));
    section.holds(
        "a correction during review made a new root: the two endorsements given were void",
        given == 2 && second.answers.is_empty() && second.content_root != first.content_root,
        || format!("{given} were given, {} stand after the second lock", second.answers.len()),
    );
    for party in [DISTRICT, POLICE, EDUCATION] {
        endorse::answer(&story.client(party).await?, &second, None).await?;
    }
    section.say("Each signer's own client made the root anew from the whole content, then signed.");
    overdue(story, section, &second.id).await?;
    let endorsed =
        endorse::answer(&story.client(TRAFFIC).await?, &second, Some(RESERVATION)).await?;
    let reserved = endorsed.answers.iter().find(|answer| answer.party == TRAFFIC);
    let reserved = reserved.is_some_and(|answer| {
        answer.verdict() == wire::Verdict::EndorsedWithReservation && answer.text == RESERVATION
    });
    let endorsed_by_all = endorsed.state() == wire::EditionState::Endorsed;
    let released = release(&coordinator, &endorsed).await?;
    section.holds(
        &format!(
            "Trafikkontoret endorsed with reservation, without a meeting: \"{RESERVATION}\" \
             Released in round {}",
            released.round
        ),
        reserved && endorsed_by_all && released.state() == wire::EditionState::Released,
        || format!("reservation kept: {reserved}, then {:?}", released.state()),
    );
    let edition = calls::edition(&story.client(POLICE).await?, &released.id).await?;
    let dissented = edition.findings.iter().find(|finding| finding.id == DISSENTED);
    section.holds(
        "the dissent of the education office went into the edition with its reason",
        dissented.is_some_and(|finding| finding.dissents.iter().any(is_the_dissent)),
        || "the edition does not hold it".to_owned(),
    );
    story.edition = Some(released);
    Ok(())
}

/// Opens an edition of Skärholmen on the strategic track.
pub(super) async fn open(
    coordinator: &samsyn_client::Client,
    period: &str,
    due_seconds: i64,
) -> Result<wire::EditionHeader, Broken> {
    let due = clock::now().after_seconds(due_seconds);
    let request = wire::OpenEditionRequest {
        context: Some(write_context("coordinator")),
        area: AREA.to_owned(),
        period: calls::period(period),
        track: "strategic".to_owned(),
        due: Some(clock::wire(due)),
        party: DISTRICT.to_owned(),
    };
    let answer = coordinator.editions.clone().open_edition(request).await?.into_inner();
    answer.edition.ok_or(Broken::Missing("the opened edition"))
}

/// Locks it with the joint analysis.
pub(super) async fn lock(
    coordinator: &samsyn_client::Client,
    edition: &wire::EditionHeader,
) -> Result<wire::EditionHeader, Broken> {
    let labels = wire::Labels {
        level: 1,
        audience: vec!["signatories".to_owned()],
        purposes: vec!["joint_picture".to_owned(), "follow_up".to_owned()],
        regime: "nonpersonal".to_owned(),
        retain_until: Some(clock::wire(clock::now().after_seconds(KEPT_SECONDS))),
        ..wire::Labels::default()
    };
    let locked = endorse::lock(coordinator, edition, ANALYSIS, labels).await?;
    locked.edition.ok_or(Broken::Missing("the locked edition"))
}

async fn correct(story: &mut Story<'_>) -> Result<(), Broken> {
    let own = story.publications.iter().filter(|p| p.party.as_str() == DISTRICT);
    let noted = own.flat_map(|p| &p.observations).filter(|o| o.category == CORRECTED);
    let mut september = noted.filter(|o| o.note.starts_with("Flera armaturer"));
    let wrong = september.next_back().ok_or(Broken::Missing("the observation to correct"))?;
    let mended = wire::Observation { note: CORRECTION.to_owned(), ..wrong.clone() };
    story.change(DISTRICT, AREA, vec![mended]).await.map(drop)
}

/// Waits until the due time has passed, with one answer missing.
async fn overdue(story: &mut Story<'_>, section: &mut Section, id: &str) -> Result<(), Broken> {
    let coordinator = story.client(DISTRICT).await?;
    let began = Instant::now();
    let header = loop {
        let header = calls::header(&coordinator, AREA, id).await?;
        if header.overdue {
            break header;
        }
        if began.elapsed() > OVERDUE_MAX {
            return Err(Broken::TooLate("the due time"));
        }
        sleep(LOOK_AGAIN).await;
    };
    let refused = match release(&coordinator, &header).await {
        Err(Broken::Refused(refused)) => refused.reason.map(|reason| reason.id()),
        Err(other) => return Err(other),
        Ok(_) => None,
    };
    let refused = refused == Some("EDITION_WRONG_STATE");
    let mut chased = Vec::new();
    for party in [DISTRICT, POLICE] {
        let duties = calls::duties(&story.client(party).await?).await?;
        let chase = |duty: &wire::Duty| {
            duty.kind == "chase_edition" && duty.object_id == id && duty.party == TRAFFIC
        };
        chased.push(duties.iter().any(chase));
    }
    let escalated = chased == [true, true];
    let missing = header.waiting_for == [format!("{TRAFFIC}:endorser")];
    let (answers, state) = (header.answers.len(), header.state());
    section.holds(
        "three of four endorsed and the due time passed without Trafikkontoret: OVERDUE, \
         escalated to samordnare and kommunpolis, not endorsed, and it cannot be released",
        refused && escalated && missing && answers == 3 && state == wire::EditionState::InReview,
        || {
            let waiting = header.waiting_for.join(", ");
            format!(
                "{answers} answers, {state:?}, waiting for {waiting}, release refused: {refused}, \
                 escalated: {escalated}"
            )
        },
    );
    Ok(())
}

async fn release(
    coordinator: &samsyn_client::Client,
    edition: &wire::EditionHeader,
) -> Result<wire::EditionHeader, Broken> {
    let request = wire::ReleaseEditionRequest {
        context: Some(write_context("coordinator")),
        edition_id: edition.id.clone(),
        content_root: edition.content_root.clone(),
        party: DISTRICT.to_owned(),
    };
    let answer = coordinator.editions.clone().release_edition(request).await?.into_inner();
    answer.edition.ok_or(Broken::Missing("the released edition"))
}
