//! What is counted of a realm.

use std::time::Duration;

use wamp_core::Tally;
use wamp_messages::Message;

use super::lock::LockTimes;
use crate::metrics::{Ended, Histogram, latency_bounds};
use crate::realm::{Change, Counted, Outcome, Routing};

/// What is kept up under the lock of the realm.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    subscriptions: usize,
    registrations: usize,
    pub(super) dropped_events: u64,
    pub(super) held_publishers: u64,
    pub(super) opened: u64,
    ended: [u64; Ended::ALL.len()],
    pub(super) received: ByKind,
    pub(super) sent: ByKind,
    pub(super) undeliverable: ByKind,
    calls: u64,
    answered: [u64; Outcome::ALL.len()],
    pub(super) call_latency: Histogram,
    pub(super) opening_latency: Histogram,
    pub(super) refused: Tally,
    pub(super) lock: LockTimes,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            subscriptions: 0,
            registrations: 0,
            dropped_events: 0,
            held_publishers: 0,
            opened: 0,
            ended: Default::default(),
            received: ByKind::default(),
            sent: ByKind::default(),
            undeliverable: ByKind::default(),
            calls: 0,
            answered: Default::default(),
            call_latency: Histogram::new(latency_bounds()),
            opening_latency: Histogram::new(latency_bounds()),
            refused: Tally::default(),
            lock: LockTimes::default(),
        }
    }
}

impl Counts {
    pub(super) fn note(&mut self, change: Change) {
        match change {
            Change::Subscribed { is_first, .. } => self.subscriptions += usize::from(is_first),
            Change::Unsubscribed { is_last, .. } => self.subscriptions -= usize::from(is_last),
            Change::Registered { is_first, .. } => self.registrations += usize::from(is_first),
            Change::Unregistered { is_last, .. } => self.registrations -= usize::from(is_last),
        }
    }

    pub(super) fn count(&mut self, what: Counted) {
        match what {
            Counted::Called => self.calls += 1,
            Counted::Answered(outcome, after) => {
                self.answered[outcome as usize] += 1;
                if let Outcome::Result | Outcome::Error = outcome {
                    self.call_latency.observe(after);
                }
            }
            Counted::Refused(uri) => self.refused.count(uri),
        }
    }

    pub(super) fn count_opened(&mut self, took: Duration) {
        self.opened += 1;
        self.opening_latency.observe(took);
    }

    pub(super) fn count_ended(&mut self, ended: Ended) {
        self.ended[ended as usize] += 1;
    }

    pub(super) fn ended(&self) -> Tally {
        named(Ended::ALL.map(Ended::name), self.ended)
    }

    pub(super) fn answered(&self) -> Tally {
        named(Outcome::ALL.map(Outcome::name), self.answered)
    }

    pub(super) fn calls_in_flight(&self) -> u64 {
        self.calls - self.answered.iter().sum::<u64>()
    }

    pub(super) const fn together_with(&self, routing: &Routing, held_readers: u64) -> RealmCounts {
        RealmCounts {
            sessions: routing.session_count(),
            subscriptions: self.subscriptions,
            registrations: self.registrations,
            undelivered_events: routing.undelivered_events(),
            dropped_events: self.dropped_events,
            slow_sessions: self.ended[Ended::TooSlow as usize],
            held_publishers: self.held_publishers,
            held_readers,
        }
    }
}

fn named<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> Tally {
    names.into_iter().zip(counts).collect()
}

/// Messages by their kind. Its index is the code of the message type, so that counting is one
/// addition.
#[derive(Debug, Clone)]
pub(super) struct ByKind([u64; CODES]);

impl Default for ByKind {
    fn default() -> Self {
        Self([0; CODES])
    }
}

impl ByKind {
    pub(super) fn count(&mut self, message: &Message) {
        self.count_code(message.code());
    }

    pub(super) fn count_code(&mut self, code: u64) {
        if let Some(count) = usize::try_from(code)
            .ok()
            .and_then(|code| self.0.get_mut(code))
        {
            *count += 1;
        }
    }

    /// Those that there were.
    pub(super) fn to_tally(&self) -> Tally {
        let kinds = Message::TYPES.iter().filter_map(|(code, name)| {
            let count = *self.0.get(usize::try_from(*code).ok()?)?;
            (count > 0).then_some((*name, count))
        });
        kinds.collect()
    }
}

/// One more than the highest code of a message type.
const CODES: usize = {
    let mut highest = 0;
    let mut at = 0;
    while at < Message::TYPES.len() {
        let code = Message::TYPES[at].0;
        if code > highest {
            highest = code;
        }
        at += 1;
    }
    highest as usize + 1
};

/// How much there is on a realm now, and what has happened since the router was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RealmCounts {
    /// The sessions that are open.
    pub sessions: usize,
    /// Topics that somebody has subscribed to.
    pub subscriptions: usize,
    /// Procedures that are registered.
    pub registrations: usize,
    /// Events, since the router was made, that could not be sent to one of their receivers, because
    /// it has no form for them or takes no message of this length.
    pub undelivered_events: u64,
    /// Events, since the router was made, that were dropped for one of their receivers, because
    /// too much waited for it already ([`SlowConsumers::Drop`](crate::SlowConsumers::Drop)).
    pub dropped_events: u64,
    /// Sessions, since the router was made, that were disconnected because their clients did not
    /// take what they were sent ([`TOO_SLOW`](crate::limit_uri::TOO_SLOW)).
    pub slow_sessions: u64,
    /// How many times, since the router was made, a publisher had to wait for a slow session
    /// ([`SlowConsumers::Block`](crate::SlowConsumers::Block)).
    pub held_publishers: u64,
    /// How many times, since the router was made, a session was not read for a while, because it
    /// had sent more than it may ([`SessionLimits::rate`](crate::SessionLimits::rate)).
    pub held_readers: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_message_has_a_place_of_its_own() {
        let mut kinds = ByKind::default();
        for (times, (code, _)) in (1..).zip(Message::TYPES) {
            for _ in 0..times {
                kinds.count_code(*code);
            }
        }
        let tally = kinds.to_tally();
        for (times, (_, name)) in (1..).zip(Message::TYPES) {
            assert_eq!(tally.of(name), times, "{name}");
        }
        // There is none of this code.
        kinds.count_code(u64::MAX);
        assert_eq!(kinds.to_tally(), tally);
    }
}
