//! Where a listener listens.

use std::net::SocketAddr;
use std::path::Path;

use wamp::net::ListenError;

use super::ListenerConfig;
use crate::router::config::within;

/// From where a listener can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::router) enum Reach {
    /// From this machine alone.
    ThisMachine,
    /// From other machines, too.
    Others,
}

impl ListenerConfig {
    /// From where it can be reached, as far as its address tells.
    pub(in crate::router) fn reach(&self) -> Reach {
        let address = &self.address.value;
        let is_loopback = match address.parse::<SocketAddr>() {
            Ok(address) => address.ip().is_loopback(),
            Err(_) => address.starts_with("localhost:"),
        };
        if is_loopback || self.is_unix() {
            Reach::ThisMachine
        } else {
            Reach::Others
        }
    }
}

/// Checks that there could be something to listen on.
pub(in crate::router) fn check_address(address: &str) -> Result<(), String> {
    let is_address = match address.strip_prefix(UNIX) {
        Some(path) => !path.is_empty(),
        None => address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
        }),
    };
    if is_address {
        return Ok(());
    }
    if let Some((_, port)) = address.rsplit_once(':')
        && !address.starts_with(UNIX)
        && !port.is_empty()
        && port.bytes().all(|octet| octet.is_ascii_digit())
        && port.parse::<u16>().is_err()
    {
        return Err(format!("{port} is no port: they go up to {}", u16::MAX));
    }
    let error = ListenError::BadAddress {
        address: address.to_owned(),
    };
    Err(error.to_string())
}

/// The address, with the path of a Unix socket as it is meant in a file in `folder`.
pub(in crate::router) fn in_folder(address: String, folder: &Path) -> String {
    match address.strip_prefix(UNIX) {
        Some(path) => format!("{UNIX}{}", within(folder, path).display()),
        None => address,
    }
}

/// What an address begins with that is the path of a Unix socket.
pub(super) const UNIX: &str = "unix:";
