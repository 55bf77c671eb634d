//! The socket that listens, over whatever.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll, ready};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use wamp_core::ConnectionInfo;

use super::resilient::Accept;
use crate::keep_alive::keep_alive;
use crate::stream::Plain;

/// Where a listener listens.
///
/// It is written as [`Listener::bind`](super::Listener::bind) takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalAddr {
    /// A TCP port.
    Tcp(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for LocalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{}{}", super::UNIX, path.display()),
        }
    }
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        /// If it was bound here. It stands before the socket, to be dropped before it.
        #[expect(dead_code, reason = "kept for what happens when it is dropped")]
        file: Option<super::unix::SocketFile>,
        listener: UnixListener,
    },
}

impl Socket {
    pub(super) fn address(&self) -> io::Result<LocalAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(LocalAddr::Tcp),
            #[cfg(unix)]
            Self::Unix { listener, .. } => match listener.local_addr()?.as_pathname() {
                Some(path) => Ok(LocalAddr::Unix(path.to_owned())),
                None => Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "the Unix socket that was handed over has no path",
                )),
            },
        }
    }
}

impl Accept for Socket {
    type Connection = Connected;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Connected>> {
        Poll::Ready(Ok(match self {
            Self::Tcp(listener) => {
                let (stream, peer_addr) = ready!(listener.poll_accept(cx))?;
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer_addr, %error, "TCP_NODELAY could not be set");
                }
                if let Err(error) = keep_alive(&stream) {
                    tracing::debug!(%peer_addr, %error, "the keep-alive could not be set");
                }
                Connected {
                    stream: Plain::Tcp(stream),
                    peer_addr: Some(peer_addr),
                }
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Connected {
                stream: Plain::Unix(ready!(listener.poll_accept(cx))?.0),
                peer_addr: None,
            },
        }))
    }
}

/// A connection, as the operating system gives it.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) stream: Plain,
    pub(super) peer_addr: Option<SocketAddr>,
}

impl Connected {
    /// What is known of it.
    pub(super) fn info(&self) -> ConnectionInfo {
        let (transport, local_addr) = match &self.stream {
            Plain::Tcp(stream) => ("tcp", stream.local_addr().ok()),
            #[cfg(unix)]
            Plain::Unix(_) => ("unix", None),
        };
        let mut info = ConnectionInfo::new(transport);
        info.peer_addr = self.peer_addr;
        info.local_addr = local_addr;
        info
    }
}
