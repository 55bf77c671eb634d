//! The limits of a listener, and what keeps them.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

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
    connection: Option<Open>,
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

/// Changes the limits of a listener while it listens. Clones are of the same one.
#[derive(Debug, Clone)]
pub struct ListenControl(pub(super) Arc<Gate>);

impl ListenControl {
    /// Sets the limits for connections that come from then on. None that is open, or in its
    /// handshake, ends over it: where there are more than there may be, new ones have to wait for
    /// them, or are refused, as ever.
    ///
    /// For handshakes under way the old number holds beside the new one until they are over.
    pub fn set_limits(&self, limits: &ListenLimits) {
        self.0.set(limits);
    }
}

/// Keeps the limits of a listener.
#[derive(Debug)]
pub(super) struct Gate {
    /// How many connections are open.
    open: Arc<AtomicUsize>,
    current: RwLock<Arc<Current>>,
    saturation: Saturation,
    pub(super) meters: Meters,
}

/// The limits as they are now, and what keeps those that need more than to be compared.
#[derive(Debug)]
struct Current {
    limits: ListenLimits,
    handshakes: Arc<Handshakes>,
    pace: Option<Mutex<TokenBucket>>,
}

/// A connection that is open.
#[derive(Debug)]
struct Open(Arc<AtomicUsize>);

impl Open {
    /// Opens one, if there are less than `limit`.
    fn take(open: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let more = |count: usize| (count < limit).then_some(count + 1);
        open.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Self(Arc::clone(open)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Current {
    fn new(limits: &ListenLimits, handshakes: Arc<Handshakes>) -> Self {
        let timeout = limits.handshake_timeout.min(LONGEST);
        Self {
            limits: limits.clone().handshake_timeout(timeout),
            handshakes,
            pace: limits.rate.map(|rate| Mutex::new(TokenBucket::new(rate))),
        }
    }
}

impl Gate {
    pub(super) fn new(limits: &ListenLimits) -> Self {
        let handshakes = Arc::new(Handshakes::new(limits.handshakes));
        Self {
            open: Arc::default(),
            current: RwLock::new(Arc::new(Current::new(limits, handshakes))),
            saturation: Saturation::default(),
            meters: Meters::default(),
        }
    }

    fn set(&self, limits: &ListenLimits) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let handshakes = if limits.handshakes == current.limits.handshakes {
            Arc::clone(&current.handshakes)
        } else {
            Arc::new(Handshakes::new(limits.handshakes))
        };
        *current = Arc::new(Current::new(limits, handshakes));
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn counts(&self) -> ListenCounts {
        let unfinished = self.current().handshakes.unfinished();
        self.meters.counts(self.open.load(Relaxed), unfinished)
    }

    /// Waits until the rate allows another connection.
    pub(super) async fn paced(&self) {
        let mut is_held = false;
        while let Some(next) = self.next_at() {
            if !std::mem::replace(&mut is_held, true) {
                self.meters.count_held();
            }
            sleep_until(Instant::from_std(next)).await;
        }
    }

    /// When the rate allows another connection, if it does not now.
    fn next_at(&self) -> Option<std::time::Instant> {
        let current = self.current();
        let pace = current.pace.as_ref()?;
        let bucket = pace.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.next_at(Instant::now().into_std())
    }

    /// Counts a connection that was accepted.
    pub(super) fn count(&self) {
        self.meters.count_accepted();
        if let Some(pace) = &self.current().pace {
            let mut bucket = pace.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(Instant::now().into_std());
        }
    }

    /// Gives a connection its place. `made_room` says whether an older one was ended for it
    /// already, and is set when one is.
    pub(super) async fn admit(&self, accepted_at: Instant, made_room: &mut bool) -> Permit {
        let displaces = || self.meters.count_failure(DISPLACED);
        let handshakes = Arc::clone(&self.current().handshakes);
        let handshake = handshakes.place(made_room, displaces).await;
        let current = self.current();
        let limit = current.limits.connections;
        let connection = Open::take(&self.open, limit);
        let free = limit.saturating_sub(self.open.load(Relaxed));
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
            deadline: accepted_at + current.limits.handshake_timeout,
            timeout: current.limits.handshake_timeout,
        }
    }
}

/// More is the same, and a time that much ahead can still be told.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
