//! Handshakes over sockets.

use rustls::{HandshakeKind, NamedGroup, client::Resumption};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::*;

const NAME: &str = "spiffe://norrmalm.example/svc/lagesbild";

#[tokio::test]
async fn a_good_certificate_is_accepted_and_the_connection_carries_its_peer() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let (client, server) = gate.greet(config).await;
    let access = tonic::transport::server::Connected::connect_info(&server);
    let peer = access.peer();
    assert_eq!(peer.organisation(), "norrmalm");
    assert_eq!(peer.service(), "lagesbild");
    assert_eq!(peer.serial(), "abcdef");
    let group = client.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn row33_no_certificate_is_refused() {
    let gate = Gate::open(vec![Authority::new("norrmalm").own("norrmalm")]).await;
    let alert = gate.refusal(gate.client(None)).await;
    assert!(alert.contains("CertificateRequired"), "{alert}");
}

#[tokio::test]
async fn row34_the_handshake_fails_for_a_certificate_that_does_not_hold() {
    let (city, police) = (Authority::new("norrmalm"), Authority::new("police"));
    let mut revoking = city.own("norrmalm");
    let Anchor::Own { crl_pem, .. } = &mut revoking else { panic!("an own anchor") };
    *crl_pem = Some(city.crl(&[SERIAL], 2999));
    let gate = Gate::open(vec![revoking, police.own("police")]).await;
    let alert = gate.refusal(gate.client(Some(&city.client(NAME)))).await;
    assert!(alert.contains("CertificateRevoked"), "{alert}");
    let forged = city.client("spiffe://police.example/svc/lagesbild");
    let alert = gate.refusal(gate.client(Some(&forged))).await;
    assert!(alert.contains("UnknownCA"), "{alert}");
    let two = police.issue(|params| {
        params.subject_alt_names = ["a", "b"]
            .map(|name| uri_name(&format!("spiffe://police.example/svc/{name}")))
            .to_vec();
    });
    let alert = gate.refusal(gate.client(Some(&two))).await;
    assert!(alert.contains("AccessDenied"), "{alert}");
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let authority = Authority::new("norrmalm");
    let gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let (victim, thief) = (authority.client(NAME), authority.client(NAME));
    let key = aws_lc_rs::sign::any_supported_type(&thief.private()).unwrap();
    let pair = rustls::sign::CertifiedKey::new(victim.chain, key);
    let mut config = gate.client(None);
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(pair));
    let alert = gate.refusal(config).await;
    assert!(alert.contains("DecryptError"), "{alert}");
}

#[tokio::test]
async fn t7_a_client_without_http2_is_refused() {
    let authority = Authority::new("norrmalm");
    let gate = Gate::open(vec![authority.own("norrmalm")]).await;
    for offer in [vec![], vec![b"http/1.1".to_vec()]] {
        let mut config = gate.client(Some(&authority.client(NAME)));
        config.alpn_protocols = offer;
        let alert = gate.refusal(config).await;
        assert!(alert.contains("NoApplicationProtocol"), "{alert}");
    }
}

/// A `ClientHello` of TLS 1.2 that offers HTTP/2 and an ECDHE suite.
const TLS12_HELLO: [u8; 83] = [
    22, 3, 1, 0, 78, // a handshake record
    1, 0, 0, 74, 3, 3, // the hello, version 1.2
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // random
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    0, 0, 2, 0xc0, 0x2b, 1, 0, // no session, one suite, no compression
    0, 31, // extensions
    0, 10, 0, 4, 0, 2, 0, 29, // groups: x25519
    0, 11, 0, 2, 1, 0, // point formats: uncompressed
    0, 13, 0, 4, 0, 2, 4, 3, // signatures: ECDSA P-256
    0, 16, 0, 5, 0, 3, 2, b'h', b'2', // ALPN: h2
];

#[tokio::test]
async fn t7_tls_1_2_is_refused() {
    let gate = Gate::open(vec![Authority::new("norrmalm").own("norrmalm")]).await;
    let mut tcp = TcpStream::connect(gate.address).await.unwrap();
    tcp.write_all(&TLS12_HELLO).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70], "a fatal protocol_version alert");
}

#[tokio::test]
async fn t5_a_client_that_would_resume_gets_no_ticket() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let mut config = gate.client(Some(&authority.client(NAME)));
    config.resumption = Resumption::in_memory_sessions(8);
    config.enable_early_data = true;
    for _ in 0..2 {
        let (client, _server) = gate.greet(config.clone()).await;
        let session = client.get_ref().1;
        assert_eq!(session.tls13_tickets_received(), 0);
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
        assert!(!session.is_early_data_accepted());
    }
}

#[tokio::test]
async fn a_stock_client_accepts_dns_name_and_address_and_its_stream_can_be_ended() {
    let authority = Authority::new("norrmalm");
    let card = authority.client(NAME);
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let incoming = std::mem::replace(&mut gate.incoming, ReceiverStream::new(mpsc::channel(1).1));
    let server = tokio::spawn(Server::builder().add_service(health).serve_with_incoming(incoming));
    let client = pem(&card);
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&gate.authority.pem))
        .identity(Identity::from_pem(client.chain_pem, client.key_pem));
    for host in ["localhost", "127.0.0.1"] {
        let address = format!("https://{host}:{}", gate.address.port());
        let endpoint = Endpoint::from_shared(address).unwrap().tls_config(tls.clone()).unwrap();
        let mut health = HealthClient::new(endpoint.connect().await.unwrap());
        health.check(HealthCheckRequest::default()).await.unwrap();
        let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
        let mut watch = watch.into_inner();
        watch.message().await.unwrap().unwrap();
        assert_eq!(gate.end(|peer| peer.service() == "lagesbild").await, 1);
        let cut = timeout(PATIENCE, watch.message()).await.expect("cut at once");
        assert!(cut.is_err(), "an open stream ends with its connection");
        assert_eq!(gate.connections.count(), 0);
    }
    gate.stop.send(()).unwrap();
    timeout(PATIENCE, server).await.expect("ends on shutdown").unwrap().unwrap();
}
