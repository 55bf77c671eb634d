//! Clients that do what they must not.

use wamp_messages::message::{Cancel, Published};
use wamp_messages::{Message, PublicationId, error_uri};

use crate::client::{Client, REALM, answer, call, hello, id, open, publish, subscribe};

/// Says what is a violation, and returns what the router says of it.
async fn violate(client: &mut Client, message: impl Into<Message>) -> String {
    client.send(message).await;
    let abort = client.aborted().await;
    assert_eq!(abort.reason, error_uri::PROTOCOL_VIOLATION);
    abort.details.message.unwrap()
}

#[tokio::test]
async fn a_second_hello_ends_the_session() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    let text = violate(&mut client, hello(Some(REALM))).await;
    assert!(text.contains("HELLO"), "{text}");
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test]
async fn messages_of_a_router_end_the_session() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    let published = Published {
        request: id(1),
        publication: PublicationId::ZERO.next(),
    };
    assert!(violate(&mut client, published).await.contains("PUBLISHED"));
}

#[tokio::test]
async fn a_request_id_that_was_used_ends_the_session() {
    let router = open().build();
    let mut callee = Client::join(&router).await;
    callee.register(1, "com.a").await;
    let mut client = Client::join(&router).await;
    client.send(call(1, "com.a")).await;
    let invocation = callee.invoked().await;
    let text = violate(&mut client, call(1, "com.a")).await;
    assert!(text.contains("request id 1"), "{text}");
    // The call is forgotten with its caller.
    callee.send(answer(invocation)).await;
    callee.hears_nothing(2).await;
}

#[tokio::test]
async fn who_answers_an_invocation_of_another_ends_only_its_own_session() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    let mut thief = Client::join(&router).await;
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    let invocation = callee.invoked().await;
    violate(&mut thief, answer(invocation)).await;
    callee.send(answer(invocation)).await;
    assert!(matches!(caller.receive().await, Message::Result(_)));
}

#[tokio::test]
async fn the_callers_of_a_callee_that_breaks_the_protocol_are_answered() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    callee.invoked().await;
    violate(&mut callee, answer(id(1_000))).await;
    assert_eq!(caller.failed().await.0, error_uri::CANCELED);
}

#[tokio::test]
async fn what_follows_a_violation_is_not_heard() {
    let router = open().build();
    let mut listener = Client::join(&router).await;
    listener.subscribe(1, "com.a").await;
    let mut client = Client::join(&router).await;
    client.send(hello(Some(REALM))).await;
    client.send(publish(1, "com.a")).await;
    client.aborted().await;
    listener.hears_nothing(2).await;
}

#[tokio::test]
async fn a_cancel_is_ignored_whatever_it_means() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    let cancel = Cancel {
        request: id(9),
        options: Default::default(),
    };
    client.send(cancel).await;
    client.hears_nothing(1).await;
}

#[tokio::test]
async fn long_texts_of_a_client_are_not_repeated_at_length() {
    let router = open().build();
    let mut client = Client::connect(&router);
    client.send(hello(Some(&"x".repeat(100_000)))).await;
    let text = client.aborted().await.details.message.unwrap();
    assert!(text.len() < 1_000, "{}", text.len());
}

#[tokio::test]
async fn a_flood_of_refused_requests_is_answered_request_by_request() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    for request in 1..=500 {
        client.send(subscribe(request, "com..a")).await;
        if request % 50 == 0 {
            for _ in 0..50 {
                assert_eq!(client.failed().await.0, error_uri::INVALID_URI);
            }
        }
    }
}
