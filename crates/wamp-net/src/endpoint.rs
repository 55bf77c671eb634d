//! Endpoints: where a router is found and what is spoken there, as URLs say it.

mod error;
pub(crate) mod parse;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

pub use crate::endpoint::error::EndpointError;
use crate::percent;

/// Where a router is found, and which transport is spoken there.
///
/// It is parsed from a URL, one of these:
///
/// | URL | what it is |
/// |---|---|
/// | `ws://HOST[:80][/PATH][?QUERY]` | WebSocket |
/// | `wss://HOST[:443][/PATH][?QUERY]` | WebSocket over TLS |
/// | `rs://HOST[:80]` | RawSocket |
/// | `rss://HOST[:443]` | RawSocket over TLS |
/// | `unix:FILE` | RawSocket over a Unix domain socket |
/// | `ws+unix:FILE[:/PATH][?QUERY]` | WebSocket over a Unix domain socket, as Node's `ws` writes it |
///
/// The number is the port if there is none in the URL. [`Display`](fmt::Display) writes an endpoint
/// so that parsing it again gives the same one.
///
/// # Unix domain sockets
///
/// The file is an absolute path, or one that is relative to the working directory:
/// `unix:/run/wamp.sock`, `unix:wamp.sock`. Two slashes may stand before an absolute path, as in
/// `unix:///run/wamp.sock`. Autobahn's form, in which `unix` stands where the host would,
/// works with all four schemes: `rs://unix:/run/wamp.sock`, `ws://unix:/run/wamp.sock:/ws`; what is
/// requested comes behind a second colon there too, and is `/` without. (Autobahn itself requests
/// the path of the socket then, which no router looks for.) `wss+unix:` and `rss+unix:` are TLS
/// over a Unix domain socket; the name that its certificate is verified for must be given beside
/// the URL, in the options of TLS.
///
/// The path is percent-decoded, as in every URL, so that every file can be named: `%25` is a percent
/// sign, `%3F` a question mark, and `%3A` a colon where a second colon has a meaning. Spaces and
/// letters beyond ASCII may also stand for themselves.
///
/// ```
/// use wamp_net::{Address, Endpoint, Host, Protocol};
///
/// let endpoint: Endpoint = "wss://[::1]:8080/ws".parse()?;
/// assert_eq!(
///     *endpoint.address(),
///     Address::Tcp { host: Host::Ip("::1".parse().unwrap()), port: 8080 },
/// );
/// assert_eq!(*endpoint.protocol(), Protocol::WebSocket { target: "/ws".into() });
/// assert!(endpoint.is_tls());
/// assert_eq!(endpoint.to_string(), "wss://[::1]:8080/ws");
///
/// let local: Endpoint = "unix:/run/wamp.sock".parse()?;
/// assert_eq!(*local.address(), Address::Unix { path: "/run/wamp.sock".into() });
/// assert_eq!(*local.protocol(), Protocol::RawSocket);
/// # Ok::<(), wamp_net::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    address: Address,
    is_tls: bool,
    protocol: Protocol,
}

impl Endpoint {
    /// Where the connection goes.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the connection is encrypted by TLS. One that is to be is never made without.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// What is spoken over it.
    pub const fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// The host, and the port unless it is the scheme's own: what goes into an HTTP `Host` header.
    /// A Unix domain socket is `localhost`.
    pub fn authority(&self) -> String {
        match &self.address {
            Address::Tcp { host, port } if *port == default_port(self.is_tls) => host.to_string(),
            Address::Tcp { host, port } => format!("{host}:{port}"),
            Address::Unix { .. } => "localhost".to_owned(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, EndpointError> {
        parse::endpoint(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, target) = match (&self.protocol, self.is_tls) {
            (Protocol::RawSocket, false) => ("rs", None),
            (Protocol::RawSocket, true) => ("rss", None),
            (Protocol::WebSocket { target }, false) => ("ws", Some(target)),
            (Protocol::WebSocket { target }, true) => ("wss", Some(target)),
        };
        match (&self.address, target) {
            (Address::Tcp { .. }, _) => {
                let target = target.map_or("", String::as_str);
                write!(f, "{scheme}://{}{target}", self.authority())
            }
            (Address::Unix { path }, target) => {
                let scheme = match scheme {
                    "rs" => "unix",
                    _ => &format!("{scheme}+unix"),
                };
                let octets = path.as_os_str().as_encoded_bytes();
                // Two slashes would announce a host, so an empty one is written before them.
                let host = if octets.starts_with(b"//") { "//" } else { "" };
                write!(f, "{scheme}:{host}{}", percent::Encoded(octets))?;
                match target {
                    Some(target) if target != "/" => write!(f, ":{target}"),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP port of a host.
    Tcp {
        /// The host.
        host: Host,
        /// The port, never 0.
        port: u16,
    },
    /// A Unix domain socket.
    Unix {
        /// Its file.
        path: PathBuf,
    },
}

/// What is spoken over a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// RawSocket.
    RawSocket,
    /// WebSocket.
    WebSocket {
        /// The path and query that are requested; it begins with `/`.
        target: String,
    },
}

/// A host: a name that is looked up, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// A name, in lower case.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

impl FromStr for Host {
    type Err = EndpointError;

    /// Parses a name, an IPv4 address, or an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(EndpointError::BadHost)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| EndpointError::BadHost)?;
            return Ok(Self::Ip(address.into()));
        }
        if text.is_empty() {
            return Err(EndpointError::NoHost);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return match address {
                IpAddr::V4(_) => Ok(Self::Ip(address)),
                IpAddr::V6(_) => Err(EndpointError::BadHost),
            };
        }
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
        if text.len() > MAX_HOST_LEN || !text.bytes().all(plain) {
            return Err(EndpointError::BadHost);
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

/// Writes it as in a URL: an IPv6 address in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// The ports of HTTP, which Autobahn has for RawSocket too.
const fn default_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

/// The longest name that the DNS has.
const MAX_HOST_LEN: usize = 253;
