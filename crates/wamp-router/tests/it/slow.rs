//! Clients that take too little of what they are sent.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use wamp_core::{MemoryTransport, OutboxLimits};
use wamp_messages::{Format, Message, Payload, error_uri};
use wamp_router::{RealmCounts, Router, limit_uri};

use crate::client::{Client, REALM, call, goodbye, hello, open, publish};

/// Much less than the in-memory transport and the outbox take together.
const MAX_EVENTS: u64 = 10_000;

fn router() -> Router {
    let mut limits = OutboxLimits::default();
    limits.mark = 1 << 20;
    limits.reserve = 1 << 10;
    open().outbox_limits(limits).build()
}

/// A client that subscribes to `com.a` and reads nothing more, and the task that serves it.
async fn join_slow(router: &Router) -> (Client, JoinHandle<()>) {
    let (ours, theirs) = MemoryTransport::pair(&Format::Cbor);
    let serving = tokio::spawn(router.accept(ours));
    let mut slow = Client::over(theirs);
    slow.send(hello(Some(REALM))).await;
    slow.welcome().await;
    slow.subscribe(1, "com.a").await;
    (slow, serving)
}

/// Publishes to `com.a` until somebody has left the realm; the publisher itself is never held up.
async fn flood(router: &Router, publisher: &mut Client) {
    let sessions = router.session_count(REALM);
    let mut request = 0;
    while router.session_count(REALM) == sessions {
        request += 1;
        assert!(request < MAX_EVENTS, "nobody is disconnected");
        let mut message = publish(request, "com.a");
        message.payload = Payload::opaque(vec![0; 64 << 10].into());
        message.options.enc_algo = Some("x_none".to_owned());
        message.options.acknowledge = Some(true);
        let answer = publisher.ask(message).await;
        assert!(matches!(answer, Message::Published(_)));
    }
}

/// Reads on behind the events that have been on the way.
async fn after_events(slow: &mut Client) -> Message {
    loop {
        match slow.receive().await {
            Message::Event(_) => {}
            other => return other,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_too_slow_is_told_so_and_harms_nobody() {
    let router = router();
    let (mut slow, serving) = join_slow(&router).await;
    let mut callee = Client::join(&router).await;
    callee.register(1, "com.b").await;
    slow.send(call(2, "com.b")).await;
    callee.invoked().await;
    let mut publisher = Client::join(&router).await;
    flood(&router, &mut publisher).await;

    let Message::Abort(abort) = after_events(&mut slow).await else {
        panic!("no ABORT came");
    };
    assert_eq!(abort.reason, limit_uri::TOO_SLOW);
    let text = abort.details.message.unwrap();
    assert!(text.contains("1048576 octets"), "{text}");
    assert!(text.contains("Read faster"), "{text}");
    slow.closed().await;
    serving.await.unwrap();
    callee.hears_nothing(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_leaves_its_realm_at_once_and_is_gone_in_time() {
    let router = router();
    let (mut slow, serving) = join_slow(&router).await;
    let mut publisher = Client::join(&router).await;
    flood(&router, &mut publisher).await;
    publisher.send(goodbye()).await;
    assert!(matches!(publisher.receive().await, Message::Goodbye(_)));
    // The transport is still there, but nothing of the session is.
    let begin = Instant::now();
    assert!(!serving.is_finished());
    let mut counts = RealmCounts::default();
    counts.slow_sessions = 1;
    assert_eq!(router.counts(REALM), Some(counts));
    let ended = &router.metrics().realms[0].ended_sessions;
    assert_eq!((ended.of("too_slow"), ended.of("goodbye")), (1, 1));
    serving.await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 5);
    assert!(!slow.ended().await, "it was not closed in order");
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_client_says_after_its_session_is_not_heard() {
    let router = router();
    let (mut slow, serving) = join_slow(&router).await;
    let mut publisher = Client::join(&router).await;
    flood(&router, &mut publisher).await;
    slow.send(publish(2, "com.a")).await;
    slow.send(hello(Some(REALM))).await;
    assert!(matches!(after_events(&mut slow).await, Message::Abort(_)));
    slow.closed().await;
    serving.await.unwrap();
    assert_eq!(router.session_count(REALM), Some(1));
}

#[tokio::test(start_paused = true)]
async fn the_router_shuts_down_while_it_waits_for_a_slow_client() {
    let router = router();
    let (_slow, serving) = join_slow(&router).await;
    let mut publisher = Client::join(&router).await;
    flood(&router, &mut publisher).await;
    let stopping = router.clone();
    let stopping = tokio::spawn(async move { stopping.shutdown(Duration::from_secs(2)).await });
    let Message::Goodbye(said) = publisher.receive().await else {
        panic!("no GOODBYE came");
    };
    assert_eq!(said.reason, error_uri::SYSTEM_SHUTDOWN);
    publisher.send(goodbye()).await;
    let begin = Instant::now();
    stopping.await.unwrap();
    serving.await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 2);
}
