//! Rules of the realm as a whole, and what the tests of broker and dealer need too.

use wamp_messages::message::{
    Call, Cancel, Error, EventReceived, Publish, Register, Subscribe, Unregister, Unsubscribe,
    Yield,
};
use wamp_messages::{Payload, RequestId, SessionId};
use wamp_serializers::{decode_args, encode_payload};

use super::*;

/// A realm with the roles `user`, who may do everything, `guest`, who may call what begins with
/// `com.open.`, and `router`, who is trusted.
pub(crate) struct Stage {
    pub(crate) routing: Routing,
    sessions: u64,
}

#[derive(Default)]
struct Sent(Vec<(Peer, Outgoing)>, Vec<Change>);

impl Sink for Sent {
    fn send(&mut self, to: Peer, message: Outgoing) {
        self.0.push((to, message));
    }

    fn note(&mut self, change: Change) {
        self.1.push(change);
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut RealmConfig)) -> Self {
        let role = |permissions, trusted| RoleConfig {
            permissions,
            trusted,
        };
        let mut config = RealmConfig::default();
        config.roles.extend([
            ("user".to_owned(), role(Permissions::all(), false)),
            (
                "guest".to_owned(),
                role(Permissions::allow("com.open.").call(), false),
            ),
            ("router".to_owned(), role(Permissions::all(), true)),
        ]);
        change(&mut config);
        let mut next = 1_000;
        let random = move || {
            next += 1;
            next
        };
        Self {
            routing: Routing::new(config, Box::new(random)),
            sessions: 0,
        }
    }

    pub(crate) fn join(&mut self) -> Peer {
        self.join_as("user")
    }

    /// Joins a session of a role; its authid is `NAME-NUMBER`.
    pub(crate) fn join_as(&mut self, authrole: &str) -> Peer {
        self.sessions += 1;
        self.routing.join(Identity {
            session: SessionId::new(self.sessions).unwrap(),
            authid: format!("{authrole}-{}", self.sessions),
            authrole: authrole.to_owned(),
            roles: Roles::none(),
        })
    }

    pub(crate) fn try_say(
        &mut self,
        peer: Peer,
        message: impl Into<Message>,
    ) -> Result<Vec<(Peer, Message)>, Violation> {
        let mut sent = Sent::default();
        self.routing
            .handle(peer, &mut message.into(), Moment::default(), &mut sent)?;
        Ok(sent.messages())
    }

    pub(crate) fn say(&mut self, peer: Peer, message: impl Into<Message>) -> Vec<(Peer, Message)> {
        self.try_say(peer, message).unwrap()
    }

    /// Says something that is answered to its sender alone.
    pub(crate) fn ask(&mut self, peer: Peer, message: impl Into<Message>) -> Message {
        let mut sent = self.say(peer, message);
        assert_eq!(sent.len(), 1, "{sent:?}");
        let (to, answer) = sent.remove(0);
        assert_eq!(to, peer);
        answer
    }

    /// Says something that is refused, and returns the URI of the error.
    pub(crate) fn refusal(&mut self, peer: Peer, message: impl Into<Message>) -> String {
        match self.ask(peer, message) {
            Message::Error(error) => error.error.to_string(),
            other => panic!("{other:?} is no refusal"),
        }
    }

    pub(crate) fn leave(&mut self, peer: Peer) -> Vec<(Peer, Message)> {
        let mut sent = Sent::default();
        self.routing.leave(peer, &mut sent);
        sent.messages()
    }

    pub(crate) fn return_to_sender(
        &mut self,
        peer: Peer,
        message: impl Into<Message>,
        why: &Undeliverable,
    ) -> Vec<(Peer, Message)> {
        let mut sent = Sent::default();
        let message = Outgoing::from(message.into());
        self.routing.undeliverable(peer, &message, why, &mut sent);
        sent.messages()
    }

    pub(crate) fn tell_loss(&mut self, session: u64, lost: u64) -> Vec<(Peer, Outgoing)> {
        let mut sent = Sent::default();
        let session = SessionId::new(session).unwrap();
        self.routing.tell_loss(session, lost, &mut sent);
        sent.0
    }

    pub(crate) fn subscribe(&mut self, peer: Peer, request: u64, topic: &str) -> SubscriptionId {
        match self.ask(peer, subscribe(request, topic)) {
            Message::Subscribed(subscribed) => subscribed.subscription,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn register(&mut self, peer: Peer, request: u64, uri: &str) -> RegistrationId {
        match self.ask(peer, register(request, uri)) {
            Message::Registered(registered) => registered.registration,
            other => panic!("{other:?}"),
        }
    }

    /// Calls a procedure, and returns who was invoked under which id.
    pub(crate) fn call(&mut self, peer: Peer, request: u64, uri: &str) -> (Peer, RequestId) {
        match &*self.say(peer, call(request, uri)) {
            [(callee, Message::Invocation(invocation))] => (*callee, invocation.request),
            other => panic!("{other:?}"),
        }
    }
}

impl Sent {
    fn messages(self) -> Vec<(Peer, Message)> {
        let own = |(to, message): (Peer, Outgoing)| (to, message.into_message());
        self.0.into_iter().map(own).collect()
    }
}

pub(crate) fn id(request: u64) -> RequestId {
    RequestId::new(request).unwrap()
}

pub(crate) fn payload(arg: u64) -> Payload {
    encode_payload(&wamp_messages::Format::Cbor, &(arg,), &()).unwrap()
}

pub(crate) fn subscribe(request: u64, topic: &str) -> Subscribe {
    Subscribe {
        request: id(request),
        options: Default::default(),
        topic: Uri::from_wire(topic),
    }
}

pub(crate) fn unsubscribe(request: u64, subscription: SubscriptionId) -> Unsubscribe {
    Unsubscribe {
        request: id(request),
        subscription,
        options: None,
    }
}

pub(crate) fn publish(request: u64, topic: &str) -> Publish {
    Publish {
        request: id(request),
        options: Default::default(),
        topic: Uri::from_wire(topic),
        payload: payload(request),
    }
}

pub(crate) fn acknowledged(mut publish: Publish) -> Publish {
    publish.options.acknowledge = Some(true);
    publish
}

pub(crate) fn register(request: u64, procedure: &str) -> Register {
    Register {
        request: id(request),
        options: Default::default(),
        procedure: Uri::from_wire(procedure),
    }
}

pub(crate) fn unregister(request: u64, registration: RegistrationId) -> Unregister {
    Unregister {
        request: id(request),
        registration,
        options: None,
    }
}

pub(crate) fn call(request: u64, procedure: &str) -> Call {
    Call {
        request: id(request),
        options: Default::default(),
        procedure: Uri::from_wire(procedure),
        payload: payload(request),
    }
}

pub(crate) fn answer(invocation: RequestId) -> Yield {
    Yield {
        request: invocation,
        options: Default::default(),
        payload: payload(7),
    }
}

pub(crate) fn failure(invocation: RequestId, uri: &'static str) -> Error {
    Error {
        request_type: RequestType::INVOCATION,
        request: invocation,
        details: Default::default(),
        error: Uri::from_static(uri),
        payload: payload(8),
    }
}

pub(crate) fn text(payload: &Payload) -> String {
    decode_args::<(String,)>(payload).unwrap().0
}

pub(crate) fn too_long() -> Undeliverable {
    Undeliverable::TooLong { len: 10, max: 5 }
}

/// The changes that a message leads to.
fn changes(stage: &mut Stage, peer: Peer, message: impl Into<Message>) -> Vec<Change> {
    let mut sent = Sent::default();
    let handled = stage
        .routing
        .handle(peer, &mut message.into(), Moment::default(), &mut sent);
    handled.unwrap();
    sent.1
}

#[test]
fn changes_of_subscriptions_are_told() {
    let mut stage = Stage::new();
    let (one, other) = (stage.join(), stage.join());
    let subscription = SubscriptionId::ZERO.next();
    let joined = |peer, is_first| Change::Subscribed {
        peer,
        subscription,
        is_first,
    };
    let left = |peer, is_last| Change::Unsubscribed {
        peer,
        subscription,
        is_last,
    };
    assert_eq!(
        changes(&mut stage, one, subscribe(1, "com.a")),
        [joined(one, true)]
    );
    assert_eq!(changes(&mut stage, one, subscribe(2, "com.a")), []);
    assert_eq!(
        changes(&mut stage, other, subscribe(1, "com.a")),
        [joined(other, false)]
    );
    assert_eq!(
        changes(&mut stage, one, unsubscribe(3, subscription)),
        [left(one, false)]
    );
    let mut sent = Sent::default();
    stage.routing.leave(other, &mut sent);
    assert_eq!(sent.1, [left(other, true)]);
}

#[test]
fn changes_of_registrations_are_told() {
    let mut stage = Stage::new();
    let (one, other) = (stage.join(), stage.join());
    let registered = |peer, id| Change::Registered {
        peer,
        registration: RegistrationId::new(id).unwrap(),
        is_first: true,
    };
    let unregistered = |peer, id| Change::Unregistered {
        peer,
        registration: RegistrationId::new(id).unwrap(),
        is_last: true,
    };
    assert_eq!(
        changes(&mut stage, one, register(1, "com.a")),
        [registered(one, 1)]
    );
    assert_eq!(changes(&mut stage, other, register(1, "com.a")), []);
    let first = RegistrationId::ZERO.next();
    assert_eq!(
        changes(&mut stage, one, unregister(2, first)),
        [unregistered(one, 1)]
    );
    assert_eq!(
        changes(&mut stage, other, register(2, "com.a")),
        [registered(other, 2)]
    );
    let mut sent = Sent::default();
    stage.routing.leave(other, &mut sent);
    assert_eq!(sent.1, [unregistered(other, 2)]);
}

#[test]
fn ids_of_requests_grow_over_all_kinds_of_requests() {
    let mut stage = Stage::new();
    let peer = stage.join();
    stage.subscribe(peer, 1, "com.a");
    stage.register(peer, 5, "com.a");
    for request in [5, 4, 0] {
        assert!(stage.try_say(peer, subscribe(request, "com.b")).is_err());
        assert!(stage.try_say(peer, publish(request, "com.b")).is_err());
        assert!(stage.try_say(peer, call(request, "com.b")).is_err());
    }
    stage.subscribe(peer, 6, "com.b");
}

#[test]
fn ids_of_requests_begin_again_after_the_last_one() {
    let mut stage = Stage::new();
    let peer = stage.join();
    stage.subscribe(peer, wamp_messages::id::MAX_ID, "com.a");
    assert!(stage.try_say(peer, subscribe(2, "com.b")).is_err());
    stage.subscribe(peer, 1, "com.b");
}

#[test]
fn a_call_that_waits_keeps_its_id_when_ids_begin_again() {
    let mut stage = Stage::new();
    let (callee, caller) = (stage.join(), stage.join());
    stage.register(callee, 1, "com.a");
    stage.say(caller, call(2, "com.a"));
    stage.subscribe(caller, wamp_messages::id::MAX_ID, "com.a");
    stage.say(caller, call(1, "com.a"));
    assert!(stage.try_say(caller, call(2, "com.a")).is_err());
    // Only calls are known by their ids for long.
    stage.subscribe(caller, 2, "com.b");
}

#[test]
fn requests_with_uris_that_are_none_are_refused() {
    let mut stage = Stage::new();
    let peer = stage.join();
    for (request, uri) in (0..).step_by(10).zip(["com..a", "com.a b", "", "com.#"]) {
        let refused = [
            stage.refusal(peer, subscribe(request + 1, uri)),
            stage.refusal(peer, register(request + 2, uri)),
            stage.refusal(peer, call(request + 3, uri)),
            stage.refusal(peer, acknowledged(publish(request + 4, uri))),
        ];
        assert_eq!(refused, [error_uri::INVALID_URI; 4], "{uri:?}");
    }
}

#[test]
fn a_publication_that_is_not_acknowledged_is_refused_in_silence() {
    let mut stage = Stage::new();
    let (peer, guest) = (stage.join(), stage.join_as("guest"));
    assert_eq!(stage.say(peer, publish(1, "com..a")), []);
    assert_eq!(stage.say(peer, publish(2, "wamp.a")), []);
    assert_eq!(stage.say(guest, publish(1, "com.open.a")), []);
}

#[test]
fn strict_realms_refuse_loose_uris_but_not_the_errors_of_callees() {
    let mut stage = Stage::with(|config| config.rules = UriRules::STRICT);
    let peer = stage.join();
    assert_eq!(
        stage.refusal(peer, subscribe(1, "com.MyApp")),
        error_uri::INVALID_URI
    );
    stage.register(peer, 2, "com.myapp");
    let (callee, invocation) = stage.call(peer, 3, "com.myapp");
    let Message::Error(error) = stage.ask(callee, failure(invocation, "com.MyApp.Error")) else {
        panic!("the error is passed on");
    };
    assert_eq!(error.error, "com.MyApp.Error");
}

#[test]
fn the_uris_of_the_router_are_provided_by_trusted_roles_only() {
    let mut stage = Stage::new();
    let (user, router) = (stage.join(), stage.join_as("router"));
    for (request, uri) in [(10, "wamp.session.list"), (20, "wamp")] {
        let refused = [
            stage.refusal(user, register(request, uri)),
            stage.refusal(user, acknowledged(publish(request + 1, uri))),
        ];
        assert_eq!(refused, [error_uri::INVALID_URI; 2]);
    }
    stage.subscribe(user, 31, "wamp.session.on_join");
    stage.subscribe(user, 32, "wamps");
    stage.register(user, 33, "wamps");
    stage.register(router, 1, "wamp.session.list");
    assert_eq!(stage.call(user, 34, "wamp.session.list").0, router);
    assert_eq!(
        stage.say(router, publish(2, "wamp.session.on_join")).len(),
        1
    );
}

#[test]
fn what_a_role_may_not_do_is_refused() {
    let mut stage = Stage::new();
    let (user, guest) = (stage.join(), stage.join_as("guest"));
    stage.register(user, 1, "com.open.a");
    stage.register(user, 2, "com.closed.a");
    let refused = [
        stage.refusal(guest, call(1, "com.closed.a")),
        stage.refusal(guest, register(2, "com.open.b")),
        stage.refusal(guest, subscribe(3, "com.open.b")),
        stage.refusal(guest, acknowledged(publish(4, "com.open.b"))),
    ];
    assert_eq!(refused, [error_uri::NOT_AUTHORIZED; 4]);
    assert_eq!(stage.call(guest, 5, "com.open.a").0, user);
}

#[test]
fn a_role_that_the_realm_does_not_have_may_do_nothing() {
    let mut stage = Stage::new();
    let stranger = stage.join_as("stranger");
    let refused = stage.refusal(stranger, call(1, "com.open.a"));
    assert_eq!(refused, error_uri::NOT_AUTHORIZED);
}

#[test]
fn an_opaque_payload_without_an_algorithm_is_a_violation() {
    let mut stage = Stage::new();
    let peer = stage.join();
    let mut message = call(1, "com.a");
    message.payload = Payload::opaque(bytes::Bytes::from_static(b"x"));
    assert!(stage.try_say(peer, message).is_err());
}

#[test]
fn messages_of_features_that_are_not_announced_are_ignored() {
    let mut stage = Stage::new();
    let (caller, callee) = (stage.join(), stage.join());
    stage.register(callee, 1, "com.a");
    let (_, invocation) = stage.call(caller, 1, "com.a");
    for request in [1, 2] {
        let cancel = Cancel {
            request: id(request),
            options: Default::default(),
        };
        assert_eq!(stage.say(caller, cancel), []);
    }
    let publication = PublicationId::ZERO.next();
    assert_eq!(stage.say(callee, EventReceived { publication }), []);
    // The call is still there, and answered.
    assert_eq!(stage.say(callee, answer(invocation)).len(), 1);
}

#[test]
fn features_that_change_what_a_payload_means_are_violations_if_not_announced() {
    let mut stage = Stage::new();
    let (caller, callee) = (stage.join(), stage.join());
    stage.register(callee, 1, "com.a");
    let (_, invocation) = stage.call(caller, 1, "com.a");
    let scheme = || Some("x_custom".to_owned());
    let mut published = publish(2, "com.a");
    published.options.ppt_scheme = scheme();
    let mut called = call(2, "com.a");
    called.options.ppt_scheme = scheme();
    let mut part = call(2, "com.a");
    part.options.progress = Some(true);
    let mut answered = answer(invocation);
    answered.options.ppt_scheme = scheme();
    let said: [(Peer, Message); 4] = [
        (caller, published.into()),
        (caller, called.into()),
        (caller, part.into()),
        (callee, answered.into()),
    ];
    for (peer, message) in said {
        let violation = stage.try_say(peer, message).unwrap_err();
        assert!(violation.to_string().contains("did not announce"));
    }
}

#[test]
fn refusals_say_why() {
    let mut stage = Stage::new();
    let peer = stage.join();
    let long = format!("com.{}", "x".repeat(4_000));
    let Message::Error(error) = stage.ask(peer, call(1, &long)) else {
        panic!("nobody has registered it");
    };
    assert!(text(&error.payload).starts_with("no procedure \"com.x"));
    assert!(error.payload.len() < 400);
}

#[test]
fn a_uri_that_is_too_long_is_refused_and_not_kept() {
    let mut stage = Stage::new();
    let peer = stage.join();
    let long = format!("com.{}", "x".repeat(4_093));
    let said: [Message; 3] = [
        subscribe(1, &long).into(),
        register(2, &long).into(),
        call(3, &long).into(),
    ];
    for message in said {
        assert_eq!(stage.refusal(peer, message), error_uri::INVALID_URI);
    }
    // One octet less is accepted.
    stage.subscribe(peer, 4, &long[1..]);
}

#[test]
fn who_has_left_is_heard_no_more() {
    let mut stage = Stage::new();
    let peer = stage.join();
    stage.leave(peer);
    assert_eq!(stage.say(peer, subscribe(1, "com.a")), []);
    assert_eq!(stage.leave(peer), []);
    let next = stage.join();
    assert_ne!(peer, next);
    assert_eq!(stage.say(peer, subscribe(2, "com.a")), []);
    stage.leave(next);
    assert!(stage.routing.is_empty());
}

#[test]
fn a_thousand_sessions_leave_nothing_behind() {
    let mut stage = Stage::new();
    let mut peers: Vec<Peer> = Vec::new();
    for at in 0..1_000_u64 {
        let peer = stage.join();
        stage.subscribe(peer, 1, &format!("com.topic.{}", at % 7));
        stage.register(peer, 2, &format!("com.procedure.{at}"));
        for (request, &callee) in (3..).zip(peers.iter().rev().take(3)) {
            let number = peers.iter().position(|&known| known == callee).unwrap();
            let called = stage.call(peer, request, &format!("com.procedure.{number}"));
            assert_eq!(called.0, callee);
        }
        peers.push(peer);
    }
    assert_eq!(stage.routing.session_count(), 1_000);
    assert!(!stage.routing.is_empty());
    // First those in the middle, so that calls lose their callers and their callees.
    peers.rotate_left(300);
    let mut canceled = 0;
    for peer in peers {
        canceled += stage.leave(peer).len();
    }
    assert!(canceled > 0);
    assert!(stage.routing.is_empty());
}
