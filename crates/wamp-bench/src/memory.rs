//! What sessions cost the router that are idle, or take nothing.

use std::future::poll_fn;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use wamp::core::OutboxLimits;
use wamp::net::tls::ClientTls;
use wamp::{Connector, Dial, Serializer, Transport, Uri};

use crate::announce;
use crate::process::Process;
use crate::router::REALM;
use crate::wire::{Asks, WampWire, Wire};

/// What is measured of idle sessions: over what, and how many octets one may cost.
pub(crate) const IDLE: &[(&str, u64)] = &[
    ("rs", 6 << 10),
    ("ws", 10 << 10),
    ("rss", 40 << 10),
    ("wss", 40 << 10),
];

/// What is measured of sessions that take nothing: over what, and under which policy.
pub(crate) const STALLED: &[(&str, &str, Topics)] = &[
    ("rs", "disconnect", Topics::Own),
    ("ws", "disconnect", Topics::Own),
    ("rs", "block", Topics::Own),
    ("ws", "block", Topics::Own),
    ("rs", "block", Topics::Shared),
];

/// How many sessions take nothing.
const STALLING: u64 = 4;

/// What those who take nothing have subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topics {
    /// Each has a topic of its own: no event waits for two of them.
    Own,
    /// All have the same.
    Shared,
}

impl Topics {
    pub(crate) fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "own" => Self::Own,
            "shared" => Self::Shared,
            _ => bail!("topics are own or shared, not {word:?}"),
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared",
        }
    }
}

/// Octets that one who takes nothing may cost.
///
/// Its outbox has a mark; but it counts what a message holds, and not what the allocator gives for
/// it, which rounds up, nor the room that its queue has left after it has grown. A quarter more is
/// for those, and a MiB for the connections and what the router has not touched before.
pub(crate) fn allowed_of_stalled() -> u64 {
    let mark = OutboxLimits::default().mark as u64;
    mark + mark / 4 + (1 << 20)
}

/// Octets per session that takes nothing, when as much waits for it as may.
pub(crate) async fn measure_stalled(
    over: &str,
    policy: &str,
    topics: Topics,
    unix: &str,
) -> Result<u64> {
    let mut router = Process::start(&["router", policy, unix]).await?;
    let url = router.listens_at(over)?;
    let before = router.memory()?;
    let count = STALLING.to_string();
    let _stalling = Process::start(&["stall", &url, &count, topics.name()]).await?;
    wait_for_limit(&mut router, policy).await?;
    Ok(router.most_memory()?.saturating_sub(before) / STALLING)
}

/// Waits until all who take nothing are disconnected, or who publishes has to wait for them.
async fn wait_for_limit(router: &mut Process, policy: &str) -> Result<()> {
    let began = Instant::now();
    let mut last = 0;
    while began.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(500)).await;
        let counts = router.counts().await?;
        let of = |key: &str| counts.get(key).and_then(Value::as_u64).unwrap_or_default();
        let most = router.most_memory()?;
        match policy {
            "disconnect" if of("slow_sessions") >= STALLING => return Ok(()),
            "block" if of("held_publishers") > 0 && most == last => return Ok(()),
            _ => last = most,
        }
    }
    bail!("those who take nothing have not come to their limit in 30 seconds")
}

/// Lets so many sessions subscribe and take nothing, and publishes to them until stdin ends.
pub(crate) async fn stall(url: &str, count: usize, topics: Topics) -> Result<()> {
    let serializer = Serializer::cbor();
    let join = || crate::wire::join(url, REALM, &serializer, 16);
    let topic = |number: usize| Uri::new(format!("com.example.topic.{number}"));
    let mut subscribers = Vec::new();
    for number in 0..count {
        let mut subscriber = join().await?;
        let own = match topics {
            Topics::Own => number,
            Topics::Shared => 0,
        };
        subscriber.subscribe(&topic(own)?).await?;
        subscribers.push(subscriber);
    }
    let of_all = match topics {
        Topics::Own => count,
        Topics::Shared => 1,
    };
    let of_all = (0..of_all).map(topic).collect::<Result<Vec<_>, _>>()?;
    let mut publisher = join().await?;
    announce(&serde_json::json!({ "subscribers": count }))?;
    // To all in turn, so that they come to their limits together.
    let flood = tokio::spawn(async move {
        for topic in of_all.iter().cycle() {
            poll_fn(|cx| publisher.poll_ready(cx)).await?;
            publisher.asks(Asks::Publish {
                topic: topic.clone(),
                acknowledge: false,
            });
            publisher.ask()?;
        }
        anyhow::Ok(())
    });
    tokio::select! {
        ended = flood => ended?,
        () = crate::stdin_ended() => Ok(()),
    }
}

/// Octets that a subscription may cost: with a URI of thirty octets, its place in the tables.
pub(crate) const ALLOWED_OF_SUBSCRIPTION: u64 = 1 << 10;

/// How many sessions subscribe, and how many subscriptions each has.
const SUBSCRIBING: (usize, usize) = (20, 1_000);

/// Octets per subscription.
pub(crate) async fn measure_subscriptions(topics: Topics, unix: &str) -> Result<u64> {
    let router = Process::start(&["router", "disconnect", unix]).await?;
    let url = router.listens_at("rs")?;
    let _first = Process::start(&["idle", &url, "100"]).await?;
    let before = router.memory()?;
    let _subscribing = Process::start(&["subscribe", &url, topics.name()]).await?;
    let (sessions, each) = SUBSCRIBING;
    Ok(router.memory()?.saturating_sub(before) / (sessions * each) as u64)
}

/// Lets sessions subscribe to many topics, and holds them until stdin ends.
pub(crate) async fn subscribe(url: &str, topics: Topics) -> Result<()> {
    let serializer = Serializer::cbor();
    let (sessions, each) = SUBSCRIBING;
    let mut subscribers = Vec::new();
    for session in 0..sessions {
        let mut subscriber = crate::wire::join(url, REALM, &serializer, 0).await?;
        let own = match topics {
            Topics::Own => session,
            Topics::Shared => 0,
        };
        for number in 0..each {
            let topic = Uri::new(format!("com.example.topic.{own}.{number}"))?;
            subscriber.subscribe(&topic).await?;
        }
        subscribers.push(subscriber);
    }
    announce(&serde_json::json!({ "subscriptions": sessions * each }))?;
    crate::stdin_ended().await;
    Ok(())
}

/// Octets per idle session.
pub(crate) async fn measure_idle(over: &str, sessions: usize, unix: &str) -> Result<u64> {
    let router = Process::start(&["router", "disconnect", unix]).await?;
    let url = router.listens_at(over)?;
    let root = router.listens_at("root")?;
    // What the first ones cost once is not theirs.
    let count = sessions.to_string();
    let first = Process::start(&["idle", &url, "100", &root]).await?;
    let before = router.memory()?;
    let idle = Process::start(&["idle", &url, &count, &root]).await?;
    let after = router.memory()?;
    drop((first, idle));
    Ok(after.saturating_sub(before) / sessions as u64)
}

/// Holds so many sessions until stdin ends.
pub(crate) async fn hold(url: &str, count: usize, root: Option<&str>) -> Result<()> {
    let mut tls = ClientTls::default();
    if let Some(root) = root {
        tls = tls.root_pem(root);
    }
    let mut wires: Vec<WampWire<Box<dyn Transport>>> = Vec::new();
    while wires.len() < count {
        let mut joining = JoinSet::new();
        for _ in 0..32.min(count - wires.len()) {
            let dial = Dial::new(url).serializers([Serializer::cbor()]);
            let dial = if url.contains("ss:") {
                dial.tls(tls.clone())
            } else {
                dial
            };
            joining.spawn(async move {
                let transport = Connector::connect(&dial).await?;
                WampWire::join(transport, REALM, 0).await
            });
        }
        while let Some(wire) = joining.join_next().await {
            wires.push(wire?.context("a session was not opened")?);
        }
    }
    announce(&serde_json::json!({ "sessions": wires.len() }))?;
    crate::stdin_ended().await;
    Ok(())
}
