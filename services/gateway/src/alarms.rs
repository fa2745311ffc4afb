//! What an operator must look after, while it lasts: one line when it begins, one when it is over.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// An alarm that lasts is told again after so long.
const AGAIN: Duration = Duration::from_hours(1);

/// What can be wrong. The words are stable: an operator's rules are built on them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// Certificates, keys, authorities or lists changed and do not hold; the old ones go on.
    ReloadFailed,
    /// Half of a revocation list's time has gone, and no newer one came.
    ListHalfOver(String),
    /// A revocation list has ended: nobody under its anchor gets in.
    ListEnded(String),
    /// The server's certificate ends soon, or has ended.
    CertificateEnds,
    /// Certificate, key or lists of links changed and do not hold; the old ones go on.
    LinkReloadFailed,
    /// The certificate for links with other domains ends soon, or has ended.
    LinkCertificateEnds,
    /// Half of the time of this domain's revocation list has gone, and no newer one came.
    LinkListHalfOver(String),
    /// This domain's revocation list has ended: it is not let in.
    LinkListEnded(String),
    /// The authority that is registered of this domain ends soon, or has ended.
    LinkAuthorityEnds(String),
    /// The link with this domain stands still until an operator has looked at it.
    LinkFrozen(String),
    /// This domain has sent more in files than a day allows: they come slowly.
    LinkFilesSlowed(String),
}

impl Alarm {
    /// All of the words.
    const WORDS: [&str; 11] = [
        "reload_failed",
        "revocation_list_half_over",
        "revocation_list_ended",
        "certificate_ends",
        "link_reload_failed",
        "link_certificate_ends",
        "link_revocation_list_half_over",
        "link_revocation_list_ended",
        "link_authority_ends",
        "link_frozen",
        "link_files_slowed",
    ];

    const fn word(&self) -> &'static str {
        match self {
            Self::ReloadFailed => "reload_failed",
            Self::ListHalfOver(_) => "revocation_list_half_over",
            Self::ListEnded(_) => "revocation_list_ended",
            Self::CertificateEnds => "certificate_ends",
            Self::LinkReloadFailed => "link_reload_failed",
            Self::LinkCertificateEnds => "link_certificate_ends",
            Self::LinkListHalfOver(_) => "link_revocation_list_half_over",
            Self::LinkListEnded(_) => "link_revocation_list_ended",
            Self::LinkAuthorityEnds(_) => "link_authority_ends",
            Self::LinkFrozen(_) => "link_frozen",
            Self::LinkFilesSlowed(_) => "link_files_slowed",
        }
    }

    fn anchor(&self) -> &str {
        match self {
            Self::ListHalfOver(anchor) | Self::ListEnded(anchor) => anchor,
            Self::ReloadFailed
            | Self::CertificateEnds
            | Self::LinkReloadFailed
            | Self::LinkCertificateEnds
            | Self::LinkListHalfOver(_)
            | Self::LinkListEnded(_)
            | Self::LinkAuthorityEnds(_)
            | Self::LinkFrozen(_)
            | Self::LinkFilesSlowed(_) => "",
        }
    }

    fn peer(&self) -> &str {
        match self {
            Self::LinkListHalfOver(peer)
            | Self::LinkListEnded(peer)
            | Self::LinkAuthorityEnds(peer)
            | Self::LinkFrozen(peer)
            | Self::LinkFilesSlowed(peer) => peer,
            Self::ReloadFailed
            | Self::ListHalfOver(_)
            | Self::ListEnded(_)
            | Self::CertificateEnds
            | Self::LinkReloadFailed
            | Self::LinkCertificateEnds => "",
        }
    }

    /// Whether it is about links with other domains.
    pub(crate) const fn is_of_links(&self) -> bool {
        match self {
            Self::LinkReloadFailed
            | Self::LinkCertificateEnds
            | Self::LinkListHalfOver(_)
            | Self::LinkListEnded(_)
            | Self::LinkAuthorityEnds(_)
            | Self::LinkFrozen(_)
            | Self::LinkFilesSlowed(_) => true,
            Self::ReloadFailed
            | Self::ListHalfOver(_)
            | Self::ListEnded(_)
            | Self::CertificateEnds => false,
        }
    }

    const fn remedy(&self) -> &'static str {
        match self {
            Self::ReloadFailed => "write the files anew; the old ones go on until then",
            Self::ListHalfOver(_) => "fetch a newer list before this one ends",
            Self::ListEnded(_) => "fetch a newer list: until then nobody of this anchor gets in",
            Self::CertificateEnds => "have the server's certificate issued anew",
            Self::LinkReloadFailed => {
                "write the files of `[link]` anew; the old ones go on until then"
            }
            Self::LinkCertificateEnds => "issue it anew with `samsyn pki issue --link`",
            Self::LinkListHalfOver(_) => "fetch a newer list from its domain before this one ends",
            Self::LinkListEnded(_) => "fetch a newer list: until then its domain is not let in",
            Self::LinkAuthorityEnds(_) => {
                "have its domain invite anew with its next authority, and accept that"
            }
            Self::LinkFrozen(_) => {
                "call its operator; docs/operate.md, \"Links with other domains\""
            }
            Self::LinkFilesSlowed(_) => {
                "ask its operator what it sends; allow more in `link.files_mib_a_day`"
            }
        }
    }
}

/// The alarms that last; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarms(Arc<Mutex<BTreeMap<Alarm, Instant>>>);

impl Alarms {
    /// An alarm begins or goes on. `why` says more where there is more; nothing of it is content.
    pub(crate) fn raise(&self, alarm: Alarm, why: &str) {
        let mut lasting = self.lock();
        let told = lasting.get(&alarm).is_some_and(|told| told.elapsed() < AGAIN);
        if !told {
            let (word, anchor, peer) = (alarm.word(), alarm.anchor(), alarm.peer());
            tracing::error!(alarm = word, anchor, peer, why, remedy = alarm.remedy(), "alarm");
            lasting.insert(alarm, Instant::now());
        }
    }

    /// An alarm is over.
    pub(crate) fn clear(&self, alarm: &Alarm) {
        if self.lock().remove(alarm).is_some() {
            let (word, anchor, peer) = (alarm.word(), alarm.anchor(), alarm.peer());
            tracing::info!(alarm = word, anchor, peer, "the alarm is over");
        }
    }

    /// How many of each word last; 0 where none does.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::from(Alarm::WORDS.map(|word| (word, 0)));
        for alarm in self.lock().keys() {
            *counts.entry(alarm.word()).or_default() += 1;
        }
        counts
    }

    /// Of a kind of alarm just these last.
    pub(crate) fn are(&self, now: &[Alarm], of_kind: impl Fn(&Alarm) -> bool) {
        let over: Vec<Alarm> = self
            .lock()
            .keys()
            .filter(|alarm| of_kind(alarm) && !now.contains(alarm))
            .cloned()
            .collect();
        over.iter().for_each(|alarm| self.clear(alarm));
        now.iter().for_each(|alarm| self.raise(alarm.clone(), ""));
    }

    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Alarm, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(alarms: &Alarms) -> Vec<&'static str> {
        alarms.lock().keys().map(Alarm::word).collect()
    }

    #[test]
    fn an_alarm_lasts_until_it_is_over() {
        let alarms = Alarms::default();
        let list = |name: &str| Alarm::ListEnded(name.to_owned());
        alarms.raise(Alarm::ReloadFailed, "torn");
        alarms.are(&[list("a"), list("b")], |alarm| *alarm != Alarm::ReloadFailed);
        let (ended, failed) = ("revocation_list_ended", "reload_failed");
        assert_eq!(lasting(&alarms), [failed, ended, ended]);
        alarms.are(&[list("b")], |alarm| *alarm != Alarm::ReloadFailed);
        assert_eq!(lasting(&alarms), [failed, ended]);
        alarms.clear(&Alarm::ReloadFailed);
        assert_eq!(lasting(&alarms), [ended]);
        assert_eq!(alarms.counts().len(), Alarm::WORDS.len());
        assert_eq!(alarms.counts().values().sum::<usize>(), 1);
    }
}
