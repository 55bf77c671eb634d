use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use wamp_auth::Ticket;
use wamp_core::lifecycle::{abort, goodbye};
use wamp_core::{
    CloseDetails, CloseReason, ConnectionInfo, Outgoing, ReceiveError, SendError, Transport,
    TransportError,
};
use wamp_messages::message::{Challenge, Published, Welcome};
use wamp_messages::{Dict, Format, Message, PublicationId, RequestId, Role, Uri, error_uri};
use wamp_session::{Connect, ConnectError, Observer, Session};

use crate::script::{Script, welcome};

#[tokio::test]
async fn a_session_knows_what_the_router_said() {
    let (_script, session) = Script::joined().await;
    assert_eq!(session.id().as_u64(), 77);
    assert_eq!(session.realm(), "realm1");
    assert_eq!(session.details().authid.as_deref(), Some("joe"));
    assert!(session.details().roles.has(Role::Broker));
    assert!(session.is_open());
}

#[tokio::test]
async fn hello_leaves_the_realm_to_the_router_when_none_is_named() {
    let (mut script, transport) = Script::new();
    let opening = tokio::spawn(Connect::over(transport).into_future());
    let hello = script.expect_hello().await;
    assert_eq!(hello.realm, None);
    assert_eq!(hello.details.authmethods.unwrap(), ["anonymous"]);
    let mut welcome = welcome();
    welcome.details.realm = Some(Uri::from_static("chosen"));
    script.send(welcome).await;
    assert_eq!(opening.await.unwrap().unwrap().realm(), "chosen");
}

#[tokio::test]
async fn a_refusal_names_its_reason() {
    let (mut script, transport) = Script::new();
    let opening = tokio::spawn(Connect::over(transport).realm("realm1").into_future());
    script.expect_hello().await;
    script
        .send(abort(error_uri::NO_SUCH_REALM, "which realm?"))
        .await;
    match opening.await.unwrap() {
        Err(ConnectError::Aborted(details)) => {
            assert_eq!(details.reason, error_uri::NO_SUCH_REALM);
            assert_eq!(details.message.as_deref(), Some("which realm?"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_answers_its_challenge_and_no_other() {
    let challenge = |method: &str| Challenge {
        method: method.to_owned(),
        extra: Dict::new(),
    };
    let (mut script, transport) = Script::new();
    let connect = Connect::over(transport)
        .realm("realm1")
        .auth(Ticket::new("joe", "secret!"));
    let opening = tokio::spawn(connect.into_future());
    let hello = script.expect_hello().await;
    assert_eq!(hello.details.authid.as_deref(), Some("joe"));
    script.send(challenge("ticket")).await;
    let Message::Authenticate(answer) = script.receive().await else {
        panic!("no answer")
    };
    assert_eq!(answer.signature.expose(), "secret!");
    script.send(challenge("wampcra")).await;
    let Message::Abort(refusal) = script.receive().await else {
        panic!("no refusal")
    };
    assert_eq!(refusal.reason, error_uri::CANNOT_AUTHENTICATE);
    assert!(matches!(opening.await.unwrap(), Err(ConnectError::Auth(_))));
}

#[tokio::test]
async fn a_router_that_breaks_the_protocol_is_told_so() {
    let (mut script, transport) = Script::new();
    let opening = tokio::spawn(Connect::over(transport).realm("realm1").into_future());
    script.expect_hello().await;
    let id = PublicationId::new(1).unwrap();
    script
        .send(Published {
            request: RequestId::ZERO,
            publication: id,
        })
        .await;
    let Message::Abort(refusal) = script.receive().await else {
        panic!("no refusal")
    };
    assert_eq!(refusal.reason, error_uri::PROTOCOL_VIOLATION);
    assert!(matches!(
        opening.await.unwrap(),
        Err(ConnectError::Protocol(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_says_nothing_is_given_up() {
    let (_script, transport) = Script::new();
    let opened = Connect::over(transport)
        .timeout(Duration::from_secs(3))
        .await;
    assert!(matches!(opened, Err(ConnectError::TimedOut(_))));
}

#[tokio::test]
async fn a_lost_transport_is_an_error() {
    let (mut script, transport) = Script::new();
    let opening = tokio::spawn(Connect::over(transport).into_future());
    script.expect_hello().await;
    drop(script);
    assert!(matches!(
        opening.await.unwrap(),
        Err(ConnectError::Transport(_))
    ));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.lock().expect("no panic").push(entry.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

struct Witness {
    log: Log,
    veto: bool,
}

#[async_trait]
impl Observer for Witness {
    async fn on_connect(&self, info: &ConnectionInfo) {
        self.log.add(format!("connect {}", info.transport));
    }

    async fn on_welcome(&self, welcome: &Welcome) -> Result<(), String> {
        self.log.add(format!("welcome {}", welcome.session));
        if self.veto {
            Err("not this one".to_owned())
        } else {
            Ok(())
        }
    }

    async fn on_join(&self, session: &Session) {
        self.log.add(format!("join {}", session.id()));
    }

    async fn on_leave(&self, details: &CloseDetails) {
        self.log.add(format!("leave {}", details.reason));
    }

    async fn on_disconnect(&self) {
        self.log.add("disconnect");
    }
}

#[tokio::test]
async fn an_observer_sees_the_whole_lifecycle() {
    let log = Log::default();
    let observer = Witness {
        log: log.clone(),
        veto: false,
    };
    let (mut script, session) = Script::joined_with(|c| c.observer(observer), []).await;
    let leaving = tokio::spawn(session.leave().into_future());
    assert_eq!(
        script.expect_goodbye().await.reason,
        error_uri::CLOSE_NORMAL
    );
    script
        .send(goodbye(Uri::from_static(error_uri::GOODBYE_AND_OUT), None))
        .await;
    leaving.await.unwrap().unwrap();
    script.expect_closed().await;
    drop(script);
    tokio::task::yield_now().await;
    let seen = log.take();
    let leave = format!("leave {}", error_uri::GOODBYE_AND_OUT);
    assert_eq!(
        seen,
        [
            "connect memory",
            "welcome 77",
            "join 77",
            &leave,
            "disconnect"
        ]
    );
}

#[tokio::test]
async fn an_observer_may_refuse_the_session() {
    let (mut script, transport) = Script::new();
    let observer = Witness {
        log: Log::default(),
        veto: true,
    };
    let opening = tokio::spawn(Connect::over(transport).observer(observer).into_future());
    script.expect_hello().await;
    script.send(welcome()).await;
    assert!(matches!(script.receive().await, Message::Abort(_)));
    let error = opening.await.unwrap().unwrap_err();
    assert!(matches!(&error, ConnectError::Vetoed(why) if why == "not this one"));
}

#[tokio::test]
async fn a_goodbye_of_the_router_is_answered_and_ends_the_session() {
    let (mut script, session) = Script::joined().await;
    let text = Some("closing time".to_owned());
    script
        .send(goodbye(Uri::from_static(error_uri::SYSTEM_SHUTDOWN), text))
        .await;
    assert_eq!(
        script.expect_goodbye().await.reason,
        error_uri::GOODBYE_AND_OUT
    );
    let details = session.closed().await;
    assert_eq!(details.reason, error_uri::SYSTEM_SHUTDOWN);
    assert_eq!(details.message.as_deref(), Some("closing time"));
    assert!(!session.is_open());
    script.expect_closed().await;
}

#[tokio::test]
async fn another_session_can_be_joined_over_the_same_transport() {
    let (mut script, session) = Script::joined().await;
    let leaving = tokio::spawn(
        session
            .leave()
            .reason("com.example.moving")
            .keep_connection(),
    );
    assert_eq!(script.expect_goodbye().await.reason, "com.example.moving");
    script
        .send(goodbye(Uri::from_static(error_uri::CLOSE_NORMAL), None))
        .await;
    let connection = leaving.await.unwrap().unwrap();
    let opening = tokio::spawn(connection.join().realm("realm2").into_future());
    assert_eq!(script.expect_hello().await.realm.unwrap(), "realm2");
    script.send(welcome()).await;
    let session = opening.await.unwrap().unwrap();
    assert_eq!(session.realm(), "realm2");
    tokio::spawn(session.call("com.example.p").into_future());
    let Message::Call(call) = script.receive().await else {
        panic!("no call")
    };
    assert_eq!(
        call.request.as_u64(),
        1,
        "request ids begin again with the session"
    );
}

#[tokio::test]
async fn the_session_is_left_when_its_last_handle_is_dropped() {
    let (mut script, session) = Script::joined().await;
    let clone = session.clone();
    drop(session);
    assert!(clone.is_open());
    drop(clone);
    assert_eq!(
        script.expect_goodbye().await.reason,
        error_uri::CLOSE_NORMAL
    );
}

#[tokio::test(start_paused = true)]
async fn a_router_that_does_not_answer_goodbye_is_given_up() {
    let (_script, session) = Script::joined().await;
    let details = session.leave().await.unwrap();
    assert_eq!(details.reason, error_uri::CLOSE_TRANSPORT_LOST);
}

#[tokio::test]
async fn a_client_announces_the_features_that_it_has_and_no_others() {
    let (mut script, transport) = Script::new();
    tokio::spawn(Connect::over(transport).into_future());
    let hello = script.expect_hello().await;
    let roles = hello.details.roles.unwrap();
    let features = |role| {
        let features = roles.role(role).unwrap();
        features.iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // Each has its test: calls::{a_dropped_call_is_canceled_where_the_dealer_can,
    // a_timeout_is_an_option_and_a_deadline, a_publisher_says_who_gets_an_event,
    // an_acknowledged_publication_waits_for_its_id}, events::a_subscription_that_the_router_revokes..,
    // invocations::a_registration_that_the_router_revokes...
    assert_eq!(features(Role::Caller), ["call_canceling", "call_timeout"]);
    assert_eq!(features(Role::Callee), ["registration_revocation"]);
    assert_eq!(
        features(Role::Publisher),
        ["publisher_exclusion", "subscriber_blackwhite_listing"]
    );
    assert_eq!(features(Role::Subscriber), ["subscription_revocation"]);
}

/// A transport that its peer closes before it can send, and that says so to whoever receives.
struct Closing(ConnectionInfo);

impl Transport for Closing {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        let (code, reason) = (1013, "come back later".to_owned());
        Poll::Ready(Err(TransportError::ClosedByPeer { code, reason }.into()))
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Pending
    }

    fn send(&mut self, _: &Outgoing) -> Result<(), SendError> {
        Err(TransportError::Closed.into())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Pending
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}

    fn format(&self) -> Format {
        Format::Cbor
    }

    fn info(&self) -> &ConnectionInfo {
        &self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_closes_before_hello_could_be_sent_is_noticed_at_once() {
    let begin = tokio::time::Instant::now();
    let connect = Connect::over(Closing(ConnectionInfo::new("script")));
    let error = connect.await.unwrap_err();
    assert!(matches!(error, ConnectError::Transport(_)), "{error}");
    assert!(error.to_string().contains("come back later"), "{error}");
    assert!(begin.elapsed().is_zero());
}
