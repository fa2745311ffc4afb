//! 10: a service is shut out while its stream is open.

use std::time::{Duration, Instant};

use samsyn_client::{Client, Refused, admin, wire, write_context};
use tokio::time::timeout;
use tonic::Streaming;

use super::{AREA, Broken, PRISON_SERVICE, Story, calls, registrars};
use crate::demo::print::Section;

const REGISTRAR: &str = "registrar";
/// Within which time an open stream must end.
const END_MAX: Duration = Duration::from_secs(5);

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let profile = story.stage.profile(PRISON_SERVICE)?;
    // A connection of its own, as a partner's system has it.
    let client = Client::connect(&profile).await?;
    let request = wire::WatchEventsRequest {
        context: calls::reads(&client),
        scope: Some(calls::area_scope(AREA)),
        cursor: String::new(),
    };
    let mut stream = client.joint.clone().watch_events(request).await?.into_inner();
    let first = timeout(END_MAX, stream.message()).await;
    let live = first.map_err(|_| Broken::TooLate("the first event"))??.is_some();
    let registrar = story.client(REGISTRAR).await?;
    let request = admin::SuspendServiceRequest {
        context: Some(write_context("registrar")),
        service: format!("{PRISON_SERVICE}/{PRISON_SERVICE}"),
        reason: "Nyckel misstänks röjd.".to_owned(),
    };
    let asked = Instant::now();
    registrar.registry.clone().suspend_service(request).await?;
    let ended = timeout(END_MAX.saturating_mul(2), end(&mut stream)).await;
    let (taken, how) = (asked.elapsed(), ended.unwrap_or("it is still open"));
    section.holds(
        &format!(
            "Kriminalvården suspended by one registrar: its open stream ended in {} ms ({how})",
            taken.as_millis()
        ),
        live && taken <= END_MAX && how != "it is still open",
        || format!("open before: {live}, at most {} s are allowed", END_MAX.as_secs()),
    );
    story.clients.remove(PRISON_SERVICE);
    let again = match Client::connect(&profile).await {
        Ok(client) => refused(&client).await,
        Err(why) => Err(why.to_string()),
    };
    section.check("it comes back with the same certificate: SUSPENDED", again);
    Box::pin(registrars::tell(story, section)).await
}

/// Reads a stream until it ends; says how.
async fn end(stream: &mut Streaming<wire::WatchEventsResponse>) -> &'static str {
    let mut how = "cut off";
    loop {
        match stream.message().await {
            Ok(Some(wire::WatchEventsResponse { entry: Some(event) })) => {
                if let Some(wire::event::What::Closing(closing)) = event.what {
                    how = if closing.reason == "ACCESS_ENDED" {
                        "last message ACCESS_ENDED"
                    } else {
                        "closed for another reason"
                    };
                }
            }
            Ok(Some(wire::WatchEventsResponse { entry: None })) => {}
            Ok(None) | Err(_) => return how,
        }
    }
}

async fn refused(client: &Client) -> Result<(), String> {
    let request = wire::GetJointPictureRequest {
        context: calls::reads(client),
        area: AREA.to_owned(),
        period: calls::period(super::PERIOD),
        ..wire::GetJointPictureRequest::default()
    };
    let answer = client.joint.clone().get_joint_picture(request).await.map_err(Refused::from);
    match answer {
        Ok(_) => Err("it was let in".to_owned()),
        Err(refused) if refused.reason.is_some_and(|r| r.id() == "SUSPENDED") => Ok(()),
        Err(refused) => Err(refused.to_string()),
    }
}
