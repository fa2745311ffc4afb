//! 7: what a partner received is verified without the gateway.

use std::fs;

use samsyn_client::{verify, wire};

use super::{Broken, REGION, Story, calls, endorse};
use crate::demo::print::{Section, number, short};

const FILE: &str = "region-stockholm.proof";
/// How many bytes are changed, one at a time.
const SAMPLED_MAX: usize = 500;

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let id = story.edition.as_ref().ok_or(Broken::Missing("the released edition"))?.id.clone();
    let region = story.client(REGION).await?;
    let edition = calls::edition(&region, &id).await?;
    let pinned = endorse::pinned(&region)?;
    let file = story.stage.dir().join(FILE);
    let failed = |why: std::io::Error| Broken::File(format!("{}: {why}", file.display()));
    fs::write(&file, &edition.proof).map_err(failed)?;
    // From here on there is no connection.
    drop(region);
    story.clients.remove(REGION);
    let saved = fs::read(&file).map_err(failed)?;
    let verified = verify::proof(&saved, &pinned)?;
    let findings = verified.matches(&edition.findings);
    let agreed = findings.as_ref().map_or(0, |many| *many);
    section.check(
        &format!(
            "{} bytes on disk: {} fields in {} objects, {} signatures hold under root {}; the {} \
             findings that were shown follow from them, {} values in all",
            number(saved.len()),
            number(verified.fields_opened),
            number(verified.objects.len()),
            verified.signatures,
            short(&verified.content_root),
            number(edition.findings.len()),
            number(agreed),
        ),
        findings.map(drop).map_err(|why| why.to_string()),
    );
    section.check(
        &said(&saved),
        changed(&saved, &pinned).and_then(|()| altered(&verified, &edition.findings)),
    );
    let example = flipped(&saved, saved.len() / 2);
    if let Err(why) = verify::proof(&example, &pinned) {
        section.say(&format!("for instance byte {}: {why}", number(saved.len() / 2)));
    }
    Ok(())
}

fn step(length: usize) -> usize {
    length.div_ceil(SAMPLED_MAX).max(1)
}

fn said(proof: &[u8]) -> String {
    let step = step(proof.len());
    let tried = number(proof.len().div_ceil(step));
    let which = if step == 1 { "every byte".to_owned() } else { format!("one byte in {step}") };
    format!("{which} changed, one at a time: all {tried} changes caught, and a changed finding too")
}

/// Changes bytes one at a time.
fn changed(proof: &[u8], pinned: &verify::Pinned) -> Result<(), String> {
    for at in (0..proof.len()).step_by(step(proof.len())) {
        if verify::proof(&flipped(proof, at), pinned).is_ok() {
            return Err(format!("a change of byte {at} was not caught"));
        }
    }
    Ok(())
}

fn flipped(proof: &[u8], at: usize) -> Vec<u8> {
    proof.iter().enumerate().map(|(i, byte)| if i == at { byte ^ 1 } else { *byte }).collect()
}

/// Tells one finding otherwise than the proof has it.
fn altered(verified: &verify::Verified, findings: &[wire::Finding]) -> Result<(), String> {
    let mut other = findings.to_vec();
    let series = other.iter_mut().find_map(|finding| finding.counts.first_mut());
    let series = series.ok_or("no count was shown")?;
    series.amount = Some(wire::count_series::Amount::Exact(4_711));
    match verified.matches(&other) {
        Ok(_) => Err("a changed count was not caught".to_owned()),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_one_byte_is_changed() {
        assert_eq!(flipped(&[1, 2, 3], 1), [1, 3, 3]);
    }

    #[test]
    fn at_most_so_many_bytes_are_tried_and_the_claim_says_which() {
        assert_eq!((step(1), step(500), step(501)), (1, 1, 2));
        assert!(said(&[0; 40]).starts_with("every byte changed, one at a time: all 40 "));
        assert!(said(&[0; 1_400]).starts_with("one byte in 3 changed, one at a time: all 467 "));
    }
}
