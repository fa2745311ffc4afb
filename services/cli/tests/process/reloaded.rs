//! Files that change while the process serves, well and badly.

use std::{fs, time::Duration};

use samsyn_client::{Client, wire};

use crate::{
    harness::{Domain, PARTY},
    revoked::Authority,
};

/// Longer than the files are left unread.
const LOOKED: Duration = Duration::from_secs(5);

async fn asks(client: &Client) -> bool {
    client.access.clone().get_access(wire::GetAccessRequest::default()).await.is_ok()
}

fn log(domain: &Domain) -> String {
    fs::read_to_string(domain.path().join("serve.log")).unwrap()
}

/// Waits until the log says something, and gives how often it does.
async fn said(domain: &Domain, word: &str) -> usize {
    let started = tokio::time::Instant::now();
    loop {
        let count = log(domain).matches(word).count();
        if count > 0 || started.elapsed() > LOOKED {
            return count;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_leaves_the_old_in_force_and_raises_an_alarm_until_it_is_mended() {
    let mut domain = Domain::written();
    let authority = Authority::of_the_city(&domain);
    domain.start();
    let profile = authority.issue(&domain, PARTY);
    let police = domain.client("lpo-skarholmen").await;
    let client = Client::connect(&profile).await.unwrap();
    let list = domain.path().join("anchors/stockholms-stad.crl.pem");
    let whole = fs::read(&list).unwrap();
    fs::write(&list, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(said(&domain, "alarm=\"reload_failed\"").await, 1, "{}", log(&domain));
    assert!(log(&domain).contains("the revocation list of anchor"), "it says which file");
    assert!(asks(&client).await && asks(&police).await, "those who were in go on");
    assert!(asks(&Client::connect(&profile).await.unwrap()).await, "and others come in");
    fs::write(&list, whole).unwrap();
    assert_eq!(said(&domain, "the alarm is over").await, 1, "{}", log(&domain));
    assert!(!log(&domain).contains("a certificate no longer holds"), "{}", log(&domain));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_signal_has_the_files_read_anew() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    domain.hang_up();
    assert_eq!(said(&domain, "were taken up anew").await, 1, "{}", log(&domain));
    assert!(asks(&client).await, "and nobody is the worse for it");
}
