//! What a router tells of itself, as plain data.
//!
//! [`Router::metrics`](crate::Router::metrics) takes it; whoever serves it to a monitoring system
//! gives it the names and forms of that. Names within it, such as those of message kinds and error
//! URIs, are written in the code of the router: no client can add one.

use std::time::Duration;

use wamp_core::{Octets, Tally};
use wamp_messages::{Uri, error_uri};

use crate::limit_uri;
use crate::running::RealmCounts;

/// What a router has counted.
///
/// Everything that counts what has happened only grows, as long as the router, or the realm, is
/// there.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Its realms, in the order of their names.
    pub realms: Vec<RealmMetrics>,
    /// What its connections are carried by, in the order of their names.
    pub transports: Vec<TransportMetrics>,
    /// Clients that were not let in, by the reason that the ABORT told them. A reason of an
    /// authenticator that is no error URI of WAMP is `other`.
    pub refused_clients: Tally,
    /// Messages that were received outside of a session, by kind: HELLO, AUTHENTICATE, and what
    /// comes when a session is over.
    pub received: Tally,
    /// Messages that were sent outside of a session, by kind: CHALLENGE, and ABORT for those who
    /// have no session.
    pub sent: Tally,
}

/// What was counted of a realm.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RealmMetrics {
    /// The name of the realm.
    pub realm: Uri,
    /// How much there is on it, and how often it was too much.
    pub counts: RealmCounts,
    /// Sessions that were opened.
    pub opened_sessions: u64,
    /// Sessions that have ended, by how:
    ///
    /// | name | the session ended |
    /// |---|---|
    /// | `goodbye` | by GOODBYE of the client |
    /// | `aborted` | by ABORT of the client |
    /// | `lost` | because the connection closed or was lost, without a word |
    /// | `violation` | because the client broke the protocol |
    /// | `too_long` | because the client sent a message longer than is accepted |
    /// | `too_slow` | because the client did not take what it was sent |
    /// | `realm_closed` | because the realm was removed |
    /// | `shutdown` | because the router shut down |
    pub ended_sessions: Tally,
    /// How long it took from HELLO to WELCOME.
    pub opening_latency: Histogram,
    /// Messages of its sessions that were received, by kind.
    pub received: Tally,
    /// Messages to its sessions that were put where their connections take them from, by kind;
    /// WELCOME, GOODBYE and ABORT included. What was dropped instead because too much waited
    /// already is not counted.
    pub sent: Tally,
    /// Messages, by kind, that are counted as sent, and then could not be: they have no form in the
    /// format of the client, or are longer than it accepts.
    pub undeliverable: Tally,
    /// Calls that were passed on to their callee and are not answered yet.
    pub calls_in_flight: u64,
    /// Calls that were passed on to their callee and are over, by what became of them:
    ///
    /// | name | the call |
    /// |---|---|
    /// | `result` | was answered by YIELD |
    /// | `error` | was answered by ERROR of the callee |
    /// | `canceled` | was given up because the callee left |
    /// | `undeliverable` | could not be sent to the callee |
    /// | `abandoned` | was forgotten because the caller left |
    pub answered_calls: Tally,
    /// How long it took from a CALL to the YIELD or ERROR of its callee.
    pub call_latency: Histogram,
    /// Requests that the router itself refused, by error URI. Refused publications are among them
    /// also where the publisher is not told.
    pub refused_requests: Tally,
    /// What waits for the connections of its sessions.
    pub outboxes: OutboxMetrics,
    /// What was measured of the lock of the realm.
    pub lock: LockMetrics,
}

/// What was measured of the lock of a realm.
///
/// Whatever happens on a realm happens under its one lock, one thing after the other. It is taken
/// once for each message of a session, and held until what the message leads to is in the outboxes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LockMetrics {
    /// How long it was held, by the kind of the message.
    pub held: Vec<LockHeld>,
    /// How often it was not free, and had to be waited for.
    pub contended: u64,
    /// How long it was waited for, all times together.
    pub waited: Duration,
}

/// How long the lock of a realm was held for one kind of message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LockHeld {
    /// `CALL`, `PUBLISH`, `YIELD`, or `other`: every other message, and that a session joins or
    /// leaves.
    pub kind: &'static str,
    /// How long it was held. One turn in 61 is measured, the first one included: there are so many
    /// times more than are counted.
    pub times: Histogram,
}

/// What waits to be sent to the sessions of a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OutboxMetrics {
    /// Messages that wait, for all sessions together.
    pub messages: usize,
    /// About how many octets they are.
    pub octets: usize,
    /// About how many octets wait for the session for which most do.
    pub largest: usize,
}

impl OutboxMetrics {
    /// Adds the outbox of a session.
    pub(crate) fn add(&mut self, messages: usize, octets: usize) {
        self.messages += messages;
        self.octets += octets;
        self.largest = self.largest.max(octets);
    }
}

/// What was counted of the connections over one kind of transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportMetrics {
    /// The kind: `websocket`, `rawsocket`, `memory`, or
    /// [what else](wamp_core::ConnectionInfo::transport) carries one.
    pub transport: &'static str,
    /// Connections that are open.
    pub connections: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Octets that have crossed them ([`Transport::octets`](wamp_core::Transport::octets)).
    pub octets: Octets,
}

/// How long something took, how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    bounds: &'static [Duration; BOUNDS],
    /// How many were at most as long as each bound and longer than the one before; the last are
    /// longer than all.
    counts: [u64; BOUNDS + 1],
    sum: Duration,
}

impl Histogram {
    pub(crate) const fn new(bounds: &'static [Duration; BOUNDS]) -> Self {
        Self {
            bounds,
            counts: [0; BOUNDS + 1],
            sum: Duration::ZERO,
        }
    }

    pub(crate) fn observe(&mut self, took: Duration) {
        let at = self.bounds.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(took);
    }

    /// How many took at most as long as each bound, and longer than the bound before. Those that
    /// took longer than every bound come last, without one.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts)
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long the shortest so many of them took at most, such as 0.5 for the median: about,
    /// because it is only known between which bounds it is, and as if those within a bucket lay
    /// evenly in it. Of those that took longer than every bound, it is that bound. Nothing if
    /// there were none.
    #[allow(
        clippy::cast_precision_loss,
        reason = "it is about so long, whatever the last digit of a count is"
    )]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = part.clamp(0.0, 1.0) * count as f64;
        let (mut before, mut lower) = (0.0, Duration::ZERO);
        for (bound, count) in self.buckets() {
            let Some(upper) = bound else { break };
            let count = count as f64;
            if count > 0.0 && before + count >= wanted {
                let within = ((wanted - before) / count).clamp(0.0, 1.0);
                return Some(lower + (upper - lower).mul_f64(within));
            }
            before += count;
            lower = upper;
        }
        Some(lower)
    }

    /// How long all of them took together.
    pub const fn sum(&self) -> Duration {
        self.sum
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Goodbye,
    Aborted,
    Lost,
    Violation,
    TooLong,
    TooSlow,
    RealmClosed,
    Shutdown,
}

impl Ended {
    /// Every one, in the order of their numbers.
    pub(crate) const ALL: [Self; 8] = [
        Self::Goodbye,
        Self::Aborted,
        Self::Lost,
        Self::Violation,
        Self::TooLong,
        Self::TooSlow,
        Self::RealmClosed,
        Self::Shutdown,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::Aborted => "aborted",
            Self::Lost => "lost",
            Self::Violation => "violation",
            Self::TooLong => "too_long",
            Self::TooSlow => "too_slow",
            Self::RealmClosed => "realm_closed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The reason as one of those that are known, so that no code of a user's can make them many.
pub(crate) fn known_reason(reason: &str) -> &'static str {
    let known = error_uri::ALL.iter().chain([&limit_uri::TOO_SLOW]);
    known
        .copied()
        .find(|known| *known == reason)
        .unwrap_or("other")
}

const BOUNDS: usize = 17;

/// From what a call within one machine takes to what a person hardly waits for.
pub(crate) const fn latency_bounds() -> &'static [Duration; BOUNDS] {
    const LATENCY: [Duration; BOUNDS] = bounds(
        1_000,
        [
            100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
            1_000_000, 2_500_000, 5_000_000, 10_000_000, 60_000_000,
        ],
    );
    &LATENCY
}

/// From a few lookups to an event for very many, close to each other where a call is.
pub(crate) const fn lock_bounds() -> &'static [Duration; BOUNDS] {
    const LOCK: [Duration; BOUNDS] = bounds(
        1,
        [
            100, 200, 300, 400, 500, 700, 1_000, 1_400, 2_000, 3_000, 5_000, 10_000, 30_000,
            100_000, 300_000, 1_000_000, 10_000_000,
        ],
    );
    &LOCK
}

const fn bounds(unit_nanos: u64, units: [u64; BOUNDS]) -> [Duration; BOUNDS] {
    let mut bounds = [Duration::ZERO; BOUNDS];
    let mut at = 0;
    while at < BOUNDS {
        bounds[at] = Duration::from_nanos(unit_nanos * units[at]);
        at += 1;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_as_long_as_a_bound_is_below_it() {
        let mut histogram = Histogram::new(latency_bounds());
        for micros in [0, 100, 101, 250, 60_000_000, 60_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets: Vec<_> = histogram
            .buckets()
            .filter(|(_, count)| *count > 0)
            .collect();
        let micros = |micros| Some(Duration::from_micros(micros));
        let expected = [
            (micros(100), 2),
            (micros(250), 2),
            (micros(60_000_000), 1),
            (None, 1),
        ];
        assert_eq!(buckets, expected);
        assert_eq!(histogram.count(), 6);
        assert_eq!(histogram.sum(), Duration::from_micros(120_000_452));
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let mut histogram = Histogram::new(lock_bounds());
        assert_eq!(histogram.quantile(0.5), None);
        for nanos in [150, 250, 250, 250] {
            histogram.observe(Duration::from_nanos(nanos));
        }
        let quantile = |histogram: &Histogram, part| {
            let quantile = histogram.quantile(part).unwrap();
            u64::try_from(quantile.as_nanos()).unwrap()
        };
        assert_eq!(quantile(&histogram, 0.25), 200);
        assert_eq!(quantile(&histogram, 0.5), 233);
        assert_eq!(quantile(&histogram, 1.0), 300);
        for _ in 0..4 {
            histogram.observe(Duration::from_secs(1));
        }
        assert_eq!(quantile(&histogram, 0.5), 300);
        assert_eq!(quantile(&histogram, 0.75), 10_000_000);
    }

    #[test]
    fn every_ending_has_its_number_and_its_name() {
        for (number, ended) in Ended::ALL.into_iter().enumerate() {
            assert_eq!(ended as usize, number);
        }
        let mut names = Ended::ALL.map(Ended::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_reason_that_is_not_known_is_not_passed_on() {
        assert_eq!(known_reason("wamp.error.timeout"), "wamp.error.timeout");
        assert_eq!(known_reason("wamp.error.too_slow"), "wamp.error.too_slow");
        assert_eq!(known_reason("com.example.user.12345"), "other");
    }
}
