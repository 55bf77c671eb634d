//! Listening: connections are accepted within limits, and errors do not make it spin.

mod resilient;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wamp_core::ConnectionInfo;

/// A TCP socket that accepts connections.
///
/// Connections above the [limits](ListenLimits) wait in the backlog of the operating system until
/// others have gone.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    /// Whether the last connection had to wait, which is told once and not for each.
    saturated: AtomicBool,
}

impl Listener {
    /// Listens on an address, such as `127.0.0.1:8080`; port 0 takes a free one.
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Errors
    ///
    /// The address is no address, is in use, or may not be used.
    pub async fn bind(address: impl ToSocketAddrs + ToString) -> Result<Self, ListenError> {
        let text = address.to_string();
        match TcpListener::bind(address).await {
            Ok(socket) => Ok(Self::from(socket)),
            Err(error) => Err(ListenError::Bind {
                address: text,
                error,
            }),
        }
    }

    /// Takes a socket that listens already, such as one that was inherited.
    ///
    /// # Errors
    ///
    /// The socket cannot be used without blocking.
    pub fn from_std(socket: std::net::TcpListener) -> Result<Self, ListenError> {
        let take = |socket: std::net::TcpListener| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        };
        take(socket).map(Self::from).map_err(ListenError::Adopt)
    }

    /// Sets the limits; those of [`ListenLimits::default`] hold otherwise.
    #[must_use]
    pub fn limits(self, limits: &ListenLimits) -> Self {
        let semaphore =
            |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self {
            socket: self.socket,
            connections: semaphore(limits.connections),
            handshakes: semaphore(limits.handshakes),
            saturated: AtomicBool::new(false),
        }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// The operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts the next connection, once the limits admit it.
    ///
    /// It survives what goes wrong: a connection that is gone before it is accepted is passed
    /// over, and when the process has no more file descriptors it tries again, at most once a
    /// second, until it has.
    ///
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> Incoming {
        let permit = self.admit().await;
        let (stream, peer_addr) = resilient::accept(&self.socket).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer_addr, %error, "TCP_NODELAY could not be set");
        }
        let mut info = ConnectionInfo::new("tcp");
        info.peer_addr = Some(peer_addr);
        info.local_addr = stream.local_addr().ok();
        tracing::debug!(%peer_addr, "accepted a connection");
        Incoming {
            stream,
            info,
            permit,
        }
    }

    /// Accepts connections and hands them over, until `stop` is ready; then it stops listening.
    ///
    /// `on_connection` is to spawn what serves the connection, and return. Dropping the future
    /// stops listening too; connections that were handed over are not touched.
    pub async fn run(
        self,
        stop: impl Future<Output = ()>,
        mut on_connection: impl FnMut(Incoming),
    ) {
        let mut stop = pin!(stop);
        loop {
            let mut accepting = pin!(self.accept());
            let next = poll_fn(|cx| {
                if stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                accepting.as_mut().poll(cx).map(Some)
            });
            match next.await {
                Some(incoming) => on_connection(incoming),
                None => return,
            }
        }
    }

    async fn admit(&self) -> Permit {
        let full = |semaphore: &Semaphore| semaphore.available_permits() == 0;
        let full = full(&self.connections) || full(&self.handshakes);
        if full && !self.saturated.swap(full, Relaxed) {
            tracing::warn!(
                connections_left = self.connections.available_permits(),
                handshakes_left = self.handshakes.available_permits(),
                "a limit is reached; new connections wait until others have gone"
            );
        }
        self.saturated.store(full, Relaxed);
        // It is an error only when the semaphore was closed, and nobody closes it.
        let connection = Arc::clone(&self.connections).acquire_owned().await.ok();
        let handshake = Arc::clone(&self.handshakes).acquire_owned().await.ok();
        Permit {
            connection,
            handshake,
        }
    }
}

/// Takes a socket of tokio's that listens already.
impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        let limits = ListenLimits::default();
        Self {
            socket,
            connections: Arc::new(Semaphore::new(limits.connections)),
            handshakes: Arc::new(Semaphore::new(limits.handshakes)),
            saturated: AtomicBool::new(false),
        }
    }
}

/// How many connections a listener has at once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListenLimits {
    /// Connections, those in their handshake included. 65 536.
    pub connections: usize,
    /// Connections whose handshake is not finished. 1 024.
    pub handshakes: usize,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            handshakes: 1_024,
        }
    }
}

impl ListenLimits {
    /// Sets [`connections`](Self::connections).
    #[must_use]
    pub const fn connections(mut self, limit: usize) -> Self {
        self.connections = limit;
        self
    }

    /// Sets [`handshakes`](Self::handshakes).
    #[must_use]
    pub const fn handshakes(mut self, limit: usize) -> Self {
        self.handshakes = limit;
        self
    }
}

/// A connection that was accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// The connection; it sends without delay (`TCP_NODELAY`).
    pub stream: TcpStream,
    /// Both addresses.
    pub info: ConnectionInfo,
    /// Its place within the limits, to be kept as long as the connection.
    pub permit: Permit,
}

/// A connection's place within the limits of its listener; dropping it makes room for another.
#[derive(Debug)]
pub struct Permit {
    #[expect(dead_code, reason = "kept for what happens when it is dropped")]
    connection: Option<OwnedSemaphorePermit>,
    handshake: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Tells that the handshake is over, so that another may begin.
    pub fn handshake_finished(&mut self) {
        self.handshake = None;
    }
}

/// Why a listener does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The socket that was handed over cannot be used.
    #[error("the socket that was handed over cannot be listened on: {0}")]
    Adopt(#[source] io::Error),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {error}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}
