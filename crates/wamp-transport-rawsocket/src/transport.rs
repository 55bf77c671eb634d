//! The transport: messages over a RawSocket.

mod closing;
mod link;
mod reader;
mod spare;
mod writer;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use wamp_core::{
    CloseReason, ConnectionInfo, Octets, Outgoing, ReceiveError, SendError, Transport,
    TransportError,
};
use wamp_messages::{DecodeError, Format, Message};
use wamp_net::heartbeat::Heartbeat;
use wamp_serializers::Serializer;

use crate::config::RawSocketConfig;
use crate::frame::{FrameHeader, FrameKind};
use crate::handshake::MaxLength;
use crate::transport::closing::{Closing, Outcome};
use crate::transport::link::Link;
use crate::transport::reader::Received;

/// The transport of messages over RawSocket, on either side.
///
/// It does its work in its poll methods, and nowhere else: the owner polls
/// [`poll_receive`](Transport::poll_receive) at every wake, whatever else it polls, because PINGs
/// are sent and answered there. It needs a tokio runtime with a timer.
///
/// When the peer has closed its direction, messages can still be sent until this side closes.
pub struct RawSocketTransport<S> {
    serializer: Serializer,
    format: Format,
    info: ConnectionInfo,
    config: RawSocketConfig,
    /// How long a message may be that the peer accepts.
    peer: MaxLength,
    /// There is none until the peer may be sent a PING.
    heartbeat: Option<Heartbeat>,
    /// What is decoded: a message at most.
    received: VecDeque<Message>,
    phase: Phase<S>,
    /// What had crossed the connection when it ended.
    octets: Octets,
}

#[allow(
    clippy::large_enum_variant,
    reason = "it is open for almost all of its life"
)]
enum Phase<S> {
    Open(Link<S>),
    Closing(Box<Closing<S>>),
    Over(Outcome),
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> RawSocketTransport<S> {
    /// Takes a stream whose handshake is over.
    pub(crate) fn new(
        stream: S,
        serializer: Serializer,
        mut info: ConnectionInfo,
        peer: MaxLength,
        config: &RawSocketConfig,
    ) -> Self {
        info.transport = "rawsocket";
        info.serializer = serializer.name().into_owned();
        let mut transport = Self {
            format: serializer.format(),
            serializer,
            info,
            config: config.clone(),
            peer,
            heartbeat: None,
            received: VecDeque::new(),
            phase: Phase::Open(Link::new(stream, config.max_length().octets())),
            octets: Octets::default(),
        };
        if config.ping_unknown {
            transport.begin_heartbeat();
        }
        transport
    }

    fn begin_heartbeat(&mut self) {
        if let (None, Some(interval)) = (&self.heartbeat, self.config.ping_interval) {
            self.heartbeat = Some(Heartbeat::new(interval, self.config.pong_timeout));
        }
    }

    /// Receives on. Ready when there is a message, or nothing more will come.
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
        reads: &mut usize,
    ) -> Poll<Result<(), ReceiveError>> {
        let Phase::Open(link) = &mut self.phase else {
            return Poll::Ready(Ok(()));
        };
        let error = match link.poll_frame(cx, reads) {
            Poll::Ready(Ok(Some(frame))) => {
                let told = match &mut self.heartbeat {
                    Some(heartbeat) => link.ping_if_due(cx, heartbeat),
                    None => Ok(()),
                };
                match told {
                    Ok(()) => {
                        return Poll::Ready(self.handle_frame(frame).map_err(ReceiveError::from));
                    }
                    Err(error) => error,
                }
            }
            Poll::Ready(Ok(None)) => return Poll::Ready(Err(ReceiveError::Closed)),
            Poll::Ready(Err(error)) => error,
            Poll::Pending => {
                // While nothing comes, nothing is kept for what will.
                self.received = VecDeque::new();
                let Some(heartbeat) = &mut self.heartbeat else {
                    return Poll::Pending;
                };
                ready!(link.poll_heartbeat(cx, heartbeat))
            }
        };
        tracing::debug!(%error, "giving the connection up");
        self.end(Outcome::Lost(error));
        Poll::Ready(Ok(()))
    }

    fn handle_frame(&mut self, frame: Received) -> Result<(), DecodeError> {
        if frame.kind == FrameKind::MESSAGE {
            return self.serializer.decode(frame.payload, &mut self.received);
        }
        // Who sends PINGs or PONGs knows them.
        self.begin_heartbeat();
        if frame.kind == FrameKind::PING {
            self.answer(&frame.payload);
        }
        // That a PONG came has been noted as every octet has.
        Ok(())
    }

    /// Answers a PING.
    fn answer(&mut self, payload: &Bytes) {
        let (len, max) = (payload.len(), self.peer.octets());
        if len > max {
            // Its sender says by itself that it does not take the answer.
            let text = format!("a PING of {len} octets, whose sender accepts {max}");
            self.end(Outcome::Lost(TransportError::Protocol(text)));
        } else if let (Phase::Open(link), Some(header)) =
            (&mut self.phase, FrameHeader::new(FrameKind::PONG, len))
        {
            link.writer.push_control(header, payload);
        }
    }

    /// Goes on closing, if it is closing. Ready when it is over.
    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Phase::Closing(closing) = &mut self.phase {
            let outcome = ready!(closing.poll(cx));
            tracing::debug!(?outcome, "the RawSocket is closed");
            self.end(outcome);
        }
        Poll::Ready(())
    }

    /// Drops the connection.
    fn end(&mut self, outcome: Outcome) {
        self.octets = self.octets();
        self.received = VecDeque::new();
        self.heartbeat = None;
        self.phase = Phase::Over(outcome);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for RawSocketTransport<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        let mut reads = READS_AT_ONCE;
        loop {
            if let Some(message) = self.received.pop_front() {
                return Poll::Ready(Ok(message));
            }
            match &self.phase {
                Phase::Open(_) => ready!(self.poll_open(cx, &mut reads))?,
                Phase::Closing(_) => ready!(self.poll_closing(cx)),
                Phase::Over(outcome) => return Poll::Ready(Err(outcome.to_receive_error())),
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        match &mut self.phase {
            Phase::Open(link) => {
                let mark = self.config.write_buffer_size;
                if link.writer.waiting() > mark
                    && let Poll::Ready(Err(error)) = link.poll_write(cx)
                {
                    return Poll::Ready(Err(error));
                }
                if link.writer.waiting() > mark {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok(()))
                }
            }
            // Whoever receives goes on closing, and learns why.
            Phase::Closing(_) => Poll::Pending,
            Phase::Over(outcome) => Poll::Ready(Err(outcome.to_error())),
        }
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        let Phase::Open(link) = &mut self.phase else {
            return Err(TransportError::Closed.into());
        };
        let max = self.config.max_sent(self.peer);
        link.writer.push_message(&self.serializer, message, max)?;
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        match &mut self.phase {
            Phase::Open(link) => ready!(link.poll_flush(cx))?,
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
        self.phase = match mem::replace(&mut self.phase, Phase::Over(Outcome::ClosedHere)) {
            Phase::Open(link) => {
                tracing::debug!(?reason, "closing the RawSocket");
                self.received = VecDeque::new();
                let outcome = if link.ended {
                    Outcome::ClosedByPeer
                } else {
                    Outcome::ClosedHere
                };
                let timeout = self.config.close_timeout;
                Phase::Closing(Box::new(Closing::new(link, outcome, timeout)))
            }
            phase @ (Phase::Closing(_) | Phase::Over(_)) => phase,
        };
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
        Some(self.config.max_sent(self.peer))
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    fn octets(&self) -> Octets {
        match &self.phase {
            Phase::Open(link) => link.octets(),
            Phase::Closing(closing) => closing.octets(),
            Phase::Over(_) => self.octets,
        }
    }
}

impl<S> fmt::Debug for RawSocketTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSocketTransport")
            .field("serializer", &self.info.serializer)
            .field("peer_addr", &self.info.peer_addr)
            .finish_non_exhaustive()
    }
}

/// How often a peer that sends no message is read from before others have their turn.
const READS_AT_ONCE: usize = 16;
