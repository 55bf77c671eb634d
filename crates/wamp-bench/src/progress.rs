//! What is told on stderr while the run goes on.

use std::time::{Duration, Instant};

/// How far the run has come.
pub(crate) struct Progress {
    began: Instant,
    /// How many seconds all of it should take.
    planned: f64,
    /// How many of them are over.
    over: f64,
}

impl Progress {
    pub(crate) fn begin(planned: f64) -> Self {
        Self {
            began: Instant::now(),
            planned,
            over: 0.0,
        }
    }

    /// Says what begins, and how long the rest will take, going by what the run took so far.
    pub(crate) fn begins(&self, name: &str) {
        let rest = self.rest(self.began.elapsed()).as_secs();
        eprintln!("{name} ... (about {}:{:02} min left)", rest / 60, rest % 60);
    }

    pub(crate) fn ended(&mut self, planned: f64, line: &str) {
        self.over += planned;
        eprintln!("    {line}");
    }

    fn rest(&self, elapsed: Duration) -> Duration {
        let pace = match self.over {
            0.0 => 1.0,
            over => elapsed.as_secs_f64() / over,
        };
        Duration::from_secs_f64(((self.planned - self.over) * pace).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_taken_to_go_on_as_what_is_over() {
        let mut progress = Progress::begin(100.0);
        assert_eq!(progress.rest(Duration::ZERO).as_secs(), 100);
        progress.ended(25.0, "");
        assert_eq!(progress.rest(Duration::from_secs(50)).as_secs(), 150);
        progress.ended(75.0, "");
        assert_eq!(progress.rest(Duration::from_secs(300)).as_secs(), 0);
    }
}
