//! The in-memory transport: two ends in one process, with no octets between them.
//!
//! Messages cross as structs; payloads cross as octets in the format of their sender, and know it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use wamp_messages::{Format, Message};

use crate::outgoing::Outgoing;
use crate::transport::{
    CloseReason, ConnectionInfo, ReceiveError, SendError, Transport, TransportError,
};

/// How many messages wait on the way before the sender does.
const CAPACITY: usize = 256;

/// One end of an in-memory transport.
#[derive(Debug)]
pub struct MemoryTransport {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    format: Format,
    info: ConnectionInfo,
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
        };
        (end(&one, &other), end(&other, &one))
    }
}

impl Transport for MemoryTransport {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        let mut lane = self.incoming.lock();
        if let Some(message) = lane.queue.pop_front() {
            let sender = lane.sender.take();
            drop(lane);
            sender.into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(message.into_message()));
        }
        match lane.end {
            End::Open => {
                lane.receiver = Some(cx.waker().clone());
                Poll::Pending
            }
            End::Closed => Poll::Ready(Err(ReceiveError::Closed)),
            End::Aborted => Poll::Ready(Err(TransportError::Closed.into())),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut lane = self.outgoing.lock();
        if lane.end != End::Open {
            return Poll::Ready(Err(TransportError::Closed));
        }
        if lane.queue.len() < CAPACITY {
            return Poll::Ready(Ok(()));
        }
        lane.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        let mut lane = self.outgoing.lock();
        if lane.end != End::Open {
            return Err(TransportError::Closed.into());
        }
        lane.queue.push_back(message.clone());
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let receiver = self.outgoing.lock().receiver.take();
        receiver.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        self.outgoing.end(End::Closed);
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.outgoing.end(End::Aborted);
        self.incoming.end(End::Aborted);
    }

    fn format(&self) -> Format {
        self.format.clone()
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.outgoing.end(End::Closed);
        self.incoming.end(End::Closed);
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Lane(Mutex<LaneState>);

#[derive(Debug, Default)]
struct LaneState {
    queue: VecDeque<Outgoing>,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    end: End,
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

    fn end(&self, end: End) {
        let mut lane = self.lock();
        if lane.end == End::Open {
            lane.end = end;
        }
        if end == End::Aborted {
            lane.queue.clear();
        }
        let wakers = [lane.receiver.take(), lane.sender.take()];
        drop(lane);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}
