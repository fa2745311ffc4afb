//! Bytes of a file into text: UTF-8 or windows-1252.

use serde::Deserialize;

use super::{BadFile, FILE_BYTES_MAX};

/// What the bytes 0x80–0x9F are in windows-1252; `'\0'` where it has no character.
/// Source: the WHATWG encoding standard's index, less its five control characters.
const HIGH: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// How a file writes its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Encoding {
    /// With or without a byte order mark.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// What older Swedish Windows programs write.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// The text of a file, without its byte order mark.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Result<String, BadFile> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(BadFile::TooLarge);
    }
    match encoding {
        Encoding::Utf8 => {
            let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            let text = std::str::from_utf8(bytes)
                .map_err(|e| BadFile::Encoding { encoding: "utf-8", at: e.valid_up_to() })?;
            Ok(text.to_owned())
        }
        Encoding::Windows1252 => {
            let character = |(at, byte): (usize, &u8)| match byte {
                0x80..=0x9F => HIGH
                    .get(usize::from(byte.saturating_sub(0x80)))
                    .copied()
                    .filter(|character| *character != '\0')
                    .ok_or(BadFile::Encoding { encoding: "windows-1252", at }),
                _ => Ok(char::from(*byte)),
            };
            bytes.iter().enumerate().map(character).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_give_the_same_text() {
        let utf8 = decode("\u{feff}Åkermyntan – 5 €".as_bytes(), Encoding::Utf8).unwrap();
        let ansi = decode(b"\xC5kermyntan \x96 5 \x80", Encoding::Windows1252).unwrap();
        assert_eq!(utf8, "Åkermyntan – 5 €");
        assert_eq!(utf8, ansi);
    }

    #[test]
    fn a_wrong_byte_is_named() {
        let bad = decode(b"ab\xC5", Encoding::Utf8).unwrap_err();
        assert_eq!(bad, BadFile::Encoding { encoding: "utf-8", at: 2 });
        let bad = decode(b"ab\x81", Encoding::Windows1252).unwrap_err();
        assert_eq!(bad, BadFile::Encoding { encoding: "windows-1252", at: 2 });
    }

    #[test]
    fn the_size_is_bounded() {
        let large = vec![b'a'; FILE_BYTES_MAX + 1];
        assert_eq!(decode(&large, Encoding::Utf8), Err(BadFile::TooLarge));
    }
}
