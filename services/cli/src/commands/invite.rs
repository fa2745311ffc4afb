//! `samsyn invite`: what this domain says of itself to one that it would be linked with.

use std::{fs, path::PathBuf};

use samsyn_client::{NotAnInvitation, SignedInvitation, admin::CreateInvitationRequest};
use serde_json::json;

use crate::{
    failure::Failure,
    output,
    session::{Globals, answer},
};

/// Writes an invitation to a link with this domain, for the operator of another one.
///
/// It holds no secret and is signed by the domain's key. Send the file as you like, and read the
/// fingerprint out over another way: a call, a meeting..
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn invite --out stockholm.invitation --as drift\n  \
    samsyn invite --out stockholm.invitation --endpoint link-2.stockholm.example:7446 --as drift")]
pub(super) struct Args {
    /// The file to write; there must be none yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where another node of this domain listens for links; may be repeated. That of the node that
    /// is asked is in it in any case.
    #[arg(long = "endpoint", value_name = "HOST:PORT")]
    endpoints: Vec<String>,
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let request = CreateInvitationRequest { endpoints: args.endpoints };
    let made = answer(session.client.links.clone().create_invitation(request)).await?;
    let signed = SignedInvitation::verify(made.statement, &made.signature)?;
    let file = fs::File::create_new(&args.out);
    let written =
        file.and_then(|mut file| std::io::Write::write_all(&mut file, signed.text().as_bytes()));
    written.map_err(|why| Failure::file("write", &args.out, &why))?;
    let (invitation, file) = (signed.invitation(), args.out.display().to_string());
    let fingerprint = invitation.fingerprint().to_string();
    session.show(
        || {
            json!({
                "file": file,
                "domain": invitation.domain,
                "federation": invitation.federation,
                "endpoints": invitation.endpoints,
                "fingerprint": fingerprint,
            })
        },
        || {
            let pairs = output::pairs([
                ("wrote", file.clone()),
                ("domain", invitation.domain.clone()),
                ("federation", invitation.federation.clone()),
                ("endpoints", invitation.endpoints.join(", ")),
                ("fingerprint", fingerprint.clone()),
            ]);
            format!(
                "{pairs}\nSend the file to the operator of the other domain. Then call them, and \
                 read out:\n  \"The fingerprint of {} is {fingerprint}.\"\n",
                invitation.domain
            )
        },
    )
}

impl From<NotAnInvitation> for Failure {
    fn from(why: NotAnInvitation) -> Self {
        match why {
            NotAnInvitation::Malformed | NotAnInvitation::OtherForm => Self::Local(why.to_string()),
            NotAnInvitation::Unsigned => Self::Unverified(why.to_string()),
        }
    }
}
