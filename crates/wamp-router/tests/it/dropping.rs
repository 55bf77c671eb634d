//! Events that are dropped for slow subscribers.

use std::time::Duration;

use wamp_core::OutboxLimits;
use wamp_messages::{Message, error_uri};
use wamp_router::{Permissions, Realm, Router, SlowConsumers, limit_uri, meta_uri};
use wamp_serializers::decode_args;

use crate::client::{Client, REALM, goodbye, publish, subscribe};
use crate::gate::{Gated, WEIGHT, long, number, router};

/// Room for two events; the third is dropped.
fn dropping() -> Router {
    router(SlowConsumers::Drop, 2)
}

/// A client that wants to know of losses.
async fn join_watcher(router: &Router) -> Client {
    let mut watcher = Client::join(router).await;
    watcher.subscribe(1, meta_uri::ON_EVENTS_DROPPED).await;
    watcher
}

/// Publishes these, and takes the acknowledgements.
async fn publish_all(publisher: &mut Client, requests: impl IntoIterator<Item = u64>) {
    for request in requests {
        let answer = publisher.ask(long(request)).await;
        assert!(matches!(answer, Message::Published(_)), "{answer:?}");
    }
}

/// Reads what is there, which is events, and returns their numbers.
async fn events(client: &mut Client) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Ok(message) = tokio::time::timeout(Duration::from_secs(1), client.receive()).await {
        let number = number(&message);
        assert!(number.is_some(), "{message:?}");
        numbers.extend(number);
    }
    numbers
}

/// Receives what is told of losses: whose, and how many.
async fn told(watcher: &mut Client) -> (u64, u64) {
    match watcher.receive().await {
        Message::Event(event) => decode_args(&event.payload).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_loses_events_and_nobody_else_does() {
    let router = dropping();
    let mut watcher = join_watcher(&router).await;
    let mut reader = Client::join(&router).await;
    reader.subscribe(1, "com.a").await;
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_all(&mut publisher, 1..=10).await;
    let id = slow.session.as_u64();
    assert_eq!(told(&mut watcher).await, (id, 0));
    assert_eq!(router.counts(REALM).unwrap().dropped_events, 8);

    slow.gate.open();
    assert_eq!(events(&mut slow.client).await, [1, 2]);
    publish_all(&mut publisher, 11..=12).await;
    assert_eq!(told(&mut watcher).await, (id, 8));
    assert_eq!(events(&mut slow.client).await, [11, 12]);
    assert_eq!(events(&mut reader).await, (1..=12).collect::<Vec<_>>());
    watcher.hears_nothing(2).await;
    let counts = router.counts(REALM).unwrap();
    assert_eq!((counts.sessions, counts.slow_sessions), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_is_always_a_little_behind_is_told_of_once() {
    let router = router(SlowConsumers::Drop, 6);
    let mut watcher = join_watcher(&router).await;
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    let mut seen = Vec::new();
    for request in (1..=200).step_by(2) {
        publish_all(&mut publisher, [request, request + 1]).await;
        slow.gate.let_pass(1);
        seen.extend(number(&slow.client.receive().await));
    }
    assert!(seen.is_sorted() && seen.len() == 100, "{seen:?}");
    assert_eq!(told(&mut watcher).await, (slow.session.as_u64(), 0));
    watcher.hears_nothing(2).await;
    slow.gate.open();
    seen.extend(events(&mut slow.client).await);
    publish_all(&mut publisher, [201]).await;
    let lost = 200 - seen.len() as u64;
    assert_eq!(told(&mut watcher).await, (slow.session.as_u64(), lost));
    assert_eq!(router.counts(REALM).unwrap().dropped_events, lost);
}

#[tokio::test(start_paused = true)]
async fn the_losses_of_a_session_are_told_when_it_ends() {
    let router = dropping();
    let mut watcher = join_watcher(&router).await;
    let mut publisher = Client::join(&router).await;
    let mut request = 0;
    for goes_in_order in [true, false] {
        let mut slow = Gated::stalled(&router).await;
        publish_all(&mut publisher, request + 1..=request + 5).await;
        request += 5;
        if goes_in_order {
            slow.client.send(goodbye()).await;
        } else {
            slow.serving.abort();
        }
        let id = slow.session.as_u64();
        assert_eq!(told(&mut watcher).await, (id, 0));
        assert_eq!(told(&mut watcher).await, (id, 3));
    }
    watcher.hears_nothing(2).await;
}

#[tokio::test(start_paused = true)]
async fn who_has_joined_anew_has_lost_nothing() {
    let router = dropping();
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_all(&mut publisher, 1..=5).await;
    slow.client.send(goodbye()).await;
    slow.gate.open();
    while !matches!(slow.client.receive().await, Message::Goodbye(_)) {}
    slow.client.send(crate::client::hello(Some(REALM))).await;
    slow.client.welcome().await;
    slow.client.subscribe(1, "com.a").await;
    let mut watcher = join_watcher(&router).await;
    publish_all(&mut publisher, 6..=7).await;
    assert_eq!(events(&mut slow.client).await, [6, 7]);
    watcher.hears_nothing(2).await;
}

#[tokio::test(start_paused = true)]
async fn who_watches_losses_may_be_slow_himself() {
    let router = router(SlowConsumers::Drop, 4);
    let mut watcher = join_watcher(&router).await;
    // Ten that lose events, and want to know of the losses, their own too.
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut one = Gated::join(&router).await;
        one.client.subscribe(1, meta_uri::ON_EVENTS_DROPPED).await;
        one.client.subscribe(2, "com.a").await;
        one.gate.close();
        slow.push(one);
    }
    let mut publisher = Client::join(&router).await;
    publish_all(&mut publisher, 1..=100).await;
    for one in &slow {
        assert_eq!(told(&mut watcher).await, (one.session.as_u64(), 0));
    }
    watcher.hears_nothing(2).await;
    for one in &mut slow {
        one.gate.open();
        loop {
            let message = one.client.receive().await;
            if number(&message) == Some(4) {
                break;
            }
        }
    }
    publish_all(&mut publisher, [101]).await;
    for one in &slow {
        assert_eq!(told(&mut watcher).await, (one.session.as_u64(), 96));
    }
    watcher.hears_nothing(3).await;
    let counts = router.counts(REALM).unwrap();
    assert!(counts.dropped_events > 960, "{counts:?}");
    assert_eq!(counts.sessions, 12);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_of_the_telling_is_counted_and_not_told() {
    let router = dropping();
    let mut watcher = Gated::join(&router).await;
    let topic = meta_uri::ON_EVENTS_DROPPED;
    watcher.client.subscribe(1, topic).await;
    watcher.gate.close();
    let mut publisher = Client::join(&router).await;
    const ROUNDS: u64 = 50;
    for round in 0..ROUNDS {
        let slow = Gated::stalled(&router).await;
        publish_all(&mut publisher, 3 * round + 1..=3 * round + 3).await;
        slow.serving.abort();
        assert!(slow.serving.await.unwrap_err().is_cancelled());
    }
    watcher.gate.open();
    let mut heard = 0;
    let timeout = Duration::from_secs(1);
    while let Ok(message) = tokio::time::timeout(timeout, watcher.client.receive()).await {
        assert!(matches!(message, Message::Event(_)), "{message:?}");
        heard += 1;
    }
    assert!(heard > 2 && heard < ROUNDS, "{heard}");
    let dropped = router.counts(REALM).unwrap().dropped_events;
    assert_eq!(dropped, ROUNDS + (2 * ROUNDS - heard));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_subscribe_to_the_losses_is_not_told() {
    let realm = Realm::new(REALM).slow_consumers(SlowConsumers::Drop).role(
        "anonymous",
        Permissions::allow("com.").subscribe().publish(),
    );
    let router = Router::builder().realm(realm).build();
    let mut client = Client::join(&router).await;
    client.send(subscribe(1, meta_uri::ON_EVENTS_DROPPED)).await;
    assert_eq!(client.failed().await.0, error_uri::NOT_AUTHORIZED);
    // Nor does anybody pretend that there were some.
    let mut forged = publish(2, meta_uri::ON_EVENTS_DROPPED);
    forged.options.acknowledge = Some(true);
    client.send(forged).await;
    assert_eq!(client.failed().await.0, error_uri::INVALID_URI);
}

#[tokio::test(start_paused = true)]
async fn answers_are_not_dropped_and_end_the_session_above_the_reserve() {
    let router = dropping();
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_all(&mut publisher, 1..=5).await;
    let mut asked = 0;
    while router.session_count(REALM) == Some(2) {
        asked += 1;
        let mut message = publish(asked + 1, "com.nobody");
        message.options.acknowledge = Some(true);
        slow.client.send(message).await;
        tokio::task::yield_now().await;
        assert!(asked < 1_000, "memory is bounded");
    }
    assert!(asked as usize * WEIGHT > 10 * WEIGHT, "the reserve is used");
    slow.gate.open();
    let abort = slow.client.aborted().await;
    assert_eq!(abort.reason, limit_uri::TOO_SLOW);
    let text = abort.details.message.unwrap();
    assert!(
        text.starts_with("more than the 18000 octets that"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn above_a_mark_of_zero_one_event_waits_at_a_time() {
    let limits = OutboxLimits::default().mark(0);
    let realm = Realm::new(REALM).slow_consumers(SlowConsumers::Drop);
    let router = Router::builder().realm(realm).outbox_limits(limits).build();
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_all(&mut publisher, 1..=3).await;
    slow.gate.open();
    assert_eq!(events(&mut slow.client).await, [1]);
    publish_all(&mut publisher, [4]).await;
    assert_eq!(events(&mut slow.client).await, [4]);
}
