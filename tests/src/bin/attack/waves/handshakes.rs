//! TLS by those who must not get in, and by those who do nothing with it.

use std::{sync::Arc, time::Duration};

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use samsyn_client::Profile;
use samsyn_tests::raw::{Failure, Raw, connect, framed, handshake, roots, tls};
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::{Tally, at_once};
use crate::{stage::FORGED, target::Target};

const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the gateway ends a handshake or the connection behind it. In TLS 1.3 a client is done
/// before the server has seen its certificate: the refusal comes with the first read.
async fn is_refused(config: ClientConfig, profile: &Profile, number: usize) -> bool {
    let Ok(tcp) = connect(profile, Target::source(number)).await else { return true };
    match timeout(PATIENCE, handshake(config, tcp)).await {
        Ok(Ok(mut stream)) => {
            let mut rest = [0; 1];
            // A gateway that lets somebody in says its settings at once.
            matches!(timeout(PATIENCE, stream.read(&mut rest)).await, Ok(Ok(0) | Err(_)))
        }
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}

async fn all_refused(
    target: Target,
    profile: Profile,
    config: ClientConfig,
    count: usize,
) -> Result<Tally, Failure> {
    at_once(count, |number| {
        let (target, profile, config) = (target.clone(), profile.clone(), config.clone());
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                tally.refused(is_refused(config.clone(), &profile, number).await);
            }
            Ok(tally)
        }
    })
    .await
}

/// Whole handshakes with a certificate that nobody vouches for.
pub(super) async fn strangers(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.subject_alt_names = vec![SanType::URI(FORGED.try_into()?)];
    let (certificate_pem, key_pem) = (params.self_signed(&key)?.pem(), key.serialize_pem());
    let stranger = Profile { certificate_pem, key_pem, ..profile };
    let config = tls(&stranger)?;
    all_refused(target, stranger, config, 64).await
}

/// A registered name by the authority of another organisation.
pub(super) async fn forged(target: Target) -> Result<Tally, Failure> {
    let profile = target.breached("forged")?;
    let config = tls(&profile)?;
    all_refused(target, profile, config, 16).await
}

/// A good certificate of a service that is not registered: it gets in, and no further.
pub(super) async fn nobody(target: Target) -> Result<Tally, Failure> {
    let profile = target.breached("nobody")?;
    at_once(8, |_| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                let raw = Raw::open(&profile).await?;
                for path in ["AccessService/GetAccess", "JointPictureService/WatchEvents"] {
                    let request = Raw::request(&format!("/samsyn.v1.{path}"), &[])?;
                    let answer = raw.call(request, framed(&())).await?;
                    let reason = answer.refused().and_then(|refused| refused.reason);
                    let reason = reason.map_or("", |reason| reason.id());
                    tally.refused_with(reason, &["UNKNOWN_SERVICE", "PURPOSE_MISSING"]);
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// Without a certificate, without HTTP/2, and with an older TLS.
pub(super) async fn downgrades(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    let roots = roots(&profile)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut nameless = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    nameless.alpn_protocols = vec![b"h2".to_vec()];
    let mut http1 = tls(&profile)?;
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut silent = tls(&profile)?;
    silent.alpn_protocols.clear();
    let mut all = Tally::default();
    let each = [nameless, http1, silent, older(&profile)?];
    let configs = each.map(|config| (config, target.clone(), profile.clone()));
    for tally in futures::future::join_all(
        configs.map(|(config, target, profile)| all_refused(target, profile, config, 8)),
    )
    .await
    {
        all.add(tally?);
    }
    Ok(all)
}

/// The settings of a profile, but for TLS 1.2 alone.
fn older(profile: &Profile) -> Result<ClientConfig, Failure> {
    let roots = roots(profile)?;
    let chain = CertificateDer::pem_slice_iter(profile.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(profile.key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.collect::<Result<_, _>>()?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Good handshakes, and then not a word: each ends by itself.
pub(super) async fn without_a_call(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    let config = tls(&profile)?;
    at_once(200, |number| {
        let (target, profile, config) = (target.clone(), profile.clone(), config.clone());
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                let Ok(tcp) = connect(&profile, Target::source(number / 20)).await else {
                    tally.refused(true);
                    continue;
                };
                let Ok(mut stream) = handshake(config.clone(), tcp).await else {
                    tally.refused(true);
                    continue;
                };
                let mut rest = Vec::new();
                tally.refused(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok());
            }
            Ok(tally)
        }
    })
    .await
}
