//! Readers that do not read.

use std::time::Duration;

use bytes::Bytes;
use samsyn_client::wire;
use samsyn_tests::raw::{Failure, Raw, connect, framed, handshake, tls};
use tokio::time::sleep;

use super::{Tally, at_once};
use crate::target::Target;

const PARTNER: &str = "raddningstjansten";
const WATCH: &str = "/samsyn.v1.JointPictureService/WatchEvents";

/// Streams whose receiver takes one byte a second of all that comes.
pub(super) async fn slow(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile(PARTNER)?;
    at_once(100, |number| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let mut tally = Tally { tries: 1, ..Tally::default() };
            let tcp = connect(&profile, Target::source(number)).await?;
            let stream = handshake(tls(&profile)?, tcp).await?;
            let mut builder = h2::client::Builder::new();
            let builder = builder.initial_window_size(1).initial_connection_window_size(65_535);
            let (send, connection) = builder.handshake::<_, Bytes>(stream).await?;
            tokio::spawn(async move { drop(connection.await) });
            let watch = wire::WatchEventsRequest {
                context: Some(profile.read_context()),
                ..wire::WatchEventsRequest::default()
            };
            let mut send = send.ready().await?;
            let (response, mut body) = send.send_request(Raw::request(WATCH, &[])?, false)?;
            body.send_data(framed(&watch), true)?;
            let mut incoming = response.await?.into_body();
            while target.goes_on() {
                sleep(Duration::from_secs(1)).await;
                if let Ok(Some(Ok(data))) =
                    tokio::time::timeout(Duration::from_millis(1), incoming.data()).await
                {
                    incoming.flow_control().release_capacity(data.len())?;
                }
            }
            tally.served += 1;
            Ok(tally)
        }
    })
    .await
}
