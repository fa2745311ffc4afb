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
    let cases: [(&[&[u8]], bool); 9] = [
        (&["å\r\n\tö".as_bytes()], true),
        (&[b"a\x07"], false),
        (&["a\u{9b}31m".as_bytes()], false),
        (&[b"a\x7f"], false),
        (&[&[0xff, b'a']], false),
        // A character may lie across two parts, and none that no text has.
        (&[&[b'p', 0xc3], &[0xa5]], true),
        (&[&[b'p', 0xc2], &[0x9b]], false),
        (&[&[b'p', 0xc3]], false),
        (&[b"p", &[0xa5]], false),
    ];
    for (parts, is_one) in cases {
        let mut text = Text::default();
        let mut parts_of = parts.iter().enumerate();
        let all = parts_of.all(|(place, part)| text.goes_on(part, place + 1 == parts.len()));
        assert_eq!(all, is_one, "{parts:?}");
    }
}
