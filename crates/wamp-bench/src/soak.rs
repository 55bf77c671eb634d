//! A long load of everything at once: nothing may be lost, pile up, or be left behind.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::load::{Kind, Outcome, Target, Turn};
use crate::measure::play;
use crate::process::Process;
use crate::report::Verdict;
use crate::router::REALM;

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Soak {
    seconds: u64,
    /// Calls, events, acknowledgements and sessions.
    operations: u64,
    lost: u64,
    /// The most memory of the router in the first and in the last third of the time, in octets.
    memory: (u64, u64),
    /// What the tables of the router held when every client was gone.
    left: u64,
    verdict: Verdict,
    /// Why it came to no end.
    failed: Option<String>,
}

/// By how much memory may be above that of the beginning, in octets: what allocators keep.
const SLACK: u64 = 4 << 20;

pub(crate) async fn run(seconds: u64, unix: &str) -> Result<Soak> {
    let mut router = Process::start(&["router", "block", unix]).await?;
    let mut loads = JoinSet::new();
    for (over, kind, in_flight, payload) in [
        ("rs", Kind::Calls { pairs: 4 }, 8, 64),
        ("ws", Kind::Calls { pairs: 4 }, 8, 4 << 10),
        ("unix", Kind::Publish { topics: 10 }, 4, 64),
        ("rs", Kind::Events { subscribers: 10 }, 1, 256),
        ("ws", Kind::Fanout { subscribers: 50 }, 4, 64),
        ("ws", Kind::Joins { at_once: 2 }, 1, 0),
    ] {
        let turn = Turn {
            kind,
            target: Target::Router {
                url: router.listens_at(over)?,
                realm: REALM.to_owned(),
            },
            serializers: ("cbor".to_owned(), "json".to_owned()),
            payload,
            in_flight,
            seconds: seconds as f64,
            watch: Some(router.pid),
            counts_syscalls: false,
        };
        loads.spawn(async move { play(&turn).await });
    }
    let (outcomes, samples) = watch(&router, loads).await?;
    // The last to go say so after the load has ended.
    let began = Instant::now();
    let mut left = left(&mut router).await?;
    while left > 0 && began.elapsed() < Duration::from_secs(10) {
        left = self::left(&mut router).await?;
    }
    let third = samples.len() / 3;
    let most = |samples: &[u64]| samples.iter().copied().max().unwrap_or_default();
    let memory = (
        most(samples.get(..third).unwrap_or_default()),
        most(samples.get(samples.len() - third..).unwrap_or_default()),
    );
    let lost = outcomes.iter().map(|one| one.lost).sum();
    let passed = lost == 0 && left == 0 && memory.1 <= memory.0 + memory.0 / 10 + SLACK;
    Ok(Soak {
        seconds,
        operations: outcomes.iter().map(|one| one.done).sum(),
        lost,
        memory,
        left,
        verdict: match passed {
            true => Verdict::Reached,
            false => Verdict::Missed,
        },
        failed: None,
    })
}

/// Waits for all loads, and notes each second how much memory the router has.
async fn watch(
    router: &Process,
    mut loads: JoinSet<Result<Outcome>>,
) -> Result<(Vec<Outcome>, Vec<u64>)> {
    let (mut outcomes, mut samples) = (Vec::new(), Vec::new());
    let mut second = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = second.tick() => samples.push(router.memory()?),
            ended = loads.join_next() => match ended {
                Some(outcome) => outcomes.push(outcome??),
                None => return Ok((outcomes, samples)),
            }
        }
    }
}

/// How many sessions, subscriptions and registrations there are.
async fn left(router: &mut Process) -> Result<u64> {
    let counts = router.counts().await?;
    let of = |key: &str| counts.get(key).and_then(Value::as_u64).unwrap_or_default();
    Ok(["sessions", "subscriptions", "registrations"]
        .map(of)
        .iter()
        .sum())
}

impl Soak {
    pub(crate) const fn failed(seconds: u64, failed: String) -> Self {
        Self {
            seconds,
            operations: 0,
            lost: 0,
            memory: (0, 0),
            left: 0,
            verdict: Verdict::Missed,
            failed: Some(failed),
        }
    }

    /// The row for people.
    pub(crate) fn line(&self) -> String {
        let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
        let verdict = self.verdict.in_words();
        if let Some(failed) = &self.failed {
            return format!("soak of {} s: {verdict}: it failed: {failed}", self.seconds);
        }
        format!(
            "soak of {} s: {} operations, {} lost, memory {:.1} MiB in the first third and {:.1} in \
             the last, {} left in the tables  {verdict}",
            self.seconds,
            self.operations,
            self.lost,
            mib(self.memory.0),
            mib(self.memory.1),
            self.left
        )
    }
}
