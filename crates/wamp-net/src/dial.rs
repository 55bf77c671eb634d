//! Dialling: a name is looked up, and its addresses race (RFC 8305, "Happy Eyeballs").

mod race;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use wamp_core::ConnectionInfo;

use crate::endpoint::{Address, Endpoint, Host};
use crate::stream::Stream;

/// Opens a connection to an endpoint, without any protocol spoken over it yet.
///
/// Dropping the future closes what was open so far.
///
/// # Errors
///
/// There is no connection, or not in time.
pub async fn dial(endpoint: &Endpoint, options: &DialOptions) -> Result<Dialled, DialError> {
    let Address::Tcp { host, port } = endpoint.address() else {
        return Err(DialError::NoAddress {
            place: endpoint.to_string(),
        });
    };
    let stream = dial_tcp(host, *port, options).await?;
    let mut info = ConnectionInfo::new("tcp");
    info.peer_addr = stream.peer_addr().ok();
    info.local_addr = stream.local_addr().ok();
    Ok(Dialled {
        stream: stream.into(),
        info,
    })
}

/// A connection that was dialled.
#[derive(Debug)]
#[non_exhaustive]
pub struct Dialled {
    /// The connection; over TCP it sends without delay (`TCP_NODELAY`).
    pub stream: Stream,
    /// What is known of it.
    pub info: ConnectionInfo,
}

/// Opens a TCP connection to a host.
///
/// All of its addresses are tried, IPv6 and IPv4 in turn; the next begins when the one before it
/// failed or has taken [`DialOptions::attempt_delay`], and the first that connects wins. The
/// connection sends without delay (`TCP_NODELAY`).
///
/// Dropping the future ends all attempts.
///
/// # Errors
///
/// The name has no address, or none of them could be connected; the error tells what happened to
/// each.
pub async fn dial_tcp(
    host: &Host,
    port: u16,
    options: &DialOptions,
) -> Result<TcpStream, DialError> {
    let connect = async |address| {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    dial_by(connect, host, port, options).await
}

/// Dials with whatever connects to an address.
async fn dial_by<T, F>(
    connect: impl Fn(SocketAddr) -> F,
    host: &Host,
    port: u16,
    options: &DialOptions,
) -> Result<T, DialError>
where
    F: Future<Output = io::Result<T>>,
{
    let place = || format!("{host}:{port}");
    let failures = race::Failures::default();
    let connecting = async {
        let addresses = resolve(host, port).await?;
        if addresses.is_empty() {
            return Err(DialError::NoAddress { place: place() });
        }
        let order = race::order(addresses);
        tracing::debug!(%host, port, addresses = ?order, "dialling");
        race::race(order, options.attempt_delay, &connect, &failures)
            .await
            .ok_or_else(|| DialError::Unreachable {
                place: place(),
                attempts: Attempts(failures.take()),
            })
    };
    match timeout(options.connect_timeout, connecting).await {
        Ok(result) => result,
        Err(_) => Err(DialError::TimedOut {
            place: place(),
            after: options.connect_timeout,
            attempts: Attempts(failures.take()),
        }),
    }
}

/// How to dial.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DialOptions {
    /// How long looking the name up and connecting may take together. 10 s.
    pub connect_timeout: Duration,
    /// How long an attempt is alone before the next address is tried beside it. 250 ms, as RFC
    /// 8305 recommends.
    pub attempt_delay: Duration,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            attempt_delay: Duration::from_millis(250),
        }
    }
}

impl DialOptions {
    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`attempt_delay`](Self::attempt_delay).
    #[must_use]
    pub const fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }
}

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
        /// The host and port.
        place: String,
        /// The time that was given.
        after: Duration,
        /// What had failed until then.
        attempts: Attempts,
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
#[derive(Debug, Clone)]
pub struct Attempts(Vec<Attempt>);

impl Attempts {
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

async fn resolve(host: &Host, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let name = match host {
        Host::Ip(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        Host::Name(name) => name,
    };
    match tokio::net::lookup_host((&**name, port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(DialError::Resolve {
            place: format!("{host}:{port}"),
            error: Arc::new(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn dialling_ends_with_its_timeout() {
        let begin = Instant::now();
        let (host, options) = (Host::Ip([192, 0, 2, 1].into()), DialOptions::default());
        let error = dial_by(|_| pending::<io::Result<()>>(), &host, 80, &options)
            .await
            .unwrap_err();
        assert_eq!(begin.elapsed().as_secs(), 10);
        assert_eq!(
            error.to_string(),
            "192.0.2.1:80 could not be reached within 10s"
        );
    }

    fn unreachable(place: &str, failed: &[(&str, io::ErrorKind)]) -> String {
        let attempts = failed.iter().map(|(address, kind)| Attempt {
            address: address.parse().unwrap(),
            error: Arc::new((*kind).into()),
        });
        let error = DialError::Unreachable {
            place: place.into(),
            attempts: Attempts(attempts.collect()),
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
