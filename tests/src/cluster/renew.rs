//! A domain that goes over to new nodes, as after the loss of all that carried it.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use super::{Cluster, Place, free};
use crate::raw::Failure;

impl Cluster {
    /// Ends all nodes that run, and writes as many new ones, with numbers and an authority of their
    /// own. They do not run.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn renew(&mut self) -> Result<(), Failure> {
        let old = self.nodes();
        let running: Vec<u64> = self.running.keys().copied().collect();
        for node in running {
            self.kill(node)?;
        }
        let pattern: toml::Table = fs::read_to_string(self.config(self.first()?))?.parse()?;
        let domain = pattern.get("domain").and_then(toml::Value::as_str).ok_or("no domain")?;
        let authority = self.path().join("new-nodes");
        self.pki(&["init"], &authority, &["--trust-domain", domain])?;
        let after = old.last().ok_or("no nodes")?;
        let new = (1..).zip(&old).map(|(number, _)| after + number);
        let place = |node| Ok((node, Place { clients: free()?, nodes: free()? }));
        self.places = new.map(place).collect::<Result<BTreeMap<_, _>, Failure>>()?;
        for (node, place) in &self.places {
            let id = node.to_string();
            let named = ["--node", &id, "--ip", "127.0.0.1", "--dns", "localhost"];
            self.pki(&["issue"], &authority, &named)?;
            let mut table = pattern.clone();
            table.insert("listen".to_owned(), place.clients.to_string().into());
            table.insert("data".to_owned(), format!("data-{node}").into());
            table.insert("cluster".to_owned(), self.member(*node, *place)?.into());
            fs::write(self.config(*node), toml::to_string(&table)?)?;
        }
        Ok(())
    }

    /// What a new node is told of the cluster: it founds it, or waits for the one that does.
    fn member(&self, node: u64, place: Place) -> Result<toml::Table, Failure> {
        let first = self.first()?;
        let mut table = toml::Table::new();
        let mut tell = |name: &str, value: toml::Value| table.insert(name.to_owned(), value);
        tell("node", i64::try_from(node)?.into());
        tell("listen", place.nodes.to_string().into());
        tell("founds", (node == first).into());
        tell("bundle", "new-nodes/ca.pem".into());
        tell("crl", "new-nodes/crl.pem".into());
        tell("chain", format!("new-nodes/issued/node-{node}.pem").into());
        tell("key", format!("new-nodes/issued/node-{node}.key").into());
        if node != first {
            let other = toml::Table::from_iter([
                ("node".to_owned(), i64::try_from(first)?.into()),
                ("address".to_owned(), self.address(first)?.to_string().into()),
            ]);
            tell("others", vec![toml::Value::from(other)].into());
        }
        Ok(table)
    }

    fn pki(&self, verb: &[&str], folder: &Path, rest: &[&str]) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        let done = command.arg("pki").args(verb).arg(folder).args(rest).output()?;
        if done.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&done.stderr).into())
    }
}
