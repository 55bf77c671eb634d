//! The processes that are measured, and what they use.

use std::fs;
use std::ops::Sub;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What a process has used, by the scheduler's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Seconds on a processor, of all threads.
    pub(crate) cpu: f64,
    /// Of the thread that has used most.
    pub(crate) busiest: f64,
    /// How often a thread went to sleep.
    pub(crate) sleeps: u64,
}

impl Usage {
    pub(crate) fn of_self() -> Result<Self> {
        Self::of(std::process::id())
    }

    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut usage = Self::default();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?.path();
            // A thread may have ended meanwhile.
            let (Ok(times), Ok(status)) = (
                fs::read_to_string(task.join("schedstat")),
                fs::read_to_string(task.join("status")),
            ) else {
                continue;
            };
            let nanos = times.split(' ').next().context("schedstat is empty")?;
            let cpu = nanos.parse::<f64>()? / 1e9;
            usage.cpu += cpu;
            usage.busiest = usage.busiest.max(cpu);
            let sleeps = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            usage.sleeps += sleeps.map_or(Ok(0), |sleeps| sleeps.trim().parse::<u64>())?;
        }
        Ok(usage)
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            busiest: self.busiest - before.busiest,
            sleeps: self.sleeps.saturating_sub(before.sleeps),
        }
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
        memory(self.pid)
    }
}

fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib.context("there is no VmRSS")?.parse::<u64>()? * 1024)
}
