//! The transport: messages over a WebSocket.

mod closing;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role as WsRole;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as WsFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};
use wamp_core::{
    CloseReason, ConnectionInfo, Octets, Outgoing, ReceiveError, SendError, Transport,
    TransportError,
};
use wamp_messages::{DecodeError, Format, Message};
use wamp_net::heartbeat::{Beat, Heartbeat};
use wamp_serializers::{Serializer, shared_copy};

use crate::close::{self, Failure};
use crate::config::WebSocketConfig;
use crate::meter::Metered;
use crate::transport::closing::{Closing, Outcome, Step};

/// The transport of messages over WebSocket, on either side.
///
/// It does its work in its poll methods, and nowhere else: the owner polls
/// [`poll_receive`](Transport::poll_receive) at every wake, whatever else it polls, because pings
/// are sent and answered there. It needs a tokio runtime with a timer.
pub struct WebSocketTransport<S> {
    serializer: Serializer,
    format: Format,
    info: ConnectionInfo,
    config: WebSocketConfig,
    heartbeat: Option<Heartbeat>,
    /// How long the buffer may be that is read into, in octets.
    read_buffer: usize,
    /// What is left of the last batch received.
    received: VecDeque<Message>,
    /// Encoded messages that may still be joined by others, if the serializer is batched.
    batch: BytesMut,
    phase: Phase<S>,
    /// What had crossed the connection when it ended.
    octets: Octets,
}

type Socket<S> = WebSocketStream<Metered<S>>;

/// Which side of a WebSocket one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Role {
    /// The side that asked for the WebSocket; it masks its frames.
    Client,
    /// The side that accepted it.
    Server,
}

#[allow(
    clippy::large_enum_variant,
    reason = "it is open for almost all of its life"
)]
enum Phase<S> {
    Open(Socket<S>),
    Closing(Box<Closing<S>>),
    Over(Outcome),
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocketTransport<S> {
    /// Takes a connection that was upgraded to WebSocket elsewhere, for example by an HTTP server,
    /// with the serializer that was [negotiated](crate::negotiate).
    ///
    /// It does not wait for anything. Dropping the future drops the stream.
    pub async fn from_upgraded(
        stream: S,
        serializer: Serializer,
        role: Role,
        info: ConnectionInfo,
        config: &WebSocketConfig,
    ) -> Self {
        Self::new(stream, Vec::new(), serializer, role, info, config).await
    }

    /// The same with octets that were read already.
    pub(crate) async fn new(
        stream: S,
        read: Vec<u8>,
        serializer: Serializer,
        role: Role,
        mut info: ConnectionInfo,
        config: &WebSocketConfig,
    ) -> Self {
        let (ws_role, serializer) = match role {
            Role::Client => (WsRole::Client, serializer),
            Role::Server => (WsRole::Server, serializer.answering()),
        };
        info.transport = "websocket";
        info.serializer = serializer.name().into_owned();
        let stream = Metered::new(stream, read.len());
        let limits = Some(config.to_tungstenite());
        let socket = WebSocketStream::from_partially_read(stream, read, ws_role, limits).await;
        let interval = config.ping_interval;
        Self {
            format: serializer.format(),
            serializer,
            info,
            config: config.clone(),
            read_buffer: config.read_buffer_size,
            heartbeat: interval.map(|interval| Heartbeat::new(interval, config.pong_timeout)),
            received: VecDeque::new(),
            batch: BytesMut::new(),
            phase: Phase::Open(socket),
            octets: Octets::default(),
        }
    }

    /// Reads on. Ready when there are messages, or the phase is another one.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DecodeError>> {
        let Phase::Open(socket) = &mut self.phase else {
            return Poll::Ready(Ok(()));
        };
        match Pin::new(&mut *socket).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => {
                // A peer may be gone that has left much to be read: that is not to be lost over a
                // ping, and behind it stands how it went.
                if let Some(heartbeat) = &mut self.heartbeat
                    && let Err(error) = ping_if_due(cx, heartbeat, socket)
                {
                    tracing::debug!(%error, "a ping cannot be sent");
                }
                return Poll::Ready(self.handle_message(message));
            }
            Poll::Ready(Some(Err(error))) => self.fail(close::failure(error)),
            Poll::Ready(None) => self.end(Outcome::Lost(TransportError::Closed)),
            Poll::Pending => {
                let Some(heartbeat) = &mut self.heartbeat else {
                    return Poll::Pending;
                };
                let error = ready!(poll_heartbeat(cx, heartbeat, socket));
                tracing::debug!(%error, "giving the connection up");
                self.end(Outcome::Lost(error));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn handle_message(&mut self, message: WsMessage) -> Result<(), DecodeError> {
        match message {
            WsMessage::Text(text) => self.handle_data(false, Bytes::from(text)),
            WsMessage::Binary(octets) => self.handle_data(true, octets),
            WsMessage::Close(frame) => {
                tracing::debug!(?frame, "the peer closes the WebSocket");
                let outcome = match close::peer_closed(frame.as_ref()) {
                    Ok(()) => Outcome::ClosedByPeer,
                    Err(error) => Outcome::Lost(error),
                };
                // The answer is queued already.
                self.begin_closing(Step::Flush, outcome);
                Ok(())
            }
            // The answer to a ping is queued, and leaves with the next read. That a pong came has
            // been noted as every octet has.
            WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => Ok(()),
        }
    }

    fn handle_data(&mut self, binary: bool, octets: Bytes) -> Result<(), DecodeError> {
        if binary == self.serializer.is_binary() {
            // A message that is kept keeps what its octets stand in: here a whole read buffer. A
            // small one gets a place of its own, so that what is kept is what is counted; and the
            // read buffer can be used again.
            // That buffer has grown to the longest message, and the next ones stand in its rest.
            self.read_buffer = self.read_buffer.max(octets.len());
            let octets = if octets.len() < self.read_buffer / 4 {
                shared_copy(&octets)
            } else {
                octets
            };
            return self.serializer.decode(octets, &mut self.received);
        }
        let (came, wanted) = if binary {
            ("binary", "text")
        } else {
            ("text", "binary")
        };
        let name = self.serializer.name();
        let text = format!("a {came} message; those of {name} are {wanted}");
        self.fail(close::against_the_rules(text));
        Ok(())
    }

    /// Hands over what waits to be joined by other messages.
    fn push_batch(&mut self) -> Result<(), TransportError> {
        let Phase::Open(socket) = &mut self.phase else {
            return Err(TransportError::Closed);
        };
        if self.batch.is_empty() {
            return Ok(());
        }
        let kind = if self.serializer.is_binary() {
            Data::Binary
        } else {
            Data::Text
        };
        let octets = self.batch.split().freeze();
        if octets.len() > KEPT_BUFFER || self.batch.capacity() > KEPT_BUFFER {
            self.batch = BytesMut::new();
        }
        // As a frame, because a text would be checked to be UTF-8, which a serializer guarantees.
        let frame = WsFrame::message(octets, OpCode::Data(kind), true);
        Pin::new(socket)
            .start_send(WsMessage::Frame(frame))
            .map_err(close::lost)
    }

    /// Ends the connection; first the peer is told which rule it broke, if that is why.
    fn fail(&mut self, failure: Failure) {
        match failure {
            Failure::Tell(reason, error) => {
                tracing::debug!(?reason, "the peer broke a rule of the WebSocket");
                self.begin_closing(Step::Send(close::frame(&reason)), Outcome::Lost(error));
            }
            Failure::Lost(error) => self.end(Outcome::Lost(error)),
        }
    }

    fn begin_closing(&mut self, step: Step, outcome: Outcome) {
        self.received.clear();
        self.phase = match mem::replace(&mut self.phase, Phase::Over(Outcome::ClosedHere)) {
            Phase::Open(socket) => {
                let timeout = self.config.close_timeout;
                Phase::Closing(Box::new(Closing::new(socket, step, outcome, timeout)))
            }
            phase @ (Phase::Closing(_) | Phase::Over(_)) => phase,
        };
    }

    /// Drops the connection.
    fn end(&mut self, outcome: Outcome) {
        self.octets = self.octets();
        self.received.clear();
        self.batch = BytesMut::new();
        self.heartbeat = None;
        self.phase = Phase::Over(outcome);
    }
}

/// Sends pings. Ready only when the connection is to be given up.
fn poll_heartbeat<S: AsyncRead + AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    heartbeat: &mut Heartbeat,
    socket: &mut Socket<S>,
) -> Poll<TransportError> {
    loop {
        // Who only receives flushes nothing else, and a ping may have found no room.
        if heartbeat.is_unflushed() {
            match Pin::new(&mut *socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => heartbeat.flushed(),
                Poll::Ready(Err(error)) => return Poll::Ready(close::lost(error)),
                Poll::Pending => {}
            }
        }
        match ready!(heartbeat.poll(cx, &mut socket.get_mut().traffic)) {
            Beat::Dead => {
                return Poll::Ready(TransportError::TimedOut("nothing came after a ping"));
            }
            Beat::Ping => {
                if let Err(error) = ping(socket) {
                    return Poll::Ready(error);
                }
            }
        }
    }
}

/// Sends a ping if one is due while there is always more to be read.
#[inline]
fn ping_if_due<S: AsyncRead + AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    heartbeat: &mut Heartbeat,
    socket: &mut Socket<S>,
) -> Result<(), TransportError> {
    let metered = socket.get_mut();
    if heartbeat.is_due(metered.octets.received, &mut metered.traffic) {
        ping(socket)?;
        if Pin::new(socket)
            .poll_flush(cx)
            .map_err(close::lost)?
            .is_ready()
        {
            heartbeat.flushed();
        }
    }
    Ok(())
}

fn ping<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> Result<(), TransportError> {
    tracing::trace!("sending a ping");
    match Pin::new(socket).start_send(WsMessage::Ping(Bytes::new())) {
        // When even a ping finds no room, the octets before it must move instead.
        Ok(()) | Err(WsError::WriteBufferFull(_)) => Ok(()),
        Err(error) => Err(close::lost(error)),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for WebSocketTransport<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        loop {
            if let Some(message) = self.received.pop_front() {
                return Poll::Ready(Ok(message));
            }
            match &self.phase {
                Phase::Open(_) => ready!(self.poll_open(cx))?,
                Phase::Closing(_) => ready!(self.poll_closing(cx)),
                Phase::Over(outcome) => return Poll::Ready(Err(outcome.to_receive_error())),
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        match &mut self.phase {
            Phase::Open(socket) => Pin::new(socket).poll_ready(cx).map_err(close::lost),
            // Whoever receives goes on closing, and learns why.
            Phase::Closing(_) => Poll::Pending,
            Phase::Over(outcome) => Poll::Ready(Err(outcome.to_error())),
        }
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        if !matches!(self.phase, Phase::Open(_)) {
            return Err(TransportError::Closed.into());
        }
        let before = self.batch.len();
        let max = self.config.max_message_size;
        if let Err(why) = message.append(&self.serializer, &mut self.batch, max) {
            // What it took to find out that it is too long is not kept.
            if self.batch.capacity() > self.config.max_batch_size() + KEPT_BUFFER {
                self.batch = BytesMut::from(&self.batch[..]);
            }
            return Err(why.into());
        }
        let max = self.config.max_batch_size();
        if before > 0 && self.batch.len() > max {
            let last = self.batch.split_off(before);
            self.push_batch()?;
            self.batch = last;
        }
        if !self.serializer.is_batched() || self.batch.len() >= max {
            self.push_batch()?;
        }
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if let Phase::Open(_) = self.phase {
            self.push_batch()?;
        }
        match &mut self.phase {
            Phase::Open(socket) => ready!(Pin::new(socket).poll_flush(cx)).map_err(close::lost)?,
            Phase::Closing(_) => return Poll::Pending,
            Phase::Over(outcome) => return Poll::Ready(Err(outcome.to_error())),
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.flushed();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        if let Phase::Open(_) = self.phase {
            tracing::debug!(?reason, "closing the WebSocket");
            if let Err(error) = self.push_batch() {
                self.end(Outcome::Lost(error));
            } else {
                self.begin_closing(Step::Send(close::frame(reason)), Outcome::ClosedHere);
            }
        }
        ready!(self.poll_closing(cx));
        match &self.phase {
            Phase::Over(Outcome::Lost(error)) => Poll::Ready(Err(error.clone())),
            Phase::Over(_) | Phase::Open(_) | Phase::Closing(_) => Poll::Ready(Ok(())),
        }
    }

    fn abort(&mut self) {
        self.end(Outcome::Lost(TransportError::Closed));
    }

    fn format(&self) -> Format {
        self.format.clone()
    }

    fn max_len(&self) -> Option<usize> {
        Some(self.config.max_message_size)
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    fn octets(&self) -> Octets {
        match &self.phase {
            Phase::Open(socket) => socket.get_ref().octets,
            Phase::Closing(closing) => closing.octets(),
            Phase::Over(_) => self.octets,
        }
    }
}

/// Leaves out the headers, in which there may be secrets.
impl<S> fmt::Debug for WebSocketTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketTransport")
            .field("serializer", &self.info.serializer)
            .field("peer_addr", &self.info.peer_addr)
            .finish_non_exhaustive()
    }
}

/// A buffer that had to grow beyond this for a long message is not kept.
const KEPT_BUFFER: usize = 8 << 10;
