//! Sessions that may send only so many messages.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use wamp_core::Rate;
use wamp_messages::{Message, error_uri};
use wamp_router::{Realm, Router, SessionLimits};

use crate::client::{Client, REALM, goodbye, hello, open, publish};

/// Five messages at once, and ten per second.
fn limited() -> Router {
    let rate = Rate::per_second(10).burst(5);
    let limits = SessionLimits::default().rate(rate);
    Router::builder()
        .realm(Realm::new(REALM).limits(limits))
        .build()
}

/// Sends these requests all at once.
async fn send_all(client: &mut Client, requests: impl IntoIterator<Item = u64>) {
    for request in requests {
        let mut message = publish(request, "com.a");
        message.options.acknowledge = Some(true);
        client.send(message).await;
    }
}

/// Receives as many acknowledgements, in order, and tells when each came.
async fn times(client: &mut Client, requests: impl IntoIterator<Item = u64>) -> Vec<u128> {
    let begin = Instant::now();
    let mut times = Vec::new();
    for request in requests {
        match client.receive().await {
            Message::Published(published) => assert_eq!(published.request.as_u64(), request),
            other => panic!("{other:?}"),
        }
        times.push(begin.elapsed().as_millis());
    }
    times
}

#[tokio::test(start_paused = true)]
async fn what_exceeds_the_rate_waits_and_nothing_is_lost() {
    let router = limited();
    let mut client = Client::join(&router).await;
    send_all(&mut client, 1..=10).await;
    let times = times(&mut client, 1..=10).await;
    assert_eq!(times, [0, 0, 0, 0, 0, 100, 200, 300, 400, 500]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_saved_up_to_the_burst() {
    let router = limited();
    let mut client = Client::join(&router).await;
    send_all(&mut client, 1..=5).await;
    times(&mut client, 1..=5).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    send_all(&mut client, 6..=12).await;
    assert_eq!(times(&mut client, 6..=12).await, [0, 0, 0, 0, 0, 100, 200]);
}

#[tokio::test(start_paused = true)]
async fn by_default_there_is_no_rate() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    for first in (1..10_000).step_by(100) {
        send_all(&mut client, first..first + 100).await;
        let times = times(&mut client, first..first + 100).await;
        assert_eq!(times, [0; 100]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_waits_for_its_turn_and_the_next_session_begins_anew() {
    let router = limited();
    let mut client = Client::join(&router).await;
    send_all(&mut client, 1..=6).await;
    client.send(goodbye()).await;
    let begin = Instant::now();
    times(&mut client, 1..=6).await;
    assert!(matches!(client.receive().await, Message::Goodbye(_)));
    assert_eq!(begin.elapsed().as_millis(), 200);
    client.send(hello(Some(REALM))).await;
    client.welcome().await;
    send_all(&mut client, 1..=5).await;
    times(&mut client, 1..=5).await;
    assert_eq!(begin.elapsed().as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_waits_is_sent_its_events_and_holds_up_no_other() {
    let router = limited();
    let mut hasty = Client::join(&router).await;
    hasty.subscribe(1, "com.b").await;
    for request in 2..=20 {
        hasty.send(publish(request, "com.nobody")).await;
    }
    let mut other = Client::join(&router).await;
    let begin = Instant::now();
    for request in 1..=5 {
        other.publish(request, "com.b").await;
        assert!(matches!(hasty.receive().await, Message::Event(_)));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    let answer = timeout(Duration::from_millis(1_400), async {
        send_all(&mut hasty, [21]).await;
        hasty.receive().await
    });
    assert!(answer.await.is_err(), "15 messages and this one go before");
    assert!(matches!(hasty.receive().await, Message::Published(_)));
    assert_eq!(begin.elapsed().as_millis(), 1_600);
}

#[tokio::test(start_paused = true)]
async fn a_router_shuts_down_while_a_session_waits() {
    let router = limited();
    let mut client = Client::join(&router).await;
    for request in 1..=100 {
        client.send(publish(request, "com.nobody")).await;
    }
    let begin = Instant::now();
    let script = async {
        let Message::Goodbye(farewell) = client.receive().await else {
            panic!("no GOODBYE came");
        };
        assert_eq!(farewell.reason, error_uri::SYSTEM_SHUTDOWN);
        client.send(goodbye()).await;
        client.closed().await;
    };
    tokio::join!(router.shutdown(Duration::from_secs(2)), script);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}
