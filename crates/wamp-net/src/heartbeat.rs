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
///
/// A peer that takes octets again after it took none for a while has read some, which is as good as an
/// answer: a ping may stand behind so much that it comes to it late.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    state: State,
    /// When the last ping was due, or the first rest began.
    last: Instant,
    /// How many octets had been received when it was last looked whether a busy peer is to be told.
    looked_at: u64,
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
    /// The peer took nothing more when something was last to be written; or the runtime wanted others
    /// to have their turn, which is taken for the same, and at worst finds a dead peer a round later.
    pub full: bool,
}

impl Traffic {
    /// Notes that so many octets were written.
    pub const fn wrote(&mut self, octets: usize) {
        if octets > 0 {
            self.written = true;
            // Room comes from nothing but the peer's reading, but for what its system had left.
            self.read |= self.full;
            self.full = false;
        }
    }
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
            last: Instant::now(),
            looked_at: 0,
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
                    self.begin_ping(traffic);
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

    /// Whether a ping is due while there is always more to be read, so that nothing waits and
    /// [`poll`](Self::poll) is not called; the transport asks with each message.
    ///
    /// The peer may have sent a ping, too, which comes after all that was sent before it, and that may
    /// take longer than it waits for an answer. What it gets meanwhile shows it that it is heard: twice
    /// in each interval, because it may wait for no longer than that.
    pub fn is_due(&mut self, received: u64, traffic: &mut Traffic) -> bool {
        /// The clock is looked at once for so many octets.
        const LOOK: u64 = 4 << 10;
        if received.saturating_sub(self.looked_at) < LOOK {
            return false;
        }
        self.looked_at = received;
        if self.last.elapsed() < self.interval / 2 {
            return false;
        }
        self.begin_ping(traffic);
        true
    }

    fn begin_ping(&mut self, traffic: &mut Traffic) {
        let at = Instant::now();
        self.last = at;
        self.timer.as_mut().reset(at + self.timeout);
        self.state = State::Pinged { at, flushed: None };
        (traffic.read, traffic.written) = (false, false);
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
    async fn a_peer_that_is_always_read_from_is_pinged_twice_in_each_interval() {
        let (mut heartbeat, mut traffic) = start();
        let (mut received, mut pings) = (0, 0);
        for _ in 0..10 * INTERVAL.as_secs() {
            advance(Duration::from_secs(1)).await;
            received += 5_000;
            traffic.read = true;
            pings += u32::from(heartbeat.is_due(received, &mut traffic));
        }
        assert_eq!(pings, 20);
        // Little is not worth a look, and nothing is what `poll` is for.
        advance(INTERVAL).await;
        assert!(!heartbeat.is_due(received + 1, &mut traffic));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_octets_again_lives() {
        let (mut heartbeat, mut traffic) = start();
        traffic.full = true;
        for _ in 0..3 {
            assert_eq!(next(&mut heartbeat, &mut traffic).await.0, Beat::Ping);
            heartbeat.flushed();
            traffic.wrote(0);
            advance(TIMEOUT / 2).await;
            traffic.wrote(1);
            traffic.full = true;
        }
        // What is taken while there is room says nothing of the peer.
        assert_eq!(next(&mut heartbeat, &mut traffic).await.0, Beat::Ping);
        heartbeat.flushed();
        traffic.full = false;
        traffic.wrote(1);
        assert_eq!(next(&mut heartbeat, &mut traffic).await.0, Beat::Dead);
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
