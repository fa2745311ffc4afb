//! What goes out: from real views where something is opened or masked.

mod contributions;
mod editions;
mod events;
mod lists;
mod pictures;
mod round_trip;
mod world;

use prost::Message;

use super::{Encoded, Paged};

/// What a receiver reads.
fn read<M: Message + Default>(encoded: &Encoded<M>) -> M {
    M::decode(encoded.encode_to_vec().as_slice()).unwrap()
}

fn all() -> Paged {
    Paged { from: 0, size: 500 }
}

fn no_token(_: usize) -> String {
    panic!("a token was made for a page that does not exist")
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn pages_cover_a_list_once_and_end() {
    let list: Vec<usize> = (0..7).collect();
    for size in [0, 1, 3, 7, 500] {
        let (mut from, mut seen) = (0, Vec::new());
        loop {
            let paged = Paged { from, size };
            let rows = paged.rows(&list);
            assert!(!rows.is_empty(), "a page of {size} without rows after {seen:?}");
            seen.extend_from_slice(rows);
            match paged.next(&list, |next| next.to_string()).as_str() {
                "" => break,
                next => from = next.parse().unwrap(),
            }
        }
        assert_eq!(seen, list, "{size}");
    }
    let beyond = Paged { from: usize::MAX, size: usize::MAX };
    assert_eq!(beyond.rows(&list), [0; 0]);
    assert_eq!(beyond.next(&list, no_token), "");
}
