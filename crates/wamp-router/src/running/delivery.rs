//! How messages come from the routing of a realm into the outboxes of its sessions.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use smallvec::SmallVec;
use wamp_core::{Flood, Outbox, Outgoing, Pushed};
use wamp_messages::SessionId;
use wamp_messages::message::Event;

use super::counts::Counts;
use crate::realm::{Change, Counted, Peer, Routing, Sink};
use crate::slow_consumers::SlowConsumers;

/// Where what is for a session goes.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) session: SessionId,
    pub(super) outbox: Arc<Outbox>,
    /// How many events it has lost, since it began to lose them.
    pub(super) lost: u64,
}

/// Outboxes that a message took above their marks.
pub(crate) type Flooded = SmallVec<[(Arc<Outbox>, Flood); 2]>;

/// The connections that a message has touched, for when no lock is held.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// To be woken, each at most once.
    wakers: SmallVec<[Waker; 8]>,
    /// To be waited for by who has published.
    pub(crate) flooded: Flooded,
    /// How long they are waited for.
    pub(crate) at_most: Duration,
}

impl Touched {
    /// Wakes them all, but not who is at work already.
    pub(crate) fn wake(&mut self, at_work: Option<&Waker>) {
        for waker in self.wakers.drain(..) {
            if !at_work.is_some_and(|at_work| at_work.will_wake(&waker)) {
                waker.wake();
            }
        }
    }
}

/// A session has begun to lose events, or takes them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loss {
    session: SessionId,
    /// How many it has lost; 0 if it begins.
    lost: u64,
}

impl Loss {
    pub(super) const fn ended(seat: &Seat) -> Option<Self> {
        if seat.lost == 0 {
            return None;
        }
        Some(Self {
            session: seat.session,
            lost: seat.lost,
        })
    }

    pub(super) fn log(self, realm: &wamp_messages::Uri) {
        let Self { session, lost } = self;
        if lost == 0 {
            // The session at work is another one: that of a publisher.
            tracing::info!(parent: None, %session, %realm, "a session does not take its events, and loses some");
        } else {
            tracing::debug!(parent: None, %session, %realm, lost, "a session loses no more events");
        }
    }
}

/// The losses that a message has led to. As a rule there are none.
pub(super) type Losses = SmallVec<[Loss; 1]>;

/// Puts messages into outboxes, and keeps note of what is to be done about it.
pub(super) struct Delivery<'a> {
    pub(super) seats: &'a mut [Option<Seat>],
    pub(super) policy: SlowConsumers,
    pub(super) counts: &'a mut Counts,
    pub(super) touched: &'a mut Touched,
    pub(super) losses: &'a mut Losses,
    /// Whether the messages tell of losses: what is lost of them is not told in turn.
    pub(super) tells_of_losses: bool,
}

impl Delivery<'_> {
    /// Tells of the losses so far who wants to know.
    pub(super) fn tell_losses(&mut self, routing: &mut Routing) {
        self.tells_of_losses = true;
        for at in 0..self.losses.len() {
            if let Some(&Loss { session, lost }) = self.losses.get(at) {
                routing.tell_loss(session, lost, self);
            }
        }
    }
}

impl Sink for Delivery<'_> {
    fn send(&mut self, to: Peer, message: Outgoing) {
        let Some(Some(seat)) = self.seats.get_mut(to.index()) else {
            return;
        };
        // Whether events find room again: only asked where some were lost.
        let counts_losses = self.policy == SlowConsumers::Drop && !self.tells_of_losses;
        let code = message.message().code();
        let is_event = code == Event::CODE;
        let has_recovered = seat.lost > 0 && counts_losses && is_event && {
            seat.outbox.weight() <= seat.outbox.limits().mark / 2
        };
        let pushed = seat.outbox.push_or(message, self.policy.above_mark());
        if let Pushed::Entered(_) | Pushed::Above(..) = &pushed {
            self.counts.sent.count_code(code);
        }
        match &pushed {
            Pushed::Entered(_) | Pushed::Above(..) if has_recovered => {
                self.losses.extend(Loss::ended(seat));
                seat.lost = 0;
            }
            Pushed::Above(_, flood) => {
                if let SlowConsumers::Block { at_most } = self.policy {
                    let flooded = (Arc::clone(&seat.outbox), *flood);
                    self.touched.flooded.push(flooded);
                    self.touched.at_most = at_most;
                }
            }
            Pushed::Dropped => {
                self.counts.dropped_events += 1;
                if counts_losses {
                    if seat.lost == 0 {
                        let session = seat.session;
                        self.losses.push(Loss { session, lost: 0 });
                    }
                    seat.lost += 1;
                }
            }
            // A closed outbox takes nothing: its connection ends, and with it the session, whose
            // leaving answers whoever waits for it.
            Pushed::Entered(_) | Pushed::Overflowed(_) | Pushed::Closed => {}
        }
        if let Some(waker) = pushed.into_waker() {
            self.touched.wakers.push(waker);
        }
    }

    fn note(&mut self, change: Change) {
        self.counts.note(change);
    }

    fn count(&mut self, what: Counted) {
        self.counts.count(what);
    }
}
