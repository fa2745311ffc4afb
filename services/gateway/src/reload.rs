//! Certificates, keys, authorities and revocation lists, taken up while the process serves.
//!
//! The files are read every few seconds and compared by what stands in them: that sees a rename, a
//! changed link and a file on a network share alike, and misses nothing. What does not hold leaves
//! the old in force and raises an alarm; a file caught half written is whole at the next look.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{self, MissedTickBehavior},
};

use crate::{
    alarms::{Alarm, Alarms},
    config::{Material, TlsSource},
    tls::{Tls, Worry},
};

/// How often the files are looked at. With a second for a last word, a revocation ends streams in
/// less than five.
const LOOK: Duration = Duration::from_secs(2);

/// Asks for a look at the files at once; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Has the files read now, changed or not.
    pub fn now(&self) {
        self.0.notify_one();
    }

    /// Looks at the files until it is dropped.
    pub(crate) async fn keep(self, tls: Tls, source: TlsSource, alarms: Alarms) {
        let mut interval = time::interval(LOOK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            let told = tokio::select! {
                _ = interval.tick() => false,
                () = self.0.notified() => true,
            };
            worry(&tls, &alarms);
            let (tls, source, alarms) = (tls.clone(), source.clone(), alarms.clone());
            let look = move || {
                let digest = source.digest();
                // What stands there at the first look was read a moment ago.
                let changed = seen.is_some_and(|seen| seen != digest);
                if changed || told {
                    take_up(&tls, &source, &alarms);
                }
                digest
            };
            match tokio::task::spawn_blocking(look).await {
                Ok(digest) => seen = Some(digest),
                Err(error) => tracing::warn!(%error, "a look at the files broke off"),
            }
        }
    }
}

fn take_up(tls: &Tls, source: &TlsSource, alarms: &Alarms) {
    let taken = source.read().map_err(|bad| bad.to_string()).and_then(|material| {
        let Material { server, anchors } = material;
        tls.reload(&server, anchors).map_err(|bad| bad.to_string())
    });
    match taken {
        Ok(told) => {
            alarms.clear(&Alarm::ReloadFailed);
            tracing::info!(told, "certificates and revocation lists were taken up anew");
        }
        Err(why) => alarms.raise(Alarm::ReloadFailed, &why),
    }
}

fn worry(tls: &Tls, alarms: &Alarms) {
    let now: Vec<Alarm> = tls.worries().into_iter().map(Alarm::from).collect();
    alarms.are(&now, |alarm| *alarm != Alarm::ReloadFailed && !alarm.is_of_links());
}

impl From<Worry> for Alarm {
    fn from(worry: Worry) -> Self {
        match worry {
            Worry::ListHalfOver(anchor) => Self::ListHalfOver(anchor),
            Worry::ListEnded(anchor) => Self::ListEnded(anchor),
            Worry::CertificateEnds => Self::CertificateEnds,
        }
    }
}
