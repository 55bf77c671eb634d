//! Realms that change, come and go while they are used.

use std::time::Duration;

use tokio::time::Instant;
use wamp_auth::StaticTickets;
use wamp_messages::message::Authenticate;
use wamp_messages::{Dict, Message, Secret, error_uri};
use wamp_router::{Permissions, Realm, Router, SessionLimits};

use crate::client::{Client, REALM, answer, call, goodbye, hello, hello_with, open, subscribe};

/// A realm on which everybody is `anonymous`, and may do this.
fn permitting(permissions: Permissions) -> Realm {
    Realm::new(REALM).role("anonymous", permissions)
}

/// A realm for the clock alone.
fn ticketed() -> Realm {
    let tickets = StaticTickets::new().with_principal("clock", "user", "secret!!!");
    Realm::new(REALM)
        .role("user", Permissions::all())
        .authenticator(tickets)
}

#[tokio::test(start_paused = true)]
async fn new_permissions_hold_at_once_and_what_was_there_stays() {
    let router = open().build();
    let (mut callee, mut caller) = (Client::join(&router).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    callee.subscribe(2, "com.b").await;

    router.set_realm(permitting(Permissions::allow("com.a").call()));
    caller.send(call(1, "com.a")).await;
    let invocation = callee.invoked().await;
    callee.send(answer(invocation)).await;
    assert!(matches!(caller.receive().await, Message::Result(_)));
    caller.send(subscribe(2, "com.b")).await;
    assert_eq!(caller.failed().await.0, error_uri::NOT_AUTHORIZED);

    router.set_realm(permitting(Permissions::all()));
    caller.publish(3, "com.b").await;
    assert!(matches!(callee.receive().await, Message::Event(_)));
    assert_eq!(router.session_count(REALM), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_role_is_gone_stays_and_may_do_nothing() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    router.set_realm(Realm::new(REALM).role("user", Permissions::all()));
    client.send(subscribe(1, "com.a")).await;
    assert_eq!(client.failed().await.0, error_uri::NOT_AUTHORIZED);
    assert!(matches!(client.ask(goodbye()).await, Message::Goodbye(_)));
}

#[tokio::test(start_paused = true)]
async fn who_joins_after_a_change_is_judged_by_it() {
    let router = open().build();
    router.set_realm(ticketed());
    let mut client = Client::connect(&router);
    client.send(hello(Some(REALM))).await;
    let refusal = client.aborted().await;
    assert_eq!(refusal.reason, error_uri::NO_MATCHING_AUTH_METHOD);

    router.set_realm(Realm::new(REALM));
    Client::join(&router).await;
}

#[tokio::test(start_paused = true)]
async fn new_limits_hold_at_once() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    client.subscribe(1, "com.a").await;
    let limits = SessionLimits::default().subscriptions(1);
    router.set_realm(Realm::new(REALM).limits(limits));
    client.send(subscribe(2, "com.b")).await;
    let (uri, _) = client.failed().await;
    assert_eq!(uri, wamp_router::limit_uri::TOO_MANY_SUBSCRIPTIONS);
}

#[tokio::test(start_paused = true)]
async fn a_realm_is_added_while_the_router_runs() {
    let router = Router::builder().build();
    let mut early = Client::connect(&router);
    early.send(hello(Some(REALM))).await;
    assert_eq!(early.aborted().await.reason, error_uri::NO_SUCH_REALM);

    router.set_realm(Realm::new(REALM));
    Client::join(&router).await;
    // As the only one it is also that of clients that name none, until there is another.
    let mut nameless = Client::connect(&router);
    nameless.send(hello(None)).await;
    nameless.welcome().await;
    router.set_realm(Realm::new("com.other"));
    assert_eq!(router.realms(), [REALM, "com.other"]);
    let mut nameless = Client::connect(&router);
    nameless.send(hello(None)).await;
    assert_eq!(nameless.aborted().await.reason, error_uri::NO_SUCH_REALM);
}

#[tokio::test(start_paused = true)]
async fn the_sessions_of_a_realm_that_is_removed_are_told_and_no_others() {
    let router = open().realm(Realm::new("com.other")).build();
    let (mut one, mut silent) = (Client::join(&router).await, Client::join(&router).await);
    one.register(1, "com.a").await;
    let mut other = Client::connect(&router);
    other.send(hello(Some("com.other"))).await;
    other.welcome().await;

    assert!(router.remove_realm(REALM));
    assert!(!router.remove_realm(REALM));
    let Message::Goodbye(farewell) = one.receive().await else {
        panic!("no GOODBYE came");
    };
    assert_eq!(farewell.reason, error_uri::CLOSE_REALM);
    one.send(goodbye()).await;
    one.closed().await;
    // Who does not answer does not stay for ever.
    let began = Instant::now();
    assert!(matches!(silent.receive().await, Message::Goodbye(_)));
    silent.closed().await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));

    other.hears_nothing(1).await;
    assert_eq!(router.session_count(REALM), None);
    // Another one of that name knows nothing of it.
    router.set_realm(Realm::new(REALM));
    assert_eq!(router.counts(REALM), Some(Default::default()));
    Client::join(&router).await.register(1, "com.a").await;
}

#[tokio::test(start_paused = true)]
async fn who_is_being_asked_while_the_realm_is_removed_is_not_let_in() {
    let router = Router::builder().realm(ticketed()).build();
    let mut client = Client::connect(&router);
    let hello = hello_with(Some(REALM), |details| {
        details.authmethods = Some(vec!["ticket".to_owned()]);
        details.authid = Some("clock".to_owned());
    });
    assert!(matches!(client.ask(hello).await, Message::Challenge(_)));
    router.remove_realm(REALM);
    client
        .send(Authenticate {
            signature: Secret::new("secret!!!"),
            extra: Dict::default(),
        })
        .await;
    assert_eq!(client.aborted().await.reason, error_uri::NO_SUCH_REALM);
}
