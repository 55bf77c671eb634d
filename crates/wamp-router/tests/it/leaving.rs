//! How a session ends.

use std::time::Duration;

use wamp_messages::{Message, error_uri};
use wamp_router::Router;

use crate::client::{
    Client, REALM, answer, call, goodbye, hello, id, open, publish, register, subscribe,
};

/// Waits until a realm has a number of sessions: connections end by themselves, in other tasks.
async fn settled(router: &Router, sessions: usize) {
    while router.session_count(REALM) != Some(sessions) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_goodbye_is_answered_and_the_transport_carries_another_session() {
    let router = open().build();
    let mut publisher = Client::join(&router).await;
    let mut client = Client::join(&router).await;
    client.subscribe(1, "com.a").await;
    let Message::Goodbye(reply) = client.ask(goodbye()).await else {
        panic!("a GOODBYE is answered");
    };
    assert_eq!(reply.reason, error_uri::GOODBYE_AND_OUT);
    assert_eq!(router.session_count(REALM), Some(1));

    client.send(hello(Some(REALM))).await;
    client.welcome().await;
    publisher.publish(1, "com.a").await;
    // Nothing is left of the session before: its requests begin at 1, and no EVENT has come.
    client.hears_nothing(1).await;
}

#[tokio::test]
async fn a_session_joined_on_the_heels_of_a_goodbye_is_another_one() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    client.send(register(1, "com.a")).await;
    client.send(goodbye()).await;
    client.send(hello(Some(REALM))).await;
    client.send(call(1, "com.a")).await;
    assert!(matches!(client.receive().await, Message::Registered(_)));
    assert!(matches!(client.receive().await, Message::Goodbye(_)));
    client.welcome().await;
    assert_eq!(client.failed().await.0, error_uri::NO_SUCH_PROCEDURE);
}

#[tokio::test]
async fn requests_before_a_goodbye_are_answered_before_it() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    client.send(subscribe(1, "com.a")).await;
    client.send(goodbye()).await;
    assert!(matches!(client.receive().await, Message::Subscribed(_)));
    assert!(matches!(client.receive().await, Message::Goodbye(_)));
}

#[tokio::test(start_paused = true)]
async fn a_transport_without_a_session_is_closed_after_a_while() {
    let router = open().handshake_timeout(Duration::from_secs(3)).build();
    let mut client = Client::join(&router).await;
    client.ask(goodbye()).await;
    client.closed().await;
}

#[tokio::test]
async fn an_abort_of_the_client_ends_session_and_transport() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    let abort = wamp_core::lifecycle::abort(error_uri::PROTOCOL_VIOLATION, "no");
    client.send(abort).await;
    client.closed().await;
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test]
async fn a_callee_that_is_lost_leaves_no_caller_waiting() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    caller.send(call(2, "com.a")).await;
    callee.invoked().await;
    drop(callee);
    for _ in 0..2 {
        let (uri, text) = caller.failed().await;
        assert_eq!(uri, error_uri::CANCELED);
        assert!(text.contains("left"), "{text}");
    }
    caller.send(call(3, "com.a")).await;
    assert_eq!(caller.failed().await.0, error_uri::NO_SUCH_PROCEDURE);
}

#[tokio::test]
async fn a_callee_that_says_goodbye_leaves_no_caller_waiting() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    callee.invoked().await;
    callee.send(goodbye()).await;
    assert_eq!(caller.failed().await.0, error_uri::CANCELED);
}

#[tokio::test]
async fn a_caller_that_is_lost_harms_no_callee() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    let invocation = callee.invoked().await;
    drop(caller);
    settled(&router, 1).await;
    callee.send(answer(invocation)).await;
    callee.hears_nothing(2).await;
    let mut next = Client::join(&router).await;
    next.send(call(1, "com.a")).await;
    assert_eq!(callee.invoked().await, id(2));
}

#[tokio::test]
async fn a_connection_whose_task_is_dropped_leaves_its_realm() {
    let router = open().build();
    let (ours, theirs) = wamp_core::MemoryTransport::pair(&wamp_messages::Format::Cbor);
    let task = tokio::spawn(router.accept(ours));
    let mut callee = Client::over(theirs);
    callee.send(hello(None)).await;
    callee.welcome().await;
    callee.register(1, "com.a").await;
    let mut caller = Client::join(&router).await;
    caller.send(call(1, "com.a")).await;
    callee.invoked().await;
    task.abort();
    assert_eq!(caller.failed().await.0, error_uri::CANCELED);
    assert!(callee.ended().await);
    assert_eq!(router.session_count(REALM), Some(1));
}

#[tokio::test]
async fn a_connection_ends_when_its_client_closes_the_transport() {
    let router = open().build();
    let (ours, theirs) = wamp_core::MemoryTransport::pair(&wamp_messages::Format::Cbor);
    let task = tokio::spawn(router.accept(ours));
    let mut client = Client::over(theirs);
    client.send(hello(None)).await;
    client.welcome().await;
    client.close().await;
    task.await.unwrap();
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test]
async fn a_thousand_sessions_come_and_go() {
    let router = open().build();
    let mut clients = Vec::new();
    for at in 0..1_000_u64 {
        let mut client = Client::join(&router).await;
        client.subscribe(1, &format!("com.topic.{}", at % 10)).await;
        client.register(2, &format!("com.procedure.{at}")).await;
        client
            .send(call(3, &format!("com.procedure.{}", at / 2)))
            .await;
        clients.push(client);
    }
    assert_eq!(router.session_count(REALM), Some(1_000));
    for (at, mut client) in clients.into_iter().enumerate() {
        // Some say so, and some are lost.
        if at % 3 == 0 {
            client.send(goodbye()).await;
        }
    }
    settled(&router, 0).await;
    let mut client = Client::join(&router).await;
    client.send(publish(1, "com.topic.1")).await;
    client.send(call(2, "com.procedure.1")).await;
    assert_eq!(client.failed().await.0, error_uri::NO_SUCH_PROCEDURE);
}
