//! Listening: connections are accepted within limits, and errors do not make it spin.

mod error;
mod handshakes;
mod incoming;
mod limits;
mod meter;
mod resilient;
mod saturation;
mod socket;
#[cfg(unix)]
mod unix;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::listen::limits::Gate;
use crate::listen::socket::{Connected, Socket};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;

pub use crate::listen::error::{HandshakeError, ListenError};
pub use crate::listen::incoming::{Accepted, Incoming};
pub use crate::listen::limits::{ListenControl, ListenLimits, Permit};
pub use crate::listen::meter::{ListenCounts, ListenMeter};
pub use crate::listen::socket::LocalAddr;
#[cfg(unix)]
pub use crate::listen::unix::UnixOptions;

/// A socket that accepts connections, over TCP or a Unix socket, with TLS or without.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use wamp_net::{ListenLimits, Listener};
///
/// let limits = ListenLimits::default().connections(10_000);
/// let listener = Listener::bind("127.0.0.1:0").await?.limits(&limits);
/// let serving = listener.run(std::future::pending(), |incoming| {
///     // A slow client must not hold up the others: what takes time has a task of its own.
///     tokio::spawn(async move {
///         match incoming.handshake().await {
///             Ok(mut connection) => {
///                 // .. here the transport shakes hands ..
///                 connection.permit.handshake_finished();
///             }
///             Err(error) => println!("{error}"),
///         }
///     });
/// });
/// # drop(serving);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
    gate: Arc<Gate>,
    /// A connection that was accepted and waits for its place, so that none is lost when whoever
    /// waits with it gives up.
    waiting: Mutex<Option<Arrival>>,
}

impl Listener {
    /// Listens on an address, such as `127.0.0.1:8080`, `[::]:8080` or `unix:/run/wamp.sock`.
    ///
    /// Port 0 takes a free one. A Unix socket is open to the own user alone; for others see
    /// [`bind_unix`](Self::bind_unix).
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Errors
    ///
    /// The address is no address, is in use, or may not be used.
    pub async fn bind(address: impl ToSocketAddrs + ToString) -> Result<Self, ListenError> {
        let text = address.to_string();
        if let Some(path) = text.strip_prefix(UNIX) {
            return Self::bind_unix_text(path).await;
        }
        // A name would be looked up, even one that is a URL.
        if text.starts_with(':') || text.contains('/') {
            return Err(ListenError::BadAddress { address: text });
        }
        match TcpListener::bind(address).await {
            Ok(socket) => Ok(Self::from(socket)),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                Err(ListenError::BadAddress { address: text })
            }
            Err(error) => Err(ListenError::Bind {
                address: text,
                error,
            }),
        }
    }

    #[cfg(unix)]
    async fn bind_unix_text(path: &str) -> Result<Self, ListenError> {
        Self::bind_unix(path, &UnixOptions::default()).await
    }

    #[cfg(not(unix))]
    async fn bind_unix_text(path: &str) -> Result<Self, ListenError> {
        Err(ListenError::Bind {
            address: format!("{UNIX}{path}"),
            error: io::Error::new(
                io::ErrorKind::Unsupported,
                "this system has no Unix sockets",
            ),
        })
    }

    /// Listens on a Unix socket.
    ///
    /// The permissions of its file are set before anybody can connect. The file of a socket that
    /// nobody listens to any more is replaced. When the listener is dropped it removes the file,
    /// unless that is another one by then.
    ///
    /// Two processes that find the same dead file at the same instant may both replace it; then
    /// the later has it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use wamp_net::Listener;
    /// use wamp_net::listen::UnixOptions;
    ///
    /// # let directory = std::env::temp_dir().join(format!("wamp-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// # let path = directory.join("wamp.sock");
    /// // Open to the group as well.
    /// let listener = Listener::bind_unix(&path, &UnixOptions::default().mode(0o660)).await?;
    /// assert_eq!(listener.address()?.to_string(), format!("unix:{}", path.display()));
    /// # drop(listener);
    /// # std::fs::remove_dir(&directory)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Errors
    ///
    /// Somebody listens there, there is something that is no socket, or the path may not be used.
    #[cfg(unix)]
    pub async fn bind_unix(
        path: impl AsRef<std::path::Path>,
        options: &UnixOptions,
    ) -> Result<Self, ListenError> {
        let (listener, file) = unix::bind(path.as_ref(), options).await?;
        Ok(Self::new(Socket::Unix {
            file: Some(file),
            listener,
        }))
    }

    /// Takes a TCP socket that listens already, such as one that was inherited.
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

    /// Takes a Unix socket that listens already, such as one that was inherited. Its file is
    /// whose it was: it is never removed.
    ///
    /// # Errors
    ///
    /// The socket cannot be used without blocking.
    #[cfg(unix)]
    pub fn from_std_unix(socket: std::os::unix::net::UnixListener) -> Result<Self, ListenError> {
        let take = |socket: std::os::unix::net::UnixListener| {
            socket.set_nonblocking(true)?;
            tokio::net::UnixListener::from_std(socket)
        };
        take(socket).map(Self::from).map_err(ListenError::Adopt)
    }

    fn new(socket: Socket) -> Self {
        Self {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
            gate: Arc::new(Gate::new(&ListenLimits::default())),
            waiting: Mutex::default(),
        }
    }

    /// Encrypts every connection by TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the limits; those of [`ListenLimits::default`] hold otherwise.
    #[must_use]
    pub fn limits(mut self, limits: &ListenLimits) -> Self {
        self.gate = Arc::new(Gate::new(limits));
        self
    }

    /// What changes the limits while it listens; it is to be taken after [`limits`](Self::limits).
    pub fn control(&self) -> ListenControl {
        ListenControl(Arc::clone(&self.gate))
    }

    /// What tells how much it has accepted, and how much came to nothing. It begins anew when the
    /// limits are [set](Self::limits).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use wamp_net::{ListenLimits, Listener};
    ///
    /// let limits = ListenLimits::default().connections(10_000);
    /// let listener = Listener::bind("127.0.0.1:0").await?.limits(&limits);
    /// let meter = listener.meter();
    /// tokio::spawn(listener.run(std::future::pending(), |incoming| drop(incoming)));
    /// assert_eq!(meter.counts().connections, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn meter(&self) -> ListenMeter {
        ListenMeter(Arc::clone(&self.gate))
    }

    /// Whether connections are encrypted by TLS.
    pub const fn is_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Where it listens, over TCP or a Unix socket.
    ///
    /// # Errors
    ///
    /// The operating system does not tell, or the Unix socket was handed over and has no path.
    pub fn address(&self) -> io::Result<LocalAddr> {
        self.socket.address()
    }

    /// The TCP address that it listens on.
    ///
    /// # Errors
    ///
    /// It listens on a Unix socket (of kind `Unsupported`), or the operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self.address()? {
            LocalAddr::Tcp(address) => Ok(address),
            LocalAddr::Unix(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the listener has no TCP address, it is a Unix socket",
            )),
        }
    }

    /// Accepts the next connection.
    ///
    /// It survives what goes wrong: a connection that is gone before it is accepted is passed
    /// over, and when the process has no more file descriptors it tries again, at most once a
    /// second, until it has. It waits as the [limits](ListenLimits) say: for the rate, and for the
    /// oldest handshake to leave its place.
    ///
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> Incoming {
        // The arrival stays in `waiting` until it has its place: a call that is given up leaves it
        // to the next one.
        let mut waiting = self.waiting.lock().await;
        let arrival = match &mut *waiting {
            Some(arrival) => arrival,
            none => {
                self.gate.paced().await;
                let connected = resilient::accept(&self.socket).await;
                self.gate.count();
                none.insert(Arrival::new(connected))
            }
        };
        let permit = self.gate.admit(arrival.at, &mut arrival.made_room).await;
        let arrival = waiting.take().expect("it was there, and the lock is held");
        drop(waiting);
        let incoming = Incoming {
            info: arrival.connected.info(),
            permit,
            stream: arrival.connected.stream,
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
        };
        tracing::debug!(
            peer_addr = incoming.info.peer_addr.map(tracing::field::display),
            refused = incoming.permit.is_refused(),
            "accepted a connection"
        );
        incoming
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
}

/// Takes a socket of tokio's that listens already.
impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self::new(Socket::Tcp(socket))
    }
}

/// Takes a socket of tokio's that listens already. Its file is whose it was: it is never removed.
#[cfg(unix)]
impl From<tokio::net::UnixListener> for Listener {
    fn from(listener: tokio::net::UnixListener) -> Self {
        Self::new(Socket::Unix {
            file: None,
            listener,
        })
    }
}

/// A connection that has no place yet.
#[derive(Debug)]
struct Arrival {
    connected: Connected,
    at: Instant,
    /// Whether an older handshake was ended for it.
    made_room: bool,
}

impl Arrival {
    fn new(connected: Connected) -> Self {
        Self {
            connected,
            at: Instant::now(),
            made_room: false,
        }
    }
}

/// What an address begins with that is the path of a Unix socket.
const UNIX: &str = "unix:";

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::stream::Plain;

    #[tokio::test]
    async fn a_connection_over_tcp_sends_without_delay() {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let _stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let incoming = listener.accept().await;
        match &incoming.stream {
            Plain::Tcp(stream) => assert!(stream.nodelay().unwrap()),
            #[cfg(unix)]
            Plain::Unix(_) => panic!("it is TCP"),
        }
    }
}
