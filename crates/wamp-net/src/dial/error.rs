//! Why dialling fails.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "proxy")]
use crate::dial::ProxyError;
#[cfg(feature = "tls")]
use crate::tls::ClientTlsError;

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name exists, but has no address.
    #[error("{place} has no address")]
    NoAddress {
        /// The host and port.
        place: String,
    },
    /// The endpoint is to be reached by TLS, and the program was built without.
    #[error(
        "{place} is to be reached by TLS, without which this program was built; build it with the \
         feature `tls` of the crate wamp-net"
    )]
    NoTls {
        /// The host and port, or the path of the Unix domain socket.
        place: String,
    },
    /// The proxy does not lead there.
    #[cfg(feature = "proxy")]
    #[error("{place} could not be reached through the proxy {proxy}: {error}")]
    Proxy {
        /// The host and port that were to be reached.
        place: String,
        /// The host and port of the proxy.
        proxy: String,
        /// What happened.
        #[source]
        error: ProxyError,
    },
    /// The name could not be looked up.
    #[error("{place} could not be looked up: {error}")]
    Resolve {
        /// The host and port.
        place: String,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// It took too long.
    #[error("{place} could not be reached within {after:?}{}", attempts.of(place))]
    TimedOut {
        /// The host and port, or the path of the Unix domain socket.
        place: String,
        /// The time that was given.
        after: Duration,
        /// What had failed until then.
        attempts: Attempts,
    },
    /// There is no encrypted connection.
    #[cfg(feature = "tls")]
    #[error("{place} cannot be reached by TLS: {error}")]
    Tls {
        /// The host and port, or the path of the Unix domain socket.
        place: String,
        /// What happened.
        #[source]
        error: ClientTlsError,
    },
    /// The Unix domain socket could not be connected.
    #[error("the Unix socket {} could not be connected: {error}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// Every address failed.
    #[error("{place} could not be reached{}", attempts.of(place))]
    Unreachable {
        /// The host and port.
        place: String,
        /// What happened to each.
        attempts: Attempts,
    },
}

/// The attempts that failed, in the order in which they did.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Vec<Attempt>);

impl Attempts {
    pub(super) const fn new(attempts: Vec<Attempt>) -> Self {
        Self(attempts)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Attempt> {
        self.0.iter()
    }

    fn of<'a>(&'a self, place: &'a str) -> AttemptsOf<'a> {
        AttemptsOf {
            attempts: &self.0,
            place,
        }
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of("").fmt(f)
    }
}

/// Attempts to reach a place that was named already.
struct AttemptsOf<'a> {
    attempts: &'a [Attempt],
    place: &'a str,
}

impl fmt::Display for AttemptsOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Attempt { address, error }) in self.attempts.iter().enumerate() {
            f.write_str(if at == 0 { ": " } else { "; " })?;
            if address.to_string() != self.place {
                write!(f, "{address}: ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// An attempt to connect that failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// Where it went.
    pub address: SocketAddr,
    /// What the system says.
    pub error: Arc<io::Error>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(place: &str, failed: &[(&str, io::ErrorKind)]) -> String {
        let attempts = failed.iter().map(|(address, kind)| Attempt {
            address: address.parse().unwrap(),
            error: Arc::new((*kind).into()),
        });
        let error = DialError::Unreachable {
            place: place.into(),
            attempts: Attempts::new(attempts.collect()),
        };
        error.to_string()
    }

    #[test]
    fn an_error_tells_what_happened_to_each_address() {
        let failed = [
            ("[::1]:80", io::ErrorKind::ConnectionRefused),
            ("1.1.1.1:80", io::ErrorKind::HostUnreachable),
        ];
        assert_eq!(
            unreachable("h:80", &failed),
            "h:80 could not be reached: [::1]:80: connection refused; 1.1.1.1:80: host unreachable",
        );
    }

    #[test]
    fn an_address_that_was_asked_for_is_named_once() {
        for place in ["127.0.0.1:1", "[::1]:1"] {
            assert_eq!(
                unreachable(place, &[(place, io::ErrorKind::ConnectionRefused)]),
                format!("{place} could not be reached: connection refused"),
            );
        }
    }
}
