//! What idle sessions cost the router.

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use wamp::net::tls::ClientTls;
use wamp::{Connector, Dial, Serializer, Transport};

use crate::announce;
use crate::process::Process;
use crate::router::REALM;
use crate::wire::WampWire;

/// What is measured: over what, and how many octets a session may cost.
pub(crate) const ROWS: &[(&str, u64)] = &[
    ("rs", 6 << 10),
    ("ws", 10 << 10),
    ("rss", 40 << 10),
    ("wss", 40 << 10),
];

/// Octets per idle session.
pub(crate) async fn measure(over: &str, sessions: usize, unix: &str) -> Result<u64> {
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
