//! The policies for those who take too little of what they are sent, each with a stalled socket.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use wamp::{Session, Subscription};

use crate::client::{Client, Kind, event_number};
use crate::process::{RouterProcess, check_memory};

const TOPIC: &str = "com.example.flood";

const MIB: u64 = 1 << 20;

/// What may wait for one client.
const MARK: u64 = 16 * MIB;
const RESERVE: u64 = 16 * MIB;

/// How long the text of an event is, and how many there are: together three times what may wait.
const TEXT: usize = 64 << 10;
const EVENTS: u64 = 3 * (MARK + RESERVE) / TEXT as u64;

/// What an allocator, buffers of sockets and all the rest may take, in KiB. It is less than what
/// may wait, so that one who is disconnected is seen to have given his memory back.
const SLACK: u64 = 6 << 10;

fn config(slow: &str, at_most: u64) -> Value {
    json!({"slow": slow, "at_most": at_most, "mark": MARK, "reserve": RESERVE})
}

/// Publishes numbered events, not more of them on their way to a healthy subscriber than a window;
/// that one must get them all, in order. Returns how much memory the router held at the most, in
/// KiB.
async fn flood(router: &mut RouterProcess, publisher: &Session) -> Result<u64> {
    let healthy = router.session().await?;
    let events = healthy.subscribe(TOPIC).await?;
    let window = Arc::new(Semaphore::new(16));
    let reading = tokio::spawn(read_all(events, EVENTS, Arc::clone(&window)));
    let text = "x".repeat(TEXT);
    let mut peak = 0;
    for number in 0..EVENTS {
        window.acquire().await?.forget();
        let publish = publisher.publish(TOPIC).args((number, &text));
        publish.acknowledge().await?;
        if number % 32 == 0 {
            peak = peak.max(router.state().await?.rss);
        }
    }
    reading.await??;
    healthy.leave().await?;
    Ok(peak)
}

/// Reads so many events, which must be numbered from 0.
async fn read_all(mut events: Subscription, count: u64, window: Arc<Semaphore>) -> Result<()> {
    for expected in 0..count {
        let event = events
            .next()
            .await
            .context("the healthy one was disconnected")?;
        let (number, _): (u64, String) = event.args()?;
        ensure!(
            number == expected,
            "event {number} came in place of {expected}"
        );
        window.add_permits(1);
    }
    Ok(())
}

pub(crate) async fn a_stalled_subscriber_is_disconnected_and_harms_nobody() -> Result<()> {
    let mut router = RouterProcess::start(&config("disconnect", 0)).await?;
    let publisher = router.session().await?;
    let before = router.state().await?;
    // The memory of those who are gone serves those who come: rounds do not add up.
    for round in 0..3 {
        let mut stalled = Client::join(router.address(), Kind::RawSocket).await?;
        stalled.subscribe(TOPIC).await?;
        let peak = flood(&mut router, &publisher).await?;
        let after = router.until(|state| state.sessions == 1).await?;
        check_memory(
            "while one was stalled",
            before,
            peak,
            (MARK + RESERVE) / 1024 + SLACK,
        )?;
        ensure!(after.slow == round + 1, "disconnected: {}", after.slow);
        ensure!(after.dropped == 0, "nothing is dropped: {}", after.dropped);
        // What waited in the sockets; then the reason, at the end.
        loop {
            let message = stalled
                .hear()
                .await
                .context("the ABORT came before the end")?;
            if message.starts_with("[3,") {
                ensure!(message.contains("wamp.error.too_slow"), "{message}");
                break;
            }
        }
        let after = router.state().await?;
        check_memory("after it was disconnected", before, after.rss, SLACK)?;
    }
    Ok(())
}

pub(crate) async fn events_for_a_stalled_subscriber_are_dropped_and_counted() -> Result<()> {
    let mut router = RouterProcess::start(&config("drop", 0)).await?;
    let publisher = router.session().await?;
    let before = router.state().await?;
    let mut stalled = Client::join(router.address(), Kind::WebSocket).await?;
    stalled.subscribe(TOPIC).await?;
    let peak = flood(&mut router, &publisher).await?;
    let after = router.until(|state| state.sessions == 2).await?;
    check_memory("while one was stalled", before, peak, MARK / 1024 + SLACK)?;
    ensure!(after.slow == 0, "nobody is disconnected");
    ensure!(after.dropped > 0, "events are dropped");
    // What was not dropped comes in order, and all of it, once the stalled one reads again.
    let mut last = None;
    for _ in 0..EVENTS - after.dropped {
        let number = event_number(&stalled.hear().await?).context("an EVENT")?;
        ensure!(last < Some(number), "{number} came behind {last:?}");
        last = Some(number);
    }
    publisher
        .publish(TOPIC)
        .args((EVENTS, "last"))
        .acknowledge()
        .await?;
    let next = stalled.hear().await?;
    ensure!(event_number(&next) == Some(EVENTS), "{next}");
    let after = router.state().await?;
    check_memory("after it has read again", before, after.rss, SLACK)
}

pub(crate) async fn publishers_wait_for_a_subscriber_that_is_slow() -> Result<()> {
    let mut router = RouterProcess::start(&config("block", 60_000)).await?;
    let publisher = router.session().await?;
    let before = router.state().await?;
    let mut slow = Client::join(router.address(), Kind::RawSocket).await?;
    slow.subscribe(TOPIC).await?;
    // It stalls until a publisher waits for it, and reads from then on.
    let (go, going) = oneshot::channel::<()>();
    let reading = tokio::spawn(async move {
        let _ = going.await;
        for expected in 0..EVENTS {
            let number = event_number(&slow.hear().await?);
            ensure!(
                number == Some(expected),
                "{number:?} came in place of {expected}"
            );
        }
        Ok(slow)
    });
    let publishing = tokio::spawn(async move {
        let text = "x".repeat(TEXT);
        for number in 0..EVENTS {
            let publish = publisher.publish(TOPIC).args((number, &text));
            publish.acknowledge().await?;
        }
        Ok::<_, anyhow::Error>(publisher)
    });
    let waiting = router.until(|state| state.waits > 0).await?;
    check_memory(
        "while the publisher waited",
        before,
        waiting.rss,
        (MARK + RESERVE) / 1024 + SLACK,
    )?;
    go.send(()).ok().context("the slow one is there")?;
    let _publisher = publishing.await??;
    let _slow = reading.await??;
    let after = router.state().await?;
    ensure!(
        (after.dropped, after.slow) == (0, 0),
        "nothing is lost: {after:?}"
    );
    check_memory("after all was read", before, after.rss, SLACK)
}

pub(crate) async fn publishers_do_not_wait_for_ever_for_one_that_is_stalled() -> Result<()> {
    let mut router = RouterProcess::start(&config("block", 500)).await?;
    let publisher = router.session().await?;
    let before = router.state().await?;
    let mut stalled = Client::join(router.address(), Kind::RawSocket).await?;
    stalled.subscribe(TOPIC).await?;
    let peak = flood(&mut router, &publisher).await?;
    let after = router.until(|state| state.sessions == 1).await?;
    ensure!(
        (after.slow, after.dropped) == (1, 0),
        "one is disconnected: {after:?}"
    );
    ensure!(after.waits > 0, "the publisher has waited");
    check_memory(
        "while one was stalled",
        before,
        peak,
        (MARK + RESERVE) / 1024 + SLACK,
    )?;
    // What waited is gone with the session; the socket stays until its client notices.
    drop(stalled);
    let after = router.state().await?;
    check_memory("after it was disconnected", before, after.rss, SLACK)
}

pub(crate) async fn sessions_that_publish_to_each_other_from_their_handlers_go_on() -> Result<()> {
    const EACH: u64 = 2_000;
    // Whatever waits is above the mark, so that each event makes its publisher wait.
    let config = json!({"slow": "block", "at_most": 60_000, "mark": 0, "reserve": MIB});
    let mut router = RouterProcess::start(&config).await?;
    let (one, other) = (router.session().await?, router.session().await?);
    let seen = Arc::new(AtomicU64::new(0));
    for (session, mine, yours) in [
        (&one, "com.example.one", "com.example.other"),
        (&other, "com.example.other", "com.example.one"),
    ] {
        let seen = Arc::clone(&seen);
        let handler = move |number: u64, text: String, session: Session| {
            let seen = Arc::clone(&seen);
            async move {
                seen.fetch_add(1, Ordering::SeqCst);
                if number > 0 {
                    // The session ends only with the scenario.
                    let _ = session.publish(yours).args((number - 1, text)).await;
                }
            }
        };
        session.subscribe(mine).handler(handler).await?;
    }
    // Several at once, so that both send to each other at the same time.
    let text = "x".repeat(8 << 10);
    for _ in 0..8 {
        let first = one.publish("com.example.other").args((EACH, &text));
        let second = other.publish("com.example.one").args((EACH, &text));
        tokio::try_join!(first.into_future(), second.into_future())?;
    }
    let all = 2 * 8 * (EACH + 1);
    while seen.load(Ordering::SeqCst) < all {
        ensure!(one.is_open() && other.is_open(), "a session has ended");
        tokio::task::yield_now().await;
    }
    let after = router.state().await?;
    ensure!(
        (after.slow, after.dropped) == (0, 0),
        "nothing is lost: {after:?}"
    );
    ensure!(after.waits > 0, "they have waited for each other");
    Ok(())
}
