//! Many at once: subscribers, handshakes that never finish, idle connections.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wamp::net::raise_file_limit;

use crate::client::{Client, Kind, event_number};
use crate::process::{RouterProcess, session};

const TOPIC: &str = "com.example.crowd";

pub(crate) async fn one_stalled_among_a_thousand_does_not_slow_the_rest_under_disconnect()
-> Result<()> {
    stalled_among_many("disconnect").await
}

pub(crate) async fn one_stalled_among_a_thousand_does_not_slow_the_rest_under_drop() -> Result<()> {
    stalled_among_many("drop").await
}

/// The publisher sends the next event when all the others have the last one: would they wait for
/// the stalled one, this would never end.
async fn stalled_among_many(slow: &str) -> Result<()> {
    const SUBSCRIBERS: u64 = 1_000;
    const EVENTS: u64 = 64;
    let config = json!({"slow": slow, "mark": 64 << 10, "reserve": 1 << 20, "files": 4_096});
    raise_file_limit(4_096)?;
    let mut router = RouterProcess::start(&config).await?;
    let mut stalled = Client::join_narrow(router.address()).await?;
    stalled.subscribe(TOPIC).await?;

    // How many have each event; and in the last place, how many have subscribed.
    let (seen, mut counts) = watch::channel([0_u64; EVENTS as usize + 1]);
    let note = |seen: &watch::Sender<[u64; EVENTS as usize + 1]>, at: u64| {
        seen.send_modify(|seen| seen[at as usize] += 1);
    };
    let mut subscribers = JoinSet::new();
    let joining = Arc::new(Semaphore::new(64));
    for _ in 1..SUBSCRIBERS {
        let (address, seen) = (router.address().to_owned(), seen.clone());
        let joining = Arc::clone(&joining);
        subscribers.spawn(async move {
            let permit = joining.acquire().await?;
            let mut client = Client::join(&address, Kind::RawSocket).await?;
            client.subscribe(TOPIC).await?;
            drop(permit);
            note(&seen, EVENTS);
            for expected in 0..EVENTS {
                let number = event_number(&client.hear().await?);
                ensure!(
                    number == Some(expected),
                    "{number:?} came in place of {expected}"
                );
                note(&seen, expected);
            }
            Ok(client)
        });
    }
    let publisher = session(router.rawsocket_url()).await?;
    counts
        .wait_for(|seen| seen[EVENTS as usize] == SUBSCRIBERS - 1)
        .await?;
    let text = "x".repeat(64 << 10);
    for number in 0..EVENTS {
        let publish = publisher.publish(TOPIC).args((number, &text));
        publish.acknowledge().await?;
        counts
            .wait_for(|seen| seen[number as usize] == SUBSCRIBERS - 1)
            .await?;
    }
    let mut others = Vec::new();
    while let Some(subscriber) = subscribers.join_next().await {
        others.push(subscriber??);
    }
    let state = router.state().await?;
    println!("    {state:?}");
    match slow {
        "drop" => ensure!((state.slow, state.dropped > 0) == (0, true), "{state:?}"),
        _ => ensure!((state.slow, state.dropped) == (1, 0), "{state:?}"),
    }
    Ok(())
}

pub(crate) async fn a_thousand_handshakes_that_never_finish_do_not_keep_others_out() -> Result<()> {
    const UNFINISHED: usize = 1_000;
    const LIMIT: usize = 64;
    const OTHERS: usize = 100;
    raise_file_limit(4_096)?;
    let config = json!({"files": 4_096, "handshakes": LIMIT});
    let mut router = RouterProcess::start(&config).await?;
    // Nothing at all, one octet, half of a handshake of either kind, and one without its HELLO.
    let beginnings: [&[u8]; 5] = [
        b"",
        b"\x7f",
        b"\x7f\xf1\0",
        b"GET / HTTP/1.1\r\nHost",
        b"\x7f\xf1\0\0",
    ];
    let mut unfinished = Vec::new();
    for at in 0..UNFINISHED {
        let mut stream = TcpStream::connect(router.address()).await?;
        // It may have made room for others already.
        let _ = stream.write_all(beginnings[at % beginnings.len()]).await;
        unfinished.push(stream);
    }
    let mut others = JoinSet::new();
    let at_once = Arc::new(Semaphore::new(16));
    for at in 0..OTHERS {
        let url = match at % 2 {
            0 => router.rawsocket_url().to_owned(),
            _ => router.websocket_url().to_owned(),
        };
        let at_once = Arc::clone(&at_once);
        others.spawn(async move {
            let _permit = at_once.acquire().await?;
            session(&url).await
        });
    }
    let mut sessions = Vec::new();
    while let Some(joined) = others.join_next().await {
        sessions.push(joined?.context("somebody was kept out")?);
    }
    router
        .until(|state| state.sessions == OTHERS as u64)
        .await?;
    // All but the last few had to make room, whether they had said something or not.
    for stream in &mut unfinished[..UNFINISHED - LIMIT] {
        let mut rest = Vec::new();
        // Some have got an answer to their handshake before; a reset is an end, too.
        let _ = stream.read_to_end(&mut rest).await;
    }
    Ok(())
}

pub(crate) async fn ten_thousand_idle_connections_are_held() -> Result<()> {
    const CONNECTIONS: u64 = 10_000;
    const FILES: u64 = CONNECTIONS + 512;
    raise_file_limit(FILES)?;
    // How many KiB of the router's memory a session may take, in a debug build.
    for (kind, allowed) in [(Kind::RawSocket, 8), (Kind::WebSocket, 24)] {
        let mut router = RouterProcess::start(&json!({"files": FILES})).await?;
        let before = router.state().await?;
        let mut joining = JoinSet::new();
        let at_once = Arc::new(Semaphore::new(128));
        for _ in 0..CONNECTIONS {
            let (address, at_once) = (router.address().to_owned(), Arc::clone(&at_once));
            joining.spawn(async move {
                let _permit = at_once.acquire().await?;
                Client::join(&address, kind).await
            });
        }
        let mut clients = Vec::new();
        while let Some(client) = joining.join_next().await {
            clients.push(client?.context("not every connection is held")?);
        }
        let idle = router.until(|state| state.sessions == CONNECTIONS).await?;
        let each = idle.rss.saturating_sub(before.rss) / CONNECTIONS;
        println!("    {} KiB, {each} for each session", idle.rss);
        ensure!(each <= allowed, "{each} KiB for each idle session");
        // They are idle, not dead.
        let (first, rest) = clients.split_at_mut(1);
        let last = rest.last_mut().context("there are many")?;
        first[0].subscribe(TOPIC).await?;
        last.subscribe(TOPIC).await?;
        let publisher = session(router.rawsocket_url()).await?;
        publisher.publish(TOPIC).args((7,)).acknowledge().await?;
        for client in [&mut first[0], last] {
            let event = client.hear().await?;
            ensure!(event_number(&event) == Some(7), "{event}");
        }
        drop(clients);
        router.until(|state| state.sessions == 1).await?;
    }
    Ok(())
}
