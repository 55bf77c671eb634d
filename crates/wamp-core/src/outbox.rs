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
    /// Octets above the mark that are kept for everything else, and for EVENTs that are let in
    /// [above the mark](AboveMark::Admit). 16 MiB.
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
    /// How many times the weight has fallen below the mark.
    ebbs: u64,
    /// The connection, waiting for a message.
    receiver: Option<Waker>,
    /// The connection, whatever it waits for, to be told that the outbox has closed.
    watcher: Option<Waker>,
    /// Senders, waiting for room.
    senders: Vec<Waker>,
    closed: bool,
    overflowed: bool,
}

/// What is done with an EVENT that would take an outbox above its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a message that finds no room can be kept, dropped, or the last one"
)]
pub enum AboveMark {
    /// It is dropped, and the outbox closes.
    Close,
    /// It is dropped.
    Drop,
    /// It is let in as long as the reserve lasts; then the outbox closes.
    Admit,
}

/// What became of a message that was put into an outbox.
///
/// The waker is that of its connection, if that waits: the caller wakes it when it holds no lock.
#[derive(Debug)]
#[must_use = "the connection of the outbox is to be woken"]
#[allow(
    clippy::exhaustive_enums,
    reason = "whoever puts a message in must know what can become of it"
)]
pub enum Pushed {
    /// It is in.
    Entered(Option<Waker>),
    /// It is an EVENT and is in, and more waits now than the mark.
    Above(Option<Waker>, Flood),
    /// It found no room and was dropped.
    Dropped,
    /// It found no room and was dropped, and the outbox has closed over it.
    Overflowed(Option<Waker>),
    /// The outbox was closed before, and takes nothing.
    Closed,
}

impl Pushed {
    /// The connection that is to be woken.
    #[must_use]
    pub fn into_waker(self) -> Option<Waker> {
        match self {
            Self::Entered(waker) | Self::Above(waker, _) | Self::Overflowed(waker) => waker,
            Self::Dropped | Self::Closed => None,
        }
    }

    /// Wakes the connection; the caller holds no lock.
    pub fn wake(self) {
        self.into_waker().into_iter().for_each(Waker::wake);
    }
}

/// A time during which an outbox is above its mark.
///
/// It ends when the outbox falls below for the first time, also if it has been filled again by the
/// time one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood(u64);

/// For how many messages room is kept when none wait.
const KEPT: usize = 32;

impl Outbox {
    /// An empty outbox.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Puts a message in. One that finds no room is dropped and closes the outbox: its connection
    /// falls so far behind that it is to be ended ([`Outbox::has_overflowed`]).
    pub fn push(&self, message: Outgoing) -> Pushed {
        self.push_or(message, AboveMark::Close)
    }

    /// Puts a message in, and does as is said with an EVENT that would go above the mark.
    ///
    /// Every other message has the reserve, and closes the outbox if that is used up.
    pub fn push_or(&self, message: Outgoing, above: AboveMark) -> Pushed {
        let OutboxLimits { mark, reserve } = self.limits;
        let is_event = matches!(message.message(), wamp_messages::Message::Event(_));
        let bound = match above {
            AboveMark::Close | AboveMark::Drop if is_event => mark,
            _ => mark.saturating_add(reserve),
        };
        let weight = message.weight();
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed;
        }
        let sum = state.weight.saturating_add(weight);
        // One message is always let in, whatever its length: its length is bounded elsewhere.
        if sum > bound && !state.queue.is_empty() {
            if is_event && above == AboveMark::Drop {
                return Pushed::Dropped;
            }
            state.overflowed = true;
            return Pushed::Overflowed(state.close());
        }
        state.weight = sum;
        state.queue.push_back((message, weight));
        let waker = state.receiver.take();
        if is_event && sum > mark {
            Pushed::Above(waker, Flood(state.ebbs))
        } else {
            Pushed::Entered(waker)
        }
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

    /// Waits for room below the mark; ready also when nothing waits, and when the outbox is closed.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed || state.has_room(self.limits.mark) {
            return Poll::Ready(());
        }
        state.add_sender(cx);
        Poll::Pending
    }

    /// Waits for the end of a flood; ready also when the outbox is closed.
    ///
    /// Who waits no more takes his waker back by [`Outbox::forget`].
    pub fn poll_ebb(&self, cx: &Context<'_>, flood: Flood) -> Poll<()> {
        let mut state = self.lock();
        if state.closed || state.ebbs != flood.0 {
            return Poll::Ready(());
        }
        state.add_sender(cx);
        Poll::Pending
    }

    /// Forgets a sender that has waited for room or for the end of a flood.
    pub fn forget(&self, sender: &Waker) {
        let mut state = self.lock();
        state.senders.retain(|waker| !waker.will_wake(sender));
    }

    /// Ends every flood, though nothing was taken out: nobody is to wait for this outbox any more.
    pub fn release(&self) {
        let mut state = self.lock();
        state.ebbs += 1;
        let senders = std::mem::take(&mut state.senders);
        drop(state);
        senders.into_iter().for_each(Waker::wake);
    }

    /// Closes the outbox like a message without room does, if a flood has not ended yet.
    pub fn overflow(&self, flood: Flood) {
        let mut state = self.lock();
        if state.closed || state.ebbs != flood.0 {
            return;
        }
        state.overflowed = true;
        let receiver = state.close();
        let senders = std::mem::take(&mut state.senders);
        drop(state);
        receiver.into_iter().chain(senders).for_each(Waker::wake);
    }

    /// Takes the next message out.
    pub fn poll_pop(&self, cx: &Context<'_>) -> Poll<Outgoing> {
        let mut state = self.lock();
        let had_room = state.has_room(self.limits.mark);
        let Some((message, weight)) = state.queue.pop_front() else {
            // A flood that is over leaves no room behind.
            if state.queue.capacity() > KEPT {
                state.queue = VecDeque::new();
            }
            match &mut state.receiver {
                Some(waker) => waker.clone_from(cx.waker()),
                receiver => *receiver = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        state.weight = state.weight.saturating_sub(weight);
        state.taken += 1;
        let senders = if !had_room && state.has_room(self.limits.mark) {
            state.ebbs += 1;
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

    /// How many messages wait, and about how many octets they are.
    pub fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.queue.len(), state.weight)
    }

    /// About how many octets wait.
    pub fn weight(&self) -> usize {
        self.lock().weight
    }

    /// How much may wait.
    pub const fn limits(&self) -> OutboxLimits {
        self.limits
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

    /// Whether it was closed because a message found no room, or a flood did not end.
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
    /// Nothing waits above a mark of zero either.
    fn has_room(&self, mark: usize) -> bool {
        self.weight < mark || self.queue.is_empty()
    }

    fn add_sender(&mut self, cx: &Context<'_>) {
        let mut senders = self.senders.iter();
        if !senders.any(|waker| waker.will_wake(cx.waker())) {
            self.senders.push(cx.waker().clone());
        }
    }

    fn close(&mut self) -> Option<Waker> {
        self.closed = true;
        // Both are the same task.
        let watcher = self.watcher.take();
        self.receiver.take().or(watcher)
    }
}

#[cfg(test)]
mod tests;
