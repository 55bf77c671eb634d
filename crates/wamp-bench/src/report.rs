//! What is told of a run; `README.md` of this crate says what each field of the document is.

mod text;

use anyhow::Result;
use serde::Serialize;

use crate::load::{Kind, Outcome};
use crate::lock::Lock;
use crate::soak::Soak;
use crate::workload::{Target, Workload};

/// All of a run. What is added later does not change what is there; what does, changes
/// [`SCHEMA`].
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    cores: usize,
    quick: bool,
    /// The URL of the other router.
    against: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Vec<MemoryRow>,
    pub(crate) soak: Option<Soak>,
}

/// The version of the document.
const SCHEMA: u32 = 1;

/// One workload.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    /// Whether the cores were kept awake.
    awake: bool,
    serializers: (&'static str, &'static str),
    payload: usize,
    in_flight: u64,
    policy: &'static str,
    target: Target,
    ours: Side,
    /// What the limit is, in words.
    limit_is: Option<String>,
    limit: Option<Side>,
    against: Option<Side>,
    /// Our rate as a part of the limit's, turn by turn.
    ratio: Option<Ratio>,
    /// Our processor time for an operation as a multiple of the limit's: the ratio of the medians.
    cpu_ratio: Option<f64>,
    /// Our rate as a multiple of the other router's.
    against_ratio: Option<Ratio>,
    /// How often the router asked the system for something, for an operation; none where nothing
    /// could count it.
    syscalls: Option<f64>,
    /// What the router says of how long its lock was held.
    lock: Option<Lock>,
    verdict: Verdict,
    /// What was missed, for people.
    missed: Vec<String>,
}

/// Whether what was aimed at is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Nothing was aimed at.
    None,
    Reached,
    Missed,
}

/// All turns of the router, of the limit, or of the other router. The figures are medians.
#[derive(Debug, Serialize)]
pub(crate) struct Side {
    rate: Option<f64>,
    micros: Option<f64>,
    router_share: Option<f64>,
    load_share: Option<f64>,
    sleeps: Option<f64>,
    /// What most turns were held up by.
    bottleneck: Option<Bottleneck>,
    /// Of all turns.
    lost: u64,
    /// Of all turns.
    disconnected: u64,
    turns: Vec<Figures>,
    /// Why there are no more turns.
    failed: Option<String>,
}

/// One turn.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figures {
    /// Operations per second.
    rate: f64,
    /// Microseconds of processor that the router, or the limit, needs for an operation.
    micros: Option<f64>,
    /// How much of one processor the router, or the limit, has used.
    router_share: Option<f64>,
    /// How much of one processor the load has used, which is one thread.
    load_share: f64,
    /// How often a thread of the router, or of the limit, went to sleep, for an operation.
    sleeps: Option<f64>,
    bottleneck: Bottleneck,
    lost: u64,
    disconnected: u64,
}

/// What held up a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bottleneck {
    /// The load, whose one thread ran all the time.
    Load,
    /// The router, or the limit, one thread of which ran all the time.
    Router,
    /// The cores: all were used up, or those who could have run waited for one for at least half
    /// the time for which they ran.
    Cores,
    /// Nobody: all waited for each other, and for being woken.
    Waiting,
}

/// A ratio, turn by turn.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Ratio {
    median: f64,
    least: f64,
    most: f64,
}

/// What sessions cost.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryRow {
    name: String,
    /// Octets for each.
    octets: Option<u64>,
    allowed: u64,
    verdict: Verdict,
    failed: Option<String>,
}

impl Report {
    pub(crate) fn begin(quick: bool, against: Option<String>) -> Result<Self> {
        Ok(Self {
            schema: SCHEMA,
            cores: cores()?,
            quick,
            against,
            rows: Vec::new(),
            memory: Vec::new(),
            soak: None,
        })
    }

    /// Adds what sessions cost, and tells it for people.
    pub(crate) fn add_memory(&mut self, row: MemoryRow) -> String {
        let line = row.line();
        self.memory.push(row);
        line
    }
}

pub(crate) fn cores() -> Result<usize> {
    Ok(std::thread::available_parallelism()?.get())
}

/// What was measured of a workload.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) ours: Side,
    pub(crate) limit: Option<Side>,
    pub(crate) against: Option<Side>,
    pub(crate) syscalls: Option<f64>,
    pub(crate) lock: Option<Lock>,
}

impl Row {
    pub(crate) fn new(workload: &Workload, awake: bool, measured: Measured) -> Self {
        let Measured {
            ours,
            limit,
            against,
            syscalls,
            lock,
        } = measured;
        let mut row = Self {
            name: workload.name.clone(),
            awake,
            serializers: workload.serializers,
            payload: workload.payload,
            in_flight: workload.in_flight,
            policy: workload.policy,
            target: workload.target,
            limit_is: workload.limit.map(|limit| limit.in_words()),
            ratio: limit.as_ref().and_then(|limit| Ratio::of(&ours, limit)),
            cpu_ratio: limit
                .as_ref()
                .and_then(|limit| Some(ours.micros? / limit.micros?)),
            against_ratio: against.as_ref().and_then(|other| Ratio::of(&ours, other)),
            ours,
            limit,
            against,
            syscalls,
            lock,
            verdict: Verdict::None,
            missed: Vec::new(),
        };
        row.judge();
        row
    }

    fn judge(&mut self) {
        let target = self.target;
        let mut missed = Vec::new();
        if let Some(least) = target.rate
            && self.ratio.is_none_or(|ratio| ratio.median < least)
        {
            missed.push(format!("ratio {least:.2}"));
        }
        if let Some(most) = target.cpu
            && self.cpu_ratio.is_none_or(|ratio| ratio > most)
        {
            missed.push(format!("cpu {most:.1} times"));
        }
        if let Some(most) = target.micros
            && self.ours.micros.is_none_or(|micros| micros > most)
        {
            missed.push(format!("{most:.1} µs"));
        }
        if let Some(most) = target.lock
            && self
                .lock
                .as_ref()
                .and_then(|lock| lock.median("CALL"))
                .is_none_or(|held| held > most)
        {
            missed.push(format!("lock {most:.1} µs"));
        }
        let Side {
            lost, disconnected, ..
        } = self.ours;
        if target.lossless && lost > 0 {
            missed.push(format!("{lost} lost"));
        }
        if target.lossless && disconnected > 0 {
            missed.push(format!("{disconnected} disconnected"));
        }
        if self.ours.failed.is_some() {
            missed.push("it failed".to_owned());
        }
        self.verdict = match (missed.is_empty(), target.is_any()) {
            (false, _) => Verdict::Missed,
            (true, true) => Verdict::Reached,
            (true, false) => Verdict::None,
        };
        self.missed = missed;
    }
}

impl Side {
    pub(crate) fn new(turns: Vec<Figures>, failed: Option<String>) -> Self {
        let of = |what: fn(&Figures) -> Option<f64>| median(turns.iter().filter_map(what));
        Self {
            rate: of(|turn| Some(turn.rate)),
            micros: of(|turn| turn.micros),
            router_share: of(|turn| turn.router_share),
            load_share: of(|turn| Some(turn.load_share)),
            sleeps: of(|turn| turn.sleeps),
            bottleneck: most_frequent(&turns),
            lost: turns.iter().map(|turn| turn.lost).sum(),
            disconnected: turns.iter().map(|turn| turn.disconnected).sum(),
            turns,
            failed,
        }
    }
}

impl Ratio {
    fn of(ours: &Side, theirs: &Side) -> Option<Self> {
        let turns = ours.turns.iter().zip(&theirs.turns);
        let ratios: Vec<f64> = turns
            .map(|(ours, theirs)| ours.rate / theirs.rate)
            .collect();
        Some(Self {
            median: median(ratios.iter().copied())?,
            least: ratios.iter().copied().reduce(f64::min)?,
            most: ratios.iter().copied().reduce(f64::max)?,
        })
    }
}

impl Figures {
    pub(crate) fn of(outcome: &Outcome, kind: Kind, within: bool, cores: usize) -> Self {
        let operations = operations(outcome, kind).max(1.0);
        // In the process of the load, a router's time cannot be told from the load's.
        let router = outcome.router.or_else(|| within.then_some(outcome.load));
        Self {
            rate: operations / outcome.seconds,
            micros: router.map(|router| router.cpu * 1e6 / operations),
            router_share: outcome.router.map(|router| router.cpu / outcome.seconds),
            load_share: outcome.load.cpu / outcome.seconds,
            sleeps: router.map(|router| router.sleeps as f64 / operations),
            bottleneck: Bottleneck::of(outcome, cores),
            lost: outcome.lost,
            disconnected: outcome.disconnected,
        }
    }
}

impl Bottleneck {
    fn of(outcome: &Outcome, cores: usize) -> Self {
        let always = outcome.seconds * 0.9;
        let (load, router) = (outcome.load, outcome.router.unwrap_or_default());
        let used = load.cpu + router.cpu;
        if load.busiest >= always {
            Self::Load
        } else if router.busiest >= always {
            Self::Router
        } else if used >= always * cores as f64 || load.delayed + router.delayed >= used / 2.0 {
            Self::Cores
        } else {
            Self::Waiting
        }
    }
}

impl MemoryRow {
    pub(crate) fn new(name: String, octets: Result<u64>, allowed: u64) -> Self {
        let verdict = match &octets {
            Ok(octets) if *octets <= allowed => Verdict::Reached,
            _ => Verdict::Missed,
        };
        Self {
            name,
            allowed,
            verdict,
            failed: octets.as_ref().err().map(|error| format!("{error:#}")),
            octets: octets.ok(),
        }
    }
}

/// What one turn counts as operations.
pub(crate) fn operations(outcome: &Outcome, kind: Kind) -> f64 {
    let done = outcome.done as f64;
    match kind {
        // Beside the events an acknowledgement was counted for each publication.
        Kind::Fanout { subscribers } => {
            let subscribers = subscribers as f64;
            done * subscribers / (subscribers + 1.0)
        }
        _ => done,
    }
}

/// Of an even number the greater of both in the middle; none of nothing.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn most_frequent(turns: &[Figures]) -> Option<Bottleneck> {
    let times = |what| turns.iter().filter(|turn| turn.bottleneck == what).count();
    let all = turns.iter().map(|turn| turn.bottleneck);
    all.max_by_key(|what| times(*what))
}

#[cfg(test)]
mod tests;
