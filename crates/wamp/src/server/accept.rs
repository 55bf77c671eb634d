//! From a stream that a client has opened to the transport that it speaks.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;
use wamp_core::{ConnectionInfo, Transport};
use wamp_net::sniff::{Peeked, Spoken, sniff};
use wamp_net::{Permit, farewell};
use wamp_router::Connection;
#[cfg(feature = "rawsocket")]
use wamp_transport_rawsocket::{self as rawsocket, RawSocketTransport};
#[cfg(feature = "websocket")]
use wamp_transport_websocket::{self as websocket, WebSocketTransport};

use crate::embedded::Router;

/// What a router speaks with those who connect, and how: each transport may be changed or left out.
///
/// The first octet of a client tells which one it speaks, so that one port serves all.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AcceptOptions {
    /// How WebSocket is accepted; `None` is not at all.
    #[cfg(feature = "websocket")]
    pub websocket: Option<websocket::AcceptOptions>,
    /// How RawSocket is accepted; `None` is not at all.
    #[cfg(feature = "rawsocket")]
    pub rawsocket: Option<rawsocket::AcceptOptions>,
}

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            #[cfg(feature = "websocket")]
            websocket: Some(websocket::AcceptOptions::default()),
            #[cfg(feature = "rawsocket")]
            rawsocket: Some(rawsocket::AcceptOptions::default()),
        }
    }
}

impl AcceptOptions {
    /// Changes how WebSocket is accepted: path, origins, serializers, limits, times.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket(
        mut self,
        change: impl FnOnce(websocket::AcceptOptions) -> websocket::AcceptOptions,
    ) -> Self {
        self.websocket = Some(change(self.websocket.unwrap_or_default()));
        self
    }

    /// Changes how RawSocket is accepted: serializers, limits, times.
    #[cfg(feature = "rawsocket")]
    #[must_use]
    pub fn rawsocket(
        mut self,
        change: impl FnOnce(rawsocket::AcceptOptions) -> rawsocket::AcceptOptions,
    ) -> Self {
        self.rawsocket = Some(change(self.rawsocket.unwrap_or_default()));
        self
    }

    /// Does not speak WebSocket.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn without_websocket(mut self) -> Self {
        self.websocket = None;
        self
    }

    /// Does not speak RawSocket.
    #[cfg(feature = "rawsocket")]
    #[must_use]
    pub fn without_rawsocket(mut self) -> Self {
        self.rawsocket = None;
        self
    }

    /// Whether every transport is left out.
    pub(super) fn speaks_nothing(&self) -> bool {
        let spoken = [
            #[cfg(feature = "websocket")]
            self.websocket.is_some(),
            #[cfg(feature = "rawsocket")]
            self.rawsocket.is_some(),
        ];
        !spoken.contains(&true)
    }

    /// How long a client may take until its first octet: as long as for the whole handshake of what
    /// it then speaks.
    fn first_octet_timeout(&self) -> Duration {
        let timeouts = [
            #[cfg(feature = "websocket")]
            self.websocket
                .as_ref()
                .map(|options| options.handshake_timeout),
            #[cfg(feature = "rawsocket")]
            self.rawsocket
                .as_ref()
                .map(|options| options.handshake_timeout),
        ];
        timeouts.into_iter().flatten().max().unwrap_or_default()
    }
}

/// Why a client was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The connection failed, or was closed, before it was known what the client speaks.
    #[error("the connection ended before the client had said what it speaks: {0}")]
    Io(#[from] io::Error),
    /// Every transport is left out of the options.
    #[error("nothing is spoken here: the options leave every transport out, and need one")]
    NothingSpoken,
    /// The client speaks what is not spoken here. Who speaks HTTP was told so.
    #[error("the client speaks {0}, which is not spoken here")]
    NotSpoken(&'static str),
    /// The handshake of RawSocket failed.
    #[cfg(feature = "rawsocket")]
    #[error(transparent)]
    RawSocket(#[from] rawsocket::AcceptError),
    /// Nothing came.
    #[error("the client said nothing within {after:?}")]
    TimedOut {
        /// The time that it had.
        after: Duration,
    },
    /// The handshake of WebSocket failed.
    #[cfg(feature = "websocket")]
    #[error(transparent)]
    WebSocket(#[from] websocket::AcceptError),
}

impl AcceptError {
    /// A short name of what went wrong, to count by.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Io(_) => IO,
            Self::NothingSpoken | Self::NotSpoken(_) => "not_spoken",
            #[cfg(feature = "rawsocket")]
            Self::RawSocket(error) => match error {
                rawsocket::AcceptError::Closed => CLOSED,
                rawsocket::AcceptError::Io(_) => IO,
                rawsocket::AcceptError::TimedOut { .. } => TIMED_OUT,
                _ => REFUSED,
            },
            Self::TimedOut { .. } => TIMED_OUT,
            #[cfg(feature = "websocket")]
            Self::WebSocket(error) => match error {
                websocket::AcceptError::Closed => CLOSED,
                websocket::AcceptError::Io(_) => IO,
                websocket::AcceptError::TimedOut { .. } => TIMED_OUT,
                _ => REFUSED,
            },
        }
    }
}

/// A transport that a client has opened.
pub(super) enum Accepted<S> {
    #[cfg(feature = "rawsocket")]
    RawSocket(RawSocketTransport<Peeked<S>>),
    #[cfg(feature = "websocket")]
    WebSocket(WebSocketTransport<Peeked<S>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Accepted<S> {
    /// Finds out what the client speaks, and shakes hands by that.
    pub(super) async fn accept(
        stream: S,
        info: ConnectionInfo,
        options: &AcceptOptions,
    ) -> Result<Self, AcceptError> {
        if options.speaks_nothing() {
            return Err(AcceptError::NothingSpoken);
        }
        let after = options.first_octet_timeout();
        let (spoken, stream) = timeout(after, sniff(stream))
            .await
            .map_err(|_| AcceptError::TimedOut { after })??;
        Self::accept_spoken(spoken, stream, info, options).await
    }

    /// Shakes hands by what the client speaks. What is left out ends in order, not by a reset.
    pub(super) async fn accept_spoken(
        spoken: Spoken,
        mut stream: Peeked<S>,
        info: ConnectionInfo,
        options: &AcceptOptions,
    ) -> Result<Self, AcceptError> {
        match spoken {
            #[cfg(feature = "rawsocket")]
            Spoken::RawSocket if let Some(options) = &options.rawsocket => {
                let accepted = rawsocket::accept(stream, info, options).await?;
                Ok(Self::RawSocket(accepted))
            }
            #[cfg(feature = "websocket")]
            Spoken::Http if let Some(options) = &options.websocket => {
                let accepted = websocket::accept(stream, info, options).await?;
                Ok(Self::WebSocket(accepted))
            }
            #[cfg(feature = "websocket")]
            Spoken::Http => {
                let text = "This port speaks RawSocket only.";
                let status = websocket::http::StatusCode::NOT_FOUND;
                websocket::refuse(stream, &websocket::Refusal::new(status, text)).await;
                Err(AcceptError::NotSpoken(HTTP))
            }
            #[cfg(not(feature = "websocket"))]
            Spoken::Http => {
                farewell(&mut stream, b"").await;
                Err(AcceptError::NotSpoken(HTTP))
            }
            Spoken::RawSocket => {
                farewell(&mut stream, b"").await;
                Err(AcceptError::NotSpoken("RawSocket"))
            }
        }
    }

    /// Serves the client, until the connection has ended.
    pub(super) async fn serve(self, router: &Router) {
        match self {
            #[cfg(feature = "rawsocket")]
            Self::RawSocket(transport) => router.accept(transport).await,
            #[cfg(feature = "websocket")]
            Self::WebSocket(transport) => router.accept(transport).await,
        }
    }

    /// Serves the client in a task of its own, which keeps no more than that needs: there may be
    /// very many. Until it has opened a session it is in its handshake.
    pub(super) fn spawn(self, router: &Router, permit: Permit) {
        match self {
            #[cfg(feature = "rawsocket")]
            Self::RawSocket(transport) => spawn(router.accept(transport), permit),
            #[cfg(feature = "websocket")]
            Self::WebSocket(transport) => spawn(router.accept(transport), permit),
        }
    }
}

fn spawn<T: Transport>(connection: Connection<T>, mut permit: Permit) {
    let accepting = tracing::Span::current();
    let (opened, open) = oneshot::channel();
    // Whoever does not listen any more has no use for it.
    let mut connection = connection.on_open(move || opened.send(()).unwrap_or_default());
    tokio::spawn(async move {
        tokio::select! {
            () = &mut connection => return,
            _ = open => {}
            error = permit.ended() => {
                return tracing::debug!(parent: &accepting, %error, "a connection was ended before it had a session");
            }
        }
        permit.handshake_finished();
        connection.await;
    });
}

/// Tells a client that there is no room for it, in the words of what it speaks.
///
/// Whoever calls it bounds the time.
pub(super) async fn refuse<S>(spoken: Spoken, stream: Peeked<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match spoken {
        #[cfg(feature = "rawsocket")]
        Spoken::RawSocket => {
            let error = rawsocket::HandshakeError::MAX_CONNECTIONS;
            rawsocket::refuse(stream, error, REFUSAL).await;
        }
        #[cfg(feature = "websocket")]
        Spoken::Http => {
            let text = "There are too many connections. Try again later.";
            let status = websocket::http::StatusCode::SERVICE_UNAVAILABLE;
            websocket::refuse(stream, &websocket::Refusal::new(status, text)).await;
        }
        #[cfg(not(feature = "rawsocket"))]
        Spoken::RawSocket => farewell(&mut { stream }, b"").await,
        #[cfg(not(feature = "websocket"))]
        Spoken::Http => farewell(&mut { stream }, b"").await,
    }
}

/// Names of what can go wrong in a handshake, as [`HandshakeError::reason`] has them.
///
/// [`HandshakeError::reason`]: wamp_net::HandshakeError::reason
const CLOSED: &str = "closed";
const IO: &str = "io";
const REFUSED: &str = "refused";
const TIMED_OUT: &str = "timed_out";

/// What a client speaks that does not speak RawSocket.
const HTTP: &str = "HTTP, or nothing that is known";

/// How long a client may take that is refused.
#[cfg(feature = "rawsocket")]
const REFUSAL: Duration = Duration::from_secs(1);
