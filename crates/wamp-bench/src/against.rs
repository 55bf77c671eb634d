//! Another router, that the same loads are played against.

use std::fs;

use anyhow::{Context, Result, ensure};

/// What it is reached at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Against {
    pub(crate) url: String,
    pub(crate) realm: String,
}

impl Against {
    pub(crate) fn new(url: &str, realm: &str) -> Result<Self> {
        let against = Self {
            url: url.to_owned(),
            realm: realm.to_owned(),
        };
        ensure!(
            ["ws", "rs", "unix"].contains(&against.over()),
            "--against takes a URL that begins with ws://, rs:// or unix:, not {url:?}"
        );
        Ok(against)
    }

    /// The transport, as the workloads name it.
    pub(crate) fn over(&self) -> &str {
        self.url.split(':').next().unwrap_or_default()
    }

    /// The process that listens, if it does so on this machine, over TCP, and may be looked at.
    pub(crate) fn pid(&self) -> Option<u32> {
        let (_, rest) = self.url.split_once("://")?;
        let (host, port) = rest.split('/').next()?.rsplit_once(':')?;
        if !["127.0.0.1", "localhost", "[::1]"].contains(&host) {
            return None;
        }
        let port = port.parse().ok()?;
        let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")));
        let inode = tables
            .iter()
            .flatten()
            .find_map(|table| listener(table, port))?;
        holder(&format!("socket:[{inode}]"))
    }
}

/// The inode of the socket that listens at a port, of a table in `/proc/net`.
fn listener(table: &str, port: u16) -> Option<&str> {
    const LISTENS: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode, ..] = columns[..] else {
            return None;
        };
        let (_, hex) = local.rsplit_once(':')?;
        let found = u16::from_str_radix(hex, 16).ok()?;
        (state == LISTENS && found == port).then_some(inode)
    })
}

/// The process that has a file open.
fn holder(file: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| has_open(*pid, file).unwrap_or_default())
}

fn has_open(pid: u32, file: &str) -> Result<bool> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).context("it may not be looked at")?;
    Ok(open
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_behind_a_local_url_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let against = Against::new(&format!("rs://127.0.0.1:{port}"), "realm1").unwrap();
        assert_eq!(against.over(), "rs");
        assert_eq!(against.pid(), Some(std::process::id()));
        drop(listener);
        assert_eq!(against.pid(), None);
    }

    #[test]
    fn a_url_of_another_kind_is_refused() {
        assert!(Against::new("wss://127.0.0.1:1", "realm1").is_err());
        assert!(Against::new("http://127.0.0.1:1", "realm1").is_err());
    }
}
