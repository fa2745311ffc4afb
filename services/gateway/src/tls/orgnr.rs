//! Swedish organisation numbers in subject attributes.

/// The ten digits of an organisation number (*organisationsnummer*) as written in a registry:
/// ten digits, or twelve that begin with `16`; a hyphen before the last four is left out.
pub(super) fn digits(text: &str) -> Option<String> {
    let plain = match text.len().checked_sub(5).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) if tail.starts_with('-') => {
            format!("{head}{}", tail.trim_start_matches('-'))
        }
        Some(_) | None => text.to_owned(),
    };
    let ten = match plain.len() {
        12 => plain.strip_prefix("16")?,
        _ => plain.as_str(),
    };
    (ten.len() == 10 && ten.bytes().all(|c| c.is_ascii_digit())).then(|| ten.to_owned())
}

/// The organisation number in a subject attribute: the number alone, `NTRSE-<number>`
/// (ETSI EN 319 412-1, 5.1.4) or an HSA id, `SE<number>-<unit>` (Inera).
pub(super) fn in_attribute(value: &str) -> Option<String> {
    if let Some(number) = value.strip_prefix("NTRSE-") {
        return digits(number);
    }
    match value.strip_prefix("SE").and_then(|rest| rest.split_once('-')) {
        Some((number, unit)) if !unit.is_empty() => digits(number),
        Some(_) | None => digits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_in_use_give_the_same_ten_digits() {
        for value in [
            "2321000016",
            "232100-0016",
            "162321000016",
            "16232100-0016",
            "NTRSE-2321000016",
            "NTRSE-232100-0016",
            "SE2321000016-1A2B",
            "SE162321000016-1A2B",
        ] {
            assert_eq!(in_attribute(value).as_deref(), Some("2321000016"), "{value}");
        }
    }

    #[test]
    fn other_texts_give_no_number() {
        for value in [
            "",
            "-",
            "----------",
            "232100001",
            "23210000161",
            "192321000016",
            "232100--0016",
            "23210-00016",
            "NTRNO-2321000016",
            "NTRSE-SE2321000016-1A2B",
            "SE2321000016",
            "SE2321000016-",
            "SE-2321000016",
            " 2321000016",
            "２３２１０００016",
        ] {
            assert_eq!(in_attribute(value), None, "{value}");
        }
    }
}
