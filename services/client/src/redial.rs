//! A connection that is made anew after each cut, with pauses that grow, from node to node.

use std::time::Duration;

use samsyn_proto::Reason;
use tonic::Code;

use crate::{Client, ConnectError, Profile, Refused};

const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);
/// The longest that a gateway's own word is waited for.
const PAUSE_TOLD: Duration = Duration::from_mins(5);

/// Where to connect next, and after which pause.
#[derive(Debug)]
pub(crate) struct Redial {
    profile: Profile,
    pause: Duration,
}

impl Redial {
    /// With the nodes of a profile.
    pub(crate) fn new(profile: &Profile) -> Self {
        Self { profile: profile.clone(), pause: PAUSE_FIRST }
    }

    /// A new connection; none when the node cannot be reached, and then the next one is to be
    /// asked. It has paused by then.
    ///
    /// # Errors
    /// When the profile does not hold.
    pub(crate) async fn client(&mut self) -> Result<Option<Client>, Refused> {
        let next = self.profile.turned();
        let last = std::mem::replace(&mut self.profile, next);
        match Client::connect(&last).await {
            Ok(client) => Ok(Some(client)),
            Err(ConnectError::Profile(why)) => {
                Err(tonic::Status::invalid_argument(format!("{}; {}", why.seen, why.mend)).into())
            }
            Err(ConnectError::Unreachable { .. }) => {
                self.rest(Duration::ZERO).await;
                Ok(None)
            }
        }
    }

    /// Something came: pauses begin anew.
    pub(crate) const fn answered(&mut self) {
        self.pause = PAUSE_FIRST;
    }

    /// Pauses, when a later try may succeed.
    ///
    /// # Errors
    /// The refusal, when none may.
    pub(crate) async fn broken(&mut self, refused: Refused) -> Result<(), Refused> {
        if !is_passing(&refused) {
            return Err(refused);
        }
        self.rest(Duration::ZERO).await;
        Ok(())
    }

    /// Pauses, at least as long as the gateway said.
    pub(crate) async fn rest(&mut self, told: Duration) {
        let mut byte = [0];
        // Without randomness all clients pause alike, which is slower but not wrong.
        let _ = getrandom::fill(&mut byte);
        let chance = f64::from(byte.first().copied().unwrap_or(0)) / 256.0;
        tokio::time::sleep(self.pause_after(told.min(PAUSE_TOLD), chance)).await;
    }

    /// As long as was told, and a while of its own that grows from try to try and differs from
    /// client to client: up to half as long again.
    fn pause_after(&mut self, told: Duration, chance: f64) -> Duration {
        let pause = told + self.pause + self.pause.mul_f64(chance / 2.0);
        self.pause = self.pause.saturating_mul(2).min(PAUSE_LONGEST);
        pause
    }
}

/// Whether a later try may succeed. What carries no reason comes from the connection or from
/// something between, and then its code tells.
fn is_passing(refused: &Refused) -> bool {
    match refused.reason {
        Some(reason) => reason.retryable() || reason == Reason::Draining,
        None => !matches!(
            refused.status.code(),
            Code::InvalidArgument
                | Code::NotFound
                | Code::PermissionDenied
                | Code::Unauthenticated
                | Code::Unimplemented
                | Code::OutOfRange
                | Code::FailedPrecondition
        ),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn a_lost_connection_passes_and_a_refusal_does_not() {
        let passes = |code| is_passing(&Status::new(code, "").into());
        for code in [Code::Unavailable, Code::Unknown, Code::Internal, Code::Cancelled] {
            assert!(passes(code), "{code:?}");
        }
        for code in [Code::Unauthenticated, Code::PermissionDenied, Code::Unimplemented] {
            assert!(!passes(code), "{code:?}");
        }
    }

    #[test]
    fn a_pause_grows_and_keeps_to_what_was_told() {
        let text = String::new;
        let profile = Profile {
            endpoint: text(),
            others: Vec::new(),
            ca_pem: text(),
            certificate_pem: text(),
            key_pem: text(),
            purpose: text(),
            legal_basis: text(),
            weighing_ref: text(),
            party: text(),
            function: text(),
            descriptor: text(),
            endorsement_keys: std::collections::BTreeMap::new(),
            registry_key: None,
            publisher_key: None,
        };
        let mut redial = Redial::new(&profile);
        let mut pause = |told, chance| redial.pause_after(Duration::from_secs(told), chance);
        assert_eq!(pause(0, 0.0), Duration::from_millis(200));
        assert_eq!(pause(0, 1.0), Duration::from_millis(600));
        assert_eq!(pause(30, 0.5), Duration::from_millis(31_000));
        for _ in 0..10 {
            pause(0, 0.0);
        }
        assert_eq!(pause(0, 0.0), PAUSE_LONGEST);
    }
}
