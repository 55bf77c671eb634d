//! The router that is measured, in a process of its own.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use wamp::net::ListenLimits;
use wamp::net::tls::ServerTls;
use wamp::{Realm, Router, SlowConsumers};

use crate::announce;
use crate::lock::Lock;

pub(crate) const REALM: &str = "realm1";

/// A router that listens to nothing.
pub(crate) fn build(policy: &str) -> Result<Router> {
    let policy = match policy {
        "disconnect" => SlowConsumers::Disconnect,
        "drop" => SlowConsumers::Drop,
        "block" => SlowConsumers::Block {
            at_most: Duration::from_secs(60),
        },
        _ => anyhow::bail!("there is no policy {policy:?}"),
    };
    let realm = Realm::new(REALM).slow_consumers(policy);
    Ok(Router::builder().realm(realm).build())
}

/// Serves until stdin ends, and answers each line of it with what the router has in its tables.
pub(crate) async fn run(policy: &str, unix: &str) -> Result<()> {
    let router = build(policy)?;
    let limits = || {
        ListenLimits::default()
            .connections(20_000)
            .handshakes(20_000)
    };
    let plain = router.listen("127.0.0.1:0").limits(limits()).await?;
    let local = router
        .listen(format!("unix:{unix}"))
        .limits(limits())
        .await?;
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let tls = ServerTls::from_pem(certified.cert.pem(), certified.signing_key.serialize_pem())?;
    let encrypted = router
        .listen("127.0.0.1:0")
        .limits(limits())
        .tls(tls)
        .await?;
    let of = |url: String| url.replace("127.0.0.1", "localhost");
    announce(&json!({
        "ws": plain.url(),
        "rs": plain.rawsocket_url(),
        "unix": local.rawsocket_url(),
        "wss": of(encrypted.url()),
        "rss": of(encrypted.rawsocket_url()),
        "root": certified.cert.pem(),
    }))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        let counts = router.counts(REALM).context("the realm is there")?;
        announce(&json!({
            "sessions": counts.sessions,
            "subscriptions": counts.subscriptions,
            "registrations": counts.registrations,
            "dropped_events": counts.dropped_events,
            "slow_sessions": counts.slow_sessions,
            "held_publishers": counts.held_publishers,
            "lock": Lock::of(&router),
        }))?;
    }
    Ok(())
}
