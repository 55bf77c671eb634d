//! The heartbeat: when a ping is due, and when a peer is dead.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Decides when a transport sends a ping, and when its peer is dead.
///
/// It has one timer, which is moved once per ping and not once per message.
///
/// ```text
///            interval over: Ping                    timeout over, nothing read: Dead
///   Resting ────────────────────▶ Pinged ───────────────────────────────────────────▶
///      ▲                          │    ▲  │
///      └──────────────────────────┘    └──┘ the ping itself is not written yet, but other
///            anything was read              octets were; or it was written later
/// ```
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Resting,
    /// When, and when the ping was written.
    Pinged {
        at: Instant,
        flushed: Option<Instant>,
    },
}

/// What a heartbeat wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "whoever is asked must do all that is"
)]
pub enum Beat {
    /// Send a ping.
    Ping,
    /// Give the connection up.
    Dead,
}

/// Whether octets came and went since the heartbeat last looked. The transport notes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "octets go in two directions")]
pub struct Traffic {
    /// Something was read.
    pub read: bool,
    /// Something was written.
    pub written: bool,
}

impl Heartbeat {
    /// Begins to rest; there must be a runtime with a timer.
    pub fn new(interval: Duration, timeout: Duration) -> Self {
        let (interval, timeout) = (interval.min(LONGEST), timeout.min(LONGEST));
        Self {
            interval,
            timeout,
            timer: Box::pin(sleep(interval)),
            state: State::Resting,
        }
    }

    /// Waits until there is something to do. All that can be read must have been read before: what
    /// waits in the socket shows that the peer lives.
    pub fn poll(&mut self, cx: &mut Context<'_>, traffic: &mut Traffic) -> Poll<Beat> {
        loop {
            match self.state {
                State::Pinged { at, .. } if traffic.read => {
                    self.state = State::Resting;
                    self.timer.as_mut().reset(at + self.interval);
                }
                State::Resting => {
                    ready!(self.timer.as_mut().poll(cx));
                    let at = Instant::now();
                    self.timer.as_mut().reset(at + self.timeout);
                    self.state = State::Pinged { at, flushed: None };
                    *traffic = Traffic::default();
                    return Poll::Ready(Beat::Ping);
                }
                State::Pinged { flushed, .. } => {
                    ready!(self.timer.as_mut().poll(cx));
                    let now = Instant::now();
                    let end = match flushed {
                        // The peer has all of its time from when it could get the ping.
                        Some(flushed) => flushed + self.timeout,
                        None if traffic.written => now + self.timeout,
                        None => now,
                    };
                    if end <= now {
                        return Poll::Ready(Beat::Dead);
                    }
                    traffic.written = false;
                    self.timer.as_mut().reset(end);
                }
            }
        }
    }

    /// Whether there is a ping that is not known to be written.
    pub const fn is_unflushed(&self) -> bool {
        matches!(self.state, State::Pinged { flushed: None, .. })
    }

    /// Notes that everything is written.
    pub fn flushed(&mut self) {
        if let State::Pinged { flushed, .. } = &mut self.state {
            flushed.get_or_insert_with(Instant::now);
        }
    }
}

/// More is the same, and a time that much ahead can still be told.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::advance;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(20);
    const TIMEOUT: Duration = Duration::from_secs(5);

    async fn next(heartbeat: &mut Heartbeat, traffic: &mut Traffic) -> (Beat, Duration) {
        let begin = Instant::now();
        let beat = poll_fn(|cx| heartbeat.poll(cx, traffic)).await;
        (beat, Duration::from_secs(begin.elapsed().as_secs()))
    }

    fn start() -> (Heartbeat, Traffic) {
        (Heartbeat::new(INTERVAL, TIMEOUT), Traffic::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_is_pinged_once_per_interval() {
        let (mut heartbeat, mut traffic) = start();
        for _ in 0..3 {
            assert_eq!(
                next(&mut heartbeat, &mut traffic).await,
                (Beat::Ping, INTERVAL)
            );
            heartbeat.flushed();
            traffic.read = true;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_dead_after_the_timeout() {
        let (mut heartbeat, mut traffic) = start();
        // What came before the ping is no answer to it.
        traffic.read = true;
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Ping, INTERVAL)
        );
        heartbeat.flushed();
        traffic.written = true;
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Dead, TIMEOUT)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_behind_octets_that_are_taken_is_waited_for() {
        let (mut heartbeat, mut traffic) = start();
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Ping, INTERVAL)
        );
        traffic.written = true;
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Dead, 2 * TIMEOUT)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_that_was_written_late_has_all_of_its_time() {
        let (mut heartbeat, mut traffic) = start();
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Ping, INTERVAL)
        );
        traffic.written = true;
        advance(TIMEOUT - Duration::from_secs(1)).await;
        heartbeat.flushed();
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Dead, TIMEOUT)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_without_end_is_taken() {
        let mut traffic = Traffic::default();
        let mut heartbeat = Heartbeat::new(INTERVAL, Duration::MAX);
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Ping, INTERVAL)
        );
        let waiting = tokio::time::timeout(INTERVAL, next(&mut heartbeat, &mut traffic));
        assert!(waiting.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_late_is_an_answer() {
        let (mut heartbeat, mut traffic) = start();
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Ping, INTERVAL)
        );
        heartbeat.flushed();
        advance(2 * INTERVAL).await;
        traffic.read = true;
        assert_eq!(
            next(&mut heartbeat, &mut traffic).await,
            (Beat::Ping, Duration::ZERO)
        );
    }
}
