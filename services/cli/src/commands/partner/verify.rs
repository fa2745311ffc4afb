//! `samsyn partner verify`: the steps of the protocol page, one line each.

use std::{fs, path::PathBuf};

use prost::Message as _;
use samsyn_client::{
    verify::{self, Pinned, Rejected, Step, Verified},
    wire::Edition,
};
use samsyn_domain::edition::Verdict;
use serde_json::{Value, json};

use crate::{
    commands::{edition, tables::fingerprint},
    failure::Failure,
    session::Globals,
};

const STEPS: [(Step, &str); 7] = [
    (Step::Descriptor, "descriptor"),
    (Step::Endorsements, "endorsements"),
    (Step::Openings, "openings"),
    (Step::Root, "root"),
    (Step::Manifest, "manifest"),
    (Step::Values, "values"),
    (Step::Findings, "findings"),
];

/// Verifies an edition's proof, over the network or from a file without it.
///
/// Needs nothing of the gateway but the proof: the pinned descriptor says who must have endorsed.
/// The steps are those of docs/protocol.md, section 10. Ends with exit code 4 when one fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn partner verify EDITION --save edition.bin --as raddningstjansten\n  \
    samsyn partner verify edition.bin --pin 7f3a91c2…       without network")]
pub(in crate::commands) struct Verify {
    /// An edition, or a file: one that `--save` wrote, or the bytes of a proof alone.
    #[arg(value_name = "EDITION|FILE")]
    target: String,
    /// Keeps the edition with its proof in this file, as a samsyn.v1.Edition.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The digest of the agreement's descriptor, hexadecimal [default: the profile's].
    #[arg(long, value_name = "HEX")]
    pin: Option<String>,
}

pub(super) async fn run(globals: &Globals, args: Verify) -> Result<(), Failure> {
    let file = PathBuf::from(&args.target);
    let (edition, asked) = if file.is_file() {
        let bytes = fs::read(&file).map_err(|why| Failure::file("read", &file, &why))?;
        (kept(bytes), None)
    } else {
        let session = globals.connect().await?;
        (edition::whole(&session, &args.target).await?, Some(args.target.as_str()))
    };
    if let Some(save) = &args.save {
        let saved = fs::write(save, edition.encode_to_vec());
        saved.map_err(|why| Failure::file("write", save, &why))?;
    }
    let pin = match args.pin {
        Some(pin) => pin,
        None => globals.profile()?.descriptor,
    };
    let pinned = Pinned {
        descriptor: edition::digest(&pin).map_err(|_| {
            Failure::Usage("say what is pinned: `--pin`, 64 hexadecimal digits".into())
        })?,
    };
    if edition.proof.is_empty() {
        return Err(Failure::Unverified(
            "there is no proof; only a released edition has one".into(),
        ));
    }
    let outcome = checked(&edition, &pinned, asked);
    globals.show(|| value(&outcome), || text(&outcome))?;
    match outcome.failed {
        None => Ok(()),
        Some((_, why)) => Err(Failure::Unverified(why)),
    }
}

/// What a file holds: a whole edition, else a proof alone.
fn kept(bytes: Vec<u8>) -> Edition {
    match Edition::decode(bytes.as_slice()) {
        Ok(edition) if !edition.proof.is_empty() => edition,
        Ok(_) | Err(_) => Edition { proof: bytes, ..Edition::default() },
    }
}

/// How far the steps held.
#[derive(Debug)]
struct Outcome {
    verified: Option<Verified>,
    /// Values of findings that were compared; none when there were no findings to compare.
    compared: Option<usize>,
    failed: Option<(Step, String)>,
}

fn checked(edition: &Edition, pinned: &Pinned, asked: Option<&str>) -> Outcome {
    let failed = |verified, rejected: &Rejected| Outcome {
        verified,
        compared: None,
        failed: Some((rejected.step(), rejected.to_string())),
    };
    let verified = match verify::proof(&edition.proof, pinned) {
        Ok(verified) => verified,
        Err(rejected) => return failed(None, &rejected),
    };
    let Some(header) = &edition.header else {
        return Outcome { verified: Some(verified), compared: None, failed: None };
    };
    // A proof that holds may still be of something else than what was asked for.
    let same = header.id == verified.edition
        && header.area == verified.area
        && header.track == verified.track
        && header.round == verified.round
        && header.content_root == verified.content_root
        && asked.is_none_or(|asked| asked == verified.edition);
    if !same {
        let why = "the proof is of another edition or round than its header".to_owned();
        return Outcome {
            verified: Some(verified),
            compared: None,
            failed: Some((Step::Findings, why)),
        };
    }
    match verified.matches(&edition.findings) {
        Ok(values) => Outcome { verified: Some(verified), compared: Some(values), failed: None },
        Err(rejected) => failed(Some(verified), &rejected),
    }
}

fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    let failed = outcome.failed.as_ref();
    for (number, (step, name)) in (1..).zip(STEPS) {
        let line = match failed {
            Some((at, why)) if *at == step || (*at == Step::Bytes && number == 1) => {
                text.push_str(&format!("✗ {number} {name:<13} {why}\n"));
                return text;
            }
            Some(_) | None => outcome.verified.as_ref().map_or_else(
                || "holds".to_owned(),
                |verified| said(step, verified, outcome.compared),
            ),
        };
        let skipped = step == Step::Findings && outcome.compared.is_none();
        text.push_str(&format!("{} {number} {name:<13} {line}\n", if skipped { "–" } else { "✓" }));
    }
    if let Some(verified) = &outcome.verified {
        text.push_str(&format!(
            "\n{}, {}, {} track, round {}: what is shown is what the parties endorsed\n",
            verified.edition, verified.area, verified.track, verified.round
        ));
    }
    text
}

/// What a step found.
fn said(step: Step, verified: &Verified, compared: Option<usize>) -> String {
    match step {
        Step::Bytes | Step::Basis => String::new(),
        Step::Descriptor => {
            format!("the pinned one: {} in {}", verified.agreement, verified.domain)
        }
        Step::Endorsements => {
            let all = verified.endorsements.iter().map(|one| match one.verdict {
                Verdict::Endorsed => format!("{} ({})", one.party, one.role),
                Verdict::Reserved => format!("{} ({}, with reservation)", one.party, one.role),
                Verdict::Objected => format!("{} ({}, objected)", one.party, one.role),
            });
            all.collect::<Vec<_>>().join(", ")
        }
        Step::Openings => {
            format!("{} fields of {} objects", verified.fields_opened, verified.objects.len())
        }
        Step::Root => fingerprint(&verified.content_root),
        Step::Manifest => format!("sequence {} of your class", verified.sequence),
        Step::Values => format!("one variant a group; {} signatures hold", verified.signatures),
        Step::Findings => compared.map_or_else(
            || "not compared: the file holds the proof alone".to_owned(),
            |values| format!("{values} values follow from the objects"),
        ),
    }
}

fn value(outcome: &Outcome) -> Value {
    let verified = outcome.verified.as_ref().map(|verified| {
        let endorsements = json_endorsements(verified);
        json!({
            "domain": verified.domain,
            "agreement": verified.agreement,
            "edition": verified.edition,
            "area": verified.area,
            "track": verified.track,
            "round": verified.round,
            "content_root": hex::encode(verified.content_root),
            "sequence": verified.sequence,
            "manifest_digest": hex::encode(verified.manifest_digest),
            "endorsements": endorsements,
            "fields_opened": verified.fields_opened,
            "signatures": verified.signatures,
        })
    });
    json!({
        "holds": outcome.failed.is_none(),
        "values_compared": outcome.compared,
        "failed": outcome.failed.as_ref().map(|(_, why)| why),
        "verified": verified,
    })
}

fn json_endorsements(verified: &Verified) -> Value {
    let one = |endorsed: &verify::Endorsed| {
        let verdict = match endorsed.verdict {
            Verdict::Endorsed => "endorsed",
            Verdict::Reserved => "endorsed_with_reservation",
            Verdict::Objected => "objected",
        };
        json!({ "party": endorsed.party, "role": endorsed.role, "verdict": verdict })
    };
    verified.endorsements.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::EditionHeader;

    use super::*;

    /// The proof of the protocol page's test vectors, and the digest that it is verified against.
    fn vector() -> (Vec<u8>, Pinned) {
        let vectors = include_str!("../../../../../tests/vectors/commitments.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let proof = &vectors["proof"];
        let bytes = |name: &str| hex::decode(proof[name].as_str().unwrap()).unwrap();
        let descriptor = bytes("pinned_descriptor_digest").try_into().unwrap();
        (bytes("encoded"), Pinned { descriptor })
    }

    #[test]
    fn the_proof_of_the_vectors_holds_without_network() {
        let (proof, pinned) = vector();
        let outcome = checked(&kept(proof), &pinned, None);
        assert!(outcome.failed.is_none(), "{outcome:?}");
        let text = text(&outcome);
        assert_eq!(text.matches('✓').count(), 6, "{text}");
        assert!(text.contains("– 7 findings      not compared"), "{text}");
    }

    #[test]
    fn one_changed_byte_or_another_pin_fails_at_its_step() {
        let (mut proof, pinned) = vector();
        let other = Pinned { descriptor: [0; 32] };
        let outcome = checked(&kept(proof.clone()), &other, None);
        let shown = text(&outcome);
        assert!(shown.starts_with("✗ 1 descriptor"), "{shown}");
        let last = proof.len() - 1;
        proof[last] ^= 1;
        let outcome = checked(&kept(proof), &pinned, None);
        let shown = text(&outcome);
        assert!(shown.contains("✓ 3 openings") && shown.contains("✗ 4 root"), "{shown}");
    }

    #[test]
    fn a_proof_of_another_edition_than_the_header_fails() {
        let (proof, pinned) = vector();
        let header = EditionHeader { id: "other".into(), ..EditionHeader::default() };
        let edition = Edition { header: Some(header), proof, ..Edition::default() };
        let read_again = kept(edition.encode_to_vec());
        assert_eq!(read_again, edition);
        let outcome = checked(&edition, &pinned, None);
        assert!(outcome.failed.is_some_and(|(_, why)| why.contains("another edition")));
    }
}
