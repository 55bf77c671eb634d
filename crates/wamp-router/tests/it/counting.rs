//! What is counted agrees with what clients did, each message once.

use std::time::Duration;

use tokio::time::advance;
use wamp_core::{OutboxLimits, Rate, Tally};
use wamp_messages::message::{Authenticate, Error};
use wamp_messages::{Message, RequestType, Secret, Uri, error_uri};
use wamp_router::metrics::RealmMetrics;
use wamp_router::{Permissions, Realm, Router, SessionLimits, SlowConsumers};

use crate::client::{
    Client, REALM, answer, call, goodbye, hello, hello_with, open, publish, register, subscribe,
};

fn realm(router: &Router) -> RealmMetrics {
    let metrics = router.metrics();
    let mut realms = metrics.realms.into_iter();
    realms.find(|realm| realm.realm == REALM).unwrap()
}

/// Those that were counted at least once.
fn counted(tally: &Tally) -> Vec<(&'static str, u64)> {
    tally.iter().filter(|(_, count)| *count > 0).collect()
}

/// Waits until it is so; what is waited for happens in other tasks.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_message_of_a_session_is_counted_once_by_its_kind() {
    let router = open().build();
    let (mut one, mut other) = (Client::join(&router).await, Client::join(&router).await);
    let subscription = one.subscribe(1, "com.a").await;
    one.register(2, "com.p").await;
    other.publish(1, "com.a").await;
    one.receive().await;
    other.send(publish(2, "com.a")).await;
    one.receive().await;
    other.send(call(3, "com.p")).await;
    let invocation = one.invoked().await;
    one.send(answer(invocation)).await;
    other.receive().await;
    other.send(call(4, "com.p")).await;
    let error = Error {
        request_type: RequestType::INVOCATION,
        request: one.invoked().await,
        details: Default::default(),
        error: Uri::from_static("com.example.error"),
        payload: Default::default(),
    };
    one.send(error).await;
    other.receive().await;
    let unsubscribe = wamp_messages::message::Unsubscribe {
        request: crate::client::id(3),
        subscription,
        options: None,
    };
    one.ask(unsubscribe).await;
    one.ask(goodbye()).await;
    other.ask(goodbye()).await;
    until(|| realm(&router).ended_sessions.total() == 2).await;

    let realm = realm(&router);
    let received = [
        ("CALL", 2),
        ("ERROR", 1),
        ("GOODBYE", 2),
        ("PUBLISH", 2),
        ("REGISTER", 1),
        ("SUBSCRIBE", 1),
        ("UNSUBSCRIBE", 1),
        ("YIELD", 1),
    ];
    assert_eq!(counted(&realm.received), received);
    let sent = [
        ("ERROR", 1),
        ("EVENT", 2),
        ("GOODBYE", 2),
        ("INVOCATION", 2),
        ("PUBLISHED", 1),
        ("REGISTERED", 1),
        ("RESULT", 1),
        ("SUBSCRIBED", 1),
        ("UNSUBSCRIBED", 1),
        ("WELCOME", 2),
    ];
    assert_eq!(counted(&realm.sent), sent);
    assert_eq!(counted(&realm.undeliverable), []);
    assert_eq!(
        counted(&realm.answered_calls),
        [("error", 1), ("result", 1)]
    );
    assert_eq!(realm.call_latency.count(), 2);
    let metrics = router.metrics();
    assert_eq!(counted(&metrics.received), [("HELLO", 2)]);
    assert_eq!(counted(&metrics.sent), []);
    let memory = metrics.transports[0];
    assert_eq!((memory.transport, memory.opened), ("memory", 2));
    assert_eq!(memory.octets, Default::default());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_counted_by_its_reason() {
    let tickets = wamp_auth::StaticTickets::new().with_principal("clock", "user", "secret!!!");
    let limits = SessionLimits::default().subscriptions(1);
    let router = open()
        .realm(
            Realm::new(REALM)
                .role("user", Permissions::allow("com.a").subscribe().publish())
                .limits(limits)
                .authenticator(tickets)
                .anonymous("user"),
        )
        .build();
    let refused = |hello| async {
        let mut client = Client::connect(&router);
        client.send(hello).await;
        client
    };
    let methods = |methods: &[&str]| {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        hello_with(Some(REALM), |details| {
            details.authmethods = Some(methods);
            details.authid = Some("clock".to_owned());
        })
    };
    refused(hello(Some("com.nowhere"))).await.aborted().await;
    refused(methods(&["magic"])).await.aborted().await;
    let mut client = refused(methods(&["ticket"])).await;
    client.receive().await;
    let wrong = Authenticate {
        signature: Secret::new("guess"),
        extra: Default::default(),
    };
    client.send(wrong).await;
    client.aborted().await;
    let mut silent = Client::connect(&router);
    silent.aborted().await;

    let mut client = Client::join(&router).await;
    client.ask(subscribe(1, "com.a")).await;
    client.ask(subscribe(2, "com.b")).await;
    client.ask(register(3, "com.a")).await;
    client.ask(subscribe(4, "not a uri")).await;
    // Nobody is told of this one.
    client.send(publish(5, "com.b")).await;
    client.publish(6, "com.a").await;

    let metrics = router.metrics();
    let reasons = counted(&metrics.refused_clients);
    assert_eq!(
        reasons,
        [
            (error_uri::NO_MATCHING_AUTH_METHOD, 1),
            (error_uri::NO_SUCH_REALM, 1),
            (error_uri::NOT_AUTHORIZED, 1),
            (error_uri::TIMEOUT, 1),
        ]
    );
    assert_eq!(
        counted(&metrics.received),
        [("AUTHENTICATE", 1), ("HELLO", 4)]
    );
    assert_eq!(counted(&metrics.sent), [("ABORT", 4), ("CHALLENGE", 1)]);
    assert_eq!(
        counted(&realm(&router).refused_requests),
        [(error_uri::INVALID_URI, 1), (error_uri::NOT_AUTHORIZED, 3)]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_goes_with_its_realm() {
    let router = open().build();
    let mut dismissed = Client::join(&router).await;
    router.remove_realm(REALM);
    assert!(matches!(dismissed.receive().await, Message::Goodbye(_)));
    assert!(router.metrics().realms.is_empty());
    router.set_realm(Realm::new(REALM));
    assert_eq!(realm(&router).opened_sessions, 0);
    let mut told = Client::join(&router).await;
    let stopping = router.clone();
    tokio::spawn(async move { stopping.shutdown(Duration::from_secs(1)).await });
    assert!(matches!(told.receive().await, Message::Goodbye(_)));
    assert_eq!(counted(&realm(&router).ended_sessions), [("shutdown", 1)]);
    assert_eq!(
        counted(&realm(&router).sent),
        [("GOODBYE", 1), ("WELCOME", 1)]
    );
}

#[tokio::test(start_paused = true)]
async fn endings_by_the_client_are_told_apart() {
    let router = open().build();
    let mut left = Client::join(&router).await;
    left.ask(goodbye()).await;
    let mut aborted = Client::join(&router).await;
    let abort = wamp_core::lifecycle::abort(error_uri::CANCELED, "enough");
    aborted.send(abort).await;
    aborted.closed().await;
    let mut violating = Client::join(&router).await;
    violating.send(hello(Some(REALM))).await;
    violating.aborted().await;
    drop(Client::join(&router).await);
    until(|| realm(&router).ended_sessions.total() == 4).await;
    let realm = realm(&router);
    assert_eq!(
        counted(&realm.ended_sessions),
        [
            ("aborted", 1),
            ("goodbye", 1),
            ("lost", 1),
            ("violation", 1)
        ]
    );
    assert_eq!(realm.opened_sessions, 4);
    // The second HELLO came in an open session, as did the ABORT.
    assert_eq!(
        counted(&realm.received),
        [("ABORT", 1), ("GOODBYE", 1), ("HELLO", 1)]
    );
    assert_eq!(
        counted(&realm.sent),
        [("ABORT", 1), ("GOODBYE", 1), ("WELCOME", 4)]
    );
    assert_eq!(counted(&router.metrics().refused_clients), []);
}

#[tokio::test(start_paused = true)]
async fn calls_are_in_flight_until_they_are_answered_or_given_up() {
    let router = open().build();
    let in_flight = || realm(&router).calls_in_flight;
    let (mut caller, mut callee) = (Client::join(&router).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    for request in 1..=4 {
        caller.send(call(request, "com.a")).await;
        callee.invoked().await;
    }
    assert_eq!(in_flight(), 4);
    advance(Duration::from_millis(30)).await;
    callee.send(answer(crate::client::id(1))).await;
    caller.receive().await;
    assert_eq!(in_flight(), 3);
    let latency = realm(&router).call_latency;
    assert!(latency.sum() >= Duration::from_millis(30), "{latency:?}");
    let slow = latency.buckets().find(|(_, count)| *count > 0);
    assert_eq!(slow, Some((Some(Duration::from_millis(50)), 1)));

    // The callee calls itself, and leaves with three calls of another one.
    callee.send(call(2, "com.a")).await;
    callee.invoked().await;
    assert_eq!(in_flight(), 4);
    callee.ask(goodbye()).await;
    for _ in 0..3 {
        assert_eq!(caller.failed().await.0, error_uri::CANCELED);
    }
    assert_eq!(in_flight(), 0);

    let mut callee = Client::join(&router).await;
    callee.register(1, "com.a").await;
    caller.send(call(5, "com.a")).await;
    callee.invoked().await;
    caller.ask(goodbye()).await;
    assert_eq!(in_flight(), 0);
    assert_eq!(
        counted(&realm(&router).answered_calls),
        [("abandoned", 1), ("canceled", 4), ("result", 1)]
    );
    assert_eq!(realm(&router).call_latency.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_outboxes_is_seen_and_what_is_dropped_is_not_counted_as_sent() {
    const EVENTS: u64 = 1_000;
    let router = Router::builder()
        .realm(Realm::new(REALM).slow_consumers(SlowConsumers::Drop))
        .outbox_limits(OutboxLimits::default().mark(20_000))
        .build();
    let (mut slow, mut publisher) = (Client::join(&router).await, Client::join(&router).await);
    slow.subscribe(1, "com.a").await;
    for request in 1..EVENTS {
        publisher.send(publish(request, "com.a")).await;
    }
    // The subscriber reads nothing, and its transport takes some.
    publisher.publish(EVENTS, "com.a").await;
    let waiting = realm(&router);
    assert!(waiting.outboxes.messages > 10, "{:?}", waiting.outboxes);
    assert!(waiting.outboxes.octets <= 20_000, "{:?}", waiting.outboxes);
    assert_eq!(waiting.outboxes.octets, waiting.outboxes.largest);
    let dropped = waiting.counts.dropped_events;
    assert!(dropped > 0);
    assert_eq!(waiting.sent.of("EVENT"), EVENTS - dropped);

    for _ in 0..waiting.sent.of("EVENT") {
        assert!(matches!(slow.receive().await, Message::Event(_)));
    }
    slow.hears_nothing(2).await;
    assert_eq!(realm(&router).outboxes, Default::default());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_its_rate_is_counted_once_for_each_wait() {
    let limits = SessionLimits::default().rate(Rate::per_second(10).burst(2));
    let router = Router::builder()
        .realm(Realm::new(REALM).limits(limits))
        .build();
    let mut client = Client::join(&router).await;
    client.publish(1, "com.a").await;
    assert_eq!(router.counts(REALM).unwrap().held_readers, 0);
    for request in 2..=5 {
        client.send(publish(request, "com.a")).await;
    }
    client.publish(6, "com.a").await;
    let held = router.counts(REALM).unwrap().held_readers;
    assert!((3..=5).contains(&held), "{held}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_gauge_is_back_at_zero_when_all_are_gone() {
    let router = open().build();
    let mut clients = Vec::new();
    for which in 0..40_u64 {
        let router = router.clone();
        clients.push(tokio::spawn(async move {
            let mut client = Client::join(&router).await;
            client.send(register(1, &format!("com.p.{which}"))).await;
            client.send(subscribe(2, "com.a")).await;
            for request in 3..30 {
                client.send(publish(request, "com.a")).await;
            }
            for request in 30..60 {
                let other = (which + request) % 40;
                client.send(call(request, &format!("com.p.{other}"))).await;
            }
            // Some leave, some are just gone, and nobody answers a call.
            if which % 2 == 0 {
                client.send(goodbye()).await;
                while !matches!(client.receive().await, Message::Goodbye(_)) {}
            }
        }));
    }
    // It is looked at all the while.
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        let realm = realm(&router);
        assert!(realm.counts.sessions <= 40);
        tokio::task::yield_now().await;
    }
    for client in clients {
        client.await.unwrap();
    }
    until(|| {
        let metrics = router.metrics();
        metrics
            .transports
            .iter()
            .all(|transport| transport.connections == 0)
    })
    .await;
    let realm = realm(&router);
    assert_eq!(realm.counts.sessions, 0);
    assert_eq!(realm.counts.subscriptions, 0);
    assert_eq!(realm.counts.registrations, 0);
    assert_eq!(realm.calls_in_flight, 0);
    assert_eq!(realm.outboxes, Default::default());
    assert_eq!(realm.opened_sessions, 40);
    assert_eq!(realm.ended_sessions.total(), 40);
    // Of each call it is known what became of it.
    let refused = realm.refused_requests.of(error_uri::NO_SUCH_PROCEDURE);
    let calls = realm.received.of("CALL");
    assert_eq!(calls, realm.answered_calls.total() + refused);
}
