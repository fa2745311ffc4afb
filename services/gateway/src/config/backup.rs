//! Backups, as they are written.

use samsyn_ledger::backup::Recipients;
use serde::Deserialize;

use super::BadConfig;

/// How long a backup's keys may be kept at most, in days.
const KEYS_DAYS_MAX: u32 = 400;

/// To whom backups are sealed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Public keys, as `age1…`: who has the secret key to any of them can restore. It is nobody who
    /// runs a node.
    pub recipients: Vec<String>,
    /// After so many days the keys in a backup are to be destroyed.
    #[serde(default = "keys_days")]
    pub keys_days: u32,
}

const fn keys_days() -> u32 {
    35
}

/// To whom backups are sealed, checked.
#[derive(Debug, Clone)]
pub(crate) struct SealedTo {
    pub(crate) recipients: Recipients,
    pub(crate) keys_days: u32,
}

impl Backup {
    /// Checks that it holds.
    ///
    /// # Errors
    /// What does not, with the mend.
    pub(super) fn check(&self) -> Result<SealedTo, BadConfig> {
        let Self { recipients, keys_days } = self;
        if *keys_days == 0 || *keys_days > KEYS_DAYS_MAX {
            let what = format!("`keys_days` is {keys_days}; write 1 to {KEYS_DAYS_MAX}");
            return Err(BadConfig::Backup(what));
        }
        let recipients = Recipients::parse(recipients);
        let recipients = recipients.map_err(|why| BadConfig::Backup(why.to_string()))?;
        Ok(SealedTo { recipients, keys_days: *keys_days })
    }
}
