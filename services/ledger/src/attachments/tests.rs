use super::*;

#[test]
fn row47_a_part_opens_in_its_place_alone() {
    let key = [7; 32];
    let sealed = seal(&key, (1, false), b"a part").unwrap();
    assert_eq!(open(&key, (1, false), &sealed).unwrap(), b"a part");
    for place in [(0, false), (2, false), (1, true)] {
        assert_eq!(open(&key, place, &sealed), None, "{place:?}");
    }
    assert_eq!(open(&[8; 32], (1, false), &sealed), None);
}

#[test]
fn a_text_is_told_part_by_part() {
    let (whole, first, last) = ((0, true), (0, false), (1, true));
    let cut = "på".as_bytes().split_at(2);
    let cases: [(&[u8], _, bool); 9] = [
        ("å\r\n\tö".as_bytes(), whole, true),
        (b"a\x07", whole, false),
        ("a\u{9b}31m".as_bytes(), whole, false),
        (b"a\x7f", whole, false),
        (&[0xff, b'a'], whole, false),
        // A character may lie across two parts, and nowhere else.
        (cut.0, first, true),
        (cut.1, last, true),
        (cut.0, whole, false),
        (cut.1, first, false),
    ];
    for (part, place, is_one) in cases {
        assert_eq!(is_text(part, place), is_one, "{part:?} {place:?}");
    }
}
