use std::ops::Range;

use tokio::time::timeout;

use super::*;

const HERE: u64 = 1;
const THERE: u64 = 2;
/// So long nothing is taken for never.
const SILENCE: Duration = Duration::from_millis(200);

/// A node that says each byte back, behind a proxy for which this process is the other node.
async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let targets = [HERE, THERE].map(|node| (node, listener.local_addr().unwrap()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    let proxy = Proxy::start(BTreeMap::from(targets), 1).await.unwrap();
    proxy.knows(HERE, std::process::id());
    proxy
}

async fn dial(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address(THERE).unwrap()).await.unwrap()
}

/// How long it takes until so many bytes have come back.
async fn echoed(stream: &mut TcpStream, bytes: usize) -> io::Result<Duration> {
    let since = Instant::now();
    let said: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (mut from, mut to) = stream.split();
    let mut heard = vec![0; bytes];
    tokio::try_join!(to.write_all(&said), from.read_exact(&mut heard))?;
    assert_eq!(heard, said, "nothing is lost or changed");
    Ok(since.elapsed())
}

#[tokio::test]
async fn a_cut_way_closes_what_stands_and_lets_nothing_be_made() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    echoed(&mut stream, 100_000).await.unwrap();
    // Either direction closes the connection of both.
    proxy.set(THERE, HERE, Way::Cut);
    assert!(echoed(&mut stream, 1).await.is_err(), "it was closed");
    assert!(echoed(&mut dial(&proxy).await, 1).await.is_err(), "none is made");
    proxy.set_all(Way::Open);
    echoed(&mut dial(&proxy).await, 1).await.unwrap();
}

#[tokio::test]
async fn a_silent_way_holds_one_direction_and_gives_all_when_it_opens() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    echoed(&mut stream, 10).await.unwrap();
    proxy.set_to(HERE, Way::Silent);
    stream.write_all(b"held").await.unwrap();
    let mut heard = [0; 4];
    assert!(timeout(SILENCE, stream.read_exact(&mut heard)).await.is_err(), "nothing is heard");
    proxy.set_all(Way::Open);
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"held");
    // The other direction alone: what is said does not arrive.
    proxy.set_from(HERE, Way::Silent);
    assert!(timeout(SILENCE, echoed(&mut stream, 1)).await.is_err());
}

#[tokio::test]
async fn a_late_or_narrow_way_takes_its_time() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    let between = |took: Duration, millis: Range<u64>| {
        assert!(millis.contains(&u64::try_from(took.as_millis()).unwrap()), "{took:?}");
    };
    let late = Way::Late { least: Duration::from_millis(30), spread: Duration::from_millis(10) };
    proxy.set_all(late);
    between(echoed(&mut stream, 10).await.unwrap(), 60..1_000);
    proxy.set_all(Way::Open);
    proxy.set_from(HERE, Way::Narrow { bytes_per_second: 20_000 });
    between(echoed(&mut stream, 10_000).await.unwrap(), 450..2_000);
}

#[tokio::test]
async fn whoever_is_no_node_is_not_let_through() {
    let proxy = echo().await;
    proxy.knows(HERE, 1);
    assert!(echoed(&mut dial(&proxy).await, 1).await.is_err());
}
