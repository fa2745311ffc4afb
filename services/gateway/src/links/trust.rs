//! How fresh what a peer is known by is: its authorities, and the list of what they have revoked.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};
use samsyn_domain::registry::Peer;
use x509_parser::{
    certificate::X509Certificate, prelude::FromDer, revocation_list::CertificateRevocationList,
};

use crate::tls::{Dates, until};

/// From so long before its end an authority is to be followed by a next one, in seconds: 90 days.
/// Two organisations sign for that, in the other domain.
const AUTHORITY_ENDS: u64 = 90 * 86_400;

/// How old what a peer is known by is. Between fresh and ended the link works, and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Age {
    /// Nothing is to be done.
    Fresh,
    /// Past its soft age: it is to be renewed.
    Aging,
    /// Past its hard age: the peer is not let in.
    Ended,
}

impl Age {
    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Aging => "aging",
            Self::Ended => "ended",
        }
    }
}

/// What a peer is known by, and until when; times in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trust {
    /// When the last of its authorities ends.
    pub(crate) authority_until: u64,
    /// The list of its authorities that ends first; none: it is not asked for one.
    list: Option<Dates>,
}

impl Trust {
    /// Of a peer, with the lists that this node has.
    pub(super) fn of(peer: &Peer, lists: &[CertificateRevocationListDer<'_>]) -> Self {
        let authorities: Vec<CertificateDer<'_>> = peer
            .authorities
            .iter()
            .flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()).flatten())
            .collect();
        let is_theirs = |list: &&CertificateRevocationListDer<'_>| {
            authorities.iter().any(|authority| issued(authority, list))
        };
        Self {
            authority_until: authorities.iter().map(until).max().unwrap_or_default(),
            list: lists.iter().filter(is_theirs).filter_map(Dates::of).min_by_key(|d| d.ends()),
        }
    }

    /// When the list ends that ends first.
    pub(crate) fn list_until(self) -> Option<u64> {
        self.list.map(Dates::ends)
    }

    pub(super) fn age_of_list(self, now: u64) -> Age {
        match self.list {
            Some(dates) if dates.ends() <= now => Age::Ended,
            Some(dates) if dates.is_half_over(now) => Age::Aging,
            Some(_) | None => Age::Fresh,
        }
    }

    pub(super) const fn age_of_authority(self, now: u64) -> Age {
        if self.authority_until <= now {
            Age::Ended
        } else if self.authority_until.saturating_sub(AUTHORITY_ENDS) <= now {
            Age::Aging
        } else {
            Age::Fresh
        }
    }

    /// How old the oldest of it is.
    pub(crate) fn age(self, now: u64) -> Age {
        self.age_of_list(now).max(self.age_of_authority(now))
    }
}

/// Whether a list names an authority as its issuer. That it has signed it is asked when it counts.
fn issued(authority: &CertificateDer<'_>, list: &CertificateRevocationListDer<'_>) -> bool {
    let authority = X509Certificate::from_der(authority);
    let list = CertificateRevocationList::from_der(list);
    let (Ok((_, authority)), Ok((_, list))) = (authority, list) else { return false };
    authority.subject().as_raw() == list.issuer().as_raw()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
        DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
    };
    use samsyn_domain::DomainId;

    use super::*;

    const DAY: u64 = 86_400;
    /// 2026-01-01.
    const NOW: u64 = 1_767_225_600;

    /// An authority that ends on the first of July 2026, with a list from New Year to the 11th.
    fn authority(name: &str) -> (String, CertificateRevocationListDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) =
            (date_time_ymd(2025, 1, 1), date_time_ymd(2026, 7, 1));
        let certificate = params.self_signed(&key).unwrap();
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2026, 1, 11),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&Issuer::new(params, key)).unwrap();
        (certificate.pem(), list.der().clone())
    }

    fn peer(authorities: Vec<String>) -> Peer {
        Peer {
            id: DomainId::parse("polisen.example").unwrap(),
            name: "polisen".to_owned(),
            federation: "test".to_owned(),
            endpoints: Vec::new(),
            authorities,
            keys: BTreeSet::new(),
            organisations: BTreeSet::new(),
            ceiling: 1,
            message_kinds: BTreeSet::new(),
            envelopes_per_minute: 60,
            areas: BTreeSet::new(),
            deliveries: BTreeSet::new(),
        }
    }

    #[test]
    fn between_its_soft_and_its_hard_age_a_list_is_aging() {
        let (pem, list) = authority("links of polisen.example");
        let trust = Trust::of(&peer(vec![pem]), &[list]);
        let age = |days| trust.age_of_list(NOW + days * DAY);
        assert_eq!(
            [0, 4, 5, 9, 10].map(age),
            [Age::Fresh, Age::Fresh, Age::Aging, Age::Aging, Age::Ended]
        );
        assert_eq!(trust.list_until(), Some(NOW + 10 * DAY));
        assert_eq!(trust.age(NOW + 10 * DAY), Age::Ended);
    }

    #[test]
    fn the_list_of_another_authority_is_nothing_to_a_peer() {
        let (pem, _) = authority("links of polisen.example");
        let (_, other) = authority("links of another.example");
        let trust = Trust::of(&peer(vec![pem]), &[other]);
        assert_eq!((trust.list_until(), trust.age(NOW + 20 * DAY)), (None, Age::Fresh));
    }

    #[test]
    fn an_authority_ages_90_days_before_the_last_one_ends() {
        let (pem, _) = authority("links of polisen.example");
        let trust = Trust::of(&peer(vec![pem]), &[]);
        let end = trust.authority_until;
        assert_eq!(end, NOW + 181 * DAY);
        let age = |before| trust.age_of_authority(end - before);
        assert_eq!(
            [90 * DAY + 1, 90 * DAY, 1, 0].map(age),
            [Age::Fresh, Age::Aging, Age::Aging, Age::Ended]
        );
    }
}
