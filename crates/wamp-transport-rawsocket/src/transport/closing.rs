//! Closing: what waits is written, and the peer has time to take it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use wamp_core::{Octets, ReceiveError, TransportError};
use wamp_net::poll_drain;

use crate::transport::link::Link;

/// How far closing has come. RawSocket has no closing handshake: the end of the stream is all.
///
/// ```text
///   Flush ─▶ Shutdown ─▶ Drain
/// ```
pub(super) struct Closing<S> {
    link: Link<S>,
    step: Step,
    outcome: Outcome,
    deadline: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// What waits is to be written.
    Flush,
    /// The outgoing direction is to be closed.
    Shutdown,
    /// The peer is to close the other one; what it sent before is dropped. To close it here while
    /// octets arrive would reset the connection, and the peer might never see what was written
    /// last.
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

    /// An error while closing: it is news only if the peer had not closed before.
    fn or_lost(&self, error: TransportError) -> Self {
        match self {
            Self::ClosedHere => Self::Lost(error),
            Self::ClosedByPeer | Self::Lost(_) => self.clone(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Closing<S> {
    pub(super) fn new(link: Link<S>, outcome: Outcome, timeout: Duration) -> Self {
        Self {
            link,
            step: Step::Flush,
            outcome,
            deadline: Box::pin(sleep(timeout)),
        }
    }

    /// What has crossed the connection so far; what came while it was closed is left out.
    pub(super) const fn octets(&self) -> Octets {
        self.link.octets()
    }

    /// Goes on closing. Ready when it is over, at the latest at the deadline.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // The timer first, so that it wakes the task whatever the steps wait for.
        let late = self.deadline.as_mut().poll(cx).is_ready();
        match self.poll_steps(cx) {
            // Only whether everything was written counts. That the peer keeps its direction open
            // is its own affair.
            Poll::Pending if late => Poll::Ready(match self.step {
                Step::Flush => Outcome::Lost(TransportError::TimedOut("closing the RawSocket")),
                Step::Shutdown | Step::Drain => self.outcome.clone(),
            }),
            polled => polled,
        }
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            self.step = match self.step {
                Step::Flush => match ready!(self.link.poll_flush(cx)) {
                    Ok(()) => Step::Shutdown,
                    Err(error) => return Poll::Ready(self.outcome.or_lost(error)),
                },
                Step::Shutdown => {
                    match ready!(Pin::new(&mut self.link.stream).poll_shutdown(cx)) {
                        Ok(()) => Step::Drain,
                        // There is nobody any more who could miss anything.
                        Err(_) => return Poll::Ready(self.outcome.clone()),
                    }
                }
                Step::Drain => {
                    ready!(poll_drain(cx, &mut self.link.stream));
                    return Poll::Ready(self.outcome.clone());
                }
            };
        }
    }
}
