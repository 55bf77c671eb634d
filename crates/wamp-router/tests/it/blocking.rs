//! Publishers that wait for slow subscribers.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use wamp_messages::{Message, error_uri};
use wamp_router::{Router, SlowConsumers, limit_uri};

use crate::client::{Client, REALM, goodbye, publish};
use crate::gate::{Gated, long, number, router};

/// Room for two events; the third is above the mark.
fn blocking() -> Router {
    router(SlowConsumers::block(), 2)
}

/// Publishes from 1 to this number, and takes the acknowledgements.
async fn publish_until(publisher: &mut Client, last: u64) {
    for request in 1..=last {
        let answer = publisher.ask(long(request)).await;
        assert!(matches!(answer, Message::Published(_)), "{answer:?}");
    }
}

/// Sends what the router does not read as long as the publisher is held up.
async fn is_held(publisher: &mut Client, request: u64) -> bool {
    publisher.send(long(request)).await;
    timeout(Duration::from_secs(1), publisher.receive())
        .await
        .is_err()
}

async fn expect_events(client: &mut Client, numbers: impl IntoIterator<Item = u64>) {
    for expected in numbers {
        let message = client.receive().await;
        assert_eq!(number(&message), Some(expected), "{message:?}");
    }
}

fn slow_sessions(router: &Router) -> u64 {
    router.counts(REALM).unwrap().slow_sessions
}

/// Whether nothing is left of any session.
async fn ends_empty(router: &Router) {
    router.shutdown(Duration::from_secs(1)).await;
    let counts = router.counts(REALM).unwrap();
    let left = (counts.sessions, counts.subscriptions, counts.registrations);
    assert_eq!(left, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_publisher_waits_for_a_slow_subscriber_and_goes_on_when_it_reads() {
    let router = blocking();
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_until(&mut publisher, 3).await;
    assert_eq!(router.counts(REALM).unwrap().held_publishers, 1);
    assert!(is_held(&mut publisher, 4).await);

    // One event less is less than the mark.
    slow.gate.let_pass(2);
    let begin = Instant::now();
    assert!(matches!(publisher.receive().await, Message::Published(_)));
    assert_eq!(begin.elapsed(), Duration::ZERO);
    slow.gate.open();
    expect_events(&mut slow.client, 1..=4).await;
    assert_eq!(slow_sessions(&router), 0);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_stays_slow_is_disconnected_in_time_and_nobody_else() {
    let router = blocking();
    let mut reader = Gated::join(&router).await;
    reader.client.subscribe(1, "com.a").await;
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    let begin = Instant::now();
    publish_until(&mut publisher, 3).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    publisher.send(long(4)).await;
    assert!(matches!(publisher.receive().await, Message::Published(_)));
    assert_eq!(begin.elapsed().as_secs(), 5);
    expect_events(&mut reader.client, 1..=4).await;
    assert_eq!(router.session_count(REALM), Some(2));
    assert_eq!(slow_sessions(&router), 1);

    slow.gate.open();
    let abort = slow.client.aborted().await;
    assert_eq!(abort.reason, limit_uri::TOO_SLOW);
    let text = abort.details.message.unwrap();
    assert!(
        text.contains("3000 octets for events for longer than 5s"),
        "{text}"
    );
    slow.serving.await.unwrap();
    assert!(!is_held(&mut publisher, 5).await);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn several_slow_subscribers_are_waited_for_together() {
    let router = blocking();
    let mut slow = [
        Gated::stalled(&router).await,
        Gated::stalled(&router).await,
        Gated::stalled(&router).await,
    ];
    let mut publisher = Client::join(&router).await;
    let begin = Instant::now();
    publish_until(&mut publisher, 3).await;
    publisher.send(long(4)).await;
    // One after the other, and not in the order in which they are waited for.
    for at in [1, 2, 0] {
        sleep(Duration::from_secs(1)).await;
        slow[at].gate.open();
        expect_events(&mut slow[at].client, 1..=3).await;
    }
    assert!(matches!(publisher.receive().await, Message::Published(_)));
    assert_eq!(begin.elapsed().as_secs(), 3);
    // Two of three read in time: the third is ended alone, and not later for the others.
    for slow in &mut slow {
        expect_events(&mut slow.client, [4]).await;
        slow.gate.close();
    }
    for request in 5..=7 {
        publisher.ask(long(request)).await;
    }
    publisher.send(long(8)).await;
    for at in [1, 2] {
        sleep(Duration::from_secs(2)).await;
        slow[at].gate.open();
        expect_events(&mut slow[at].client, 5..=7).await;
    }
    assert!(matches!(publisher.receive().await, Message::Published(_)));
    assert_eq!(begin.elapsed().as_secs(), 8);
    assert_eq!(router.session_count(REALM), Some(3));
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_waits_is_still_sent_what_is_for_it() {
    let router = blocking();
    let _slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publisher.subscribe(1, "com.b").await;
    for request in 2..=4 {
        publisher.ask(long(request)).await;
    }
    let mut other = Client::join(&router).await;
    let begin = Instant::now();
    for request in 1..=100 {
        other.publish(request, "com.b").await;
        let event = publisher.receive().await;
        assert!(matches!(event, Message::Event(_)), "{event:?}");
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert!(is_held(&mut publisher, 5).await);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_its_own_slow_subscriber_goes_on_when_it_reads() {
    let router = blocking();
    let mut publisher = Gated::stalled(&router).await;
    let begin = Instant::now();
    for request in 2..=6 {
        let mut message = long(request);
        message.options.exclude_me = Some(false);
        message.options.acknowledge = None;
        publisher.client.send(message).await;
    }
    sleep(Duration::from_secs(1)).await;
    publisher.gate.open();
    expect_events(&mut publisher.client, 2..=6).await;
    assert_eq!(begin.elapsed().as_secs(), 1);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_never_reads_its_own_events_is_disconnected() {
    let router = blocking();
    let mut publisher = Gated::stalled(&router).await;
    for request in 2..=6 {
        let mut message = long(request);
        message.options.exclude_me = Some(false);
        publisher.client.send(message).await;
    }
    let begin = Instant::now();
    sleep(Duration::from_millis(4_900)).await;
    assert_eq!(router.session_count(REALM), Some(1));
    sleep(Duration::from_millis(200)).await;
    assert_eq!(router.session_count(REALM), Some(0));
    publisher.gate.open();
    assert_eq!(publisher.client.aborted().await.reason, limit_uri::TOO_SLOW);
    assert!(begin.elapsed().as_secs() <= 5);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_waited_for_no_more() {
    let router = blocking();
    let mut publisher = Client::join(&router).await;
    let begin = Instant::now();
    for (round, goes_in_order) in (0..).zip([true, false, true]) {
        let mut slow = Gated::stalled(&router).await;
        for request in 1..=3 {
            publisher.ask(long(4 * round + request)).await;
        }
        publisher.send(long(4 * round + 4)).await;
        if goes_in_order {
            slow.client.send(goodbye()).await;
        } else {
            slow.serving.abort();
        }
        assert!(matches!(publisher.receive().await, Message::Published(_)));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(router.session_count(REALM), Some(1));
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_killed_while_it_waits_leaves_nothing_behind() {
    let router = blocking();
    let mut slow = Gated::stalled(&router).await;
    // The first one takes it above its mark, and the others find it there.
    for last in [3, 1, 1] {
        let mut publisher = Gated::join(&router).await;
        publish_until(&mut publisher.client, last).await;
        publisher.serving.abort();
        assert!(publisher.serving.await.unwrap_err().is_cancelled());
    }
    assert_eq!(router.session_count(REALM), Some(1));
    // Nobody is left who would give it up.
    sleep(Duration::from_secs(60)).await;
    slow.gate.open();
    expect_events(&mut slow.client, [1, 2, 3, 1, 1]).await;
    assert_eq!(router.counts(REALM).unwrap().held_publishers, 3);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_router_shuts_down_while_a_publisher_waits() {
    let router = blocking();
    let slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_until(&mut publisher, 3).await;
    publisher.send(long(4)).await;
    let begin = Instant::now();
    let script = async {
        let Message::Goodbye(farewell) = publisher.receive().await else {
            panic!("no GOODBYE came");
        };
        assert_eq!(farewell.reason, error_uri::SYSTEM_SHUTDOWN);
        publisher.send(goodbye()).await;
        publisher.closed().await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
    };
    tokio::join!(router.shutdown(Duration::from_secs(2)), script);
    slow.serving.await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 2);
    assert_eq!(slow_sessions(&router), 0);
}

#[tokio::test(start_paused = true)]
async fn who_reads_is_not_given_up_though_others_fill_its_place_at_once() {
    let router = blocking();
    let mut slow = Gated::stalled(&router).await;
    let mut publishing = Vec::new();
    for _ in 0..3 {
        let mut publisher = Client::join(&router).await;
        publishing.push(tokio::spawn(async move {
            publish_until(&mut publisher, 20).await
        }));
    }
    // It is below the mark every three seconds, and only for a moment.
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        slow.gate.let_pass(1);
        let message = slow.client.receive().await;
        assert!(number(&message).is_some(), "{message:?}");
    }
    for publishing in publishing {
        publishing.await.unwrap();
    }
    assert_eq!(slow_sessions(&router), 0);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn who_has_used_up_the_reserve_is_disconnected_before_its_time() {
    let router = blocking();
    let mut slow = Gated::stalled(&router).await;
    let begin = Instant::now();
    let mut publishers = Vec::new();
    while router.session_count(REALM) == Some(1 + publishers.len()) {
        assert!(publishers.len() < 20, "memory is bounded");
        let mut publisher = Client::join(&router).await;
        publisher.ask(long(1)).await;
        publishers.push(publisher);
        tokio::task::yield_now().await;
    }
    // All who have waited go on.
    for publisher in &mut publishers {
        publisher.ask(long(2)).await;
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    slow.gate.open();
    assert_eq!(slow.client.aborted().await.reason, limit_uri::TOO_SLOW);
    assert_eq!(slow_sessions(&router), 1);
    ends_empty(&router).await;
}

#[tokio::test(start_paused = true)]
async fn with_no_time_at_all_the_slow_one_is_disconnected_at_once() {
    let at_most = Duration::ZERO;
    let router = router(SlowConsumers::Block { at_most }, 2);
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    let begin = Instant::now();
    publish_until(&mut publisher, 10).await;
    assert!(begin.elapsed() < Duration::from_millis(10));
    assert_eq!(router.session_count(REALM), Some(1));
    slow.gate.open();
    assert_eq!(slow.client.aborted().await.reason, limit_uri::TOO_SLOW);
}

#[tokio::test(start_paused = true)]
async fn a_time_without_end_is_waited_for() {
    let at_most = Duration::MAX;
    let router = router(SlowConsumers::Block { at_most }, 2);
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    publish_until(&mut publisher, 3).await;
    publisher.send(long(4)).await;
    sleep(Duration::from_secs(86_400)).await;
    slow.gate.open();
    expect_events(&mut slow.client, 1..=4).await;
}

#[tokio::test(start_paused = true)]
async fn above_a_mark_of_zero_each_event_is_waited_for() {
    let router = router(SlowConsumers::block(), 0);
    let mut slow = Gated::stalled(&router).await;
    let mut publisher = Client::join(&router).await;
    for request in 1..=5 {
        publisher.ask(long(request)).await;
        publisher.send(publish(100 * request, "com.nobody")).await;
        slow.gate.let_pass(1);
        expect_events(&mut slow.client, [request]).await;
        publisher.publish(100 * request + 1, "com.nobody").await;
        publisher.send(goodbye()).await;
        assert!(matches!(publisher.receive().await, Message::Goodbye(_)));
        publisher = Client::join(&router).await;
    }
    assert_eq!(router.counts(REALM).unwrap().held_publishers, 5);
    assert_eq!(slow_sessions(&router), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_hold_nobody_up() {
    let router = blocking();
    let mut listener = Client::join(&router).await;
    listener.subscribe(1, "com.b").await;
    let mut slow = Gated::stalled(&router).await;
    let begin = Instant::now();
    // The answers to what it asks take it above its own mark.
    for request in 2..30 {
        let mut asked = publish(request, "com.nobody");
        asked.options.acknowledge = Some(true);
        slow.client.send(asked).await;
    }
    slow.client.send(publish(30, "com.b")).await;
    assert!(matches!(listener.receive().await, Message::Event(_)));
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(router.counts(REALM).unwrap().held_publishers, 0);
    // An event on top of them does.
    let mut other = Client::join(&router).await;
    other.ask(long(1)).await;
    assert!(is_held(&mut other, 2).await);
}
