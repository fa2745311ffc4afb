//! What every command that calls a gateway has in common: as whom, in which role, in which form
//! the answer is written.

use std::{future::Future, path::PathBuf, time::Duration};

use clap::Args;
use samsyn_client::{
    Client, Profile, Trace,
    wire::{GetAccessRequest, Page, ReadContext, WriteContext},
    write_context,
};
use samsyn_domain::registry::Role;
use serde_json::Value;
use tonic::{Response, Status};

use crate::{
    failure::Failure,
    output::{self, Format},
    profile_choice::Places,
};

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// The variable that names the trace that a command belongs to, as other tools have it.
const TRACE: &str = "TRACEPARENT";
/// Rows on a page.
pub(crate) const PAGE_ROWS: u32 = 500;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// The client profile: a folder NAME under the folder of profiles.
    #[arg(id = "as", long, value_name = "NAME", global = true)]
    name: Option<String>,
    /// The folder of profiles [env: SAMSYN_PROFILES] [default: that of a running `samsyn demo`].
    #[arg(long, value_name = "DIR", global = true)]
    profiles: Option<PathBuf>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t, global = true)]
    output: Format,
    /// The function on whose behalf you act [default: what the service has and the command needs].
    #[arg(long, global = true, value_parser = role)]
    role: Option<Role>,
}

/// The trace that the caller of this command is in, as the environment says.
fn trace() -> Result<Option<Trace>, Failure> {
    let Ok(told) = std::env::var(TRACE) else { return Ok(None) };
    let place = told.parse().map_err(|why| Failure::Usage(format!("`{TRACE}` {why}")))?;
    Ok(Some(place))
}

fn role(code: &str) -> Result<Role, String> {
    Role::from_code(code).ok_or_else(|| {
        let all = Role::ALL.map(Role::as_str).join(", ");
        format!("is no role; give one of {all}")
    })
}

/// A command's connection and form of answer.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    globals: Globals,
}

impl Globals {
    /// In which form the answer is written.
    pub(crate) const fn output(&self) -> Format {
        self.output
    }

    /// The role that the command line names.
    pub(crate) const fn role(&self) -> Option<Role> {
        self.role
    }

    /// The chosen profile.
    ///
    /// # Errors
    /// When there is none, or it does not hold.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        Places::of_process(self.profiles.clone()).load(self.name.as_deref())
    }

    /// Connects with the chosen profile.
    ///
    /// # Errors
    /// When the profile does not hold or the gateway cannot be reached.
    pub(crate) async fn connect(&self) -> Result<Session, Failure> {
        let profile = self.profile()?;
        let client = Client::connect_in(&profile, trace()?).await?;
        Ok(Session { client, globals: self.clone() })
    }

    /// Writes an answer in the chosen form.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn show(
        &self,
        json: impl FnOnce() -> Value,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.output {
            Format::Json => output::json(&json()),
            Format::Table => output::text(&table()),
        }
        .map_err(|why| Failure::Local(format!("cannot write the answer: {why}")))
    }
}

impl Session {
    /// Options of every command.
    pub(crate) const fn globals(&self) -> &Globals {
        &self.globals
    }

    /// The profile.
    pub(crate) const fn profile(&self) -> &Profile {
        self.client.profile()
    }

    /// The context of a read.
    pub(crate) fn reads(&self) -> Option<ReadContext> {
        let context = self.profile().read_context();
        Some(match self.globals.role {
            Some(role) => ReadContext { actor_role: role.as_str().to_owned(), ..context },
            None => context,
        })
    }

    /// The context of a change in a role.
    pub(crate) fn writes(&self, role: Role) -> Option<WriteContext> {
        Some(write_context(role.as_str()))
    }

    /// The role to act in: as the command line says, else the first of these that the service has.
    ///
    /// # Errors
    /// When the gateway does not say which roles the service has, or it has none of them.
    pub(crate) async fn role(&self, suitable: &[Role]) -> Result<Role, Failure> {
        if let Some(role) = self.globals.role {
            return Ok(role);
        }
        let access = answer(self.client.access.clone().get_access(GetAccessRequest {})).await?;
        let found = suitable.iter().find(|role| access.roles.iter().any(|r| r == role.as_str()));
        found.copied().ok_or_else(|| {
            let wanted =
                suitable.iter().map(|role| role.as_str()).collect::<Vec<_>>().join("` or `");
            let (service, has) = (access.service, access.roles.join(", "));
            Failure::Usage(format!(
                "`{service}` acts as {has}, and this needs `{wanted}`; choose another `--as`"
            ))
        })
    }

    /// The party to act for: as the command line says, else the profile's.
    ///
    /// # Errors
    /// When neither names one.
    pub(crate) fn party(&self, flag: Option<String>) -> Result<String, Failure> {
        let of_profile = Some(self.profile().party.clone()).filter(|party| !party.is_empty());
        flag.or(of_profile).ok_or_else(|| {
            Failure::Usage("the profile names no party; say for which, by `--party ID`".into())
        })
    }

    /// The function to read and send messages for: as the command line says, else the profile's.
    ///
    /// # Errors
    /// When neither names one.
    pub(crate) fn function(&self, flag: Option<String>) -> Result<String, Failure> {
        let of_profile = Some(self.profile().function.clone()).filter(|one| !one.is_empty());
        flag.or(of_profile).ok_or_else(|| {
            Failure::Usage(
                "the profile names no function; say which, by `--function ADDRESS`".into(),
            )
        })
    }

    /// Writes an answer in the chosen form.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn show(
        &self,
        json: impl FnOnce() -> Value,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        self.globals.show(json, table)
    }
}

/// The answer to a call, within a time.
///
/// # Errors
/// What the gateway refused, or that the connection broke.
pub(crate) async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    let answer = tokio::time::timeout(ANSWER_MAX, call).await;
    let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
    Ok(answer?.into_inner())
}

/// A full page from a token on.
pub(crate) const fn page(token: String) -> Option<Page> {
    Some(Page { size: PAGE_ROWS, token })
}

/// All rows of a list in pages: `next` gets a token and gives rows and the token after them.
///
/// # Errors
/// What the gateway refused.
pub(crate) async fn pages<T, F>(next: impl Fn(String) -> F) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<(Vec<T>, String), Failure>>,
{
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (rows, after) = next(token).await?;
        all.extend(rows);
        if after.is_empty() {
            return Ok(all);
        }
        token = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_pages_are_read_in_order() {
        let all = pages(|token| async move {
            Ok(match token.as_str() {
                "" => (vec![1, 2], "b".to_owned()),
                "b" => (vec![3], "c".to_owned()),
                _ => (Vec::new(), String::new()),
            })
        });
        assert_eq!(all.await.unwrap(), [1, 2, 3]);
    }

    #[test]
    fn an_unknown_role_lists_the_known_ones() {
        assert_eq!(role("endorser"), Ok(Role::Endorser));
        assert!(role("chef").unwrap_err().contains("coordinator"));
    }
}
