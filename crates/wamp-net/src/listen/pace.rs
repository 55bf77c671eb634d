//! A rate of new connections, kept.

use std::time::Duration;

use tokio::time::Instant;

use super::Rate;

/// Keeps a rate. Each connection puts off by its share of a second when a whole burst is allowed
/// again; the next one may come when that is no more than a burst ahead.
#[derive(Debug)]
pub(super) struct Pace {
    share: Duration,
    /// The shares of a burst but one.
    burst: Duration,
    /// When a whole burst is allowed again; it is until the first connection.
    full: Option<Instant>,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Self {
        let share = Duration::from_secs(1) / rate.per_second.max(1);
        Self {
            share,
            burst: share * (rate.burst.max(1) - 1),
            full: None,
        }
    }

    /// When the next connection may come; at once if there is no such time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.full.and_then(|full| full.checked_sub(self.burst))
    }

    pub(super) fn count(&mut self, now: Instant) {
        self.full = Some(self.full.map_or(now, |full| full.max(now)) + self.share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_rates_and_bursts_are_taken() {
        for (per_second, burst) in [(1, u32::MAX), (u32::MAX, u32::MAX), (u32::MAX, 1)] {
            let mut pace = Pace::new(Rate::per_second(per_second).burst(burst));
            let now = Instant::now();
            pace.count(now);
            assert!(
                pace.next()
                    .is_none_or(|next| next <= now + Duration::from_millis(1))
            );
        }
    }
}
