use wamp_messages::message::{Error, Result as CallResult, Subscribed};
use wamp_messages::{Payload, error_uri};

use super::*;

#[derive(Debug)]
struct Names;

impl Entries for Names {
    type Call = &'static str;
    type Publish = &'static str;
    type Subscribe = &'static str;
    type Listener = &'static str;
    type Unsubscribe = &'static str;
    type Register = &'static str;
    type Endpoint = &'static str;
    type Unregister = &'static str;
}

fn subscribe(name: &'static str) -> Pending<Names> {
    let topic = (Uri::from_static("com.example.topic"), MatchPolicy::EXACT);
    Pending::Subscribe {
        topic,
        waiting: name,
        listener: name,
    }
}

fn id(id: u64) -> SubscriptionId {
    SubscriptionId::new(id).unwrap()
}

fn subscribed(client: &mut Client<Names>, request: RequestId, subscription: u64) -> ListenerId {
    let message = Subscribed {
        request,
        subscription: id(subscription),
    };
    match client.handle(message.into()) {
        Ok(Delivery::Subscribed(_, _, listener)) => listener,
        other => panic!("a subscription is granted, not {other:?}"),
    }
}

fn error(request: RequestId, request_type: RequestType) -> Message {
    Error {
        request_type,
        request,
        details: Default::default(),
        error: Uri::from_static(error_uri::NOT_AUTHORIZED),
        payload: Payload::empty(),
    }
    .into()
}

fn result(request: RequestId) -> Message {
    CallResult {
        request,
        details: Default::default(),
        payload: Payload::empty(),
    }
    .into()
}

#[test]
fn request_ids_are_sequential_from_one() {
    let mut client = Client::<Names>::default();
    assert_eq!(client.request(Pending::Call("a")).as_u64(), 1);
    assert_eq!(client.request_unanswered().as_u64(), 2);
    assert_eq!(client.request(subscribe("b")).as_u64(), 3);
}

#[test]
fn a_result_goes_to_its_call_and_a_late_one_to_nobody() {
    let mut client = Client::<Names>::default();
    let request = client.request(Pending::Call("a"));
    assert!(matches!(
        client.handle(result(request)),
        Ok(Delivery::Result("a", _))
    ));
    assert!(matches!(
        client.handle(result(request)),
        Ok(Delivery::Nothing)
    ));
}

#[test]
fn an_answer_to_what_was_not_asked_is_a_violation() {
    let mut client = Client::<Names>::default();
    assert!(client.handle(result(RequestId::ZERO.next())).is_err());
    assert!(client.handle(result(RequestId::ZERO)).is_err());
    let request = client.request(subscribe("a"));
    assert!(client.handle(result(request)).is_err());
    let request = client.request(Pending::Call("b"));
    assert!(client.handle(error(request, RequestType::PUBLISH)).is_err());
}

#[test]
fn the_last_listener_ends_the_subscription() {
    let mut client = Client::<Names>::default();
    let (one, two) = (
        client.request(subscribe("one")),
        client.request(subscribe("two")),
    );
    let one = subscribed(&mut client, one, 7);
    let two = subscribed(&mut client, two, 7);
    assert!(!client.remove_listener(id(7), one));
    assert!(!client.remove_listener(id(7), one), "removed already");
    assert!(client.remove_listener(id(7), two));
}

#[test]
fn a_subscription_does_not_end_while_another_listener_is_on_its_way() {
    let mut client = Client::<Names>::default();
    let one = client.request(subscribe("one"));
    let one = subscribed(&mut client, one, 7);
    let two = client.request(subscribe("two"));
    assert!(!client.remove_listener(id(7), one));
    let two = subscribed(&mut client, two, 7);
    assert!(client.remove_listener(id(7), two));
}

#[test]
fn a_subscription_ends_when_the_listener_on_its_way_is_refused() {
    let mut client = Client::<Names>::default();
    let one = client.request(subscribe("one"));
    let one = subscribed(&mut client, one, 7);
    let two = client.request(subscribe("two"));
    assert!(!client.remove_listener(id(7), one));
    let delivery = client.handle(error(two, RequestType::SUBSCRIBE));
    assert!(matches!(delivery, Ok(Delivery::Failed(_, _, Some(ended))) if ended == id(7)));
}

#[test]
fn an_invocation_is_answered_once() {
    let mut client = Client::<Names>::default();
    let request = client.request(Pending::Register {
        waiting: "w",
        endpoint: "e",
    });
    let registration = RegistrationId::new(5).unwrap();
    let message = message::Registered {
        request,
        registration,
    };
    assert!(matches!(
        client.handle(message.into()),
        Ok(Delivery::Registered("w", _, None))
    ));
    let invocation = Invocation {
        request: RequestId::ZERO.next(),
        registration,
        details: Default::default(),
        payload: Payload::empty(),
    };
    let delivery = client.handle(invocation.clone().into());
    assert!(matches!(delivery, Ok(Delivery::Invocation(&"e", _))));
    assert!(
        client.handle(invocation.clone().into()).is_err(),
        "it is not answered yet"
    );
    assert!(client.answer(invocation.request));
    assert!(!client.answer(invocation.request));
}

#[test]
fn every_request_is_returned_when_the_session_ends() {
    let mut client = Client::<Names>::default();
    client.request(Pending::Call("a"));
    client.request(subscribe("b"));
    assert_eq!(client.end().requests.len(), 2);
    assert_eq!(client.pending(), 0);
}

#[test]
fn a_request_that_is_answered_wrongly_waits_on_for_the_end() {
    let mut client = Client::<Names>::default();
    let request = client.request(Pending::Register {
        waiting: "w",
        endpoint: "e",
    });
    assert!(client.handle(result(request)).is_err());
    assert!(client.handle(error(request, RequestType::CALL)).is_err());
    assert_eq!(client.end().requests.len(), 1);
}

#[test]
fn endpoints_and_listeners_are_returned_when_they_go() {
    let mut client = Client::<Names>::default();
    let register = |client: &mut Client<Names>, endpoint| {
        let request = client.request(Pending::Register {
            waiting: "w",
            endpoint,
        });
        let registration = RegistrationId::new(5).unwrap();
        let message = message::Registered {
            request,
            registration,
        };
        match client.handle(message.into()) {
            Ok(Delivery::Registered(_, _, replaced)) => replaced,
            other => panic!("a registration is granted, not {other:?}"),
        }
    };
    assert_eq!(register(&mut client, "first"), None);
    assert_eq!(register(&mut client, "second"), Some("first"));
    let one = client.request(subscribe("one"));
    subscribed(&mut client, one, 7);
    let ended = client.end();
    assert_eq!(
        (ended.endpoints, ended.listeners),
        (vec!["second"], vec!["one"])
    );
}

#[test]
fn a_subscription_ends_when_the_request_for_another_listener_never_left() {
    let mut client = Client::<Names>::default();
    let one = client.request(subscribe("one"));
    let one = subscribed(&mut client, one, 7);
    let two = client.request(subscribe("two"));
    assert!(!client.remove_listener(id(7), one));
    assert!(matches!(client.give_up(two), (Some(_), Some(ended)) if ended == id(7)));
}
