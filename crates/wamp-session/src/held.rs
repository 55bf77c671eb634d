//! What waits to be read, counted in octets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A count of octets with a bound.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    count: Arc<AtomicUsize>,
    bound: usize,
}

/// What one waiting thing is charged; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Charge {
    count: Arc<AtomicUsize>,
    octets: usize,
    is_first: bool,
}

impl Held {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            count: Arc::default(),
            bound,
        }
    }

    /// Charges octets, and as much as anything takes that waits. What is alone is always let in.
    ///
    /// Only one task charges.
    pub(crate) fn charge(&self, octets: usize) -> Option<Charge> {
        /// What a message takes beside its payload.
        const HEADER: usize = 256;
        let octets = octets.saturating_add(HEADER);
        let held = self.count.load(Ordering::Acquire);
        if held > 0 && held.saturating_add(octets) > self.bound {
            return None;
        }
        self.count.fetch_add(octets, Ordering::AcqRel);
        Some(Charge {
            count: Arc::clone(&self.count),
            octets,
            is_first: held == 0,
        })
    }
}

impl Charge {
    /// Whether nothing waited before: such a thing is likely to be read soon, and may share the
    /// buffer it was received in; what waits longer is to have its own, so that the count is true.
    pub(crate) const fn is_first(&self) -> bool {
        self.is_first
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.count.fetch_sub(self.octets, Ordering::AcqRel);
    }
}
