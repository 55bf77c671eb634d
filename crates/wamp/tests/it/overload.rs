//! Sessions that send each other more than waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wamp::core::OutboxLimits;
use wamp::{Realm, RealmCounts, Router, Session, SlowConsumers};

use crate::world::bounded;

/// How many events each event leads to.
const FANOUT: u64 = 4;

/// A router that keeps so little that a few events are too much.
fn router(policy: SlowConsumers, mark: usize) -> Router {
    let limits = OutboxLimits::default().mark(mark);
    Router::builder()
        .realm(Realm::new("realm1").slow_consumers(policy))
        .outbox_limits(limits)
        .build()
}

async fn join(router: &Router) -> Session {
    let session = router.session("realm1").await;
    session.expect("the realm is open")
}

/// Answers each event of a topic by events of another one, as long as the number in it lasts.
async fn answer(session: &Session, topic: &str, other: &str, heard: &Arc<AtomicU64>) {
    let (other, heard) = (other.to_owned(), Arc::clone(heard));
    let handler = move |left: u64, text: String, session: Session| {
        let other = other.clone();
        heard.fetch_add(1, Ordering::Relaxed);
        async move {
            for _ in 0..FANOUT {
                if left > 0 {
                    let publish = session.publish(&other).args((left - 1, &text));
                    publish.await.expect("the session is open");
                }
            }
            Ok(())
        }
    };
    let subscribe = session.subscribe(topic).buffer(1 << 16).handler(handler);
    subscribe.await.expect("it is granted");
}

/// Two sessions that publish to each other from their handlers, more and more. If they waited for
/// each other, that would be for an hour.
async fn play_at_echo(mark: usize) -> RealmCounts {
    const GENERATIONS: u32 = 5;
    let at_most = Duration::from_secs(3600);
    let router = router(SlowConsumers::Block { at_most }, mark);
    let (one, other) = (join(&router).await, join(&router).await);
    let heard = Arc::new(AtomicU64::new(0));
    answer(&one, "com.example.ping", "com.example.pong", &heard).await;
    answer(&other, "com.example.pong", "com.example.ping", &heard).await;
    let text = "x".repeat(1_000);
    for (session, topic) in [(&one, "com.example.pong"), (&other, "com.example.ping")] {
        let publish = session.publish(topic).args((GENERATIONS, &text));
        publish.await.expect("the session is open");
    }
    let all: u64 = (0..=GENERATIONS).map(|past| 2 * FANOUT.pow(past)).sum();
    bounded(async {
        while heard.load(Ordering::Relaxed) < all {
            assert!(one.is_open() && other.is_open());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    router.counts("realm1").expect("there is the realm")
}

#[tokio::test(start_paused = true)]
async fn two_sessions_that_publish_to_each_other_from_their_handlers_are_not_deadlocked() {
    for mark in [0, 2_000, 20_000] {
        let counts = play_at_echo(mark).await;
        assert!(counts.held_publishers > 0, "{counts:?}");
        assert_eq!(counts.slow_sessions, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nor_are_they_where_they_run_side_by_side() {
    for mark in [0, 1, 2_000] {
        assert_eq!(play_at_echo(mark).await.slow_sessions, 0);
    }
}
