//! The in-memory transport: two ends in one process, with no octets between them.
//!
//! Messages cross as structs; payloads cross as octets in the format of their sender, and know it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use wamp_messages::{Format, Message, Payload};

use crate::outgoing::Outgoing;
use crate::transport::{
    CloseReason, ConnectionInfo, ReceiveError, SendError, Transport, TransportError,
};

/// How many messages wait on the way before the sender does.
const CAPACITY: usize = 256;

/// How many octets of payload wait on the way before the sender does, beside one message.
const CAPACITY_OCTETS: usize = 1 << 20;

/// One end of an in-memory transport.
#[derive(Debug)]
pub struct MemoryTransport {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    format: Format,
    info: ConnectionInfo,
    over: Option<Over>,
}

/// How it ended for this end.
#[derive(Debug, Clone, Copy)]
enum Over {
    Closed,
    ClosedByPeer,
    Lost,
}

impl MemoryTransport {
    /// Makes both ends; `format` is what payloads are written in.
    pub fn pair(format: &Format) -> (Self, Self) {
        let (one, other) = (Arc::new(Lane::default()), Arc::new(Lane::default()));
        let end = |incoming: &Arc<Lane>, outgoing: &Arc<Lane>| Self {
            incoming: Arc::clone(incoming),
            outgoing: Arc::clone(outgoing),
            format: format.clone(),
            info: ConnectionInfo {
                serializer: format.name().to_owned(),
                ..ConnectionInfo::new("memory")
            },
            over: None,
        };
        (end(&one, &other), end(&other, &one))
    }
}

impl Transport for MemoryTransport {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        if self.over.is_none() {
            let mut lane = self.incoming.lock();
            if let Some(message) = lane.queue.pop_front() {
                lane.octets = lane.octets.saturating_sub(octets(&message));
                let sender = lane.sender.take();
                drop(lane);
                sender.into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(message.into_message()));
            }
            self.over = match lane.end {
                End::Open => {
                    lane.receiver = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                End::Closed => Some(Over::ClosedByPeer),
                End::Aborted => Some(Over::Lost),
            };
        }
        Poll::Ready(Err(match self.over {
            Some(Over::ClosedByPeer) => ReceiveError::Closed,
            _ => TransportError::Closed.into(),
        }))
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.over.is_some() {
            return Poll::Ready(Err(TransportError::Closed));
        }
        let mut lane = self.outgoing.lock();
        let is_full = lane.queue.len() >= CAPACITY || lane.octets >= CAPACITY_OCTETS;
        // Of a peer that is gone receiving tells, after the last that the peer has said.
        if !is_full || lane.is_forsaken {
            return Poll::Ready(Ok(()));
        }
        lane.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        if self.over.is_some() {
            return Err(TransportError::Closed.into());
        }
        let mut lane = self.outgoing.lock();
        if !lane.is_forsaken {
            lane.octets += octets(message);
            lane.queue.push_back(message.clone());
        }
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.over.is_some() {
            return Poll::Ready(Err(TransportError::Closed));
        }
        let receiver = self.outgoing.lock().receiver.take();
        receiver.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        self.end(End::Closed, Over::Closed);
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.end(End::Aborted, Over::Lost);
    }

    fn format(&self) -> Format {
        self.format.clone()
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

impl MemoryTransport {
    /// Ends both directions; for this end it stays as it ended first.
    fn end(&mut self, end: End, over: Over) {
        self.over.get_or_insert(over);
        self.outgoing.end(end);
        self.incoming.forsake();
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.end(End::Closed, Over::Closed);
    }
}

/// What a message is charged on the way.
fn octets(message: &Outgoing) -> usize {
    message.message().payload().map_or(0, Payload::len)
}

/// One direction.
#[derive(Debug, Default)]
struct Lane(Mutex<LaneState>);

#[derive(Debug, Default)]
struct LaneState {
    queue: VecDeque<Outgoing>,
    octets: usize,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    /// Whether the sender has ended it, and how.
    end: End,
    /// Whether nobody receives any more: what is sent is dropped.
    is_forsaken: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Closed,
    Aborted,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sender sends nothing more.
    fn end(&self, end: End) {
        let mut lane = self.lock();
        if lane.end == End::Open {
            lane.end = end;
        }
        if end == End::Aborted {
            lane.queue.clear();
        }
        let receiver = lane.receiver.take();
        drop(lane);
        receiver.into_iter().for_each(Waker::wake);
    }

    /// The receiver receives nothing more.
    fn forsake(&self) {
        let mut lane = self.lock();
        lane.is_forsaken = true;
        let dropped = std::mem::take(&mut lane.queue);
        let sender = lane.sender.take();
        drop(lane);
        drop(dropped);
        sender.into_iter().for_each(Waker::wake);
    }
}
