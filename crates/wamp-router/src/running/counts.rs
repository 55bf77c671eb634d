//! What is counted of a realm.

use crate::realm::{Change, Routing};

/// What is kept up under the lock of the realm.
#[derive(Debug, Default)]
pub(super) struct Counts {
    subscriptions: usize,
    registrations: usize,
    pub(super) dropped_events: u64,
    pub(super) slow_sessions: u64,
    pub(super) held_publishers: u64,
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

    pub(super) const fn together_with(&self, routing: &Routing) -> RealmCounts {
        RealmCounts {
            sessions: routing.session_count(),
            subscriptions: self.subscriptions,
            registrations: self.registrations,
            undelivered_events: routing.undelivered_events(),
            dropped_events: self.dropped_events,
            slow_sessions: self.slow_sessions,
            held_publishers: self.held_publishers,
        }
    }
}

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
}
