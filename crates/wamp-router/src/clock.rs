//! The clock of a router.

use tokio::time::Instant;

use crate::realm::moment::Moment;

/// Tells what moment it is: once for all that a connection does in one turn.
#[derive(Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Moment {
        let nanos = self.0.elapsed().as_nanos();
        Moment::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
