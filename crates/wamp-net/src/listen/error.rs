//! What may go wrong.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "tls")]
use tokio_rustls::rustls;

/// Why a listener does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The socket that was handed over cannot be used.
    #[error("the socket that was handed over cannot be listened on: {0}")]
    Adopt(#[source] io::Error),
    /// What was given is no address to listen on.
    #[error(
        "{address:?} is no address to listen on: write HOST:PORT, as in 127.0.0.1:8080 or [::]:8080, \
         or unix:FILE, as in unix:/run/wamp.sock"
    )]
    BadAddress {
        /// The address as it was given.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {error}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// Somebody listens at this path already.
    #[error(
        "{} cannot be listened on: another process, or this one, listens there; stop it, or take \
         another path",
        path.display()
    )]
    InUse {
        /// The path of the Unix socket.
        path: PathBuf,
    },
    /// What is at this path is no socket, and is left alone.
    #[error(
        "{} cannot be listened on: there is something that is no socket; it was not touched, take \
         another path or remove it",
        path.display()
    )]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Whoever comes would be refused: nothing is to be spoken.
    ///
    /// A [`Listener`](super::Listener) does not know what is spoken; those who build on it do.
    #[error("nothing would be spoken there: the options leave every transport out, and need one")]
    NothingSpoken,
}

/// Why a connection ended before its handshake was finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The client closed the connection.
    #[error("the client closed the connection before its handshake was finished")]
    Closed,
    /// It made room for a newer one.
    #[error(
        "the handshake was ended for a newer one, as the oldest of {limit}, which is the limit of \
         unfinished handshakes"
    )]
    Ended {
        /// How many there may be.
        limit: usize,
    },
    /// The connection failed.
    #[error("the connection failed during its handshake: {0}")]
    Io(#[source] io::Error),
    /// The client did not begin with TLS, on a port that wants it. If it may speak HTTP, it was told
    /// so.
    #[error(
        "the client does not speak TLS, and this port does: its first octet is {first:#04x}, where \
         TLS begins with 0x16; its URL should begin with wss:// or rss://"
    )]
    NotTls {
        /// The first octet that came.
        first: u8,
    },
    /// It took too long.
    #[error("the handshake was not finished within {after:?}")]
    TimedOut {
        /// The time that it had.
        after: Duration,
    },
    /// The TLS handshake failed.
    #[cfg(feature = "tls")]
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] rustls::Error),
}

impl HandshakeError {
    /// A short name of what went wrong, to count by.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Ended { .. } => super::meter::DISPLACED,
            Self::Io(_) => "io",
            Self::NotTls { .. } => "not_tls",
            Self::TimedOut { .. } => "timed_out",
            #[cfg(feature = "tls")]
            Self::Tls(_) => "tls",
        }
    }
}
