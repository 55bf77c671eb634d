//! Endpoints: where a router is found and what is spoken there, as URLs say it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a router is found, and which transport is spoken there.
///
/// It is parsed from a URL: `ws://HOST[:PORT][/PATH][?QUERY]`, where the port is 80 if there is
/// none.
///
/// ```
/// use wamp_net::{Address, Endpoint, Host, Protocol};
///
/// let endpoint: Endpoint = "ws://[::1]:8080/ws".parse()?;
/// assert_eq!(
///     *endpoint.address(),
///     Address::Tcp { host: Host::Ip("::1".parse().unwrap()), port: 8080 },
/// );
/// assert_eq!(*endpoint.protocol(), Protocol::WebSocket { target: "/ws".into() });
/// assert_eq!(endpoint.to_string(), "ws://[::1]:8080/ws");
///
/// // What is not there is refused; nothing falls back to an unencrypted connection.
/// assert!("wss://router.example/ws".parse::<Endpoint>().is_err());
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
    pub fn authority(&self) -> String {
        match &self.address {
            Address::Tcp { host, port } if *port == WS_PORT => host.to_string(),
            Address::Tcp { host, port } => format!("{host}:{port}"),
            Address::Unix { .. } => "localhost".to_owned(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = url.split_once(':').ok_or(EndpointError::NoScheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "ws" {
            return Err(match KNOWN_SCHEMES.iter().find(|known| **known == scheme) {
                Some(known) => EndpointError::NotSupported { scheme: known },
                None if rest.starts_with("//") => EndpointError::UnknownScheme,
                // What stands before the colon is the host.
                None => EndpointError::NoScheme,
            });
        }
        let rest = rest.strip_prefix("//").ok_or(EndpointError::NoHost)?;
        if rest.contains('#') {
            return Err(EndpointError::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(EndpointError::Credentials);
        }
        let (host, port) = split_port(authority)?;
        let host = host.parse()?;
        let port = port.map_or(Ok(WS_PORT), parse_port)?;
        Ok(Self {
            address: Address::Tcp { host, port },
            is_tls: false,
            protocol: Protocol::WebSocket {
                target: parse_target(target)?,
            },
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.protocol {
            Protocol::WebSocket { target } => write!(f, "ws://{}{target}", self.authority()),
            Protocol::RawSocket => write!(f, "rs://{}", self.authority()),
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

/// Why a URL names no endpoint. The texts never repeat the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The host is neither a name nor an address.
    #[error(
        "the URL's host is neither a name of ASCII letters, digits, '-', '.' and '_' nor an \
         address; write an IPv6 address in brackets, and an international name in its xn-- form"
    )]
    BadHost,
    /// The port is no number in 1..=65535.
    #[error("the URL's port is no number between 1 and 65535")]
    BadPort,
    /// The path or query has characters that a URL does not have.
    #[error("the URL's path or query has a space or a character beyond ASCII; percent-encode it")]
    BadTarget,
    /// The URL holds a user name or password.
    #[error("the URL holds a user name or password; hand them to the authentication instead")]
    Credentials,
    /// The URL has a fragment, which is meaningless here.
    #[error("the URL has a fragment ('#'), which means nothing to a connection; remove it")]
    Fragment,
    /// There is no host.
    #[error("the URL names no host; it should read like ws://localhost:8080/ws")]
    NoHost,
    /// There is no scheme.
    #[error("the URL has no scheme: write ws:// before it, as in ws://localhost:8080/ws")]
    NoScheme,
    /// The scheme is one of WAMP's, but it is not spoken here yet.
    #[error(
        "{scheme}:// cannot be used yet: {} not there; what can be is ws://, without encryption",
        missing(scheme)
    )]
    NotSupported {
        /// The scheme.
        scheme: &'static str,
    },
    /// The scheme is not one of WAMP's.
    #[error("the URL's scheme is none of WAMP's; it should read like ws://localhost:8080/ws")]
    UnknownScheme,
}

/// What is missing for a scheme that is [known](KNOWN_SCHEMES).
fn missing(scheme: &str) -> &'static str {
    match scheme {
        "rs" => "RawSocket is",
        "rss" => "RawSocket and TLS are",
        "unix" => "Unix domain sockets are",
        _ => "TLS is",
    }
}

/// Splits `HOST:PORT`, leaving the brackets of an IPv6 address alone.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), EndpointError> {
    let after_host = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    match port.strip_prefix(':') {
        // RFC 3986 allows the colon without a port.
        Some("") => Ok((host, None)),
        Some(port) if port.contains(':') => Err(EndpointError::BadHost),
        Some(port) => Ok((host, Some(port))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(EndpointError::BadHost),
    }
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    // `parse` alone would take a sign.
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(EndpointError::BadPort);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(EndpointError::BadPort),
        Ok(port) => Ok(port),
    }
}

fn parse_target(target: &str) -> Result<String, EndpointError> {
    if !target.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(EndpointError::BadTarget);
    }
    Ok(match target.as_bytes().first() {
        Some(b'/') => target.to_owned(),
        _ => format!("/{target}"),
    })
}

const WS_PORT: u16 = 80;

/// The schemes of WAMP that are not spoken here yet.
const KNOWN_SCHEMES: &[&str] = &["wss", "rs", "rss", "unix"];

/// The longest name that the DNS has.
const MAX_HOST_LEN: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<(String, u16, String), EndpointError> {
        let endpoint: Endpoint = url.parse()?;
        let Address::Tcp { host, port } = endpoint.address else {
            unreachable!()
        };
        let Protocol::WebSocket { target } = endpoint.protocol else {
            unreachable!()
        };
        Ok((host.to_string(), port, target))
    }

    #[test]
    fn a_url_is_taken_apart() {
        let cases = [
            ("ws://localhost", "localhost", 80, "/"),
            ("ws://localhost:", "localhost", 80, "/"),
            ("WS://LocalHost:8080", "localhost", 8080, "/"),
            ("ws://a.b-c_d/ws", "a.b-c_d", 80, "/ws"),
            ("ws://h/a/b?c=d&e=f:g@h", "h", 80, "/a/b?c=d&e=f:g@h"),
            ("ws://h?c=d", "h", 80, "/?c=d"),
            ("ws://127.0.0.1:65535/", "127.0.0.1", 65535, "/"),
            ("ws://[::1]/ws", "[::1]", 80, "/ws"),
            ("ws://[2001:DB8::1]:81/ws", "[2001:db8::1]", 81, "/ws"),
        ];
        for (url, host, port, target) in cases {
            assert_eq!(parse(url), Ok((host.into(), port, target.into())), "{url}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_and_says_why() {
        use EndpointError::*;
        let cases = [
            ("", NoScheme),
            ("localhost", NoScheme),
            ("localhost:8080", NoScheme),
            ("127.0.0.1:8090", NoScheme),
            ("[::1]:8090/ws", NoScheme),
            ("http://localhost", UnknownScheme),
            ("wss://localhost", NotSupported { scheme: "wss" }),
            ("WSS://localhost", NotSupported { scheme: "wss" }),
            ("rs://localhost:8081", NotSupported { scheme: "rs" }),
            ("rss://localhost", NotSupported { scheme: "rss" }),
            ("unix:/run/wamp", NotSupported { scheme: "unix" }),
            ("ws:localhost", NoHost),
            ("ws://", NoHost),
            ("ws:///ws", NoHost),
            ("ws://:80", NoHost),
            ("ws://h:0", BadPort),
            ("ws://h:65536", BadPort),
            ("ws://h:+80", BadPort),
            ("ws://h:80a", BadPort),
            ("ws://::1/", BadHost),
            ("ws://::1:80/", BadHost),
            ("ws://[::1", BadHost),
            ("ws://[::1]80", BadHost),
            ("ws://[::1%25eth0]/", BadHost),
            ("ws://[127.0.0.1]/", BadHost),
            ("ws://h h/", BadHost),
            ("ws://h\r\nx/", BadHost),
            ("ws://b\u{fc}cher.example/", BadHost),
            ("ws://h/a b", BadTarget),
            ("ws://h/a\r\nX: y", BadTarget),
            ("ws://h/\u{fc}", BadTarget),
            ("ws://h/#there", Fragment),
            ("ws://user:secret@h/", Credentials),
        ];
        for (url, error) in cases {
            assert_eq!(parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn what_is_to_be_done_about_a_scheme_is_said() {
        let text = |url| parse(url).unwrap_err().to_string();
        assert!(text("127.0.0.1:8090").contains("write ws:// before it"));
        assert_eq!(
            text("wss://h"),
            "wss:// cannot be used yet: TLS is not there; what can be is ws://, without encryption",
        );
        assert!(text("rs://h:81").starts_with("rs:// cannot be used yet: RawSocket is not there"));
        assert!(text("rss://h").contains("RawSocket and TLS are not there"));
        assert!(text("unix:/run/wamp").contains("Unix domain sockets are not there"));
    }

    #[test]
    fn an_endpoint_is_written_as_it_is_parsed() {
        for url in [
            "ws://h/",
            "ws://h:81/a?b",
            "ws://[::1]/",
            "ws://10.0.0.1:8080/ws",
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn the_authority_leaves_out_the_port_of_the_scheme() {
        let authority = |url: &str| url.parse::<Endpoint>().unwrap().authority();
        assert_eq!(authority("ws://h:80/x"), "h");
        assert_eq!(authority("ws://[::1]:8080"), "[::1]:8080");
    }
}
