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
