//! What a stolen data folder tells.

use std::{fs, path::Path};

use samsyn_client::wire;

use crate::harness::{Domain, PARTY, delta, observation};

const NOTE: &str = "Kanariefågeln sjunger vid torget.";
/// Beside Skärholmstorget, written in a way that nothing else is.
const AT: (i32, i32) = (592_765_432, 179_076_543);

/// The files of a folder that hold something, but for one.
pub(crate) fn holds(dir: &Path, needle: &[u8], but: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holds(&path, needle, but));
        } else if !path.ends_with(but) {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|part| part == needle) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Coordinates as protobuf writes them (zigzag varint), in either of the stored messages' forms.
fn zigzag(number: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = u64::from(((number << 1) ^ (number >> 31)).unsigned_abs());
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// Log, state and snapshot without the key file: free text and coordinates are ciphertext. What is
/// clear, as the id of an observation, is found, so the search itself works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t30_a_stolen_data_folder_tells_no_note_and_no_coordinates() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    let mut noted = observation("CLEAR-ID-17", 2);
    noted.note = NOTE.to_owned();
    let (lat_e7, lon_e7) = AT;
    let coordinates = wire::Coordinates { lat_e7, lon_e7 };
    noted.location = Some(wire::observation::Location::Coordinates(coordinates));
    client.publish(delta(PARTY, 0, noted)).await.unwrap();
    drop(client);
    domain.kill();
    let data = domain.path().join("data");
    let found = |needle: &[u8]| holds(&data, needle, "keys.json");
    assert!(!found(b"CLEAR-ID-17").is_empty(), "the search finds nothing");
    for word in ["Kanariefågeln", "sjunger"] {
        assert_eq!(found(word.as_bytes()), [""; 0], "`{word}`");
    }
    for number in [lat_e7, lon_e7] {
        assert_eq!(found(&zigzag(number)), [""; 0]);
        assert_eq!(found(&number.to_be_bytes()), [""; 0]);
        assert_eq!(found(number.to_string().as_bytes()), [""; 0]);
    }
    assert!(domain.log().contains("serving") && !domain.log().contains("sjunger"));
}
