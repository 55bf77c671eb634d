//! How long the lock of the realm is held, as the router that is measured tells it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use wamp::Router;

use crate::router::REALM;

/// The lock of the realm since the router was started. Times are in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// By the kind of message; one turn in 61 of each is measured.
    held: BTreeMap<String, Held>,
    messages: u64,
    /// How often somebody waited for it, and how long all of them together.
    contended: u64,
    waited: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    measured: u64,
    median: Option<u64>,
    p99: Option<u64>,
    sum: u64,
}

impl Lock {
    pub(crate) fn of(router: &Router) -> Option<Self> {
        let realms = router.metrics().realms;
        let realm = realms.iter().find(|realm| realm.realm == REALM)?;
        let held = realm.lock.held.iter().map(|held| {
            let quantile = |part| held.times.quantile(part).map(|time| nanos(time.as_nanos()));
            let figures = Held {
                measured: held.times.count(),
                median: quantile(0.5),
                p99: quantile(0.99),
                sum: nanos(held.times.sum().as_nanos()),
            };
            (held.kind.to_owned(), figures)
        });
        Some(Self {
            held: held.collect(),
            messages: realm.received.total(),
            contended: realm.lock.contended,
            waited: nanos(realm.lock.waited.as_nanos()),
        })
    }

    /// Microseconds at the median, for a kind of message.
    pub(crate) fn median(&self, kind: &str) -> Option<f64> {
        let nanos = self.held.get(kind)?.median?;
        Some(nanos as f64 / 1e3)
    }

    /// The kinds that were measured, for people.
    pub(crate) fn line(&self) -> String {
        let mut line = "lock".to_owned();
        for kind in ["CALL", "YIELD", "PUBLISH"] {
            if let Some(median) = self.median(kind) {
                let _ = write!(line, " {kind} {median:.2}");
            }
        }
        if self.contended > 0 && self.messages > 0 {
            let part = self.contended as f64 / self.messages as f64;
            let _ = write!(line, " contended {:.1} %", part * 100.0);
        }
        line
    }
}

fn nanos(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
