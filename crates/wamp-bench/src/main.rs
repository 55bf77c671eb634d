//! Measures the router against the limit of the socket.
//!
//! One program is all the processes: `run` starts it again as the router, as the programs of the
//! limit, and as the load, lets them take short turns, and compares. `cargo xtask bench` starts it.

mod against;
mod joins;
mod limit;
mod load;
mod lock;
mod measure;
mod memory;
mod party;
mod process;
mod progress;
mod report;
mod router;
mod run;
mod soak;
mod wire;
mod workload;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde::Serialize;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["router", policy, unix] => block_on(true, router::run(policy, unix)),
        ["limit", shape, writes, rest @ ..] => {
            let (shape, writes) = (limit::Shape::parse(shape)?, limit::Writes::parse(writes)?);
            block_on(true, limit::run(shape, writes, rest.first().copied()))
        }
        ["load", turn] => {
            let turn = serde_json::from_str(turn).context("the turn is not understood")?;
            announce(&block_on(false, load::run(&turn))?)
        }
        ["idle", url, count, root @ ..] => {
            let root = root.first().copied();
            block_on(true, memory::hold(url, count.parse()?, root))
        }
        ["stall", url, count, topics] => block_on(
            true,
            memory::stall(url, count.parse()?, memory::Topics::parse(topics)?),
        ),
        ["subscribe", url, topics] => {
            let topics = memory::Topics::parse(topics)?;
            block_on(true, memory::subscribe(url, topics))
        }
        ["spin"] => loop {
            std::hint::spin_loop();
        },
        ["run", rest @ ..] => block_on(true, run::run(run::Options::parse(rest)?)),
        _ => bail!("start it by `cargo xtask bench`"),
    }
}

/// Runs on all cores, or on one thread.
fn block_on<R>(threads: bool, work: impl Future<Output = Result<R>>) -> Result<R> {
    let mut builder = if threads {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.enable_all().build()?;
    let result = runtime.block_on(work);
    // Stdin may be read by a thread that nothing ends.
    runtime.shutdown_background();
    result
}

/// Writes one line for the process that started this one.
fn announce(what: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, what)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Ready when the process that started this one has ended.
async fn stdin_ended() {
    use tokio::io::AsyncReadExt;
    let mut octet = [0];
    let mut stdin = tokio::io::stdin();
    while stdin.read(&mut octet).await.is_ok_and(|read| read > 0) {}
}
