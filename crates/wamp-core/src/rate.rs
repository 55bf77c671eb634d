//! A rate, and the bucket of tokens that holds somebody to it.

use std::time::{Duration, Instant};

/// How many things may happen per second, and how many of them at once.
///
/// ```
/// use wamp_core::Rate;
///
/// // 100 per second on average, and 500 at once after some silence.
/// let rate = Rate::per_second(100).burst(500);
/// # assert_eq!((rate.per_second, rate.burst), (100, 500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// How many per second, on average; 0 is taken for 1.
    pub per_second: u32,
    /// How many at once; 0 is taken for 1.
    pub burst: u32,
}

impl Rate {
    /// A rate; those of one second may come at once.
    pub const fn per_second(per_second: u32) -> Self {
        Self {
            per_second,
            burst: per_second,
        }
    }

    /// Sets [`burst`](Self::burst).
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }
}

/// A bucket of as many tokens as may be taken at once, into which new ones fall at a [`Rate`].
///
/// It knows no clock: time comes in with every question.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    /// How long it takes until the next token falls in.
    interval: Duration,
    /// How long it takes until all tokens but one have fallen in.
    slack: Duration,
    /// When the bucket is full, if no token is taken until then; `None` if none was taken yet.
    full_at: Option<Instant>,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        Self {
            interval,
            slack: interval * (rate.burst.max(1) - 1),
            full_at: None,
        }
    }

    /// Takes a token, which need not be there yet: then later ones take so much longer.
    pub fn take(&mut self, now: Instant) {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = full_at.checked_add(self.interval);
    }

    /// When the next token is there, if it is not at this moment.
    pub fn next_at(&self, now: Instant) -> Option<Instant> {
        let next = self.full_at?.checked_sub(self.slack)?;
        (next > now).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// How many tokens can be taken at once.
    fn drain(bucket: &mut TokenBucket, now: Instant) -> u32 {
        let mut taken = 0;
        while bucket.next_at(now).is_none() {
            bucket.take(now);
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_burst_is_there_at_once_and_then_one_after_the_other() {
        let begin = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(10).burst(3));
        assert_eq!(drain(&mut bucket, begin), 3);
        assert_eq!(bucket.next_at(begin), Some(begin + millis(100)));
        assert_eq!(drain(&mut bucket, begin + millis(99)), 0);
        assert_eq!(drain(&mut bucket, begin + millis(100)), 1);
        assert_eq!(drain(&mut bucket, begin + millis(350)), 2);
    }

    #[test]
    fn silence_is_saved_up_to_the_burst_and_no_more() {
        let begin = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(1000));
        assert_eq!(drain(&mut bucket, begin), 1000);
        let later = begin + Duration::from_secs(3600);
        assert_eq!(drain(&mut bucket, later), 1000);
        assert_eq!(bucket.next_at(later), Some(later + millis(1)));
    }

    #[test]
    fn what_is_taken_too_early_is_paid_later() {
        let begin = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(10).burst(1));
        (0..5).for_each(|_| bucket.take(begin));
        assert_eq!(bucket.next_at(begin), Some(begin + millis(500)));
        assert_eq!(drain(&mut bucket, begin + millis(500)), 1);
    }

    #[test]
    fn time_that_stands_still_or_goes_back_gives_no_token() {
        let begin = Instant::now() + millis(500);
        let mut bucket = TokenBucket::new(Rate::per_second(10).burst(1));
        assert_eq!(drain(&mut bucket, begin), 1);
        assert_eq!(drain(&mut bucket, begin - millis(500)), 0);
        assert_eq!(drain(&mut bucket, begin), 0);
    }

    #[test]
    fn rates_without_sense_do_no_harm() {
        let begin = Instant::now();
        let mut least = TokenBucket::new(Rate::per_second(0).burst(0));
        assert_eq!(drain(&mut least, begin), 1);
        assert_eq!(least.next_at(begin), Some(begin + millis(1000)));
        let mut most = TokenBucket::new(Rate::per_second(u32::MAX).burst(u32::MAX));
        (0..1_000_000).for_each(|_| most.take(begin));
        assert_eq!(most.next_at(begin), None);
        let mut slow = TokenBucket::new(Rate::per_second(1).burst(u32::MAX));
        (0..1_000_000).for_each(|_| slow.take(begin));
        assert_eq!(slow.next_at(begin), None);
    }
}
