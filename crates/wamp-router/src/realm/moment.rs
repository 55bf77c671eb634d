//! What the routing knows of time.

use std::time::Duration;

use tokio::time::Instant;

/// A moment, in nanoseconds since its clock was made. Broker and dealer are told what moment it is,
/// and a pending call keeps no more of it than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    /// How long it is ago that it was the earlier moment.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    #[cfg(test)]
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
}

/// Tells what moment it is: once for all that a connection does in one turn.
#[derive(Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Moment {
        let nanos = self.0.elapsed().as_nanos();
        Moment(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
