//! How long the lock of a realm is held, and waited for.

use std::time::{Duration, Instant};

use wamp_messages::Message;

use crate::metrics::{Histogram, LockHeld, LockMetrics, lock_bounds};

/// What the lock is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Call,
    Publish,
    Yield,
    /// Every other message, and that a session joins or leaves.
    Other,
}

impl Work {
    /// Every one, in the order of their numbers.
    const ALL: [Self; 4] = [Self::Call, Self::Publish, Self::Yield, Self::Other];

    pub(super) const fn of(message: &Message) -> Self {
        match message {
            Message::Call(_) => Self::Call,
            Message::Publish(_) => Self::Publish,
            Message::Yield(_) => Self::Yield,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::Publish => "PUBLISH",
            Self::Yield => "YIELD",
            Self::Other => "other",
        }
    }
}

/// What is measured of the lock, kept up while it is held.
///
/// The clock is real time, not that of the runtime: a test that makes time stand still does not make
/// a lock held for no time.
#[derive(Debug, Clone)]
pub(super) struct LockTimes {
    held: [Held; Work::ALL.len()],
    contended: u64,
    waited: Duration,
}

#[derive(Debug, Clone)]
struct Held {
    turns: u64,
    times: Histogram,
}

/// One turn in so many is measured, of each kind by itself: a CALL and its YIELD take turns. To look
/// at the clock costs as much as a part of what is measured. It is a prime, so that it falls on every
/// place of a batch of messages.
const ONE_IN: u64 = 61;

impl Default for LockTimes {
    fn default() -> Self {
        let held = Work::ALL.map(|_| Held {
            turns: 0,
            times: Histogram::new(lock_bounds()),
        });
        Self {
            held,
            contended: 0,
            waited: Duration::ZERO,
        }
    }
}

impl LockTimes {
    /// Begins a turn, just after the lock was taken; returns since when, if it is to be measured.
    pub(super) fn begin(&mut self, work: Work) -> Option<Instant> {
        let held = &mut self.held[work as usize];
        let is_measured = held.turns.is_multiple_of(ONE_IN);
        held.turns += 1;
        is_measured.then(Instant::now)
    }

    /// Ends a turn that is measured, just before the lock is released.
    pub(super) fn end(&mut self, work: Work, since: Instant) {
        self.held[work as usize].times.observe(since.elapsed());
    }

    /// Takes note that the lock was waited for.
    pub(super) fn count_waited(&mut self, waited: Duration) {
        self.contended += 1;
        self.waited = self.waited.saturating_add(waited);
    }

    pub(super) fn into_metrics(self) -> LockMetrics {
        let held = Work::ALL.into_iter().zip(self.held);
        LockMetrics {
            held: held
                .map(|(work, held)| LockHeld {
                    kind: work.name(),
                    times: held.times,
                })
                .collect(),
            contended: self.contended,
            waited: self.waited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_turn_in_many_is_measured_of_each_kind_by_itself() {
        let mut times = LockTimes::default();
        let mut measured = [0; Work::ALL.len()];
        // Kinds that take turns, and one that comes just once.
        for _ in 0..2 * ONE_IN {
            for work in [Work::Call, Work::Yield] {
                if let Some(since) = times.begin(work) {
                    measured[work as usize] += 1;
                    times.end(work, since);
                }
            }
        }
        measured[Work::Other as usize] += u64::from(times.begin(Work::Other).is_some());
        assert_eq!(measured, [2, 0, 2, 1]);
        let held = times.into_metrics().held;
        let counts: Vec<_> = held
            .iter()
            .map(|held| (held.kind, held.times.count()))
            .collect();
        // The last one has not ended.
        let expected = [("CALL", 2), ("PUBLISH", 0), ("YIELD", 2), ("other", 0)];
        assert_eq!(counts, expected);
    }

    #[test]
    fn every_kind_of_work_has_its_number() {
        for (number, work) in Work::ALL.into_iter().enumerate() {
            assert_eq!(work as usize, number);
        }
    }
}
