//! Messages from one connection to another.

use wamp_messages::Message;
use wamp_messages::message::{Event, Invocation, Result};

use crate::client::{Client, REALM, answer, call, id, open, payload, publish};

#[tokio::test]
async fn a_call_is_answered_through_the_router() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    let registration = callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    let invocation = Invocation {
        request: id(1),
        registration,
        details: Default::default(),
        payload: payload(1),
    };
    assert_eq!(callee.receive().await, invocation.into());
    callee.send(answer(id(1))).await;
    let result = Result {
        request: id(1),
        details: Default::default(),
        payload: payload(7),
    };
    assert_eq!(caller.receive().await, result.into());
}

#[tokio::test]
async fn an_event_goes_through_the_router() {
    let router = open().build();
    let mut subscriber = Client::join(&router).await;
    let mut publisher = Client::join(&router).await;
    let subscription = subscriber.subscribe(1, "com.a").await;
    let publication = publisher.publish(1, "com.a").await;
    let event = Event {
        subscription,
        publication,
        details: Default::default(),
        payload: payload(1),
    };
    assert_eq!(subscriber.receive().await, event.into());
}

#[tokio::test]
async fn realms_are_worlds_of_their_own() {
    let router = open().realm(wamp_router::Realm::new("com.other")).build();
    let mut callee = Client::join(&router).await;
    callee.register(1, "com.a").await;
    callee.subscribe(2, "com.a").await;
    let mut stranger = Client::connect(&router);
    stranger.send(crate::client::hello(Some("com.other"))).await;
    stranger.welcome().await;
    stranger.send(call(1, "com.a")).await;
    assert_eq!(stranger.failed().await.0, "wamp.error.no_such_procedure");
    stranger.publish(2, "com.a").await;
    callee.hears_nothing(3).await;
    assert_eq!(router.session_count("com.other"), Some(1));
    assert_eq!(router.session_count("com.nowhere"), None);
}

#[tokio::test]
async fn what_there_is_on_a_realm_is_counted() {
    let router = open().build();
    let counts = || {
        let counts = router.counts(REALM).unwrap();
        (counts.sessions, counts.subscriptions, counts.registrations)
    };
    assert_eq!(counts(), (0, 0, 0));
    let (mut one, mut other) = (Client::join(&router).await, Client::join(&router).await);
    one.subscribe(1, "com.a").await;
    other.subscribe(1, "com.a").await;
    other.subscribe(2, "com.b").await;
    one.register(2, "com.a").await;
    assert_eq!(counts(), (2, 2, 1));
    other.ask(crate::client::goodbye()).await;
    assert_eq!(counts(), (1, 1, 1));
    one.ask(crate::client::goodbye()).await;
    assert_eq!(counts(), (0, 0, 0));
    assert_eq!(router.counts("com.nowhere"), None);
}

#[tokio::test]
async fn more_messages_than_a_turn_takes_come_in_their_order() {
    const COUNT: u64 = 1_000;
    let router = open().build();
    let mut subscriber = Client::join(&router).await;
    let mut publisher = Client::join(&router).await;
    subscriber.subscribe(1, "com.a").await;
    let publishing = async {
        for request in 1..=COUNT {
            publisher.send(publish(request, "com.a")).await;
        }
    };
    let receiving = async {
        for request in 1..=COUNT {
            let Message::Event(event) = subscriber.receive().await else {
                panic!("no EVENT came");
            };
            assert_eq!(event.payload, payload(request));
        }
    };
    tokio::join!(publishing, receiving);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_pairs_call_each_other_at_once() {
    const CALLS: u64 = 200;
    let router = open().build();
    let mut pairs = Vec::new();
    for pair in 0..20 {
        let router = router.clone();
        pairs.push(tokio::spawn(async move {
            let procedure = format!("com.procedure.{pair}");
            let mut callee = Client::join(&router).await;
            callee.register(1, &procedure).await;
            let mut caller = Client::join(&router).await;
            let answering = async {
                for invocation in 1..=CALLS {
                    assert_eq!(callee.invoked().await, id(invocation));
                    callee.send(answer(id(invocation))).await;
                }
            };
            let calling = async {
                for request in 1..=CALLS {
                    let result = caller.ask(call(request, &procedure)).await;
                    assert!(matches!(result, Message::Result(result)
                        if result.request == id(request)));
                }
            };
            tokio::join!(answering, calling);
        }));
    }
    for pair in pairs {
        pair.await.unwrap();
    }
    assert_eq!(router.undelivered_events(REALM), Some(0));
}
