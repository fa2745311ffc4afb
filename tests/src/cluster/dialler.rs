//! Which of some processes dialled a connection on this machine: nodes encrypt what they say of
//! themselves, so the system is asked.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, SocketAddr},
};

/// The node that dialled from an address, by the ids of the nodes' processes; none when it is none
/// of them. Linux tells, in `/proc/net/tcp` (proc(5)).
pub(super) fn dialler(
    from: SocketAddr,
    to: SocketAddr,
    processes: &BTreeMap<u64, u32>,
) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let inode = inode(&table, from, to)?;
    let socket = format!("socket:[{inode}]");
    let holds = |id: &u32| {
        let held = fs::read_dir(format!("/proc/{id}/fd")).ok();
        held.into_iter().flatten().flatten().any(|file| {
            // A file may be closed while it is looked at.
            fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket.as_str())
        })
    };
    processes.iter().find(|(_, id)| holds(id)).map(|(node, _)| *node)
}

/// The inode of the socket at one end of a connection.
fn inode(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u64> {
    const REMOTE: usize = 2;
    const INODE: usize = 9;
    let (local, remote) = (written(from)?, written(to)?);
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it =
            fields.get(1) == Some(&local.as_str()) && fields.get(REMOTE) == Some(&remote.as_str());
        is_it.then(|| fields.get(INODE)?.parse().ok())?
    })
}

/// An IPv4 address as the table writes it: its bytes as a number of this machine, in hexadecimal.
fn written(at: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = at.ip() else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), at.port()))
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_process_that_dialled_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let dialled = TcpStream::connect(at).unwrap();
        let from = dialled.local_addr().unwrap();
        let this = BTreeMap::from([(7, std::process::id())]);
        assert_eq!(dialler(from, at, &this), Some(7));
        assert_eq!(dialler(from, at, &BTreeMap::from([(7, 1)])), None, "another process");
        assert_eq!(dialler(at, at, &this), None, "no such connection");
    }
}
