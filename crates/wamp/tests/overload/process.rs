//! The router that a scenario is played against, seen from outside.

use std::env;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use wamp::{Dial, Serializer, Session};

use crate::router::REALM;

/// A router that runs in a process of its own; it ends when this is dropped.
pub(crate) struct RouterProcess {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    ws: String,
    rs: String,
    _child: Child,
}

/// What a router holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// Memory, in KiB.
    pub(crate) rss: u64,
    pub(crate) sessions: u64,
    pub(crate) dropped: u64,
    pub(crate) slow: u64,
    pub(crate) waits: u64,
}

impl RouterProcess {
    pub(crate) async fn start(config: &Value) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg("--router")
            .arg(config.to_string())
            // What is freed goes back to the system at once, where the allocator is that of glibc:
            // so what is held can be seen from outside.
            .env("MALLOC_MMAP_THRESHOLD_", "16384")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the router cannot be started")?;
        let input = child.stdin.take().context("stdin is piped")?;
        let output = child.stdout.take().context("stdout is piped")?;
        let mut output = BufReader::new(output).lines();
        let line = output.next_line().await?;
        let line = line.context("the router has ended before it listened")?;
        let listening: Value = serde_json::from_str(&line)?;
        let url = |key: &str| listening[key].as_str().map(str::to_owned).context("a URL");
        Ok(Self {
            input,
            output,
            ws: url("ws")?,
            rs: url("rs")?,
            _child: child,
        })
    }

    pub(crate) async fn state(&mut self) -> Result<State> {
        self.input.write_all(b"state\n").await?;
        let line = self.output.next_line().await?;
        let state: Value = serde_json::from_str(&line.context("the router has ended")?)?;
        let number = |key: &str| state[key].as_u64().with_context(|| key.to_owned());
        Ok(State {
            rss: number("rss")?,
            sessions: number("sessions")?,
            dropped: number("dropped")?,
            slow: number("slow")?,
            waits: number("waits")?,
        })
    }

    /// Waits until the router holds what is wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&State) -> bool) -> Result<State> {
        loop {
            let state = self.state().await?;
            if wanted(&state) {
                return Ok(state);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Where it listens, as `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.rs.trim_start_matches("rs://").trim_end_matches('/')
    }

    pub(crate) fn rawsocket_url(&self) -> &str {
        &self.rs
    }

    pub(crate) fn websocket_url(&self) -> &str {
        &self.ws
    }

    /// A session by RawSocket.
    pub(crate) async fn session(&self) -> Result<Session> {
        session(self.rawsocket_url()).await
    }
}

pub(crate) async fn session(url: &str) -> Result<Session> {
    let dial = Dial::new(url).serializers([Serializer::cbor()]);
    Ok(dial.connect().realm(REALM).await?)
}

/// Fails where a router holds more KiB than it may, and prints what it holds.
pub(crate) fn check_memory(when: &str, before: State, now: u64, allowed: u64) -> Result<()> {
    let grown = now.saturating_sub(before.rss);
    println!("    {when}: {now} KiB, {grown} more than before, {allowed} allowed");
    ensure!(
        grown <= allowed,
        "{when} the router holds {grown} KiB more than before, and {allowed} are allowed"
    );
    Ok(())
}
