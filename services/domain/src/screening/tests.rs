//! What hits and what does not, row by row.

use super::{
    Hit, Near, Rule,
    Rule::{
        AgeAndGender, CaseNumber, ControlCharacter, CoordinationNumber, Email, NumberPlate,
        PersonalIdentityNumber, Phone,
    },
    Verdict::{self, Hold, Refuse, Warn},
    screen,
};

/// 2025-08-25 14:28 in Stockholm.
const OBSERVED: Near = Near::from_microseconds(1_756_124_880_000_000);

fn slice(text: &str, hit: Hit) -> String {
    let range = hit.first_character as usize..hit.end_character as usize;
    text.chars().skip(range.start).take(range.len()).collect()
}

fn found(text: &str, near: Option<Near>) -> Vec<(Rule, Verdict, String)> {
    screen(text, near).into_iter().map(|hit| (hit.rule, hit.verdict, slice(text, hit))).collect()
}

fn assert_one(text: &str, near: Option<Near>, rule: Rule, verdict: Verdict, part: &str) {
    assert_eq!(found(text, near), [(rule, verdict, part.to_owned())], "in {text:?}");
}

fn assert_found(rule: Rule, verdict: Verdict, rows: &[(&str, &str)]) {
    for &(text, part) in rows {
        assert_one(text, Some(OBSERVED), rule, verdict, part);
    }
}

fn assert_clean(rows: &[&str]) {
    for text in rows {
        assert_eq!(found(text, Some(OBSERVED)), [], "in {text:?}");
    }
}

#[test]
fn identity_numbers_with_right_check_digit_are_refused() {
    assert_found(
        PersonalIdentityNumber,
        Refuse,
        &[
            ("Ring 850709-9805 i dag", "850709-9805"),
            ("8507099805", "8507099805"),
            ("198507099805", "198507099805"),
            ("19850709-9805.", "19850709-9805"),
            ("121212+1212", "121212+1212"),
            ("850709 9805", "850709 9805"),
            ("850709\u{A0}9805", "850709\u{A0}9805"),
            ("850709 – 9805", "850709 – 9805"),
            ("850709−9805", "850709−9805"),
            ("850709.9805", "850709.9805"),
            ("bild_850709_9805.pdf", "850709_9805"),
            ("19 850709-9805", "19 850709-9805"),
            ("1985-07-09-9805", "1985-07-09-9805"),
            ("1985 07 09 9805", "1985 07 09 9805"),
            ("85 07 09 98 05", "85 07 09 98 05"),
            ("8 5 0 7 0 9 9 8 0 5", "8 5 0 7 0 9 9 8 0 5"),
            ("85.07.09.98.05", "85.07.09.98.05"),
            ("pnr850709-9805x", "850709-9805"),
            ("23-850709-9805", "850709-9805"),
            ("850709-\n9805", "850709-\n9805"),
            ("000229-1235", "000229-1235"),
        ],
    );
}

#[test]
fn disguised_identity_numbers_are_refused() {
    assert_found(
        PersonalIdentityNumber,
        Refuse,
        &[
            ("８５０７０９－９８０５", "８５０７０９－９８０５"),
            ("𝟖𝟓𝟎𝟕𝟎𝟗-𝟗𝟖𝟎𝟓", "𝟖𝟓𝟎𝟕𝟎𝟗-𝟗𝟖𝟎𝟓"),
            ("٨٥٠٧٠٩-٩٨٠٥", "٨٥٠٧٠٩-٩٨٠٥"),
            ("⑧⑤⓪⑦⓪⑨⑨⑧⓪⑤", "⑧⑤⓪⑦⓪⑨⑨⑧⓪⑤"),
            ("850\u{200D}709-98\u{200B}05", "850\u{200D}709-98\u{200B}05"),
            ("8507\u{AD}09\u{AD}9805", "8507\u{AD}09\u{AD}9805"),
            ("850709-9805\u{FEFF}", "850709-9805"),
            ("8\u{336}5\u{336}0709-9805", "8\u{336}5\u{336}0709-9805"),
            ("8️⃣507099805", "8️⃣507099805"),
        ],
    );
}

#[test]
fn identity_numbers_with_wrong_check_digit_are_held() {
    assert_found(
        PersonalIdentityNumber,
        Hold,
        &[
            ("850709-9806", "850709-9806"),
            ("8507099806", "8507099806"),
            ("19850709-9806", "19850709-9806"),
            ("850709+9806", "850709+9806"),
            ("1985-07-09 9806", "1985-07-09 9806"),
        ],
    );
}

#[test]
fn coordination_numbers_are_told_from_identity_numbers() {
    assert_found(
        CoordinationNumber,
        Refuse,
        &[
            ("701063-2391", "701063-2391"),
            ("197010632391", "197010632391"),
            ("701091-2397", "701091-2397"),
        ],
    );
    assert_found(CoordinationNumber, Hold, &[("701063-2392", "701063-2392")]);
    assert_clean(&["701055-2391", "701060-2391", "701092-2391"]);
}

#[test]
fn times_near_the_observation_only_warn() {
    assert_found(
        PersonalIdentityNumber,
        Warn,
        &[
            ("202508251428", "202508251428"),
            ("bild-202508251424.jpg", "202508251424"),
            ("20250825_1428.jpg", "20250825_1428"),
            ("202508271428", "202508271428"),
            ("202508231428", "202508231428"),
        ],
    );
}

#[test]
fn times_far_from_the_observation_or_with_a_separator_do_not_pass_as_times() {
    let rows = [
        ("202508271429", Some(OBSERVED), Hold),
        ("202508231427", Some(OBSERVED), Hold),
        ("202508291420", Some(OBSERVED), Refuse),
        ("202508251424", None, Refuse),
        ("202508251428", None, Hold),
        ("20250825-1424", Some(OBSERVED), Refuse),
        ("20250825-1428", Some(OBSERVED), Hold),
        ("2508251424", Some(OBSERVED), Refuse),
        ("202508252498", Some(OBSERVED), Hold),
    ];
    for (text, near, verdict) in rows {
        assert_one(text, near, PersonalIdentityNumber, verdict, text);
    }
}

#[test]
fn six_and_four_digits_are_never_a_time() {
    // 1985-07-09 14:28 in Stockholm.
    let then = Near::from_microseconds(489_760_080_000_000);
    assert_one("198507091428", Some(then), PersonalIdentityNumber, Warn, "198507091428");
    assert_one("8507091428", Some(then), PersonalIdentityNumber, Hold, "8507091428");
}

#[test]
fn the_time_of_day_is_the_one_in_stockholm_in_winter_too() {
    // 2026-01-10 12:00 UTC is 13:00 in Stockholm.
    let noon = Near::from_microseconds(1_768_046_400_000_000);
    assert_one("202601121300", Some(noon), PersonalIdentityNumber, Warn, "202601121300");
    assert_one("202601121301", Some(noon), PersonalIdentityNumber, Hold, "202601121301");
}

#[test]
fn numbers_that_are_no_identity_numbers_are_clean() {
    assert_clean(&[
        "851309-9805",
        "850732-9805",
        "010229-1234",
        "165560360793",
        "125603607934",
        "20250825142800",
        "2025-08-25 14:28",
        "2025-08-25 14.28",
        "25.08.25 14.28",
        "2025-08-25 08.00-16.30",
        "2025-08-25 - 2025-08-30",
        "20250825T142800",
        "12 10 15 20 30",
        "59.329324,18.068581",
        "59.329324 18.068581",
        "6580822 674032",
        "1 210 152 030 kronor",
        "100 000 kronor 2025",
        "4000 1234 5678 9010",
        "850709, 9805",
        "850709. 9805 besökare",
        "01910b5e-7f3c-7cc2-a716-446655440000",
    ]);
}

#[test]
fn phone_numbers_are_refused() {
    assert_found(
        Phone,
        Refuse,
        &[
            ("Ring 070-123 45 67!", "070-123 45 67"),
            ("0731234567", "0731234567"),
            ("tel0761234567", "0761234567"),
            ("072 123 45 67", "072 123 45 67"),
            ("079-1234567", "079-1234567"),
            ("070.123.45.67", "070.123.45.67"),
            ("0701-23 45 67", "0701-23 45 67"),
            ("070-12 34 567 2 personer", "070-12 34 567"),
            ("08-508 00 000", "08-508 00 000"),
            ("(08) 123 45 67", "08) 123 45 67"),
            ("08 508 00 000", "08 508 00 000"),
            ("08-123-45-67", "08-123-45-67"),
            ("0850800000", "0850800000"),
            ("0155-123 45", "0155-123 45"),
            ("031/12 34 56", "031/12 34 56"),
            ("010-563 00 00", "010-563 00 00"),
            ("+46701234567", "+46701234567"),
            ("+46 70 123 45 67", "+46 70 123 45 67"),
            ("(+46) 70-123 45 67", "+46) 70-123 45 67"),
            ("+46 (0)8 508 00 000", "+46 (0)8 508 00 000"),
            ("0046701234567", "0046701234567"),
            ("＋４６ 70\u{AD}1234567", "＋４６ 70\u{AD}1234567"),
            ("０７０‑１２３ ４５ ６７", "０７０‑１２３ ４５ ６７"),
        ],
    );
}

#[test]
fn two_phone_numbers_with_a_slash_are_two_hits() {
    let text = "08-123 45 67/070-123 45 67";
    let parts = ["08-123 45 67", "070-123 45 67"];
    assert_eq!(found(text, None), parts.map(|part| (Phone, Refuse, part.to_owned())));
}

#[test]
fn clock_times_counts_years_and_house_numbers_are_no_phone_numbers() {
    assert_clean(&[
        "kl. 08.00-16.30",
        "mån-fre 08-17 12-18",
        "kl 08 12 34 56",
        "08-12-2025",
        "2025-08-25",
        "2024-2025",
        "0730-0900",
        "Vasagatan 08-12",
        "Ring 112 eller 114 14",
        "20.000 kronor",
        "285 000 i väska",
        "+46 procent, +46 000 000 kr",
        "0127-2025",
        "länsväg 257, nr 08",
        "postnummer 111 22",
        "10.0.0.1:50051",
    ]);
}

#[test]
fn email_addresses_are_refused() {
    assert_found(
        Email,
        Refuse,
        &[
            ("Skriv till anna.b+c@exempel.se.", "anna.b+c@exempel.se"),
            ("<A_B@mail.exempel.co.uk>", "A_B@mail.exempel.co.uk"),
            ("åsa@räksmörgås.se", "åsa@räksmörgås.se"),
            ("an\u{200B}na＠exempel．se", "an\u{200B}na＠exempel．se"),
            ("a@b.xn--p1ai", "a@b.xn--p1ai"),
        ],
    );
    assert_clean(&["@polisen", "3 @ 20 kr", "a@b", "a@b.1", "@exempel.se", "a@@b", "a@.se", "@"]);
}

#[test]
fn number_plates_are_held() {
    assert_found(
        NumberPlate,
        Hold,
        &[
            ("Bil ABC123 på plats", "ABC123"),
            ("ABC 123", "ABC 123"),
            ("ABC-12D", "ABC-12D"),
            ("abc12d", "abc12d"),
            ("(XYZ 98A)", "XYZ 98A"),
            ("ＡＢＣ１２３", "ＡＢＣ１２３"),
            ("A\u{200D}BC\u{A0}1\u{AD}23", "A\u{200D}BC\u{A0}1\u{AD}23"),
        ],
    );
    assert_clean(&[
        "RV73", "E18", "LV 222", "VIP123", "ABC1234", "ABCD123", "ABC12O", "abc 123", "och 100",
        "SEK 500", "RUM 123", "MAJ 202", "ABC12", "1ABC123", "ÅBC123", "POL-01", "H3K 123",
    ]);
}

#[test]
fn case_numbers_are_refused() {
    assert_found(
        CaseNumber,
        Refuse,
        &[
            ("Se 5000-K123456-25.", "5000-K123456-25"),
            ("0201-K12345-08", "0201-K12345-08"),
            ("0201-K12345", "0201-K12345"),
            ("5000 K 123456 2025", "5000 K 123456 2025"),
            ("K123456-25", "K123456-25"),
            ("5000–k123–25", "5000–k123–25"),
            ("５０００－Ｋ１２３４５６－２５", "５０００－Ｋ１２３４５６－２５"),
        ],
    );
    assert_clean(&["K2", "rum K123 25 personer", "1500 kr", "2000 K 120", "5G-K12", "K1234 25 st"]);
}

#[test]
fn ages_with_a_person_are_held() {
    assert_found(
        AgeAndGender,
        Hold,
        &[
            ("En kvinna i 80-årsåldern på Gärdet.", "kvinna i 80-årsåldern"),
            ("en man i 40 års-åldern", "man i 40 års-åldern"),
            ("Två män i 50 årsåldern", "män i 50 årsåldern"),
            ("tre män i 35-40 årsåldern", "män i 35-40 årsåldern"),
            ("kvinna i 60-årssåldern", "kvinna i 60-årssåldern"),
            ("Ett barn i 10-årsåldern", "10-årsåldern"),
            ("dam i åttioårsåldern", "dam i åttioårsåldern"),
            ("en kvinna, båda i 80-årsåldern", "kvinna, båda i 80-årsåldern"),
            ("pojke 15 år på gatan", "pojke 15 år"),
            ("Man, ca. 34 år", "Man, ca. 34 år"),
            ("pojken är femton år", "pojken är femton år"),
            ("en man som är 34 år", "man som är 34 år"),
            ("flicka i åldern 13–15 år", "flicka i åldern 13–15 år"),
            ("kvinna på 34 år", "kvinna på 34 år"),
            ("15 år gammal pojke", "15 år gammal pojke"),
            ("15-årig pojke", "15-årig pojke"),
            ("13-årig svensk flicka", "13-årig svensk flicka"),
            ("den 80-åriga damen", "80-åriga damen"),
            ("trettiofemårig man", "trettiofemårig man"),
            ("en 15-åring rånades", "15-åring"),
            ("Mannen, 34, greps", "Mannen, 34"),
            ("kvinna (80)", "kvinna (80"),
            ("man in his 40s", "man in his 40s"),
            ("a woman in her late 80's", "woman in her late 80's"),
            ("man in his forties", "man in his forties"),
            ("a 15-year-old boy", "15-year-old boy"),
            ("girl, 12 years old", "girl, 12 years old"),
            ("man aged 34", "man aged 34"),
            ("kvinna i 8\u{200B}0-å\u{AD}rsåldern", "kvinna i 8\u{200B}0-å\u{AD}rsåldern"),
            ("kvinna i 80-a\u{30A}rsa\u{30A}ldern", "kvinna i 80-a\u{30A}rsa\u{30A}ldern"),
            ("man i 80-a\u{200B}\u{30A}rsåldern", "man i 80-a\u{200B}\u{30A}rsåldern"),
        ],
    );
}

#[test]
fn ages_without_a_person_are_clean() {
    assert_clean(&[
        "kvinnor 16–84 år",
        "andelen 16-åringar",
        "En tonåring rånas",
        "om man är 15 år",
        "15 år senare",
        "Mannen dömdes till 12 år",
        "kvinna som bott här i 15 år",
        "en treårig plan för kvinnor",
        "en 3-årig satsning för flickor",
        "15-year-old building",
        "a man in his car",
        "Två kvinnor, 3 bilar",
        "Sökt av en kvinna. 15 år gammalt hus",
        "Signalement: man\n15 år har gått",
        "polisman 15 meter",
        "in the 1940s",
        "minderårig flicka",
    ]);
}

#[test]
fn control_and_direction_characters_are_refused() {
    assert_found(
        ControlCharacter,
        Refuse,
        &[
            ("a\0b", "\0"),
            ("\u{1}\u{2}\u{3}", "\u{1}\u{2}\u{3}"),
            ("a\rb", "\r"),
            ("a\u{85}b", "\u{85}"),
            ("\u{202E}txt", "\u{202E}"),
            ("a\u{2066}", "\u{2066}"),
            ("\u{7F}", "\u{7F}"),
        ],
    );
    assert_clean(&["a\nb", "a\r\nb", "a\tb", "a\u{AD}b", "👩\u{200D}👩", "\u{200F}"]);
}

#[test]
fn control_characters_do_not_hide_a_number() {
    let rules: Vec<Rule> = screen("8507\u{202E}09-9805", None).iter().map(|hit| hit.rule).collect();
    assert_eq!(rules, [PersonalIdentityNumber, ControlCharacter]);
}

#[test]
fn positions_count_characters_of_the_original() {
    let hits = screen("👩‍👩‍👧 ﬁ e\u{301}: 850709-9805", None);
    let [hit] = hits.as_slice() else { panic!("one hit") };
    assert_eq!((hit.first_character, hit.end_character), (12, 23));
}

#[test]
fn hits_come_in_text_order_and_carry_no_text() {
    let text = "ABC123, 850709-9805, a@b.se";
    let hits = screen(text, None);
    let rules: Vec<Rule> = hits.iter().map(|hit| hit.rule).collect();
    assert_eq!(rules, [NumberPlate, PersonalIdentityNumber, Email]);
    let shown = format!("{hits:?}");
    assert!(!shown.contains("850709") && !shown.contains("ABC123") && !shown.contains("a@b"));
}

#[test]
fn a_number_that_is_both_is_reported_as_both() {
    let rules: Vec<Rule> = screen("0701234569", None).iter().map(|hit| hit.rule).collect();
    assert_eq!(rules, [PersonalIdentityNumber, Phone]);
}

#[test]
fn every_rule_has_its_own_id_and_one_sentence_in_each_language() {
    for rule in Rule::ALL {
        assert!(rule.id().starts_with("POL-01.") && rule.id().is_ascii());
        assert_eq!(Rule::ALL.iter().filter(|other| other.id() == rule.id()).count(), 1);
        for text in [rule.text_sv(), rule.text_en()] {
            assert_eq!(text.matches('.').count(), 1, "{text}");
            assert!(text.ends_with('.'), "{text}");
        }
    }
}
