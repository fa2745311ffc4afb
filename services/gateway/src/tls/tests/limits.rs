//! Bounds on connections that are not yet anybody's.

use tokio::time::Instant;

use super::*;

const NAME: &str = "spiffe://norrmalm.example/svc/lagesbild";

/// Waits until the server closes a connection that says nothing more.
async fn closed(tcp: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, tcp.read_to_end(&mut rest)).await.expect("closed in time");
    drop(read);
}

#[tokio::test]
async fn t22_a_handshake_that_trickles_ends_at_its_deadline() {
    let limits = Limits { handshake_max: Duration::from_millis(300), ..Limits::default() };
    let anchors = vec![Authority::new("norrmalm").own("norrmalm")];
    let gate = Gate::with_limits(anchors, limits).await;
    let started = Instant::now();
    let mut silent = TcpStream::connect(gate.address).await.unwrap();
    let (mut reader, mut writer) = TcpStream::connect(gate.address).await.unwrap().into_split();
    let trickle = tokio::spawn(async move {
        // The head of a hello of 512 bytes, then one byte at a time.
        writer.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252]).await.unwrap();
        while writer.write_all(&[3]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    closed(&mut silent).await;
    let mut rest = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut rest)).await.unwrap().ok();
    assert!(started.elapsed() >= Duration::from_millis(290), "not before the deadline");
    assert!(started.elapsed() < Duration::from_secs(3), "at the deadline");
    timeout(PATIENCE, trickle).await.unwrap().unwrap();
}

#[tokio::test]
async fn t22_idle_connections_of_one_source_do_not_take_the_slots() {
    let limits = Limits { handshakes_per_source_max: 2, ..Limits::default() };
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(gate.address).await.unwrap());
    }
    // The third and later are closed at once, long before any deadline.
    for extra in &mut idle[2..] {
        timeout(Duration::from_secs(2), closed(extra)).await.expect("closed at once");
    }
    let config = gate.client(Some(&authority.client(NAME)));
    assert!(gate.dial(config.clone()).await.is_err(), "the source is full");
    let elsewhere = tokio::net::TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let tcp = elsewhere.connect(gate.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let started = Instant::now();
    let other = TlsConnector::from(Arc::new(config.clone())).connect(name, tcp).await.unwrap();
    let connection = gate.accepted().await;
    assert!(started.elapsed() < Duration::from_secs(2), "another source is served at once");
    drop((idle, other, connection));
}

#[tokio::test]
async fn connections_of_one_source_are_bounded_and_come_free() {
    let limits = Limits { connections_per_source_max: 1, ..Limits::default() };
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let (_client, server) = gate.greet(config.clone()).await;
    assert!(gate.dial(config.clone()).await.is_err());
    drop(server);
    gate.greet(config).await;
}

/// Begins a handshake from an address, and says no more.
async fn begin(gate: &Gate, address: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let mut tcp = socket.connect(gate.address).await.unwrap();
    tcp.write_all(&[22]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    tcp
}

/// Whether the server has closed a connection that says nothing.
async fn is_closed(tcp: &mut TcpStream) -> bool {
    !matches!(timeout(Duration::from_millis(50), tcp.read(&mut [0])).await, Err(_) | Ok(Ok(1..)))
}

#[tokio::test]
async fn t22_nobody_waits_for_handshakes_that_trickle() {
    let limits = Limits { handshakes_max: 4, ..Limits::default() };
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
    let mut slow = vec![begin(&gate, "127.0.0.3").await];
    for _ in 0..3 {
        slow.push(begin(&gate, "127.0.0.2").await);
    }
    let started = Instant::now();
    gate.greet(gate.client(Some(&authority.client(NAME)))).await;
    assert!(started.elapsed() < Duration::from_secs(1), "it waited for those who trickle");
    let mut gone = Vec::new();
    for tcp in &mut slow {
        gone.push(is_closed(tcp).await);
    }
    assert_eq!(gone, [false, true, false, false], "the oldest of the address with most");
    assert_eq!(gate.tls.outcomes().counts().get("crowded_out"), Some(&1));
}

#[tokio::test]
async fn t22_nobody_waits_for_connections_that_say_nothing() {
    let limits = Limits { handshakes_max: 1, ..Limits::default() };
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(gate.address).await.unwrap());
    }
    let started = Instant::now();
    gate.greet(gate.client(Some(&authority.client(NAME)))).await;
    assert!(started.elapsed() < Duration::from_secs(1), "it waited for the silent ones");
}

#[tokio::test]
async fn connections_that_nobody_takes_do_not_pile_up() {
    let limits = Limits { backlog_max: 1, handshakes_max: 2, ..Limits::default() };
    let authority = Authority::new("norrmalm");
    let gate = Gate::with_limits(vec![authority.own("norrmalm")], limits).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(gate.dial(config.clone()).await.unwrap());
    }
    // One waits in the backlog and two in their turns; the others had to give way.
    let deadline = Instant::now() + PATIENCE;
    while gate.connections.count() > 3 {
        assert!(Instant::now() < deadline, "{} connections", gate.connections.count());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
