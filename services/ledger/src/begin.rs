//! How a node begins: it founds the domain, or waits until it has what the others have.

use std::{sync::Arc, time::Duration};

use samsyn_domain::command::{AdoptPolicy, Command, Found};

use crate::{Error, Ledger, Place, handle::Inner};

/// How long a node waits before it looks again whether it has what the domain has.
const WAIT: Duration = Duration::from_millis(100);
/// It says that it waits, every so many times.
const WAITS_TOLD: u32 = 100;

impl Ledger {
    /// Waits until the node has what the domain has; founds the domain when there is none yet.
    ///
    /// # Errors
    /// When the domain was founded with another registry or key file than this node has.
    pub async fn begin(&self) -> Result<(), Error> {
        let Inner { consensus, is_alone, .. } = &*self.inner;
        if *is_alone {
            consensus.recover().await?;
        }
        let mut waited = 0_u32;
        while !self.has_begun().await? {
            if waited.is_multiple_of(WAITS_TOLD) {
                tracing::info!("waiting for the other nodes of the domain");
            }
            waited = waited.saturating_add(1);
            tokio::time::sleep(WAIT).await;
        }
        self.has_all_keys()?;
        let (applied, root) = (consensus.applied(), consensus.root());
        tracing::info!(applied, %root, "the ledger is open");
        Ok(())
    }

    async fn has_begun(&self) -> Result<bool, Error> {
        let Inner { consensus, is_alone, .. } = &*self.inner;
        if consensus.fatal().borrow().is_some() {
            return Err(Error::Stopped(self.failed().await));
        }
        match consensus.place() {
            Place::Here => match consensus.barrier().await {
                Ok(()) => self.found().await.map(|()| true),
                Err(error) if *is_alone => Err(error),
                Err(_) => Ok(false),
            },
            Place::There(leader) => {
                let caught_up = consensus.catch_up().await.is_ok();
                let fits = caught_up && self.fits()? && self.has_policy();
                Ok(fits && self.fetch_keys(&leader).await.is_ok())
            }
            Place::Nowhere => Ok(false),
        }
    }

    /// As leader: founds the domain where there is none, has it go on where it comes from a backup,
    /// and takes up this node's policy.
    pub(crate) async fn found(&self) -> Result<(), Error> {
        let Inner { consensus, policy, keys, founding, .. } = &*self.inner;
        if !self.fits()? {
            let (domain, document) = founding.clone();
            let (key_file, policy) = (keys.identity(), *policy.digest());
            // Nobody else is a member yet; who knows less cannot join.
            let level = consensus.levels().knows;
            let found = Found { domain, document, key_file, policy, level };
            self.own(Command::Found(found.into())).await?;
        }
        self.go_on().await?;
        if !self.has_policy() {
            let adopt = AdoptPolicy { policy: *policy.digest() };
            self.own(Command::AdoptPolicy(adopt)).await?;
        }
        Ok(())
    }

    /// Whether this node decides by the domain's policy.
    pub(crate) fn has_policy(&self) -> bool {
        let own = *self.inner.policy.digest();
        self.read(|state| state.policy().copied()) == Some(own)
    }

    /// Whether the domain is founded; by then with this node's key file, name and registry.
    fn fits(&self) -> Result<bool, Error> {
        let Inner { keys, founding: (domain, document), .. } = &*self.inner;
        let founded = self.read(|state| {
            state.founded().map(|f| (f.domain.clone(), Arc::clone(&f.document), f.key_file))
        });
        match founded {
            None => Ok(false),
            Some((_, _, key_file)) if key_file != keys.identity() => Err(Error::Fatal(
                "the key file is not that of this domain; restore the right one".to_owned(),
            )),
            Some((name, _, _)) if name != *domain => Err(Error::Fatal(format!(
                "this data is of domain `{name}`, not `{domain}`; check `domain` and `data`"
            ))),
            Some((_, registered, _)) if registered != *document => Err(Error::Fatal(
                "the registry files differ from those that founded the domain; put them back"
                    .to_owned(),
            )),
            Some(_) => Ok(true),
        }
    }

    /// An older key file would have keys made anew for what is sealed under others.
    fn has_all_keys(&self) -> Result<(), Error> {
        let keys = &self.inner.keys;
        let missing = self.read(|state| {
            let mut missing = keys.missing(state.units().into_iter());
            missing.next().map(|first| (first.as_str().to_owned(), missing.count()))
        });
        let Some((first, more)) = missing else { return Ok(()) };
        let what = format!(
            "it is older than the log: the key of unit `{first}` and {more} more are not in it; \
             restore its newest copy"
        );
        Err(Error::damaged(keys.path(), 0, what))
    }
}
