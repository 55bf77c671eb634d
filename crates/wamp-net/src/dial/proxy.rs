//! Proxies: what opens the way to a router that cannot be reached directly.

mod connect;
mod error;
mod socks;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

pub use crate::dial::proxy::error::{ProxyError, ProxyUrlError};
use crate::endpoint::{Host, parse};
use crate::percent;

/// A proxy that opens the way to a router: an HTTP proxy by `CONNECT` (RFC 9110), or one of SOCKS5
/// (RFC 1928, 1929).
///
/// It is parsed from a URL: `http://[USER:PASSWORD@]HOST[:80]`,
/// `socks5://[USER:PASSWORD@]HOST[:1080]`, or `socks5h://` with the same meaning: names are always
/// looked up by the proxy. User name and password are percent-decoded.
///
/// TLS is spoken with the router through the proxy, which sees nothing of it. What is spoken with
/// the proxy itself is not encrypted, user name and password included.
///
/// ```
/// use wamp_net::DialOptions;
/// use wamp_net::dial::Proxy;
///
/// let proxy: Proxy = "socks5://joe:secret@proxy.example".parse()?;
/// assert!(!format!("{proxy:?}").contains("secret"));
/// let options = DialOptions::default().proxy(proxy);
/// # drop(options);
/// # Ok::<(), wamp_net::dial::ProxyUrlError>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    host: Host,
    port: u16,
    credentials: Option<Arc<Credentials>>,
}

impl Proxy {
    pub(super) const fn host(&self) -> &Host {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// How it is called in what is said about it.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Asks for the way to a host, over a connection to the proxy. It reads no further than the
    /// answer, so that what follows is from the host.
    pub(super) async fn open(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        host: &Host,
        port: u16,
    ) -> Result<(), ProxyError> {
        let credentials = self.credentials.as_deref();
        tracing::debug!(proxy = self.place(), %host, port, "asking the proxy");
        match self.kind {
            Kind::Http => connect::open(stream, host, port, credentials).await,
            Kind::Socks5 => socks::open(stream, host, port, credentials).await,
        }
    }
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(url: &str) -> Result<Self, ProxyUrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(ProxyUrlError::UnknownScheme)?;
        let (kind, default_port) = match &*scheme.to_ascii_lowercase() {
            "http" => (Kind::Http, 80),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return Err(ProxyUrlError::UnknownScheme),
        };
        // A password may have an @ that nobody has encoded; a host may not. With one of the others a
        // path, query or fragment would begin, and to everybody else the host stands before it.
        let (credentials, authority) = match rest.rsplit_once('@') {
            Some((credentials, _)) if credentials.contains(['/', '?', '#', '\\']) => {
                return Err(ProxyUrlError::BadCredentials);
            }
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, rest),
        };
        let bad = |_| ProxyUrlError::BadAddress;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = parse::split_port(authority).map_err(bad)?;
        let host = host.parse().map_err(bad)?;
        let port = port.map_or(Ok(default_port), parse::parse_port);
        let credentials = credentials.map(|text| Credentials::parse(text, kind));
        Ok(Self {
            kind,
            host,
            port: port.map_err(bad)?,
            credentials: credentials.transpose()?.map(Arc::new),
        })
    }
}

/// Shows the user name and password as what they are.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
        };
        let credentials = match self.credentials {
            Some(_) => "REDACTED@",
            None => "",
        };
        write!(f, "Proxy({scheme}://{credentials}{})", self.place())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

/// What the proxy is to know its user by.
struct Credentials {
    user: Zeroizing<Vec<u8>>,
    password: Zeroizing<Vec<u8>>,
}

impl Credentials {
    fn parse(text: &str, kind: Kind) -> Result<Self, ProxyUrlError> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decode = |text| {
            let decoded = percent::decode(text).ok_or(ProxyUrlError::BadCredentials)?;
            Ok(Zeroizing::new(decoded))
        };
        let (user, password) = (decode(user)?, decode(password)?);
        let fits = match kind {
            // The first colon ends the user name (RFC 7617, section 2).
            Kind::Http => !user.contains(&b':'),
            // Their lengths are one octet (RFC 1929, section 2).
            Kind::Socks5 => {
                !user.is_empty() && user.len() <= MAX_SOCKS_LEN && password.len() <= MAX_SOCKS_LEN
            }
        };
        match fits {
            true => Ok(Self { user, password }),
            false => Err(ProxyUrlError::BadCredentials),
        }
    }
}

const MAX_SOCKS_LEN: usize = u8::MAX as usize;
