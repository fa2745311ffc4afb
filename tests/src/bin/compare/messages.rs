//! Those who send messages between functions of the domain.

use std::{collections::BTreeMap, fs};

use samsyn_client::{Client, wire, write_context};
use samsyn_tests::{observed::observation, raw::Failure};

use crate::{load::Worker, ours::Ours};

/// With its subject, its labels and its ground a message is about 1 KiB.
const BODY: &str = "Nedskräpning och klotter vid torget, anmält av driften. ";
const BODY_TIMES: usize = 13;

impl Ours {
    /// The address of each function, with the profile of a service that speaks for it.
    fn functions(&self) -> Result<BTreeMap<String, String>, Failure> {
        let registry: toml::Table =
            fs::read_to_string(self.path().join("registry.toml"))?.parse()?;
        let functions = registry.get("functions").and_then(toml::Value::as_array);
        let of = |function: &toml::Value| {
            let services = function.get("services")?.as_array()?;
            let (_, profile) = services.first()?.as_str()?.rsplit_once('/')?;
            Some((function.get("id")?.as_str()?.to_owned(), profile.to_owned()))
        };
        Ok(functions.ok_or("no functions")?.iter().filter_map(of).collect())
    }

    /// So many who send, each on a connection of its own, to one function after the other.
    pub(crate) async fn senders(&self, count: usize) -> Result<Vec<Sender>, Failure> {
        let functions = self.functions()?;
        let all: Vec<String> = functions.keys().cloned().collect();
        let mut senders = Vec::new();
        for (number, (from, profile)) in functions.iter().cycle().take(count).enumerate() {
            let client = self.client(profile).await?;
            let to = all.iter().filter(|other| *other != from).cloned().collect();
            senders.push(Sender { client, from: from.clone(), to, count: number });
        }
        Ok(senders)
    }
}

/// A function that sends one message after the other.
pub(crate) struct Sender {
    client: Client,
    from: String,
    to: Vec<String>,
    count: usize,
}

impl Worker for Sender {
    async fn once(&mut self) -> Result<(), Failure> {
        self.count += 1;
        let to = self.to.get(self.count % self.to.len()).ok_or("there is nobody else")?;
        let mut labels = observation("", 1).labels.unwrap_or_default();
        labels.audience.clear();
        let request = wire::SendMessageRequest {
            context: Some(write_context("")),
            ground: Some(self.client.profile().read_context()),
            from_function: self.from.clone(),
            to_functions: vec![to.clone()],
            kind: "notice".to_owned(),
            subject: "Läget vid torget".to_owned(),
            body: BODY.repeat(BODY_TIMES),
            labels: Some(labels),
            ..wire::SendMessageRequest::default()
        };
        self.client.send_message(request).await?;
        Ok(())
    }
}
