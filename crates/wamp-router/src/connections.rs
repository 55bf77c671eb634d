//! The connections of a router: to end them all, to know when they are gone, and to count them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;
use wamp_core::{Octets, Tally};

use crate::metrics::TransportMetrics;
use crate::realm::arena::{Arena, Key};

/// What connections are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// To serve.
    Serving,
    /// To say GOODBYE, and to end when it is answered.
    Closing,
    /// To end.
    Ending,
}

/// Every connection that is there, with the waker of its task.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    wakers: Mutex<Arena<Option<Waker>>>,
    stage: AtomicU8,
    gone: Notify,
    numbers: AtomicU64,
    carriers: Mutex<BTreeMap<&'static str, Arc<Carrier>>>,
    pub(crate) outside: Outside,
}

/// What is counted of the connections over one kind of transport.
#[derive(Debug, Default)]
pub(crate) struct Carrier {
    opened: AtomicU64,
    closed: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Carrier {
    /// Adds what has crossed a connection since it was last asked.
    pub(crate) fn add(&self, octets: Octets) {
        if octets.received > 0 {
            self.received.fetch_add(octets.received, Ordering::Relaxed);
        }
        if octets.sent > 0 {
            self.sent.fetch_add(octets.sent, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_closed(&self) {
        self.closed.fetch_add(1, Ordering::Release);
    }

    fn metrics(&self, transport: &'static str) -> TransportMetrics {
        // In this order, lest more be closed than were opened.
        let closed = self.closed.load(Ordering::Acquire);
        let opened = self.opened.load(Ordering::Acquire);
        TransportMetrics {
            transport,
            connections: opened.saturating_sub(closed),
            opened,
            octets: Octets {
                received: self.received.load(Ordering::Relaxed),
                sent: self.sent.load(Ordering::Relaxed),
            },
        }
    }
}

/// What is counted outside of sessions. It happens a few times in the life of a connection.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    received: Mutex<Tally>,
    sent: Mutex<Tally>,
    refused: Mutex<Tally>,
}

impl Outside {
    pub(crate) fn count_received(&self, kind: &'static str) {
        tally(&self.received).count(kind);
    }

    pub(crate) fn count_sent(&self, kind: &'static str) {
        tally(&self.sent).count(kind);
    }

    pub(crate) fn count_refused(&self, reason: &'static str) {
        tally(&self.refused).count(reason);
    }

    pub(crate) fn received(&self) -> Tally {
        tally(&self.received).clone()
    }

    pub(crate) fn sent(&self) -> Tally {
        tally(&self.sent).clone()
    }

    pub(crate) fn refused(&self) -> Tally {
        tally(&self.refused).clone()
    }
}

fn tally(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    pub(crate) fn add(&self) -> Key {
        self.lock().insert(None)
    }

    /// A number for a new connection, by which people can follow it.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a connection over this kind of transport that is opened.
    pub(crate) fn carrier(&self, transport: &'static str) -> Arc<Carrier> {
        let mut carriers = self.lock_carriers();
        let carrier = Arc::clone(carriers.entry(transport).or_default());
        carrier.opened.fetch_add(1, Ordering::Release);
        carrier
    }

    pub(crate) fn metrics(&self) -> Vec<TransportMetrics> {
        let carriers = self.lock_carriers();
        let metrics = carriers
            .iter()
            .map(|(transport, carrier)| carrier.metrics(transport));
        metrics.collect()
    }

    fn lock_carriers(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<Carrier>>> {
        self.carriers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn remove(&self, key: Key) {
        let mut wakers = self.lock();
        wakers.remove(key);
        let is_empty = wakers.is_empty();
        drop(wakers);
        if is_empty {
            self.gone.notify_waiters();
        }
    }

    /// Tells which task is to be woken when the stage changes, or a realm is closed. Both are asked
    /// for afterwards.
    pub(crate) fn set_waker(&self, key: Key, waker: Waker) {
        if let Some(place) = self.lock().get_mut(key) {
            *place = Some(waker);
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Closing,
            _ => Stage::Ending,
        }
    }

    /// Enters a stage; there is no way back from it.
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        self.wake_all();
    }

    /// Wakes the task of every connection.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self.lock().values().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Waits until there is no connection.
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.lock().is_empty() {
                return;
            }
            gone.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arena<Option<Waker>>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
