//! The router that is measured, in a process of its own.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use wamp::net::ListenLimits;
use wamp::net::tls::ServerTls;
use wamp::{Realm, Router, SlowConsumers};

use crate::announce;

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
            "lock": lock(&router),
        }))?;
    }
    Ok(())
}

/// How long the lock of the realm was held, in nanoseconds, by kind of message, for those messages
/// that were measured; and how often it was waited for, of how many messages.
fn lock(router: &Router) -> Value {
    let realms = router.metrics().realms;
    let Some(realm) = realms.iter().find(|realm| realm.realm == REALM) else {
        return Value::Null;
    };
    let held = realm.lock.held.iter().map(|held| {
        let quantile = |part| held.times.quantile(part).map(|time| time.as_nanos());
        let figures = json!({
            "measured": held.times.count(),
            "median": quantile(0.5),
            "p99": quantile(0.99),
            "sum": held.times.sum().as_nanos(),
        });
        (held.kind.to_owned(), figures)
    });
    json!({
        "held": held.collect::<Map<_, _>>(),
        "messages": realm.received.total(),
        "contended": realm.lock.contended,
        "waited": realm.lock.waited.as_nanos(),
    })
}
