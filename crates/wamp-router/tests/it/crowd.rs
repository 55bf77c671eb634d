//! One slow subscriber among many.

use std::time::Duration;

use tokio::time::Instant;
use wamp_messages::Message;
use wamp_router::{SlowConsumers, limit_uri};

use crate::client::{Client, REALM};
use crate::gate::{Gated, long, number, router};

const SUBSCRIBERS: usize = 1_000;
const EVENTS: u64 = 50;

/// Publishes to a crowd of which one does not read: all others get every event, in order, and
/// nobody waits. Returns the one who does not read.
async fn one_of_a_thousand_stalls(policy: SlowConsumers) -> (Gated, u64, usize) {
    let router = router(policy, 20);
    let mut readers = Vec::new();
    let mut stalled = None;
    for at in 0..SUBSCRIBERS {
        if at == SUBSCRIBERS / 2 {
            stalled = Some(Gated::stalled(&router).await);
        } else {
            let mut reader = Client::join(&router).await;
            reader.subscribe(1, "com.a").await;
            readers.push(reader);
        }
    }
    let mut publisher = Client::join(&router).await;
    let begin = Instant::now();
    for request in 1..=EVENTS {
        let answer = publisher.ask(long(request)).await;
        assert!(matches!(answer, Message::Published(_)), "{answer:?}");
        for reader in &mut readers {
            assert_eq!(number(&reader.receive().await), Some(request));
        }
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    let counts = router.counts(REALM).unwrap();
    (stalled.unwrap(), counts.dropped_events, counts.sessions)
}

#[tokio::test(start_paused = true)]
async fn a_stalled_subscriber_that_is_disconnected_slows_nobody() {
    let policy = SlowConsumers::Disconnect;
    let (mut stalled, dropped, sessions) = one_of_a_thousand_stalls(policy).await;
    assert_eq!((dropped, sessions), (0, SUBSCRIBERS));
    stalled.gate.open();
    let abort = stalled.client.aborted().await;
    assert_eq!(abort.reason, limit_uri::TOO_SLOW);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_subscriber_that_loses_events_slows_nobody() {
    let policy = SlowConsumers::Drop;
    let (mut stalled, dropped, sessions) = one_of_a_thousand_stalls(policy).await;
    assert_eq!(sessions, SUBSCRIBERS + 1);
    stalled.gate.open();
    for request in 1..=EVENTS - dropped {
        assert_eq!(number(&stalled.client.receive().await), Some(request));
    }
    assert!(dropped > EVENTS / 2 && dropped < EVENTS, "{dropped}");
}
