//! Child processes that are more than a line for the shell: with a deadline, or with their output read.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Runs `command` and hands each line of its standard output to `line`, after printing it.
pub(crate) fn run_with_lines(command: xshell::Cmd<'_>, mut line: impl FnMut(&str)) -> Result<()> {
    let shown = command.to_string();
    eprintln!("$ {shown}");
    let mut child = Command::from(command)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{shown}` does not start"))?;
    let output = child
        .stdout
        .take()
        .context("the child has no standard output")?;
    let mut output = BufReader::new(output);
    let mut octets = Vec::new();
    loop {
        octets.clear();
        if output.read_until(b'\n', &mut octets)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&octets);
        print!("{text}");
        line(text.trim_end());
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Runs `command` and kills it if it has not ended after `limit`.
pub(crate) fn run_within(limit: Duration, command: xshell::Cmd<'_>) -> Result<()> {
    let shown = command.to_string();
    eprintln!("$ {shown}");
    let mut child = Command::from(command)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("`{shown}` does not start"))?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("`{shown}` failed: {status}");
            }
            return Ok(());
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!(
                "`{shown}` was still running after {} s and was killed",
                limit.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
}
