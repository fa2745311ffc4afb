//! Certificates and lists that change while connections live.

use rustls::pki_types::UnixTime;

use super::{super::table::NoPlace, *};

const NAME: &str = "spiffe://norrmalm.example/svc/lagesbild";
const OTHER: u64 = 0x77;

fn revoking(authority: &Authority, organisation: &str, revoked: &[u64]) -> Anchor {
    let mut anchor = authority.own(organisation);
    let Anchor::Own { crl_pem, .. } = &mut anchor else { panic!("an own anchor") };
    *crl_pem = Some(authority.crl(revoked, 2999));
    anchor
}

fn named(authority: &Authority, service: &str, serial: u64) -> Card {
    authority.issue(|params| {
        params.serial_number = Some(SerialNumber::from(serial));
        params.subject_alt_names =
            vec![uri_name(&format!("spiffe://norrmalm.example/svc/{service}"))];
    })
}

fn access(connection: &Connection) -> Access {
    tonic::transport::server::Connected::connect_info(connection)
}

#[tokio::test]
async fn t4_a_revoked_certificate_ends_its_live_connection_and_no_other() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let config = gate.client(Some(&named(&authority, "one", SERIAL)));
    let (mut client, server) = gate.greet(config.clone()).await;
    let other = gate.client(Some(&named(&authority, "two", OTHER)));
    let (_other_client, other_server) = gate.greet(other.clone()).await;

    let server_material = pem(&gate.authority.server());
    let anchors = vec![revoking(&authority, "norrmalm", &[SERIAL])];
    assert_eq!(gate.tls.reload(&server_material, anchors).unwrap(), 1, "one is told");
    assert_eq!(access(&server).left(), Some(Leaving::Certificate));
    assert_eq!(access(&other_server).left(), None);
    let told = timeout(PATIENCE, access(&server).leaving()).await.unwrap();
    assert_eq!(told, Leaving::Certificate, "streams are told at once");

    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(gate.sweep(), 1, "and it is cut after its last word");
    drop(server);
    assert!(timeout(PATIENCE, client.read_u8()).await.unwrap().is_err());
    assert_eq!(gate.connections.count(), 1);

    // T5: what was revoked does not come back, by a new handshake or a resumed one.
    let mut again = gate.dial(config).await.unwrap();
    let refused = timeout(PATIENCE, again.read_u8()).await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("CertificateRevoked"), "{refused}");
    gate.greet(other).await;
}

#[tokio::test]
async fn an_anchor_that_is_gone_takes_its_connections_along() {
    let (city, police) = (Authority::new("norrmalm"), Authority::new("police"));
    let mut gate = Gate::open(vec![city.own("norrmalm"), police.own("police")]).await;
    let (_client, server) = gate.greet(gate.client(Some(&city.client(NAME)))).await;
    let server_material = pem(&gate.authority.server());
    assert_eq!(gate.tls.reload(&server_material, vec![police.own("police")]).unwrap(), 1);
    assert_eq!(access(&server).left(), Some(Leaving::Certificate));
}

#[tokio::test]
async fn material_that_does_not_hold_leaves_the_old_in_force() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let (_client, server) = gate.greet(config.clone()).await;
    let good = pem(&gate.authority.server());
    let strange = ServerMaterial { key_pem: pem(&gate.authority.server()).key_pem, ..good.clone() };
    let mut torn = authority.own("norrmalm");
    let Anchor::Own { crl_pem, .. } = &mut torn else { panic!("an own anchor") };
    crl_pem.as_mut().unwrap().truncate(100);
    for (server_material, anchors) in
        [(&strange, vec![authority.own("norrmalm")]), (&good, vec![torn]), (&good, vec![])]
    {
        gate.tls.reload(server_material, anchors).unwrap_err();
    }
    assert_eq!(access(&server).left(), None);
    gate.greet(config).await;
}

#[tokio::test]
async fn a_new_server_certificate_is_shown_to_the_next_handshake() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let shown = |client: &TlsStream<TcpStream>| {
        client.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    };
    let (first, _server) = gate.greet(config.clone()).await;
    let card = gate.authority.server();
    assert_eq!(gate.tls.reload(&pem(&card), vec![authority.own("norrmalm")]).unwrap(), 0);
    let (second, _server) = gate.greet(config).await;
    assert_ne!(shown(&first), shown(&second));
    assert_eq!(shown(&second), *card.leaf());
}

/// A handshake that began under the old list may be done after the new one was taken up.
#[tokio::test]
async fn who_was_verified_by_an_older_list_proves_itself_again() {
    let authority = Authority::new("norrmalm");
    let gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let card = authority.client(NAME);
    let before = gate.tls.live();
    let verifier = gate.tls.verifier(&before);
    rustls::server::danger::ClientCertVerifier::verify_client_cert(
        &verifier,
        card.leaf(),
        &[],
        UnixTime::now(),
    )
    .unwrap();
    let verified = verifier.outcome().unwrap().unwrap();
    let material = pem(&gate.authority.server());
    gate.tls.reload(&material, vec![authority.own("norrmalm")]).unwrap();
    let stale = gate.connections.enter(&verified, before.generation(), 10).unwrap_err();
    assert_eq!(stale, NoPlace::Stale);
    drop(gate.tls.enter(&verified, before.generation()).expect("it still holds"));
    let anchors = vec![revoking(&authority, "norrmalm", &[SERIAL])];
    gate.tls.reload(&material, anchors).unwrap();
    let refused = gate.tls.enter(&verified, before.generation()).unwrap_err();
    assert_eq!(refused.to_string(), "revoked");
    assert_eq!(gate.connections.count(), 0);
}

#[tokio::test]
async fn a_certificate_that_ends_takes_its_connection_along() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let card = authority.issue(|params| {
        params.not_after = date_time_ymd(2030, 1, 1);
        params.subject_alt_names = vec![uri_name(NAME)];
    });
    let (_client, server) = gate.greet(gate.client(Some(&card))).await;
    let ends = 1_893_456_000;
    gate.connections.sweep(ends - 1, &gate.tls.limits.lifetime());
    assert_eq!(access(&server).left(), None);
    gate.connections.sweep(ends, &gate.tls.limits.lifetime());
    assert_eq!(access(&server).left(), Some(Leaving::Certificate));
}

#[tokio::test]
async fn what_ends_soon_is_worried_about() {
    let authority = Authority::new("norrmalm");
    let mut anchor = authority.own("norrmalm");
    let Anchor::Own { crl_pem, .. } = &mut anchor else { panic!("an own anchor") };
    *crl_pem = Some(authority.crl(&[], 2029));
    let gate = Gate::open(vec![anchor]).await;
    let live = gate.tls.live();
    // The list is of 2020 to the end of 2029; the server's certificate ends in 4096.
    let at = |seconds| live.worries(seconds);
    let anchor = || "norrmalm.example".to_owned();
    assert_eq!(at(1_600_000_000), []);
    assert_eq!(at(1_740_000_000), [Worry::ListHalfOver(anchor())]);
    assert_eq!(at(1_893_456_000), [Worry::ListEnded(anchor())]);
    assert!(at(67_090_000_000).contains(&Worry::CertificateEnds));
    assert!(live.list_ended(1_893_000_000, 1_893_456_000));
    assert!(!live.list_ended(1_893_456_000, 1_893_456_001));
}

#[tokio::test]
async fn a_service_has_so_many_connections_and_gets_them_back() {
    let authority = Authority::new("norrmalm");
    let limits = Limits { connections_per_service_max: 1, ..Limits::default() };
    let mut gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let (_client, server) = gate.greet(config.clone()).await;
    let mut second = gate.dial(config.clone()).await.unwrap();
    assert!(timeout(PATIENCE, second.read_u8()).await.unwrap().is_err(), "closed");
    let other = gate.client(Some(&named(&authority, "two", OTHER)));
    gate.greet(other).await;
    drop(server);
    gate.greet(config).await;
}

#[tokio::test]
async fn a_connection_is_ended_when_it_is_idle_stalls_or_is_too_old() {
    let authority = Authority::new("norrmalm");
    let short = Duration::from_millis(200);
    let calm = Limits::default();
    let cases = [
        ("no first call", Limits { first_call_max: short, ..calm }),
        ("idle", Limits { idle_max: short, ..calm }),
        ("stalled", Limits { stall_max: short, ..calm }),
        ("too old", Limits { age_max: short, age_grace: Duration::ZERO, ..calm }),
    ];
    for (what, limits) in cases {
        let mut gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
        let (_client, server) = gate.greet(gate.client(Some(&authority.client(NAME)))).await;
        let access = access(&server);
        let call = (what != "no first call").then(|| access.call());
        if let ("stalled", Some(call)) = (what, &call) {
            call.offered();
        }
        let call = call.filter(|_| what != "idle");
        assert_eq!(gate.sweep(), 0, "{what}: not yet");
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(gate.sweep(), 1, "{what}");
        drop(call);
    }
}

#[tokio::test]
async fn a_message_that_waits_too_long_lags() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let (_client, server) = gate.greet(gate.client(Some(&authority.client(NAME)))).await;
    let call = access(&server).call();
    call.offered();
    call.taken();
    assert!(!call.lagged(Duration::from_millis(50)));
    call.offered();
    tokio::time::sleep(Duration::from_millis(60)).await;
    call.taken();
    assert!(call.lagged(Duration::from_millis(50)));
}
