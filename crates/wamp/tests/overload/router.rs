//! The router, as a process of its own. It answers each line on its input with what it holds.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wamp::core::OutboxLimits;
use wamp::net::ListenLimits;
use wamp::net::raise_file_limit;

use wamp::{Realm, Router, SlowConsumers};

pub(crate) const REALM: &str = "realm1";

/// Serves by a configuration in JSON, until the input ends.
pub(crate) fn run(config: Option<&str>) -> Result<()> {
    let config: Value = serde_json::from_str(config.context("a configuration is wanted")?)?;
    if let Some(files) = config["files"].as_u64() {
        raise_file_limit(files)?;
    }
    let slow_consumers = match config["slow"].as_str() {
        Some("drop") => SlowConsumers::Drop,
        Some("block") => SlowConsumers::Block {
            at_most: Duration::from_millis(config["at_most"].as_u64().context("at_most")?),
        },
        _ => SlowConsumers::Disconnect,
    };
    let mut outbox = OutboxLimits::default();
    if let Some(mark) = config["mark"].as_u64() {
        outbox = outbox.mark(usize::try_from(mark)?);
    }
    if let Some(reserve) = config["reserve"].as_u64() {
        outbox = outbox.reserve(usize::try_from(reserve)?);
    }
    let realm = Realm::new(REALM).slow_consumers(slow_consumers);
    let router = Router::builder().realm(realm).outbox_limits(outbox).build();
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut limits = ListenLimits::default();
        if let Some(handshakes) = config["handshakes"].as_u64() {
            limits = limits.handshakes(usize::try_from(handshakes)?);
        }
        let server = router.listen("127.0.0.1:0").limits(limits).await?;
        say(&json!({"ws": server.url(), "rs": server.rawsocket_url()}))?;
        let asked = router.clone();
        let asking = tokio::task::spawn_blocking(move || {
            for line in std::io::stdin().lock().lines() {
                line?;
                say(&state(&asked)?)?;
            }
            Ok::<_, anyhow::Error>(())
        });
        asking.await??;
        router.shutdown(Duration::from_secs(1)).await;
        Ok(())
    })
}

fn state(router: &Router) -> Result<Value> {
    let counts = router.counts(REALM).context("there is the realm")?;
    Ok(json!({
        "rss": resident()?,
        "sessions": counts.sessions,
        "dropped": counts.dropped_events,
        "slow": counts.slow_sessions,
        "waits": counts.held_publishers,
    }))
}

/// How much memory this process holds, in KiB; 0 where the system does not tell in the way of Linux.
fn resident() -> Result<u64> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return Ok(0);
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("VmRSS is a number")?.parse()?)
}

fn say(document: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{document}")?;
    Ok(out.flush()?)
}
