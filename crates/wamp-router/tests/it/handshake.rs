//! How a session begins, or does not.

use std::time::Duration;

use wamp_auth::{AnonymousAccess, StaticTickets};
use wamp_messages::message::{Authenticate, Challenge};
use wamp_messages::{Dict, Feature, Message, Role, Roles, Secret, error_uri};
use wamp_router::{Permissions, Realm, Router};

use crate::client::{Client, REALM, hello, hello_with, open, subscribe};

async fn refusal(router: &Router, message: impl Into<Message>) -> String {
    let mut client = Client::connect(router);
    client.send(message).await;
    client.aborted().await.reason.to_string()
}

/// A realm on which `joe` joins with his ticket, and anybody as a guest.
fn guarded() -> Router {
    let tickets = StaticTickets::new().with_principal("joe", "user", "secret!!!");
    let realm = Realm::new(REALM)
        .role("user", Permissions::all())
        .role("guest", Permissions::none())
        .authenticator(tickets)
        .anonymous("guest");
    Router::builder().realm(realm).build()
}

fn with_ticket(authid: &str) -> Message {
    hello_with(Some(REALM), |details| {
        details.authmethods = Some(vec!["wampcra".to_owned(), "ticket".to_owned()]);
        details.authid = Some(authid.to_owned());
    })
    .into()
}

fn ticket(text: &str) -> Authenticate {
    Authenticate {
        signature: Secret::new(text),
        extra: Dict::default(),
    }
}

#[tokio::test]
async fn an_anonymous_client_is_welcomed_and_told_what_works() {
    let router = open().agent("test/1").build();
    let mut client = Client::connect(&router);
    client.send(hello(Some(REALM))).await;
    let welcome = client.welcome().await;
    let details = &welcome.details;
    assert_eq!(details.realm.as_deref(), Some(REALM));
    assert_eq!(details.authrole.as_deref(), Some("anonymous"));
    assert_eq!(details.authmethod.as_deref(), Some("anonymous"));
    assert_eq!(details.authprovider.as_deref(), Some("static"));
    assert_eq!(details.agent.as_deref(), Some("test/1"));
    assert!(
        details
            .authid
            .as_deref()
            .is_some_and(|authid| !authid.is_empty())
    );
    // Each of these has its test; nothing else is announced.
    let announced = Roles::none()
        .with(
            Role::Broker,
            [
                Feature::SUBSCRIBER_BLACKWHITE_LISTING,
                Feature::PUBLISHER_EXCLUSION,
            ],
        )
        .with(Role::Dealer, []);
    assert_eq!(details.roles.as_ref(), Some(&announced));
    assert_eq!(router.session_count(REALM), Some(1));
}

#[tokio::test]
async fn sessions_have_ids_and_authids_of_their_own() {
    let router = open().build();
    let mut welcomes = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(&router);
        client.send(hello(Some(REALM))).await;
        welcomes.push(client.welcome().await);
    }
    assert_ne!(welcomes[0].session, welcomes[1].session);
    assert_ne!(welcomes[0].details.authid, welcomes[1].details.authid);
}

#[tokio::test]
async fn who_names_no_realm_joins_the_default_one() {
    let realms = || open().realm(Realm::new("com.other"));
    for (router, expected) in [
        (open().build(), REALM),
        (realms().default_realm("com.other").build(), "com.other"),
    ] {
        let mut client = Client::connect(&router);
        client.send(hello(None)).await;
        let welcome = client.welcome().await;
        assert_eq!(welcome.details.realm.as_deref(), Some(expected));
    }
    for router in [realms().build(), Router::builder().build()] {
        assert_eq!(
            refusal(&router, hello(None)).await,
            error_uri::NO_SUCH_REALM
        );
    }
}

#[tokio::test]
async fn a_realm_that_does_not_exist_is_not_joined() {
    let router = open().build();
    let refused = refusal(&router, hello(Some("com.nowhere"))).await;
    assert_eq!(refused, error_uri::NO_SUCH_REALM);
    let refused = refusal(&router, hello(Some("com..example"))).await;
    assert_eq!(refused, error_uri::INVALID_URI);
}

#[tokio::test]
async fn a_client_announces_its_roles() {
    let router = open().build();
    for roles in [
        None,
        Some(Roles::none()),
        Some(Roles::none().with(Role::Broker, [])),
    ] {
        let hello = hello_with(Some(REALM), |details| details.roles = roles);
        assert_eq!(refusal(&router, hello).await, error_uri::PROTOCOL_VIOLATION);
    }
}

#[tokio::test]
async fn the_first_method_of_the_client_that_is_possible_is_taken() {
    let router = guarded();
    let mut client = Client::connect(&router);
    let challenge = client.ask(with_ticket("joe")).await;
    let expected = Challenge {
        method: "ticket".to_owned(),
        extra: Dict::default(),
    };
    assert_eq!(challenge, Message::Challenge(expected));
    client.send(ticket("secret!!!")).await;
    let welcome = client.welcome().await;
    assert_eq!(welcome.details.authid.as_deref(), Some("joe"));
    assert_eq!(welcome.details.authrole.as_deref(), Some("user"));
    assert_eq!(welcome.details.authmethod.as_deref(), Some("ticket"));
    client.subscribe(1, "com.a").await;
}

#[tokio::test]
async fn a_wrong_ticket_and_an_unknown_principal_are_refused_alike() {
    let router = guarded();
    let mut refusals = Vec::new();
    for (authid, text) in [("joe", "wrong"), ("jim", "secret!!!"), ("jim", "")] {
        let mut client = Client::connect(&router);
        let challenge = client.ask(with_ticket(authid)).await;
        assert!(matches!(challenge, Message::Challenge(_)));
        client.send(ticket(text)).await;
        refusals.push(client.aborted().await);
    }
    assert_eq!(refusals[0].reason, error_uri::NOT_AUTHORIZED);
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]));
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test]
async fn a_client_without_a_method_that_is_possible_is_refused() {
    let hello = hello_with(Some(REALM), |details| {
        details.authmethods = Some(vec!["wampcra".to_owned(), "scram".to_owned()]);
    });
    let refused = refusal(&guarded(), hello).await;
    assert_eq!(refused, error_uri::NO_MATCHING_AUTH_METHOD);
}

#[tokio::test]
async fn a_realm_with_roles_alone_lets_in_whom_it_has_a_role_for() {
    let realm = Realm::new(REALM).role("anonymous", Permissions::allow("com.a").subscribe());
    let router = Router::builder().realm(realm).build();
    let mut client = Client::join(&router).await;
    client.subscribe(1, "com.a").await;
    client.send(subscribe(2, "com.b")).await;
    assert_eq!(client.failed().await.0, error_uri::NOT_AUTHORIZED);

    let realm = Realm::new(REALM).role("user", Permissions::all());
    let router = Router::builder().realm(realm).build();
    let refused = refusal(&router, hello(Some(REALM))).await;
    assert_eq!(refused, error_uri::NO_MATCHING_AUTH_METHOD);
}

#[tokio::test]
async fn a_role_that_the_realm_does_not_have_is_not_joined() {
    let realm = Realm::new(REALM).authenticator(AnonymousAccess::new("nobody"));
    let router = Router::builder().realm(realm).build();
    let refused = refusal(&router, hello(Some(REALM))).await;
    assert_eq!(refused, error_uri::NO_SUCH_ROLE);
}

#[tokio::test]
async fn nothing_else_is_said_before_the_session_is_open() {
    let router = guarded();
    let refused = refusal(&router, subscribe(1, "com.a")).await;
    assert_eq!(refused, error_uri::PROTOCOL_VIOLATION);
    let refused = refusal(&router, ticket("secret!!!")).await;
    assert_eq!(refused, error_uri::PROTOCOL_VIOLATION);

    let mut client = Client::connect(&router);
    client.ask(with_ticket("joe")).await;
    client.send(subscribe(1, "com.a")).await;
    assert_eq!(client.aborted().await.reason, error_uri::PROTOCOL_VIOLATION);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_say_hello_in_time_is_sent_away() {
    let router = open().handshake_timeout(Duration::from_secs(3)).build();
    let mut client = Client::connect(&router);
    let began = tokio::time::Instant::now();
    assert_eq!(client.aborted().await.reason, error_uri::TIMEOUT);
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_authenticate_in_time_is_sent_away() {
    let router = guarded();
    let mut client = Client::connect(&router);
    client.ask(with_ticket("joe")).await;
    assert_eq!(
        client.aborted().await.reason,
        error_uri::AUTHENTICATION_FAILED
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_session_may_be_silent_for_ever() {
    let router = open().build();
    let mut client = Client::join(&router).await;
    tokio::time::advance(Duration::from_secs(1_000_000)).await;
    client.subscribe(1, "com.a").await;
}
