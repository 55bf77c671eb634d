//! The end of a router.

use std::time::Duration;

use tokio::time::Instant;
use wamp_messages::{Message, error_uri};

use crate::client::{Client, REALM, call, goodbye, hello, open};

const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_answers_of_the_clients_and_no_longer() {
    let router = open().build();
    let (mut one, mut other) = (Client::join(&router).await, Client::join(&router).await);
    let began = Instant::now();
    let leave = async |client: &mut Client| {
        let Message::Goodbye(farewell) = client.receive().await else {
            panic!("no GOODBYE came");
        };
        assert_eq!(farewell.reason, error_uri::SYSTEM_SHUTDOWN);
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.send(goodbye()).await;
        client.closed().await;
    };
    tokio::join!(
        router.shutdown(DEADLINE),
        leave(&mut one),
        leave(&mut other)
    );
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_disconnected_at_the_deadline() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    let began = Instant::now();
    router.shutdown(DEADLINE).await;
    assert_eq!(began.elapsed().as_secs(), DEADLINE.as_secs());
    assert_eq!(router.session_count(REALM), Some(0));
    assert!(!client.ended().await);
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_nobody_is_let_in() {
    let router = open().build();
    router.shutdown(DEADLINE).await;
    let mut client = Client::connect(&router);
    assert_eq!(client.aborted().await.reason, error_uri::SYSTEM_SHUTDOWN);
}

#[tokio::test(start_paused = true)]
async fn clients_that_have_not_joined_are_sent_away() {
    let router = open().build();
    let mut silent = Client::connect(&router);
    let mut left = Client::join(&router).await;
    left.ask(goodbye()).await;
    let began = Instant::now();
    let (_, refused, farewell) =
        tokio::join!(router.shutdown(DEADLINE), silent.aborted(), left.aborted());
    assert_eq!(refused.reason, error_uri::SYSTEM_SHUTDOWN);
    assert_eq!(farewell.reason, error_uri::SYSTEM_SHUTDOWN);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn goodbyes_that_cross_end_the_session_once() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    // Both have said it before either has heard it.
    client.send(goodbye()).await;
    router.shutdown(DEADLINE).await;
    let farewell = client.receive().await;
    assert!(matches!(farewell, Message::Goodbye(_)), "{farewell:?}");
    client.ended().await;
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_says_after_the_routers_goodbye_is_not_heard() {
    let router = open().build();
    let mut callee = Client::join(&router).await;
    callee.register(1, "com.a").await;
    let script = async {
        assert!(matches!(callee.receive().await, Message::Goodbye(_)));
        callee.send(call(2, "com.a")).await;
        callee.send(hello(Some(REALM))).await;
        callee.send(goodbye()).await;
        callee.closed().await;
    };
    tokio::join!(router.shutdown(DEADLINE), script);
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_are_canceled_or_their_callers_gone() {
    let router = open().build();
    let mut callee = Client::join(&router).await;
    callee.register(1, "com.a").await;
    let mut caller = Client::join(&router).await;
    caller.send(call(1, "com.a")).await;
    callee.invoked().await;
    let hear = async |client: &mut Client| {
        while !matches!(client.receive().await, Message::Goodbye(_)) {}
        client.send(goodbye()).await;
        client.closed().await;
    };
    tokio::join!(
        router.shutdown(DEADLINE),
        hear(&mut callee),
        hear(&mut caller)
    );
    assert_eq!(router.session_count(REALM), Some(0));
}
