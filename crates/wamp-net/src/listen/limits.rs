//! The limits of a listener, and what keeps them.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};
use wamp_core::{Rate, TokenBucket};

use super::HandshakeError;
use super::handshakes::{Handshakes, Place};
use super::meter::{DISPLACED, ListenCounts, Meters, NO_ROOM};
use super::saturation::Saturation;

/// What a listener takes upon itself at once.
///
/// Each connection is an open file; those that are refused need one for a moment as well. So a
/// process wants to be allowed [`connections`](Self::connections) and
/// [`handshakes`](Self::handshakes) together, and some for itself
/// ([`raise_file_limit`](crate::raise_file_limit)).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListenLimits {
    /// Connections, those in their handshake included. 65 536.
    ///
    /// One above it is accepted only to be [refused](Permit::is_refused).
    pub connections: usize,
    /// Connections whose handshake is not finished, those that are refused included; 0 is taken
    /// for 1. 1 024. A router counts them until they have a session.
    ///
    /// A connection above it takes the place of the one that is in its handshake for longest, which
    /// [is ended](Permit::ended): so clients who connect and then say nothing cannot lock out the
    /// others.
    pub handshakes: usize,
    /// How long TLS and the first octets after it may take together. 10 s.
    ///
    /// What comes then has a time of its own, by the rules of the transport.
    pub handshake_timeout: Duration,
    /// How many new connections there may be per second; no limit by default.
    ///
    /// Those above it wait in the backlog of the operating system.
    ///
    /// ```
    /// use wamp_net::{ListenLimits, Rate};
    ///
    /// // A hundred a second, and a thousand at once after some silence.
    /// let limits = ListenLimits::default().rate(Rate::per_second(100).burst(1_000));
    /// # let _ = limits;
    /// ```
    pub rate: Option<Rate>,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            handshakes: 1_024,
            handshake_timeout: Duration::from_secs(10),
            rate: None,
        }
    }
}

impl ListenLimits {
    /// Sets [`connections`](Self::connections).
    #[must_use]
    pub const fn connections(mut self, limit: usize) -> Self {
        self.connections = limit;
        self
    }

    /// Sets [`handshakes`](Self::handshakes).
    #[must_use]
    pub const fn handshakes(mut self, limit: usize) -> Self {
        self.handshakes = limit;
        self
    }

    /// Sets [`handshake_timeout`](Self::handshake_timeout).
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Sets [`rate`](Self::rate).
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }
}

/// A connection's place within the limits of its listener; dropping it makes room for another.
#[derive(Debug)]
pub struct Permit {
    /// `None` where the connection is refused.
    connection: Option<OwnedSemaphorePermit>,
    /// `None` when the handshake is finished.
    handshake: Option<Place>,
    deadline: Instant,
    timeout: Duration,
}

impl Permit {
    /// Whether there are too many connections, so that this one is to be refused in the words of
    /// its transport, and then closed.
    ///
    /// It has no place among the connections. It has one among the handshakes, which it keeps
    /// until the permit is dropped.
    pub const fn is_refused(&self) -> bool {
        self.connection.is_none()
    }

    /// Tells that the handshake is over, so that another may begin.
    ///
    /// For a connection that is [refused](Self::is_refused) it does nothing.
    pub fn handshake_finished(&mut self) {
        if !self.is_refused() {
            self.handshake = None;
        }
    }

    /// Waits until the connection has to make room for a newer one, because its handshake is the
    /// oldest of too many; then it is to be dropped.
    ///
    /// It never is ready once the handshake [is finished](Self::handshake_finished). Dropping the
    /// future changes nothing.
    pub async fn ended(&self) -> HandshakeError {
        match &self.handshake {
            Some(place) => place.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Awaits a part of the handshake, as long as the
    /// [time for it](ListenLimits::handshake_timeout) is not over, which began when the connection
    /// was accepted, and the connection has not [ended](Self::ended).
    ///
    /// Dropping the future drops the part.
    ///
    /// # Errors
    ///
    /// The time is over, or the connection has to make room.
    pub async fn within<T>(&self, part: impl Future<Output = T>) -> Result<T, HandshakeError> {
        let part = async {
            tokio::select! {
                biased;
                value = part => Ok(value),
                error = self.ended() => Err(error),
            }
        };
        timeout_at(self.deadline, part).await.unwrap_or_else(|_| {
            Err(HandshakeError::TimedOut {
                after: self.timeout,
            })
        })
    }
}

/// Keeps the limits of a listener.
#[derive(Debug)]
pub(super) struct Gate {
    connections: Arc<Semaphore>,
    handshakes: Arc<Handshakes>,
    limits: ListenLimits,
    pace: Option<Mutex<TokenBucket>>,
    saturation: Saturation,
    pub(super) meters: Meters,
}

impl Gate {
    pub(super) fn new(limits: &ListenLimits) -> Self {
        let connections = limits.connections.min(Semaphore::MAX_PERMITS);
        Self {
            connections: Arc::new(Semaphore::new(connections)),
            handshakes: Arc::new(Handshakes::new(limits.handshakes)),
            limits: limits
                .clone()
                .handshake_timeout(limits.handshake_timeout.min(LONGEST)),
            pace: limits.rate.map(|rate| Mutex::new(TokenBucket::new(rate))),
            saturation: Saturation::default(),
            meters: Meters::default(),
        }
    }

    pub(super) fn counts(&self) -> ListenCounts {
        let most = self.limits.connections.min(Semaphore::MAX_PERMITS);
        let connections = most.saturating_sub(self.connections.available_permits());
        self.meters
            .counts(connections, self.handshakes.unfinished())
    }

    /// Waits until the rate allows another connection.
    pub(super) async fn paced(&self) {
        let Some(pace) = &self.pace else { return };
        let next = || {
            let bucket = pace.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.next_at(Instant::now().into_std())
        };
        let mut is_held = false;
        while let Some(next) = next() {
            if !std::mem::replace(&mut is_held, true) {
                self.meters.count_held();
            }
            sleep_until(Instant::from_std(next)).await;
        }
    }

    /// Counts a connection that was accepted.
    pub(super) fn count(&self) {
        self.meters.count_accepted();
        if let Some(pace) = &self.pace {
            let mut bucket = pace.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(Instant::now().into_std());
        }
    }

    /// Gives a connection its place. `made_room` says whether an older one was ended for it
    /// already, and is set when one is.
    pub(super) async fn admit(&self, accepted_at: Instant, made_room: &mut bool) -> Permit {
        let displaces = || self.meters.count_failure(DISPLACED);
        let handshake = self.handshakes.place(made_room, displaces).await;
        let connection = Arc::clone(&self.connections).try_acquire_owned().ok();
        let (free, limit) = (
            self.connections.available_permits(),
            self.limits.connections,
        );
        if self.saturation.begins(connection.is_none(), free, limit) {
            tracing::warn!(
                limit,
                "the limit of connections is reached; new ones are refused until others have gone"
            );
        }
        if connection.is_none() {
            self.meters.count_failure(NO_ROOM);
        }
        Permit {
            connection,
            handshake: Some(handshake),
            deadline: accepted_at + self.limits.handshake_timeout,
            timeout: self.limits.handshake_timeout,
        }
    }
}

/// More is the same, and a time that much ahead can still be told.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts so many as fast as it is allowed; returns when each was.
    async fn accept(gate: &Gate, count: usize) -> Vec<Duration> {
        let begin = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            gate.paced().await;
            gate.count();
            times.push(begin.elapsed());
        }
        times
    }

    fn gate(rate: Rate) -> Gate {
        Gate::new(&ListenLimits::default().rate(rate))
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The clock of sleeping counts milliseconds, and rounds up.
    fn assert_near(times: &[Duration], expected: &[u64]) {
        assert_eq!(times.len(), expected.len());
        for (time, expected) in times.iter().zip(expected) {
            assert!(
                (millis(*expected)..=millis(expected + 1)).contains(time),
                "{times:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_connections_come_at_the_rate() {
        let gate = gate(Rate::per_second(10).burst(3));
        let times = accept(&gate, 6).await;
        assert_near(&times, &[0, 0, 0, 100, 200, 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_there_may_be_a_burst_again_and_no_more() {
        let gate = gate(Rate::per_second(10).burst(2));
        accept(&gate, 5).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_near(&accept(&gate, 4).await, &[0, 0, 100, 200]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_nothing_is_one_per_second() {
        let gate = gate(Rate::per_second(0));
        assert_near(&accept(&gate, 3).await, &[0, 1_000, 2_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let gate = Gate::new(&ListenLimits::default());
        assert_near(&accept(&gate, 4).await, &[0; 4]);
    }

    async fn admit(gate: &Gate) -> Permit {
        gate.admit(Instant::now(), &mut false).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_handshake_is_one_for_all_of_its_parts() {
        let gate = Gate::new(&ListenLimits::default());
        let permit = admit(&gate).await;
        let begin = Instant::now();
        permit
            .within(tokio::time::sleep(millis(6_000)))
            .await
            .unwrap();
        let error = permit
            .within(std::future::pending::<()>())
            .await
            .unwrap_err();
        assert!(matches!(error, HandshakeError::TimedOut { .. }), "{error}");
        assert_eq!(begin.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_without_end_is_taken() {
        let limits = ListenLimits::default().handshake_timeout(Duration::MAX);
        let gate = Gate::new(&limits);
        let permit = admit(&gate).await;
        permit
            .within(tokio::time::sleep(Duration::from_secs(3_600)))
            .await
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_connection_never_finishes_its_handshake() {
        let limits = ListenLimits::default().connections(0).handshakes(1);
        let gate = Gate::new(&limits);
        let mut permit = admit(&gate).await;
        assert!(permit.is_refused());
        permit.handshake_finished();
        assert_eq!(gate.handshakes.free(), 0);
        drop(permit);
        assert_eq!(gate.handshakes.free(), 1);
    }
}
