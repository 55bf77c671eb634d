//! What is told of a run.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

use crate::load::{Kind, Outcome};
use crate::run::operations;
use crate::soak::Soak;
use crate::workload::Workload;

/// All of a run. As JSON it has this form; what is added later does not change what is there.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of this form.
    schema: u32,
    cores: usize,
    quick: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Vec<MemoryRow>,
    pub(crate) soak: Option<Soak>,
}

/// One workload, with each turn of router and limit.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    /// Whether the cores were kept awake.
    awake: bool,
    pub(crate) ours: Vec<Figures>,
    pub(crate) limit: Vec<Figures>,
    pub(crate) against: Vec<Figures>,
    /// How often the router asked the system for something, for an operation; none where nothing
    /// could count it.
    pub(crate) syscalls: Option<f64>,
    target_rate: Option<f64>,
    target_cpu: Option<f64>,
    target_micros: Option<f64>,
    lossless: bool,
}

/// One turn.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figures {
    /// Operations per second.
    rate: f64,
    /// Microseconds of processor that the router, or the limit, needs for an operation.
    micros: f64,
    /// How much of one processor the router, or the limit, has used.
    router_share: f64,
    /// How much of one processor the load has used, which is one thread.
    load_share: f64,
    /// How often a thread of the router, or of the limit, went to sleep, for an operation.
    sleeps: f64,
    lost: u64,
}

/// What idle sessions cost.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryRow {
    pub(crate) name: String,
    /// Octets for each.
    pub(crate) octets: u64,
    pub(crate) allowed: u64,
}

impl Report {
    pub(crate) fn begin(quick: bool) -> Result<Self> {
        Ok(Self {
            schema: 1,
            cores: std::thread::available_parallelism()?.get(),
            quick,
            rows: Vec::new(),
            memory: Vec::new(),
            soak: None,
        })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.memory.is_empty() && self.soak.is_none()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:28} {:>11} {:>11} {:>6} {:>13}  {:>7} {:>7}  {:>5} {:>5}  {:>6} {:>8}  verdict",
            "workload",
            "ours/s",
            "limit/s",
            "ratio",
            "spread",
            "µs",
            "limit",
            "cpu",
            "load",
            "sleeps",
            "syscalls"
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        for row in &self.memory {
            let verdict = if row.octets <= row.allowed {
                "reached"
            } else {
                "MISSED"
            };
            let _ = writeln!(
                text,
                "{:28} {:>8.1} KiB of {:.0}  {verdict}",
                row.name,
                row.octets as f64 / 1024.0,
                row.allowed as f64 / 1024.0
            );
        }
        if let Some(soak) = &self.soak {
            let _ = writeln!(text, "{}", soak.line());
        }
        text
    }
}

impl Row {
    pub(crate) fn new(workload: &Workload, awake: bool) -> Self {
        let target = workload.target;
        Self {
            name: workload.name.clone(),
            awake,
            ours: Vec::new(),
            limit: Vec::new(),
            against: Vec::new(),
            syscalls: None,
            target_rate: target.rate,
            target_cpu: target.cpu,
            target_micros: target.micros,
            lossless: target.lossless,
        }
    }

    /// The row for people.
    pub(crate) fn line(&self) -> String {
        let of = |figures: &[Figures], what: fn(&Figures) -> f64| median(figures.iter().map(what));
        let ratios: Vec<f64> = self
            .ours
            .iter()
            .zip(&self.limit)
            .map(|(ours, limit)| ours.rate / limit.rate)
            .collect();
        let ratio = median(ratios.iter().copied());
        let spread = match (
            ratios.iter().copied().reduce(f64::min),
            ratios.iter().copied().reduce(f64::max),
        ) {
            (Some(least), Some(most)) => format!("{least:.2}..{most:.2}"),
            _ => String::new(),
        };
        let (micros, limit_micros) = (
            of(&self.ours, |one| one.micros),
            of(&self.limit, |one| one.micros),
        );
        let lost: u64 = self.ours.iter().map(|one| one.lost).sum();
        let mut missed = Vec::new();
        if self.target_rate.is_some_and(|target| ratio < target) {
            missed.push(format!("ratio {:.2}", self.target_rate.unwrap_or_default()));
        }
        if self
            .target_cpu
            .is_some_and(|target| micros / limit_micros > target)
        {
            missed.push(format!(
                "cpu {:.1} times of {:.1}",
                micros / limit_micros,
                self.target_cpu.unwrap_or_default()
            ));
        }
        if self.target_micros.is_some_and(|target| micros > target) {
            missed.push(format!("{:.1} µs", self.target_micros.unwrap_or_default()));
        }
        if self.lossless && lost > 0 {
            missed.push(format!("{lost} lost"));
        }
        let has_target = self
            .target_rate
            .or(self.target_cpu)
            .or(self.target_micros)
            .is_some();
        let verdict = match (missed.is_empty(), has_target || self.lossless) {
            (true, true) => "reached".to_owned(),
            (true, false) => String::new(),
            (false, _) => format!("MISSED: {}", missed.join(", ")),
        };
        let name = if self.awake {
            format!("{} awake", self.name)
        } else {
            self.name.clone()
        };
        let mut line = format!(
            "{name:28} {:>11.0} {:>11.0} {ratio:>6.2} {spread:>13}  {micros:>7.2} {limit_micros:>7.2}  {:>5.2} {:>5.2}  {:>6.3} {:>8}  {verdict}",
            of(&self.ours, |one| one.rate),
            of(&self.limit, |one| one.rate),
            of(&self.ours, |one| one.router_share),
            of(&self.ours, |one| one.load_share),
            of(&self.ours, |one| one.sleeps),
            self.syscalls
                .map_or_else(String::new, |count| format!("{count:.2}")),
        );
        if !self.against.is_empty() {
            let _ = write!(line, "  against {:.0}/s", of(&self.against, |one| one.rate));
        }
        line
    }
}

impl Figures {
    pub(crate) fn of(outcome: &Outcome, kind: Kind) -> Self {
        let operations = operations(outcome, kind).max(1.0);
        Self {
            rate: operations / outcome.seconds,
            micros: outcome.router.cpu * 1e6 / operations,
            router_share: outcome.router.cpu / outcome.seconds,
            load_share: outcome.load.cpu / outcome.seconds,
            sleeps: outcome.router.sleeps as f64 / operations,
            lost: outcome.lost,
        }
    }
}

/// NaN of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
