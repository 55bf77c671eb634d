//! What the routing knows of time.

use std::time::Duration;

/// A moment, in nanoseconds since its clock was made. Broker and dealer are told what moment it is,
/// and a pending call keeps no more of it than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    /// How long it is ago that it was the earlier moment.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
}
