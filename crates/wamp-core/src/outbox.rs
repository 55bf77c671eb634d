//! The outbox: what a session has to send, and its connection has not sent yet.
//!
//! Whoever sends puts a message in and goes on; the task of the connection takes it out. Its lock
//! is a leaf: nothing else is locked, decoded, encoded or woken while it is held.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::outgoing::Outgoing;

/// A bounded queue of messages, with the wakers of both of its ends.
#[derive(Debug)]
pub struct Outbox {
    limits: OutboxLimits,
    state: Mutex<State>,
}

/// How much may wait in an outbox.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct OutboxLimits {
    /// Octets above which EVENTs find no room, and a client's own requests wait. 16 MiB.
    pub mark: usize,
    /// Octets above the mark that are kept for everything else. 16 MiB.
    pub reserve: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            mark: 16 << 20,
            reserve: 16 << 20,
        }
    }
}

impl OutboxLimits {
    /// Sets [`mark`](Self::mark).
    #[must_use]
    pub const fn mark(self, octets: usize) -> Self {
        Self {
            mark: octets,
            ..self
        }
    }

    /// Sets [`reserve`](Self::reserve).
    #[must_use]
    pub const fn reserve(self, octets: usize) -> Self {
        Self {
            reserve: octets,
            ..self
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Messages, each with its weight.
    queue: VecDeque<(Outgoing, usize)>,
    weight: usize,
    /// How many messages were taken out.
    taken: u64,
    /// The connection, waiting for a message.
    receiver: Option<Waker>,
    /// The connection, whatever it waits for, to be told that the outbox has closed.
    watcher: Option<Waker>,
    /// Senders, waiting for room.
    senders: Vec<Waker>,
    closed: bool,
    overflowed: bool,
}

/// A message that did not get in: the outbox is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outbox is closed")]
pub struct OutboxClosed;

impl Outbox {
    /// An empty outbox.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Puts a message in, and returns the waker of the connection if it waits: the caller wakes it
    /// when it holds no lock.
    ///
    /// A message that finds no room is dropped and closes the outbox: its connection falls so far
    /// behind that it is to be ended ([`Outbox::has_overflowed`]).
    ///
    /// # Errors
    ///
    /// The outbox was closed before.
    pub fn push(&self, message: Outgoing) -> Result<Option<Waker>, OutboxClosed> {
        let weight = message.weight();
        let mut state = self.lock();
        if state.closed {
            return Err(OutboxClosed);
        }
        let bound = match message.message() {
            wamp_messages::Message::Event(_) => self.limits.mark,
            _ => self.limits.mark.saturating_add(self.limits.reserve),
        };
        // One message is always let in, whatever its length: its length is bounded elsewhere.
        if state.weight.saturating_add(weight) > bound && !state.queue.is_empty() {
            state.overflowed = true;
            return Ok(state.close());
        }
        state.weight += weight;
        state.queue.push_back((message, weight));
        Ok(state.receiver.take())
    }

    /// Sets what is woken when the outbox closes, even while its connection looks for no message
    /// because its transport takes none.
    pub fn set_watcher(&self, watcher: Waker) {
        self.lock().watcher = Some(watcher);
    }

    /// What wakes the connection whatever it waits for, if it was [set](Self::set_watcher).
    pub fn watcher(&self) -> Option<Waker> {
        self.lock().watcher.clone()
    }

    /// Waits for room below the mark; ready also when the outbox is closed.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed || state.weight < self.limits.mark {
            return Poll::Ready(());
        }
        if !state
            .senders
            .iter()
            .any(|waker| waker.will_wake(cx.waker()))
        {
            state.senders.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Takes the next message out.
    pub fn poll_pop(&self, cx: &Context<'_>) -> Poll<Outgoing> {
        let mut state = self.lock();
        let Some((message, weight)) = state.queue.pop_front() else {
            match &mut state.receiver {
                Some(waker) => waker.clone_from(cx.waker()),
                receiver => *receiver = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        state.weight = state.weight.saturating_sub(weight);
        state.taken += 1;
        let senders = if state.weight < self.limits.mark {
            std::mem::take(&mut state.senders)
        } else {
            Vec::new()
        };
        drop(state);
        senders.into_iter().for_each(Waker::wake);
        Poll::Ready(message)
    }

    /// Closes the outbox; what waits in it can still be taken out.
    pub fn close(&self) {
        let mut state = self.lock();
        let receiver = state.close();
        let senders = std::mem::take(&mut state.senders);
        drop(state);
        receiver.into_iter().chain(senders).for_each(Waker::wake);
    }

    /// How many messages were taken out of it so far.
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// How many messages were put into it so far, those included that wait.
    pub fn put(&self) -> u64 {
        let state = self.lock();
        state.taken + state.queue.len() as u64
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether it was closed because a message found no room.
    pub fn has_overflowed(&self) -> bool {
        self.lock().overflowed
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// The state is valid after every step, so that a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close(&mut self) -> Option<Waker> {
        self.closed = true;
        // Both are the same task.
        let watcher = self.watcher.take();
        self.receiver.take().or(watcher)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use wamp_messages::message::{Event, EventReceived};
    use wamp_messages::{Payload, PublicationId, SubscriptionId};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn event(len: usize) -> Outgoing {
        Outgoing::from(Event {
            subscription: SubscriptionId::ZERO,
            publication: PublicationId::ZERO,
            details: Default::default(),
            payload: Payload::opaque(vec![0; len].into()),
        })
    }

    fn acknowledgement() -> Outgoing {
        Outgoing::from(EventReceived {
            publication: PublicationId::ZERO,
        })
    }

    #[test]
    fn the_connection_is_woken_once_for_many_messages() {
        let outbox = Outbox::new(OutboxLimits::default());
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        assert!(outbox.poll_pop(&Context::from_waker(&waker)).is_pending());
        assert!(outbox.push(acknowledgement()).unwrap().is_some());
        assert!(outbox.push(acknowledgement()).unwrap().is_none());
    }

    #[test]
    fn events_stop_at_the_mark_and_answers_at_the_reserve() {
        let limits = OutboxLimits {
            mark: 1_000,
            reserve: 1_000,
        };
        let outbox = Outbox::new(limits);
        assert!(outbox.push(event(600)).is_ok());
        assert!(outbox.push(acknowledgement()).is_ok());
        assert!(outbox.push(event(600)).is_ok());
        assert!(outbox.has_overflowed() && outbox.is_closed());
        assert_eq!(outbox.push(event(600)).map(drop), Err(OutboxClosed));
    }

    #[test]
    fn an_overflow_wakes_a_connection_that_looks_for_no_message() {
        let limits = OutboxLimits {
            mark: 1_000,
            reserve: 0,
        };
        let outbox = Outbox::new(limits);
        let count = Arc::new(Count::default());
        outbox.set_watcher(Waker::from(Arc::clone(&count)));
        assert!(outbox.push(event(600)).unwrap().is_none());
        let woken = outbox.push(event(600)).unwrap();
        woken.into_iter().for_each(Waker::wake);
        assert!(outbox.has_overflowed());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_sender_waits_for_room_and_is_woken_when_there_is_some() {
        let outbox = Outbox::new(OutboxLimits {
            mark: 500,
            reserve: 500,
        });
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        outbox.push(event(400)).unwrap();
        assert!(outbox.poll_room(&cx).is_pending());
        assert!(outbox.poll_pop(&cx).is_ready());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(outbox.poll_room(&cx).is_ready());
    }

    #[test]
    fn what_waits_in_a_closed_outbox_can_be_taken_out() {
        let outbox = Outbox::new(OutboxLimits::default());
        outbox.push(acknowledgement()).unwrap();
        outbox.close();
        assert!(outbox.push(acknowledgement()).is_err());
        assert!(
            outbox
                .poll_pop(&Context::from_waker(Waker::noop()))
                .is_ready()
        );
    }
}
