//! What a listener counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wamp_core::Tally;

use super::limits::Gate;

/// What a listener has counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListenCounts {
    /// Connections that were accepted, those included that came to nothing.
    pub accepted: u64,
    /// Connections that have a place, those in their handshake included.
    pub connections: usize,
    /// Connections whose handshake is not finished, those that are being refused included.
    pub handshakes: usize,
    /// How many times nobody was accepted for a while because of the
    /// [rate](super::ListenLimits::rate).
    pub held: u64,
    /// Connections that came to nothing, by why:
    ///
    /// | name | the connection |
    /// |---|---|
    /// | `no_room` | was refused, because there were too many |
    /// | `displaced` | was ended in its handshake for a newer one |
    ///
    /// and what whoever serves them has [counted](ListenMeter::count_failure).
    pub failed: Tally,
}

/// Tells what a listener has counted, also when it listens no more. Clones tell of the same one.
#[derive(Debug, Clone)]
pub struct ListenMeter(pub(super) Arc<Gate>);

impl ListenMeter {
    /// What was counted so far.
    pub fn counts(&self) -> ListenCounts {
        self.0.counts()
    }

    /// Counts a connection that came to nothing, by the name of a reason: one that was
    /// [refused](super::Permit::is_refused) or [ended](super::Permit::ended) for a newer one is
    /// counted already.
    ///
    /// [`HandshakeError::reason`](super::HandshakeError::reason) has names.
    pub fn count_failure(&self, reason: &'static str) {
        self.0.meters.count_failure(reason);
    }
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(super) struct Meters {
    accepted: AtomicU64,
    held: AtomicU64,
    failed: Mutex<Tally>,
}

impl Meters {
    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn count_held(&self) {
        self.held.fetch_add(1, Relaxed);
    }

    pub(super) fn count_failure(&self, reason: &'static str) {
        self.failed().count(reason);
    }

    pub(super) fn counts(&self, connections: usize, handshakes: usize) -> ListenCounts {
        ListenCounts {
            accepted: self.accepted.load(Relaxed),
            connections,
            handshakes,
            held: self.held.load(Relaxed),
            failed: self.failed().clone(),
        }
    }

    fn failed(&self) -> MutexGuard<'_, Tally> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is refused because there are too many.
pub(super) const NO_ROOM: &str = "no_room";

/// A connection that is ended in its handshake for a newer one.
pub(super) const DISPLACED: &str = "displaced";
