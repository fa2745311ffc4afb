//! What holds for every text.

use proptest::prelude::*;

use super::{Near, screen};

const INVISIBLE: [char; 6] = ['\u{200B}', '\u{200D}', '\u{AD}', '\u{2060}', '\u{FEFF}', '\u{FE0F}'];

/// Texts rich in what the scanners look for.
fn dense() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9 +./_-]{0,60}",
        "[0-9K@a-cA-C().-]{0,60}",
        "(kvinna|man|i|15|80|år|åldern|-|, |\\(|s|årsåldern| |his|850709|9805){0,20}",
    ]
}

fn with_a_hit() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "se 850709-9805 här",
        "19850709 9806",
        "701063-2391",
        "+46 (0)70 123 45 67",
        "08-508 00 000",
        "anna.b@exempel.se",
        "bil ABC 12D",
        "5000-K123456-25",
        "kvinna i 80-årsåldern",
        "pojken, femton år",
        "man (34)",
        "a 15-year-old boy",
        "👩 man in his late 40s",
        "a\0\u{1}b",
    ])
}

fn assert_in_bounds(text: &str, near: Option<Near>) -> Result<(), TestCaseError> {
    let length = text.chars().count();
    for hit in screen(text, near) {
        prop_assert!(hit.first_character < hit.end_character);
        prop_assert!(hit.end_character as usize <= length);
    }
    Ok(())
}

proptest! {
    #[test]
    fn hits_lie_within_any_text(text in any::<String>(), near in any::<Option<i64>>()) {
        assert_in_bounds(&text, near.map(Near::from_microseconds))?;
    }

    #[test]
    fn hits_lie_within_dense_text(text in dense(), near in any::<Option<i64>>()) {
        assert_in_bounds(&text, near.map(Near::from_microseconds))?;
    }

    #[test]
    fn an_invisible_character_inside_keeps_a_hit(
        text in with_a_hit(),
        place in any::<prop::sample::Index>(),
        invisible in prop::sample::select(INVISIBLE.to_vec()),
    ) {
        let hit = screen(text, None)[0];
        let length = (hit.end_character as usize).saturating_sub(hit.first_character as usize);
        let at = (hit.first_character as usize).saturating_add(place.index(length));
        let changed: String = text
            .chars()
            .enumerate()
            .flat_map(|(index, character)| {
                (index == at).then_some(invisible).into_iter().chain([character])
            })
            .collect();
        prop_assert!(
            screen(&changed, None).iter().any(|other| (other.rule, other.verdict)
                == (hit.rule, hit.verdict)
                && other.end_character >= hit.end_character),
            "at {at} in {text:?}"
        );
    }
}
