//! Rows in publications: none larger than the gateway takes.

use std::collections::{BTreeMap, VecDeque};

use prost::Message as _;
use samsyn_client::wire::Observation;
use samsyn_domain::AreaId;

use crate::import::Row;

/// The gateway takes 500; some room is left.
pub(super) const ROWS_MAX: usize = 400;
/// The gateway takes 256 KiB; the frame around the observations needs a little.
const BYTES_MAX: usize = 240 * 1024;

/// Publications by area, each within the limits, in the order of the rows.
pub(super) fn batches(rows: Vec<Row>) -> BTreeMap<AreaId, VecDeque<Vec<Observation>>> {
    let mut all: BTreeMap<AreaId, VecDeque<Vec<Observation>>> = BTreeMap::new();
    let mut bytes: BTreeMap<AreaId, usize> = BTreeMap::new();
    for Row { area, observation } in rows {
        // Tag and length stand before each.
        let size = observation.encoded_len().saturating_add(6);
        let used = bytes.entry(area.clone()).or_default();
        let batches = all.entry(area).or_default();
        match batches.back_mut() {
            Some(last) if last.len() < ROWS_MAX && used.saturating_add(size) <= BYTES_MAX => {
                last.push(observation);
                *used = used.saturating_add(size);
            }
            Some(_) | None => {
                batches.push_back(vec![observation]);
                *used = size;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(area: &str, n: usize, note: usize) -> Vec<Row> {
        let area = AreaId::parse(area).unwrap();
        let observation = |i| Observation {
            id: format!("{i}"),
            note: "å".repeat(note),
            ..Observation::default()
        };
        (0..n).map(|i| Row { area: area.clone(), observation: observation(i) }).collect()
    }

    #[test]
    fn rows_are_split_by_area_and_number() {
        let mut all = rows("b", 401, 0);
        all.extend(rows("a", 3, 0));
        let batches = batches(all);
        let sizes: Vec<(String, Vec<usize>)> = batches
            .iter()
            .map(|(area, all)| (area.to_string(), all.iter().map(Vec::len).collect()))
            .collect();
        assert_eq!(sizes, [("a".to_owned(), vec![3]), ("b".to_owned(), vec![400, 1])]);
        assert_eq!(batches.values().next_back().unwrap()[1][0].id, "400");
    }

    #[test]
    fn long_notes_make_smaller_publications() {
        let batches = batches(rows("a", 400, 500));
        let all = batches.values().next().unwrap();
        assert!(all.len() > 1);
        for batch in all {
            let bytes: usize = batch.iter().map(|one| one.encoded_len() + 6).sum();
            assert!(bytes <= BYTES_MAX, "{bytes}");
        }
    }
}
