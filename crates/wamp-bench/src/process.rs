//! The processes that are measured, and what they use.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What a process has used in a time, by the scheduler's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Seconds on a processor, of all threads.
    pub(crate) cpu: f64,
    /// Of the thread that has used most.
    pub(crate) busiest: f64,
    /// Seconds in which a thread could have run, but had no processor; of all threads.
    pub(crate) delayed: f64,
    /// How often a thread went to sleep.
    pub(crate) sleeps: u64,
}

/// What each thread of a process has used so far.
pub(crate) struct Threads(HashMap<OsString, Thread>);

#[derive(Debug, Clone, Copy, Default)]
struct Thread {
    /// Seconds on a processor.
    cpu: f64,
    /// Seconds in which it waited for one.
    delayed: f64,
    sleeps: u64,
}

impl Threads {
    pub(crate) fn of_self() -> Result<Self> {
        Self::of(std::process::id())
    }

    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut threads = HashMap::new();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?;
            // A thread may have ended meanwhile.
            let (Ok(times), Ok(status)) = (
                fs::read_to_string(task.path().join("schedstat")),
                fs::read_to_string(task.path().join("status")),
            ) else {
                continue;
            };
            let mut nanos = times.split(' ').map(str::parse::<f64>);
            let mut seconds = || anyhow::Ok(nanos.next().context("schedstat is short")?? / 1e9);
            let (cpu, delayed) = (seconds()?, seconds()?);
            let sleeps = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let sleeps = sleeps.map_or(Ok(0), |sleeps| sleeps.trim().parse::<u64>())?;
            let thread = Thread {
                cpu,
                delayed,
                sleeps,
            };
            threads.insert(task.file_name(), thread);
        }
        Ok(Self(threads))
    }

    pub(crate) fn since(&self, before: &Self) -> Usage {
        let mut usage = Usage::default();
        for (id, now) in &self.0 {
            let then = before.0.get(id).copied().unwrap_or_default();
            let cpu = now.cpu - then.cpu;
            usage.cpu += cpu;
            usage.busiest = usage.busiest.max(cpu);
            usage.delayed += now.delayed - then.delayed;
            usage.sleeps += now.sleeps.saturating_sub(then.sleeps);
        }
        usage
    }
}

/// Counts how often a process asks the system for something in a time, by `perf`; per second.
///
/// None where `perf` is missing, or may not count.
pub(crate) async fn count_syscalls(pid: u32, time: Duration) -> Option<f64> {
    let seconds = time.as_secs_f64();
    let counted = Command::new("perf")
        .args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p"])
        .arg(pid.to_string())
        .args(["--", "sleep"])
        .arg(seconds.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    let text = String::from_utf8_lossy(&counted.stderr);
    let count = text
        .lines()
        .find_map(|line| line.split(',').next()?.parse::<f64>().ok())?;
    Some(count / seconds)
}

/// A router or a limit in a process of its own; it ends when this is dropped.
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// What it said first: where it listens.
    pub(crate) listening: Value,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Process {
    /// Starts this program again, with other arguments.
    pub(crate) async fn start(words: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().context("stdin is piped")?;
        let output = child.stdout.take().context("stdout is piped")?;
        let mut output = BufReader::new(output).lines();
        let line = output.next_line().await?;
        let line = line.with_context(|| format!("{words:?} has ended before it listened"))?;
        Ok(Self {
            pid: child.id().context("it has just begun")?,
            listening: serde_json::from_str(&line)?,
            input,
            output,
            _child: child,
        })
    }

    pub(crate) fn listens_at(&self, key: &str) -> Result<String> {
        let url = self.listening.get(key).and_then(Value::as_str);
        Ok(url
            .with_context(|| format!("no {key} is listened to"))?
            .to_owned())
    }

    /// What a router has in its tables.
    pub(crate) async fn counts(&mut self) -> Result<Value> {
        self.input.write_all(b"counts\n").await?;
        let line = self.output.next_line().await?;
        Ok(serde_json::from_str(
            &line.context("the router has ended")?,
        )?)
    }

    /// Resident memory, in octets.
    pub(crate) fn memory(&self) -> Result<u64> {
        memory(self.pid, "VmRSS:")
    }

    /// The most resident memory that there ever was, in octets.
    pub(crate) fn most_memory(&self) -> Result<u64> {
        memory(self.pid, "VmHWM:")
    }
}

fn memory(pid: u32, which: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib = kib.with_context(|| format!("there is no {which}"))?;
    Ok(kib.parse::<u64>()? * 1024)
}
