//! A record that knows when it is damaged: its length stands twice before it, once inverted.
//!
//! A reader that trusts one damaged length runs past the end of the file and takes the rest for an
//! unfinished write. Here an early end of the file always means an unfinished write, and damage is
//! [`io::ErrorKind::InvalidData`]. The checksum over the bytes is the file's: each log record, each
//! row and each snapshot carries one.

use std::io::{self, Read, Write};

/// The longest record, in bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many bytes stand before a record's own.
pub(crate) const GUARD_BYTES: usize = 8;

/// What was read is not what was written.
pub(crate) fn damaged(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Writes a record and tells how many bytes it took.
pub(crate) fn write_record(mut to: impl Write, bytes: &[u8]) -> io::Result<usize> {
    if bytes.len() > RECORD_BYTES_MAX {
        let length = bytes.len();
        let why = format!("a record of {length} bytes; the limit is {RECORD_BYTES_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let length = u32::try_from(bytes.len()).map_err(damaged)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(&(!length).to_be_bytes())?;
    to.write_all(bytes)?;
    Ok(bytes.len().saturating_add(GUARD_BYTES))
}

/// Reads a record.
pub(crate) fn read_record(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0_u8; 4];
    from.read_exact(&mut length)?;
    let mut inverted = [0_u8; 4];
    from.read_exact(&mut inverted)?;
    let length = u32::from_be_bytes(length);
    if length != !u32::from_be_bytes(inverted) {
        return Err(damaged("the length of a record is damaged"));
    }
    let length = usize::try_from(length).map_err(damaged)?;
    if length > RECORD_BYTES_MAX {
        let why = format!("a record of {length} bytes; the limit is {RECORD_BYTES_MAX}");
        return Err(damaged(why));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        assert_eq!(write_record(&mut file, bytes).unwrap(), bytes.len() + 8);
        file
    }

    proptest! {
        #[test]
        fn a_record_reads_as_it_was_written(
            bytes in proptest::collection::vec(any::<u8>(), 0..600)
        ) {
            let file = written(&bytes);
            let mut from = file.as_slice();
            prop_assert_eq!(read_record(&mut from).unwrap(), bytes);
            prop_assert!(from.is_empty());
        }

        #[test]
        fn a_damaged_length_is_never_an_early_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            at in 0_usize..8,
            bit in 0_u8..8,
        ) {
            let mut file = written(&bytes);
            file[at] ^= 1 << bit;
            let error = read_record(file.as_slice()).unwrap_err();
            prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }

        #[test]
        fn a_cut_record_is_always_an_early_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            cut in 1_usize..8,
        ) {
            let file = written(&bytes);
            let kept = file.len().saturating_sub(cut);
            let error = read_record(&file[..kept]).unwrap_err();
            prop_assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_record_over_the_limit_is_refused_both_ways() {
        let long = vec![0; RECORD_BYTES_MAX + 1];
        assert!(write_record(io::sink(), &long).is_err());
        let length = u32::try_from(long.len()).unwrap();
        let mut file = length.to_be_bytes().to_vec();
        file.extend((!length).to_be_bytes());
        let error = read_record(file.as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
