//! `samsyn accept`: an invitation of another domain becomes a row of the registry, once its
//! fingerprint was read out by who sent it.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use samsyn_client::{
    SignedInvitation,
    admin::{ListLinksRequest, ListLinksResponse},
};
use samsyn_domain::{
    AreaId, DomainId, KeyId,
    link::{Fingerprint, Invitation},
    message::MessageKind,
    registry::{Peer, PeerKey, PeerOrganisation, Record},
};
use serde::Serialize;
use serde_json::json;
use x509_parser::{certificate::X509Certificate, pem::Pem, prelude::FromDer};

use super::{
    registry::{By, carry, single},
    text_of,
};
use crate::{
    failure::Failure,
    output::{self, plain},
    session::{Globals, answer},
};

/// Takes an invitation of another domain: makes it a peer in the registry.
///
/// The invitation is shown, and taken only with the fingerprint that the other operator reads out
/// over another way than the file came. As a registrar it is proposed at once, and the registrar of
/// another organisation approves it by the same command; or it is written into a file beside the
/// others that `samsyn registry propose` reads.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn accept goteborg.invitation --ceiling 1 --kinds notice \
    --fingerprint \"1f3a 09bc 5d11 e0a7 4c2b 9f60 8d3e 7715\" --reason \"avtal\" --as registrar\n  \
    samsyn accept goteborg.invitation --ceiling 1 --kinds notice --out registry/goteborg.toml")]
pub(super) struct Args {
    /// The invitation; `-` is standard input.
    file: PathBuf,
    /// The fingerprint that the other operator read out [default: asked for on a terminal].
    #[arg(long, value_name = "DIGITS", value_parser = fingerprint)]
    fingerprint: Option<Fingerprint>,
    /// The highest level of secrecy that may cross, either way.
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=3))]
    ceiling: u8,
    /// Which kinds of messages may cross, either way.
    #[arg(long, value_name = "KIND", value_delimiter = ',', required = true, value_parser = kind)]
    kinds: Vec<MessageKind>,
    /// How many envelopes it may send in a minute.
    #[arg(long, value_name = "NUMBER", default_value_t = 600)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    envelopes_per_minute: u32,
    /// Takes only this organisation of those at home there; may be repeated [default: all].
    #[arg(long = "organisation", value_name = "ORGNR")]
    organisations: Vec<String>,
    /// The areas whose joint picture it may deliver here, where no agreement says that it is their
    /// home [default: as before].
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = AreaId::parse)]
    areas: Vec<AreaId>,
    /// The domain's name, for people [default: the domain].
    #[arg(long)]
    name: Option<String>,
    /// Writes the row into this file and proposes nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reason", "plan"])]
    out: Option<PathBuf>,
    /// Why; at most 500 characters, never about persons.
    #[arg(long, required_unless_present_any = ["plan", "out"])]
    reason: Option<String>,
    /// Shows what it would do, and changes nothing.
    #[arg(long)]
    plan: bool,
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(text)
        .ok_or_else(|| "is no fingerprint; give eight groups of four hexadecimal digits".to_owned())
}

fn kind(code: &str) -> Result<MessageKind, String> {
    MessageKind::from_code(code).ok_or_else(|| {
        let all: Vec<&str> = MessageKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("is no kind of message; give one of {}", all.join(", "))
    })
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let signed = SignedInvitation::parse(&text_of(&args.file)?)?;
    let peer = args.peer(signed.invitation())?;
    let session = globals.connect().await?;
    let own = answer(session.client.links.clone().list_links(ListLinksRequest {})).await?;
    fits(signed.invitation(), &own)?;
    eprint!("{}", shown(signed.invitation()));
    compared(signed.invitation(), args.fingerprint)?;
    if let Some(file) = &args.out {
        write(file, &peer)?;
        let file = file.display().to_string();
        let (id, next) = (peer.id.to_string(), "propose it with `samsyn registry propose`");
        return session.show(
            || json!({ "file": file, "peer": id }),
            || {
                output::pairs([
                    ("wrote", file.clone()),
                    ("peer", id.clone()),
                    ("next", next.into()),
                ])
            },
        );
    }
    let exported = session.client.export_registry().await?;
    // What is delivered, either way, stays as it is.
    let change = match exported.registry.peer(&peer.id).cloned() {
        None => peer,
        Some(Peer { deliveries, areas, .. }) if peer.areas.is_empty() => {
            Peer { deliveries, areas, ..peer }
        }
        Some(Peer { deliveries, .. }) => Peer { deliveries, ..peer },
    };
    let change = single(Record::Peers(change))?;
    carry(&session, &exported, &change, By { reason: args.reason, plan: args.plan }).await
}

impl Args {
    /// The row that an invitation becomes.
    fn peer(&self, invitation: &Invitation) -> Result<Peer, Failure> {
        let bad = |what: &str| {
            Failure::Local(format!("the invitation has {what}; have its operator make it anew"))
        };
        let id = DomainId::parse(&invitation.domain)
            .map_err(|_| bad("a name that no domain can have"))?;
        if !invitation.authorities.iter().all(|pem| is_authority(pem)) {
            return Err(bad("an authority that is no certificate of one"));
        }
        let public_key = hex::encode(invitation.public_key);
        let key_id: String = public_key.chars().take(8).collect();
        let key_id = KeyId::parse(&format!("{id}/{key_id}"));
        let key = PeerKey { id: key_id.map_err(|_| bad("a name that is too long"))?, public_key };
        let organisations = invitation.organisations.iter().filter(|(orgnr, _)| {
            self.organisations.is_empty() || self.organisations.contains(orgnr)
        });
        if let Some(orgnr) =
            self.organisations.iter().find(|orgnr| !invitation.organisations.contains_key(*orgnr))
        {
            return Err(Failure::Usage(format!(
                "`{orgnr}` is not at home in `{id}`; give one of {}",
                all(invitation.organisations.keys())
            )));
        }
        Ok(Peer {
            name: self.name.clone().unwrap_or_else(|| id.to_string()),
            id,
            federation: invitation.federation.clone(),
            endpoints: invitation.endpoints.clone(),
            authorities: invitation.authorities.clone(),
            keys: BTreeSet::from([key]),
            organisations: organisations
                .map(|(orgnr, name)| PeerOrganisation { orgnr: orgnr.clone(), name: name.clone() })
                .collect(),
            ceiling: self.ceiling,
            message_kinds: self.kinds.iter().copied().collect(),
            envelopes_per_minute: self.envelopes_per_minute,
            areas: self.areas.iter().cloned().collect(),
            deliveries: BTreeSet::new(),
        })
    }
}

/// Whether a text is certificates of authorities, in PEM.
fn is_authority(pem: &str) -> bool {
    let mut found = false;
    for section in Pem::iter_from_buffer(pem.as_bytes()) {
        let Ok(section) = section else { return false };
        let read = X509Certificate::from_der(&section.contents);
        let is_one = read.is_ok_and(|(rest, certificate)| rest.is_empty() && certificate.is_ca());
        if section.label != "CERTIFICATE" || !is_one {
            return false;
        }
        found = true;
    }
    found
}

/// Whether a link with this domain can come about at all.
fn fits(invitation: &Invitation, own: &ListLinksResponse) -> Result<(), Failure> {
    if own.federation.is_empty() {
        return Err(Failure::Usage(
            "this domain has no links; write `[link]` into its configuration first".to_owned(),
        ));
    }
    if invitation.domain == own.domain {
        return Err(Failure::Usage(format!(
            "this is the invitation of `{}` itself; take that of the other domain",
            own.domain
        )));
    }
    if invitation.federation != own.federation {
        return Err(Failure::Unverified(format!(
            "`{}` is of federation `{}`, and this domain of `{}`: they are never linked; agree on \
             one, and have the invitation made anew",
            plain(&invitation.domain),
            plain(&invitation.federation),
            own.federation
        )));
    }
    Ok(())
}

fn shown(invitation: &Invitation) -> String {
    let organisations = invitation.organisations.iter();
    let organisations: Vec<String> =
        organisations.map(|(orgnr, name)| format!("{name} ({orgnr})")).collect();
    output::pairs([
        ("domain", invitation.domain.clone()),
        ("federation", invitation.federation.clone()),
        ("endpoints", invitation.endpoints.join(", ")),
        ("organisations", all(organisations.iter())),
        ("made at", invitation.made_at.to_string()),
    ])
}

fn all<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    if texts.is_empty() { "–".to_owned() } else { texts.join(", ") }
}

/// Makes sure that somebody has compared the fingerprint. It is not shown where it is to be given:
/// it is to come from the other operator, not from this screen.
fn compared(invitation: &Invitation, told: Option<Fingerprint>) -> Result<(), Failure> {
    let own = invitation.fingerprint();
    let domain = plain(&invitation.domain);
    match told {
        Some(told) if told == own => Ok(()),
        Some(_) => Err(Failure::Unverified(format!(
            "the fingerprint is another: this file is not the invitation that the operator of \
             `{domain}` made, or it was misheard; call them again, and take nothing until it fits"
        ))),
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => asked(&domain, own),
        None => Err(Failure::Usage(format!(
            "call the operator of `{domain}` by a number that you have from elsewhere, and give \
             what they read out by `--fingerprint`"
        ))),
    }
}

fn asked(domain: &str, own: Fingerprint) -> Result<(), Failure> {
    eprint!(
        "fingerprint    {own}\n\nCall the operator of {domain} by a number that you have from \
         elsewhere, and have the\nfingerprint read out. Is it this one, to the last digit? \
         [yes/no] "
    );
    let mut line = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().lock().read_line(&mut line));
    read.map_err(|why| Failure::Local(format!("cannot read the answer: {why}")))?;
    if line.trim() == "yes" {
        return Ok(());
    }
    Err(Failure::Unverified("the fingerprint was not confirmed; nothing was changed".to_owned()))
}

/// The row as a file beside others of a registry.
fn write(file: &Path, peer: &Peer) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Rows<'a> {
        peers: [&'a Peer; 1],
    }
    let text = toml::to_string(&Rows { peers: [peer] });
    let text = text.map_err(|why| Failure::Local(format!("the row has no TOML form: {why}")))?;
    let written = fs::File::create_new(file).and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|why| Failure::file("write", file, &why))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use samsyn_domain::{Timestamp, registry::Document};

    use super::*;

    fn invitation() -> Invitation {
        let authority = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        let organisation = |orgnr: &str| (orgnr.to_owned(), format!("Staden {orgnr}"));
        Invitation {
            domain: "b.example".into(),
            federation: "f.example".into(),
            endpoints: vec!["b.example:7446".into()],
            authorities: vec![params.self_signed(&authority).unwrap().pem()],
            public_key: [7; 32],
            organisations: BTreeMap::from([organisation("2120000142"), organisation("2120000175")]),
            made_at: Timestamp::ZERO,
        }
    }

    fn args(organisations: &[&str]) -> Args {
        Args {
            file: PathBuf::new(),
            fingerprint: None,
            ceiling: 1,
            kinds: vec![MessageKind::Notice],
            envelopes_per_minute: 60,
            areas: Vec::new(),
            organisations: organisations.iter().map(|&orgnr| orgnr.to_owned()).collect(),
            name: None,
            out: None,
            reason: None,
            plan: false,
        }
    }

    fn own(domain: &str, federation: &str) -> ListLinksResponse {
        let (domain, federation) = (domain.to_owned(), federation.to_owned());
        ListLinksResponse { domain, federation, links: Vec::new() }
    }

    #[test]
    fn an_invitation_becomes_a_row_that_a_registry_takes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("peer.toml");
        let peer = args(&[]).peer(&invitation()).unwrap();
        assert_eq!(peer.organisations.len(), 2);
        write(&file, &peer).unwrap();
        let document: Document = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(document.peers, std::slice::from_ref(&peer));
        samsyn_domain::registry::Registry::build(&document).unwrap();
        assert!(write(&file, &peer).is_err(), "an earlier file stays");
    }

    #[test]
    fn only_organisations_that_were_chosen_are_taken() {
        let peer = args(&["2120000175"]).peer(&invitation()).unwrap();
        assert!(peer.has("2120000175") && !peer.has("2120000142"));
        let refused = args(&["5560000000"]).peer(&invitation()).unwrap_err().to_string();
        assert!(refused.contains("give one of 2120000142, 2120000175"), "{refused}");
    }

    #[test]
    fn what_is_no_authority_is_not_registered() {
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        let with = |pem: String| Invitation { authorities: vec![pem], ..invitation() };
        let good = invitation().authorities[0].clone();
        for bad in [String::new(), "pem".into(), key.serialize_pem(), format!("{good}{leaf}"), leaf]
        {
            let refused = args(&[]).peer(&with(bad.clone())).unwrap_err().to_string();
            assert!(refused.contains("an authority that is no certificate"), "{bad}: {refused}");
        }
    }

    #[test]
    fn only_another_domain_of_the_same_federation_can_be_linked_with() {
        let invitation = invitation();
        fits(&invitation, &own("a.example", "f.example")).unwrap();
        for (domain, federation, why) in [
            ("a.example", "", "write `[link]`"),
            ("b.example", "f.example", "itself"),
            ("a.example", "test.f.example", "never linked"),
        ] {
            let refused = fits(&invitation, &own(domain, federation)).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn nothing_is_taken_without_its_fingerprint() {
        let one = invitation();
        compared(&one, Some(one.fingerprint())).unwrap();
        let other = Invitation { public_key: [8; 32], ..one.clone() }.fingerprint();
        let refused = compared(&one, Some(other)).unwrap_err();
        assert_eq!(refused.number(), 4);
        let told = format!("{refused} {}", shown(&one));
        assert!(!told.contains(one.fingerprint().to_string().split_at(9).0), "{told}");
    }
}
