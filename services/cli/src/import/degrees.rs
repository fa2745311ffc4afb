//! Coordinates as files write them: decimal degrees, with point or comma.

use samsyn_domain::Coordinates;

/// Decimals of a degree that are kept; further ones are cut.
const DECIMALS: usize = 7;
/// A degree in 1e-7 degree.
const DEGREE: u32 = 10_000_000;

/// A pair of decimal degrees in WGS 84.
pub(crate) fn point(lat: &str, lon: &str) -> Option<Coordinates> {
    Coordinates::on_globe(degrees(lat)?, degrees(lon)?)
}

/// 1e-7 degree as decimal degrees, without needless zeros.
pub(crate) fn text(e7: i32) -> String {
    let (whole, part) = (e7.unsigned_abs() / DEGREE, e7.unsigned_abs() % DEGREE);
    let sign = if e7 < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{part:07}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Decimal degrees in 1e-7 degree, in whole numbers all the way.
fn degrees(text: &str) -> Option<i32> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let decimals: String = fraction.chars().chain("0000000".chars()).take(DECIMALS).collect();
    let magnitude = format!("{whole}{decimals}").parse::<i32>().ok()?;
    magnitude.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_read_exactly() {
        for (text, e7) in [
            ("59.329324", Some(593_293_240)),
            (" 18,068581 ", Some(180_685_810)),
            ("-0.5", Some(-5_000_000)),
            ("59", Some(590_000_000)),
            ("59.12345678", Some(591_234_567)),
            ("", None),
            (".5", None),
            ("5e1", None),
            ("59.3.2", None),
            ("6580822", None),
        ] {
            assert_eq!(degrees(text), e7, "{text}");
        }
        assert_eq!(point("91", "18"), None);
    }

    #[test]
    fn degrees_are_written_as_they_are_read() {
        for (e7, text) in [
            (593_293_240, "59.329324"),
            (-5_000_000, "-0.5"),
            (590_000_000, "59"),
            (-1, "-0.0000001"),
            (0, "0"),
        ] {
            assert_eq!(super::text(e7), text);
            assert_eq!(degrees(text), Some(e7));
        }
    }
}
