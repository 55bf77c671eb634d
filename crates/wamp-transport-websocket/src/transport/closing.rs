//! Closing: the closing handshake, bounded in time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};
use wamp_core::{Octets, ReceiveError, TransportError};
use wamp_net::poll_drain;

use crate::close;
use crate::transport::{Phase, Socket, WebSocketTransport};

/// How far closing has come.
///
/// ```text
///   here:        Send ─▶ Flush ─▶ Reply ─▶ Shutdown ─▶ Drain
///   the peer:            Flush ──────────▶ Shutdown ─▶ Drain
///   a violation: Send ─▶ Flush ──────────▶ Shutdown ─▶ Drain
/// ```
pub(super) struct Closing<S> {
    socket: Socket<S>,
    step: Step,
    outcome: Outcome,
    deadline: Pin<Box<Sleep>>,
}

#[derive(Debug)]
pub(super) enum Step {
    /// The close frame is to be handed over.
    Send(CloseFrame),
    /// It is to be written.
    Flush,
    /// The peer is to answer with one of its own; what it sent before is dropped.
    Reply,
    /// The outgoing direction is to be closed.
    Shutdown,
    /// The peer is to close the other one. To close it here while octets arrive would reset the
    /// connection, and the peer might never see the close frame.
    Drain,
}

/// How a connection ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    ClosedHere,
    ClosedByPeer,
    Lost(TransportError),
}

impl Outcome {
    pub(super) fn to_error(&self) -> TransportError {
        match self {
            Self::ClosedHere | Self::ClosedByPeer => TransportError::Closed,
            Self::Lost(error) => error.clone(),
        }
    }

    pub(super) fn to_receive_error(&self) -> ReceiveError {
        match self {
            Self::ClosedByPeer => ReceiveError::Closed,
            Self::ClosedHere | Self::Lost(_) => ReceiveError::Lost(self.to_error()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Closing<S> {
    pub(super) fn new(socket: Socket<S>, step: Step, outcome: Outcome, timeout: Duration) -> Self {
        Self {
            socket,
            step,
            outcome,
            deadline: Box::pin(sleep(timeout)),
        }
    }

    /// What has crossed the connection so far.
    pub(super) fn octets(&self) -> Octets {
        self.socket.get_ref().octets
    }

    /// Goes on closing. Ready when it is over, at the latest at the deadline.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // The timer first, so that it wakes the task whatever the steps wait for.
        let late = self.deadline.as_mut().poll(cx).is_ready();
        match self.poll_steps(cx) {
            Poll::Pending if late => Poll::Ready(self.late()),
            polled => polled,
        }
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            let mut socket = Pin::new(&mut self.socket);
            self.step = match &mut self.step {
                Step::Send(frame) => {
                    let frame = frame.clone();
                    match socket.start_send(WsMessage::Close(Some(frame))) {
                        Ok(()) => Step::Flush,
                        Err(error) => return Poll::Ready(self.outcome.or_lost(error)),
                    }
                }
                Step::Flush => match ready!(socket.poll_flush(cx)) {
                    Ok(()) if matches!(self.outcome, Outcome::ClosedHere) => Step::Reply,
                    Ok(()) => Step::Shutdown,
                    Err(error) => return Poll::Ready(self.outcome.or_lost(error)),
                },
                Step::Reply => match ready!(socket.poll_next(cx)) {
                    Some(Ok(WsMessage::Close(_))) | None => Step::Shutdown,
                    Some(Ok(_)) => Step::Reply,
                    // Closed it is, though not as it should be.
                    Some(Err(error)) => {
                        tracing::debug!(%error, "the peer did not answer the close frame");
                        Step::Shutdown
                    }
                },
                Step::Shutdown => {
                    match ready!(Pin::new(socket.as_mut().get_mut().get_mut()).poll_shutdown(cx)) {
                        Ok(()) => Step::Drain,
                        Err(_) => return Poll::Ready(self.outcome.clone()),
                    }
                }
                Step::Drain => {
                    ready!(poll_drain(cx, socket.as_mut().get_mut().get_mut()));
                    return Poll::Ready(self.outcome.clone());
                }
            };
        }
    }

    /// The time is over. Only whether the close frames were exchanged counts.
    fn late(&self) -> Outcome {
        match (&self.step, &self.outcome) {
            (Step::Send(_) | Step::Flush | Step::Reply, Outcome::ClosedHere) => {
                Outcome::Lost(TransportError::TimedOut("closing the WebSocket"))
            }
            (_, outcome) => outcome.clone(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocketTransport<S> {
    /// Goes on closing, if it is closing. Ready when it is over.
    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Phase::Closing(closing) = &mut self.phase {
            let outcome = ready!(closing.poll(cx));
            tracing::debug!(?outcome, "the WebSocket is closed");
            self.end(outcome);
        }
        Poll::Ready(())
    }
}

impl Outcome {
    /// An error while closing: it is news only if nothing was wrong before.
    fn or_lost(&self, error: WsError) -> Self {
        match self {
            Self::ClosedHere => Self::Lost(close::lost(error)),
            Self::ClosedByPeer | Self::Lost(_) => self.clone(),
        }
    }
}
