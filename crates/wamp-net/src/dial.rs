//! Dialling: from an endpoint to a connection.
//!
//! A name is looked up, and its addresses race (RFC 8305, "Happy Eyeballs"); a proxy opens the way
//! where there is one; TLS is spoken where the endpoint wants it.

mod deadline;
mod error;
#[cfg(feature = "proxy")]
mod proxy;
mod race;
mod tcp;

#[cfg(not(unix))]
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use tokio::net::UnixStream;
use wamp_core::ConnectionInfo;

use crate::dial::deadline::Deadline;
pub use crate::dial::error::{Attempt, Attempts, DialError};
#[cfg(feature = "proxy")]
pub use crate::dial::proxy::{Proxy, ProxyError, ProxyUrlError};
pub use crate::dial::tcp::dial_tcp;
#[cfg(feature = "proxy")]
use crate::endpoint::Host;
use crate::endpoint::{Address, Endpoint};
use crate::stream::{Plain, Stream};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;

/// Opens a connection to an endpoint, without any protocol of WAMP spoken over it yet.
///
/// Where the endpoint is to be reached by TLS, the connection is encrypted and its peer verified
/// when this returns. It never falls back to one that is not.
///
/// Dropping the future closes what was open so far.
///
/// # Errors
///
/// There is no connection, or not in time.
pub async fn dial(endpoint: &Endpoint, options: &DialOptions) -> Result<Dialled, DialError> {
    let deadline = Deadline::after(options.connect_timeout);
    if endpoint.is_tls() {
        return dial_tls(endpoint, options, &deadline).await;
    }
    let (stream, info) = dial_plain(endpoint, options, &deadline).await?;
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
    /// What is known of it: the addresses, where it goes over TCP, and the state of TLS. Through a
    /// proxy the address of the peer is not known.
    pub info: ConnectionInfo,
}

/// How to dial.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DialOptions {
    /// How long all of it may take together: looking the name up, connecting, asking the proxy, and
    /// the handshake of TLS. 10 s.
    pub connect_timeout: Duration,
    /// How long an attempt is alone before the next address is tried beside it. 250 ms, as RFC
    /// 8305 recommends.
    pub attempt_delay: Duration,
    /// The proxy that opens the way to what is reached over TCP. None; nothing is taken from the
    /// environment.
    #[cfg(feature = "proxy")]
    pub proxy: Option<Proxy>,
    /// How TLS is spoken with endpoints that want it. As [`ClientTls::default`] does.
    #[cfg(feature = "tls")]
    pub tls: ClientTls,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            attempt_delay: Duration::from_millis(250),
            #[cfg(feature = "proxy")]
            proxy: None,
            #[cfg(feature = "tls")]
            tls: ClientTls::default(),
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

    /// Sets [`proxy`](Self::proxy).
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets [`tls`](Self::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = tls;
        self
    }
}

#[cfg(feature = "tls")]
async fn dial_tls(
    endpoint: &Endpoint,
    options: &DialOptions,
    deadline: &Deadline,
) -> Result<Dialled, DialError> {
    use crate::tls::ClientTlsError;

    let failed = |error| DialError::Tls {
        place: place(endpoint.address()),
        error,
    };
    let timed_out = |after| ClientTlsError::TimedOut { after };
    // What is wrong with the options is not worth a connection.
    let preparing = options.tls.prepare(endpoint);
    let handshake = deadline.limit(preparing, timed_out).await.map_err(failed)?;
    let (stream, mut info) = dial_plain(endpoint, options, deadline).await?;
    let shaking = handshake.run(stream);
    let (stream, tls) = deadline.limit(shaking, timed_out).await.map_err(failed)?;
    info.tls = Some(tls);
    Ok(Dialled {
        stream: stream.into(),
        info,
    })
}

#[cfg(not(feature = "tls"))]
async fn dial_tls(
    endpoint: &Endpoint,
    _: &DialOptions,
    _: &Deadline,
) -> Result<Dialled, DialError> {
    Err(DialError::NoTls {
        place: place(endpoint.address()),
    })
}

/// Opens what TLS is spoken over, or the transport itself.
async fn dial_plain(
    endpoint: &Endpoint,
    options: &DialOptions,
    deadline: &Deadline,
) -> Result<(Plain, ConnectionInfo), DialError> {
    match endpoint.address() {
        Address::Tcp { host, port } => {
            #[cfg(feature = "proxy")]
            if let Some(proxy) = &options.proxy {
                return dial_proxy(proxy, host, *port, options, deadline).await;
            }
            let stream = tcp::connect(host, *port, options, deadline).await?;
            let mut info = ConnectionInfo::new("tcp");
            info.peer_addr = stream.peer_addr().ok();
            info.local_addr = stream.local_addr().ok();
            Ok((Plain::Tcp(stream), info))
        }
        Address::Unix { path } => dial_unix(path, deadline).await,
    }
}

#[cfg(feature = "proxy")]
async fn dial_proxy(
    proxy: &Proxy,
    host: &Host,
    port: u16,
    options: &DialOptions,
    deadline: &Deadline,
) -> Result<(Plain, ConnectionInfo), DialError> {
    let failed = |error| DialError::Proxy {
        place: format!("{host}:{port}"),
        proxy: proxy.place(),
        error,
    };
    let mut stream = tcp::connect(proxy.host(), proxy.port(), options, deadline)
        .await
        .map_err(|error| failed(ProxyError::Unreachable(Box::new(error))))?;
    let asking = proxy.open(&mut stream, host, port);
    let timed_out = |after| ProxyError::TimedOut { after };
    deadline.limit(asking, timed_out).await.map_err(failed)?;
    let mut info = ConnectionInfo::new("tcp");
    info.local_addr = stream.local_addr().ok();
    Ok((Plain::Tcp(stream), info))
}

#[cfg(unix)]
async fn dial_unix(path: &Path, deadline: &Deadline) -> Result<(Plain, ConnectionInfo), DialError> {
    let connecting = async {
        UnixStream::connect(path)
            .await
            .map_err(|error| DialError::Unix {
                path: path.to_owned(),
                error: Arc::new(error),
            })
    };
    let timed_out = |after| DialError::TimedOut {
        place: path.display().to_string(),
        after,
        attempts: Attempts::default(),
    };
    let stream = deadline.limit(connecting, timed_out).await?;
    Ok((Plain::Unix(stream), ConnectionInfo::new("unix")))
}

#[cfg(not(unix))]
async fn dial_unix(path: &Path, _: &Deadline) -> Result<(Plain, ConnectionInfo), DialError> {
    let error = "there are none on this platform; use TCP, as in ws://localhost:8080";
    Err(DialError::Unix {
        path: path.to_owned(),
        error: Arc::new(io::Error::new(io::ErrorKind::Unsupported, error)),
    })
}

/// How a place is called in what is said about it.
fn place(address: &Address) -> String {
    match address {
        Address::Tcp { host, port } => format!("{host}:{port}"),
        Address::Unix { path } => path.display().to_string(),
    }
}
