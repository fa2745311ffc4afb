//! The nodes of the demo: addresses, certificates, a configuration for each.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use samsyn_domain::{Timestamp, registry::Document};
use time::Duration;

use super::{DOMAIN, Error, Files};
use crate::{demo::clock::date_time, pki::Authority};

/// A demo is over within days.
const VALIDITY: Duration = Duration::days(30);

/// Where a node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) struct NodeAt {
    /// For clients.
    pub(in crate::demo) clients: SocketAddr,
    /// For other nodes.
    pub(in crate::demo) nodes: SocketAddr,
}

/// Free addresses for so many nodes, the first of them at one that is given.
///
/// # Errors
/// When no port is to be had.
pub(in crate::demo) fn reserve(first: SocketAddr, count: u64) -> io::Result<Vec<NodeAt>> {
    // All are held until the last is found, so that none is given twice.
    let free = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = (0..2 * count).map(|_| free()).collect::<io::Result<Vec<_>>>()?;
    let at = held.iter().map(std::net::TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    let mut nodes: Vec<_> = at
        .chunks_exact(2)
        .filter_map(|pair| Some(NodeAt { clients: *pair.first()?, nodes: *pair.last()? }))
        .collect();
    if let Some(node) = nodes.first_mut() {
        node.clients = first;
    }
    Ok(nodes)
}

/// The folder of a node's log, state and keys.
pub(super) fn data(nodes: &[NodeAt], node: u64) -> String {
    if nodes.len() == 1 { "data".to_owned() } else { format!("data-{node}") }
}

/// The file of a node's configuration.
pub(super) fn config_file(nodes: &[NodeAt], node: u64) -> String {
    if nodes.len() == 1 { "config.toml".to_owned() } else { format!("node-{node}.toml") }
}

/// Writes a configuration for each node, and certificates where there are several.
pub(super) fn write(
    files: &Files<'_>,
    nodes: &[NodeAt],
    document: &Document,
    now: Timestamp,
) -> Result<(), Error> {
    let name = format!("{DOMAIN} demo nodes");
    let authority = Authority::create(DOMAIN, &name, VALIDITY, date_time(now))?;
    if nodes.len() > 1 {
        files.folder("attachments")?;
        files.write("nodes/ca.pem", authority.certificate_pem())?;
        files.write("nodes/ca.crl.pem", &authority.crl(&[], date_time(now))?)?;
    }
    for (node, at) in (1..).zip(nodes) {
        let cluster = if nodes.len() > 1 {
            let (dns, ips) = (["localhost".to_owned()], [Ipv4Addr::LOCALHOST.into()]);
            let issued = authority.issue_node(&dns, &ips, node, date_time(now))?;
            files.write(&format!("nodes/{node}.pem"), issued.certificate_pem())?;
            files.write(&format!("nodes/{node}.key"), issued.key_pem())?;
            cluster(nodes, node, *at)
        } else {
            String::new()
        };
        let text = config(at.clients, &data(nodes, node), &cluster, document);
        files.write(&config_file(nodes, node), &text)?;
    }
    Ok(())
}

fn cluster(nodes: &[NodeAt], node: u64, at: NodeAt) -> String {
    let mut text = format!(
        "\n[cluster]\nnode = {node}\nlisten = \"{}\"\nfounds = {}\nchain = \"nodes/{node}.pem\"\n\
         key = \"nodes/{node}.key\"\nbundle = \"nodes/ca.pem\"\ncrl = \"nodes/ca.crl.pem\"\n",
        at.nodes,
        node == 1
    );
    text.push_str("\n[attachments]\nfolder = \"attachments\"\n");
    for (other, at) in (1..).zip(nodes).filter(|(other, _)| *other != node) {
        let at = at.nodes;
        text.push_str(&format!("\n[[cluster.others]]\nnode = {other}\naddress = \"{at}\"\n"));
    }
    text
}

fn config(at: SocketAddr, data: &str, cluster: &str, document: &Document) -> String {
    let mut text = format!(
        "mode = \"demo\"\ndomain = \"{DOMAIN}\"\nlisten = \"{at}\"\ndata = \"{data}\"\n\
         registry = \"registry.toml\"\npolicy = \"policy\"\n\n\
         [tls]\nchain = \"tls/server.pem\"\nkey = \"tls/server.key\"\n{cluster}"
    );
    for organisation in &document.organisations {
        let id = &organisation.id;
        text.push_str(&format!(
            "\n[[anchors]]\norganisation = \"{id}\"\nbundle = \"anchors/{id}.pem\"\n\
             crl = \"anchors/{id}.crl.pem\"\n"
        ));
    }
    text
}
