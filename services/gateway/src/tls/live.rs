//! What handshakes stand on, replaced as a whole while the listener serves.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use rustls::{
    ConfigBuilder, ServerConfig, WantsVerifier, pki_types::UnixTime, server::ResolvesServerCert,
};
use tokio::time::{self, MissedTickBehavior};

use super::{
    Anchor, ServerMaterial, Tls, TlsError,
    anchor::Anchors,
    reason::Reason,
    table::{NoPlace, Place},
    verify::Verified,
};

/// How often connections are looked over.
const SWEEP: Duration = Duration::from_millis(500);
/// So long before its end the server's certificate is worried about.
pub(crate) const CERTIFICATE_ENDS: u64 = 14 * 24 * 60 * 60;

/// A certificate and anchors that hold together.
pub(super) struct Live {
    pub(super) certificate: Arc<dyn ResolvesServerCert>,
    pub(super) anchors: Arc<Anchors>,
    certificate_until: u64,
    generation: u64,
}

/// How long things last from now on, in seconds; below 0 since they ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The server's certificate.
    pub(crate) certificate: i64,
    /// The revocation list under each anchor, of several the first to end.
    pub(crate) lists: BTreeMap<String, i64>,
}

/// What an operator must look after before it stops service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worry {
    /// Half of a revocation list's time has gone, and no newer one came.
    ListHalfOver(String),
    /// A revocation list has ended: nobody under its anchor gets in.
    ListEnded(String),
    /// The server's certificate ends soon, or has ended.
    CertificateEnds,
}

impl Live {
    /// Checks it.
    ///
    /// # Errors
    /// [`TlsError`], naming the part and what to mend.
    pub(super) fn load(
        builder: &ConfigBuilder<ServerConfig, WantsVerifier>,
        server: &ServerMaterial,
        anchors: Vec<Anchor>,
        generation: u64,
    ) -> Result<Self, TlsError> {
        let (certificate, certificate_until) = server.certificate(builder.clone())?;
        let anchors = Arc::new(Anchors::load(anchors, builder.crypto_provider())?);
        Ok(Self { certificate, anchors, certificate_until, generation })
    }

    /// Which one it is: each reload makes the next.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// What to worry about at this time, in seconds since 1970.
    pub(super) fn worries(&self, now: u64) -> Vec<Worry> {
        let lists = self.anchors.lists().filter_map(|(anchor, dates)| {
            let anchor = anchor.to_owned();
            if dates.ends() <= now {
                return Some(Worry::ListEnded(anchor));
            }
            dates.is_half_over(now).then_some(Worry::ListHalfOver(anchor))
        });
        let ends = self.certificate_until.saturating_sub(CERTIFICATE_ENDS) <= now;
        lists.chain(ends.then_some(Worry::CertificateEnds)).collect()
    }

    /// How long it all lasts from this time on, in seconds since 1970.
    fn left(&self, now: u64) -> Left {
        let until = |end: u64| {
            let ahead = i64::try_from(end.saturating_sub(now)).unwrap_or(i64::MAX);
            ahead - i64::try_from(now.saturating_sub(end)).unwrap_or(i64::MAX)
        };
        let mut lists = BTreeMap::new();
        for (anchor, dates) in self.anchors.lists() {
            let left = until(dates.ends());
            let least = lists.entry(anchor.to_owned()).or_insert(left);
            *least = left.min(*least);
        }
        Left { certificate: until(self.certificate_until), lists }
    }

    /// A revocation list ended between two times.
    pub(super) fn list_ended(&self, since: u64, now: u64) -> bool {
        self.anchors.lists().any(|(_, dates)| since < dates.ends() && dates.ends() <= now)
    }
}

impl Tls {
    /// Takes other certificates, keys, anchors and lists, and has every live connection prove
    /// itself by them; those that cannot are told to leave, and cut a second later. How many.
    ///
    /// # Errors
    /// [`TlsError`]; then all stays as it was.
    pub(crate) fn reload(
        &self,
        server: &ServerMaterial,
        anchors: Vec<Anchor>,
    ) -> Result<usize, TlsError> {
        let generation = self.live().generation.saturating_add(1);
        let live = Arc::new(Live::load(&self.builder, server, anchors, generation)?);
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&live);
        // From here on no handshake that began before gets in without proving itself again.
        self.connections.advance(generation);
        Ok(self.recheck(&live))
    }

    /// What to worry about now.
    pub(crate) fn worries(&self) -> Vec<Worry> {
        self.live().worries(UnixTime::now().as_secs())
    }

    /// How long certificate and revocation lists last.
    pub(crate) fn left(&self) -> Left {
        self.live().left(UnixTime::now().as_secs())
    }

    /// Ends connections whose time is over, until it is dropped.
    pub(crate) async fn keep(self) {
        let mut interval = time::interval(SWEEP);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = UnixTime::now().as_secs();
        loop {
            interval.tick().await;
            let now = UnixTime::now().as_secs();
            let live = self.live();
            if live.list_ended(before, now) {
                let tls = self.clone();
                let checked = tokio::task::spawn_blocking(move || tls.recheck(&live)).await;
                let told = checked.unwrap_or(0);
                tracing::warn!(told, "a revocation list ended; its connections are told to leave");
            }
            before = now;
            let ended = self.connections.sweep(now, &self.limits.lifetime());
            if ended > 0 {
                tracing::info!(ended, "connections ended");
            }
        }
    }

    fn recheck(&self, live: &Live) -> usize {
        let now = UnixTime::now();
        self.connections.recheck(|verified| match verified.holds(&live.anchors, now) {
            Ok(()) => true,
            Err(reason) => {
                let (issuer, serial) = (verified.peer().issuer(), verified.peer().serial());
                tracing::info!(%reason, issuer, serial, "a certificate no longer holds");
                false
            }
        })
    }

    /// Gives a connection its place; one that was verified by older lists proves itself again.
    ///
    /// # Errors
    /// Why it gets none.
    pub(super) fn enter(&self, verified: &Verified, mut generation: u64) -> Result<Place, Reason> {
        loop {
            let most = self.limits.connections_per_service_max;
            match self.connections.enter(verified, generation, most) {
                Ok(place) => return Ok(place),
                Err(NoPlace::Full) => return Err(Reason::TooMany),
                Err(NoPlace::Stale) => {
                    let live = self.live();
                    verified.holds(&live.anchors, UnixTime::now())?;
                    generation = live.generation;
                }
            }
        }
    }
}
