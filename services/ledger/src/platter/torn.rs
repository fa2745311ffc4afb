//! What power that is cut leaves of a write.

use crate::several::dice::Dice;

/// A disk writes so many bytes as a whole.
const SECTOR_BYTES: u64 = 512;

/// What is left of bytes that were appended to a file of some length.
pub(super) fn append(from: u64, bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut left = bytes.to_vec();
    match dice.below(100) {
        // The length comes onto the disk before what was written.
        0..15 => {
            let sectors = sectors(from, bytes.len());
            let lost = sectors.into_iter().skip(cut(bytes.len() / 256, dice));
            lost.for_each(|sector| left[sector].fill(0));
        }
        // Sectors come onto the disk in any order.
        15..40 => {
            for sector in sectors(from, bytes.len()) {
                if dice.percent(30) {
                    left[sector].fill(0);
                }
            }
        }
        _ => left.truncate(cut(bytes.len(), dice)),
    }
    left
}

/// Writes over bytes, or over some sectors of them.
pub(super) fn overwrite(file: &mut Vec<u8>, at: u64, bytes: &[u8], dice: &mut Dice) {
    let begin = usize::try_from(at).unwrap();
    let end = begin + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    let all = dice.percent(60);
    for sector in sectors(at, bytes.len()) {
        if all || dice.percent(50) {
            file[begin..end][sector.clone()].copy_from_slice(&bytes[sector]);
        }
    }
}

/// Where in a write one sector ends and the next begins.
fn sectors(from: u64, length: usize) -> Vec<std::ops::Range<usize>> {
    let before = usize::try_from(from % SECTOR_BYTES).unwrap();
    let sector = usize::try_from(SECTOR_BYTES).unwrap();
    let ends = (sector - before..length).step_by(sector).chain([length]);
    let mut begin = 0;
    let range = ends.map(|end| {
        let range = begin..end;
        begin = end;
        range
    });
    range.collect()
}

fn cut(length: usize, dice: &mut Dice) -> usize {
    usize::try_from(dice.below(u64::try_from(length).unwrap() + 1)).unwrap()
}
