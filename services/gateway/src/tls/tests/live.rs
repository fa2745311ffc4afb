//! Connections that live: the table, the end, the shutdown, the log.

use std::{io::Write, sync::Mutex};

use super::*;

const NAME: &str = "spiffe://norrmalm.example/svc/lagesbild";

#[tokio::test]
async fn an_ended_connection_stops_at_once_and_others_go_on() {
    let (city, police) = (Authority::new("norrmalm"), Authority::new("police"));
    let mut gate = Gate::open(vec![city.own("norrmalm"), police.own("police")]).await;
    let config = gate.client(Some(&city.client(NAME)));
    let (mut client, mut server) = gate.greet(config).await;
    let config = gate.client(Some(&police.client("spiffe://police.example/svc/x")));
    let (mut other, mut other_server) = gate.greet(config).await;
    assert_eq!(gate.connections.count(), 2);

    // A reader that waits is woken; the halves stand in different tasks, as in a server.
    let (mut reader, mut writer) = tokio::io::split(server);
    let waiting = tokio::spawn(async move { (reader.read_u8().await, reader) });
    tokio::task::yield_now().await;
    assert_eq!(gate.end(|peer| peer.organisation() == "norrmalm").await, 1);
    let (read, reader) = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    assert!(writer.write_all(b"hej").await.is_err());
    assert!(writer.shutdown().await.is_err());
    server = reader.unsplit(writer);
    drop(server);
    assert!(timeout(PATIENCE, client.read_u8()).await.unwrap().is_err());

    assert_eq!(gate.connections.count(), 1);
    other_server.write_all(b"x").await.unwrap();
    other_server.flush().await.unwrap();
    assert_eq!(other.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn a_writer_that_waits_is_woken_when_its_connection_ends() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let (client, mut server) = gate.greet(config).await;
    let flood = tokio::spawn(async move {
        let bytes = vec![0; 64 * 1024];
        loop {
            if let Err(error) = server.write_all(&bytes).await {
                return error.kind();
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!flood.is_finished(), "the peer does not read: the writer waits");
    assert_eq!(gate.end(|_| true).await, 1);
    let ended = timeout(PATIENCE, flood).await.unwrap().unwrap();
    assert_eq!(ended, io::ErrorKind::ConnectionAborted);
    assert_eq!(gate.connections.count(), 0);
    drop(client);
}

#[tokio::test]
async fn shutdown_ends_the_stream_and_leaves_live_connections() {
    let authority = Authority::new("norrmalm");
    let mut gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let config = gate.client(Some(&authority.client(NAME)));
    let (mut client, mut server) = gate.greet(config).await;
    let _half_open = TcpStream::connect(gate.address).await.unwrap();
    gate.stop.send(()).unwrap();
    assert!(timeout(PATIENCE, gate.incoming.next()).await.unwrap().is_none());
    assert!(TcpStream::connect(gate.address).await.is_err(), "the listener is closed");
    client.write_all(b"x").await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'x');
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until so many handshakes have ended and been told.
async fn ended(gate: &Gate, count: u64) {
    let all = || gate.tls.outcomes().counts().values().sum::<u64>();
    let ended = async {
        while all() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("they end");
}

#[tokio::test(flavor = "current_thread")]
async fn a_refused_handshake_is_one_line_with_its_reason_and_no_names() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let authority = Authority::new("norrmalm");
    let gate = Gate::open(vec![authority.own("norrmalm")]).await;
    let stranger = Authority::new("stranger").client(NAME);
    // Another test may just have registered the place of the line, for no subscriber.
    gate.refusal(gate.client(None)).await;
    ended(&gate, 1).await;
    tracing::callsite::rebuild_interest_cache();
    lines.0.lock().unwrap().clear();
    gate.refusal(gate.client(Some(&stranger))).await;
    let mut config = gate.client(Some(&stranger));
    config.alpn_protocols.clear();
    gate.refusal(config).await;
    ended(&gate, 3).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let refused: Vec<_> = text.lines().filter(|line| line.contains("handshake refused")).collect();
    assert_eq!(refused.len(), 2, "{text}");
    assert!(refused[0].contains("unknown_issuer"), "{text}");
    assert!(refused[1].contains("no_http2"), "{text}");
    assert!(!text.contains("norrmalm") && !text.contains("spiffe"), "{text}");
}
