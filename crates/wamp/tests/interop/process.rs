//! A child process that speaks JSON, one document per line, with a deadline for each answer.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// A child process. Dropped, it is asked to end by the end of its input, then made to.
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    complaints: Arc<Mutex<VecDeque<u8>>>,
}

impl Process {
    /// Starts `command`; `name` is what the process is called in failures.
    pub(crate) fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} cannot be started: {command:?}"))?;
        let input = child.stdin.take();
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;

        // The channel is bounded by what the driver asked for: peers speak when spoken to.
        let (lines, output) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&complaints);
        thread::spawn(move || keep_last(stderr, &kept));
        Ok(Self {
            name: name.to_owned(),
            child,
            input,
            output,
            complaints,
        })
    }

    /// Writes one document.
    pub(crate) fn send(&mut self, document: &Value) -> Result<()> {
        let input = self
            .input
            .as_mut()
            .context("the input is open until the process is dropped")?;
        writeln!(input, "{document}")
            .and_then(|()| input.flush())
            .with_context(|| format!("{} takes no more commands", self.name))
    }

    /// Reads one document.
    pub(crate) fn receive(&mut self, deadline: Instant) -> Result<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = match self.output.recv_timeout(left) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("{} did not answer in time", self.name),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("{} ended before it answered", self.name)
            }
        };
        serde_json::from_str(&line)
            .map_err(|error| anyhow!("{} wrote no JSON ({error}): {line}", self.name))
    }

    /// Whether the process is gone.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the process now.
    pub(crate) fn kill(&mut self) {
        // An error here says that it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Drops what the process has written to stderr so far.
    pub(crate) fn forget_complaints(&mut self) {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What the process wrote to stderr last.
    pub(crate) fn complaints(&self) -> String {
        let kept = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// What the process is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let deadline = Instant::now() + PATIENCE;
        // The output ends when the process does; what it still says is of no interest.
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if self.output.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Disconnected) {
                break;
            }
        }
        self.kill();
    }
}

fn keep_last(mut stream: impl Read, kept: &Mutex<VecDeque<u8>>) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&piece[..length]);
        let surplus = kept.len().saturating_sub(COMPLAINTS);
        kept.drain(..surplus);
    }
}

/// How long a process may take to end by itself. Crossbar.io stops its workers first.
const PATIENCE: Duration = Duration::from_secs(12);

/// How many octets of stderr are kept.
const COMPLAINTS: usize = 8 * 1024;
