//! That a limit is reached, told once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether a limit was reached. It is told once and not for each connection, and again only after
/// a tenth of the places were free: an attacker must not fill the log.
#[derive(Debug, Default)]
pub(super) struct Saturation(AtomicBool);

impl Saturation {
    /// Notes whether all places were taken, and else how many are free of how many; returns
    /// whether it is to be told now.
    pub(super) fn begins(&self, full: bool, free: usize, limit: usize) -> bool {
        if full {
            return !self.0.swap(true, Relaxed);
        }
        if free > limit / 10 {
            self.0.store(false, Relaxed);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_once_until_there_was_room_again() {
        let saturation = Saturation::default();
        assert!(saturation.begins(true, 0, 100));
        assert!(!saturation.begins(true, 0, 100));
        assert!(!saturation.begins(false, 10, 100));
        assert!(!saturation.begins(true, 0, 100));
        assert!(!saturation.begins(false, 11, 100));
        assert!(saturation.begins(true, 0, 100));
    }
}
