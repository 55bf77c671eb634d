//! What a realm tells of itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wamp_core::Outbox;

use super::RunningRealm;
use crate::metrics::{OutboxMetrics, RealmMetrics};

impl RunningRealm {
    /// What was counted, and what waits. The lock is held to copy the counts, and no longer.
    pub(crate) fn metrics(&self) -> RealmMetrics {
        let outboxes = self.outboxes();
        let held_readers = self.held_readers.load(Ordering::Relaxed);
        let state = self.lock();
        let counts = state.counts.clone();
        let together = counts.together_with(&state.routing, held_readers);
        drop(state);
        RealmMetrics {
            realm: self.name.clone(),
            counts: together,
            opened_sessions: counts.opened,
            ended_sessions: counts.ended(),
            received: counts.received.to_tally(),
            sent: counts.sent.to_tally(),
            undeliverable: counts.undeliverable.to_tally(),
            calls_in_flight: counts.calls_in_flight(),
            answered_calls: counts.answered(),
            opening_latency: counts.opening_latency,
            call_latency: counts.call_latency,
            refused_requests: counts.refused,
            lock: counts.lock.into_metrics(),
            outboxes,
        }
    }

    /// Looks into every outbox, though the lock is held for a few of them at a time: there may be
    /// very many.
    fn outboxes(&self) -> OutboxMetrics {
        const AT_ONCE: usize = 256;
        let mut sum = OutboxMetrics::default();
        let mut from = 0;
        let mut some: Vec<Arc<Outbox>> = Vec::with_capacity(AT_ONCE);
        loop {
            let state = self.lock();
            let Some(seats) = state.seats.get(from..) else {
                return sum;
            };
            let is_rest = seats.len() <= AT_ONCE;
            let taken = seats.iter().take(AT_ONCE).flatten();
            some.extend(taken.map(|seat| Arc::clone(&seat.outbox)));
            drop(state);
            for outbox in some.drain(..) {
                let (messages, octets) = outbox.depth();
                sum.add(messages, octets);
            }
            if is_rest {
                return sum;
            }
            from += AT_ONCE;
        }
    }
}
