//! The transport of a session: one object that carries messages both ways.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use wamp_messages::{DecodeError, EncodeError, Format, Message};

use crate::outgoing::Outgoing;

/// A bidirectional, reliable, ordered channel of messages (Autobahn's `ITransport`).
///
/// One task owns it and polls both directions; a direction that waits keeps only its own waker
/// and must not stop the other. It comes with the serializer that was negotiated.
///
/// What is relied on beyond that is written down in the crate `wamp-transport-contract`, as tests
/// for any transport.
pub trait Transport: Send + 'static {
    /// Receives the next message.
    ///
    /// Nothing is lost when the caller stops polling; messages that are buffered already are
    /// returned without waiting.
    ///
    /// A caller that polls it no more for some time holds the peer up. Where the peer must answer
    /// in time, what has come meanwhile is read first and counts as an answer: the time in which
    /// nobody listened is not held against it.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>>;

    /// Waits until another message may be sent.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Takes a message to be sent; [`poll_ready`](Self::poll_ready) was ready before.
    ///
    /// It may be held back until [`poll_flush`](Self::poll_flush).
    ///
    /// # Errors
    ///
    /// The message has no form that this peer accepts, which hurts nobody else, or the transport
    /// is lost.
    fn send(&mut self, message: &Outgoing) -> Result<(), SendError>;

    /// Writes out everything that was taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Closes the transport in order, with its closing handshake if it has one, after flushing.
    ///
    /// The reason of the first call counts. Messages that still arrive are dropped.
    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>>;

    /// Destroys the transport at once, without playing nice to the peer.
    fn abort(&mut self);

    /// The format in which payloads are best handed to this transport.
    fn format(&self) -> Format;

    /// How long a message may be that this transport sends, in octets, if that is bounded.
    fn max_len(&self) -> Option<usize> {
        None
    }

    /// What is known of the connection.
    fn info(&self) -> &ConnectionInfo;

    /// How many octets have crossed the connection so far, for those who watch it.
    ///
    /// It counts what the transport reads from the stream below it and writes to it, once its
    /// handshake is over: whole frames with their headers, pings and closing frames included, and
    /// what TLS adds left out. It never falls, and is still told when the transport has ended; what
    /// comes while it is being closed may be missing. A transport without octets, or one that does
    /// not count them, says zero.
    fn octets(&self) -> Octets {
        Octets::default()
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        (**self).poll_receive(cx)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        (**self).poll_ready(cx)
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        (**self).send(message)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        (**self).poll_flush(cx)
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        (**self).poll_close(cx, reason)
    }

    fn abort(&mut self) {
        (**self).abort();
    }

    fn format(&self) -> Format {
        (**self).format()
    }

    fn max_len(&self) -> Option<usize> {
        (**self).max_len()
    }

    fn info(&self) -> &ConnectionInfo {
        (**self).info()
    }

    fn octets(&self) -> Octets {
        (**self).octets()
    }
}

/// How many octets have crossed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "octets go in two directions")]
pub struct Octets {
    /// Those that were received.
    pub received: u64,
    /// Those that were sent.
    pub sent: u64,
}

/// What is known of a connection, from below the session.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The kind of transport: `websocket`, `rawsocket`, `memory`.
    pub transport: &'static str,
    /// The serializer that was negotiated, such as `cbor.batched`.
    pub serializer: String,
    /// The address of the peer, where it has one.
    pub peer_addr: Option<SocketAddr>,
    /// The own address, where there is one.
    pub local_addr: Option<SocketAddr>,
    /// The state of TLS; `None` where the connection is not encrypted.
    pub tls: Option<TlsInfo>,
    /// The path of the HTTP request that opened the connection.
    pub http_path: Option<String>,
    /// The headers of that request (on a server) or of its answer (on a client).
    pub http_headers: Vec<(String, String)>,
}

impl ConnectionInfo {
    /// Describes a connection by a kind of transport.
    pub fn new(transport: &'static str) -> Self {
        Self {
            transport,
            ..Self::default()
        }
    }

    /// The value of an HTTP header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.http_headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }
}

/// Names the headers without their values, among which are cookies and passwords.
impl fmt::Debug for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.http_headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("ConnectionInfo")
            .field("transport", &self.transport)
            .field("serializer", &self.serializer)
            .field("peer_addr", &self.peer_addr)
            .field("local_addr", &self.local_addr)
            .field("tls", &self.tls)
            .field("http_path", &self.http_path)
            .field("http_headers", &headers)
            .finish()
    }
}

/// What was negotiated for a connection that is encrypted by TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version, such as `TLS 1.3`.
    pub version: String,
    /// The cipher suite by its name at IANA, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The name that the client asked for (SNI).
    pub server_name: Option<String>,
    /// The protocol that was negotiated by ALPN, such as `http/1.1`.
    pub alpn: Option<String>,
}

/// Why a transport is closed. WebSocket has a code for each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The session has ended in order (1000).
    Normal,
    /// The process shuts down (1001).
    GoingAway,
    /// The peer broke the protocol (1002).
    Protocol(String),
    /// The peer sent a text that is no UTF-8 (1007).
    InvalidData(String),
    /// The peer sent a message that is too long (1009).
    TooLong(String),
    /// Something failed here (1011).
    Internal(String),
}

impl CloseReason {
    /// The text that tells people why; empty where there is nothing to tell.
    pub fn text(&self) -> &str {
        match self {
            Self::Normal | Self::GoingAway => "",
            Self::Protocol(text)
            | Self::InvalidData(text)
            | Self::TooLong(text)
            | Self::Internal(text) => text,
        }
    }
}

/// Why no further message is received.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The peer closed the transport in order.
    #[error("the peer closed the transport")]
    Closed,
    /// The peer sent what is no message. The transport can still send an ABORT.
    #[error("the peer sent what is no WAMP message: {0}")]
    Decode(#[from] DecodeError),
    /// The transport was lost.
    #[error(transparent)]
    Lost(#[from] TransportError),
}

/// Why a message was not sent.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The transport was lost.
    #[error(transparent)]
    Lost(#[from] TransportError),
    /// This message cannot be sent to this peer; others can.
    #[error(transparent)]
    Undeliverable(#[from] Undeliverable),
}

/// Why a message cannot be sent to a peer, ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undeliverable {
    /// The message has no form in the peer's format.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The message is longer than the peer accepts.
    #[error("the message has {len} octets, and the peer accepts {max}")]
    TooLong {
        /// How long it is, in octets.
        len: usize,
        /// How long it may be.
        max: usize,
    },
}

impl Undeliverable {
    /// The error URI that tells the sender.
    pub const fn uri(&self) -> &'static str {
        match self {
            Self::Encode(_) => wamp_messages::error_uri::INVALID_PAYLOAD,
            Self::TooLong { .. } => wamp_messages::error_uri::PAYLOAD_SIZE_EXCEEDED,
        }
    }
}

/// A transport that works no more (Autobahn's `TransportLost`).
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// It was closed or aborted on this side.
    #[error("the transport is closed")]
    Closed,
    /// The peer closed it, and not because the session had ended.
    #[error("the peer closed the connection with code {code}: {reason}")]
    ClosedByPeer {
        /// The code, by the rules of the transport: 1009 for a message that was too long, and more.
        code: u16,
        /// What the peer says; empty if it says nothing.
        reason: String,
    },
    /// The operating system reports an error.
    #[error("the connection failed: {0}")]
    Io(Arc<io::Error>),
    /// The peer broke the rules of the transport below WAMP.
    #[error("the peer broke the protocol of the transport: {0}")]
    Protocol(String),
    /// The peer did not answer in time.
    #[error("the peer did not answer in time: {0}")]
    TimedOut(&'static str),
    /// The peer sent a message that is longer than was accepted, or a ping of that length.
    #[error(
        "the peer sent a message of {len} octets, and {max} are accepted; let it send less at once, \
         or raise `max_message_size` here, and `max_frame_size` where that is what is lower"
    )]
    TooLong {
        /// How long it is, in octets; at least that, where it came in parts.
        len: usize,
        /// How long it might have been.
        max: usize,
    },
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({self})")
    }
}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
