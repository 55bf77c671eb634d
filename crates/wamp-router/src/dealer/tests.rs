//! Rules of the dealer.

use wamp_messages::message::{Error as ErrorMessage, Invocation as Invoked};
use wamp_messages::options::CallOptions;
use wamp_messages::{MatchPolicy, Message, Payload, RegistrationId};

use super::*;
use crate::realm::Peer;
use crate::realm::tests::{
    Stage, answer, call, failure, id, payload, register, text, too_long, unregister,
};

/// A caller, and a callee who has registered `com.a`.
fn pair() -> (Stage, Peer, Peer) {
    let mut stage = Stage::new();
    let (caller, callee) = (stage.join(), stage.join());
    stage.register(callee, 1, "com.a");
    (stage, caller, callee)
}

fn only_error(sent: &[(Peer, Message)]) -> (Peer, &ErrorMessage) {
    match sent {
        [(to, Message::Error(error))] => (*to, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_goes_to_the_callee_and_its_result_to_the_caller() {
    let mut stage = Stage::new();
    let (caller, callee) = (stage.join(), stage.join());
    let registration = stage.register(callee, 1, "com.a");
    let sent = stage.say(caller, call(4, "com.a"));
    let expected = Invoked {
        request: id(1),
        registration,
        details: Default::default(),
        payload: payload(4),
    };
    assert_eq!(sent, [(callee, expected.into())]);
    let sent = stage.say(callee, answer(id(1)));
    let expected = ResultMessage {
        request: id(4),
        details: Default::default(),
        payload: payload(7),
    };
    assert_eq!(sent, [(caller, expected.into())]);
}

#[test]
fn an_error_of_the_callee_goes_to_the_caller() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 4, "com.a");
    let sent = stage.say(callee, failure(id(1), "com.error.bad"));
    let (to, error) = only_error(&sent);
    assert_eq!((to, error.request_type), (caller, RequestType::CALL));
    assert_eq!((error.request, &*error.error), (id(4), "com.error.bad"));
    assert_eq!(error.payload, payload(8));
}

#[test]
fn invocations_are_numbered_for_each_callee_from_1() {
    let (mut stage, caller, callee) = pair();
    let other = stage.join();
    stage.register(other, 1, "com.b");
    assert_eq!(stage.call(caller, 1, "com.a"), (callee, id(1)));
    assert_eq!(stage.call(other, 2, "com.a"), (callee, id(2)));
    assert_eq!(stage.call(caller, 2, "com.b"), (other, id(1)));
    stage.say(callee, answer(id(1)));
    assert_eq!(stage.call(caller, 3, "com.a"), (callee, id(3)));
}

#[test]
fn a_session_can_call_itself() {
    let (mut stage, _, callee) = pair();
    let (_, invocation) = stage.call(callee, 2, "com.a");
    let result = stage.ask(callee, answer(invocation));
    assert!(matches!(result, Message::Result(result) if result.request == id(2)));
    stage.call(callee, 3, "com.a");
    assert_eq!(stage.leave(callee), []);
}

#[test]
fn a_procedure_that_nobody_has_registered_cannot_be_called() {
    let (mut stage, caller, _) = pair();
    assert_eq!(
        stage.refusal(caller, call(1, "com.b")),
        error_uri::NO_SUCH_PROCEDURE
    );
}

#[test]
fn a_procedure_is_registered_once() {
    let (mut stage, other, callee) = pair();
    for (peer, request) in [(other, 1), (callee, 2)] {
        let refused = stage.refusal(peer, register(request, "com.a"));
        assert_eq!(refused, error_uri::PROCEDURE_ALREADY_EXISTS);
    }
    stage.leave(callee);
    stage.register(other, 2, "com.a");
}

#[test]
fn a_registration_ends_at_once_but_what_was_called_is_answered() {
    let mut stage = Stage::new();
    let (caller, callee) = (stage.join(), stage.join());
    let registration = stage.register(callee, 1, "com.a");
    stage.call(caller, 1, "com.a");
    let unregistered = stage.ask(callee, unregister(2, registration));
    assert!(matches!(unregistered, Message::Unregistered(message)
        if message.request == id(2) && message.details.is_none()));
    assert_eq!(
        stage.refusal(caller, call(2, "com.a")),
        error_uri::NO_SUCH_PROCEDURE
    );
    assert!(matches!(
        &*stage.say(callee, answer(id(1))),
        [(to, Message::Result(_))] if *to == caller
    ));
    let again = stage.refusal(callee, unregister(3, registration));
    assert_eq!(again, error_uri::NO_SUCH_REGISTRATION);
    assert_ne!(stage.register(callee, 4, "com.a"), registration);
}

#[test]
fn a_registration_of_others_cannot_be_ended() {
    let mut stage = Stage::new();
    let (callee, thief) = (stage.join(), stage.join());
    let registration = stage.register(callee, 1, "com.a");
    let unknown = RegistrationId::new(123_456_789).unwrap();
    for (request, registration) in [(1, registration), (2, unknown)] {
        let refused = stage.refusal(thief, unregister(request, registration));
        assert_eq!(refused, error_uri::NO_SUCH_REGISTRATION);
    }
    assert_eq!(stage.call(thief, 3, "com.a").0, callee);
}

#[test]
fn features_that_are_not_there_are_refused() {
    let mut stage = Stage::new();
    let peer = stage.join();
    for (request, policy) in [(1, "prefix"), (2, "wildcard")] {
        let mut message = register(request, "com.a");
        message.options.match_policy = Some(MatchPolicy::new(policy));
        assert_eq!(stage.refusal(peer, message), error_uri::OPTION_NOT_ALLOWED);
    }
    for (request, policy, uri) in [
        (3, "roundrobin", error_uri::OPTION_NOT_ALLOWED),
        (4, "backwards", error_uri::INVALID_ARGUMENT),
    ] {
        let mut message = register(request, "com.a");
        message.options.invoke = Some(InvokePolicy::new(policy));
        assert_eq!(stage.refusal(peer, message), uri);
    }
    let mut plain = register(5, "com.a");
    plain.options.match_policy = Some(MatchPolicy::EXACT);
    plain.options.invoke = Some(InvokePolicy::SINGLE);
    assert!(matches!(stage.ask(peer, plain), Message::Registered(_)));
}

#[test]
fn nobody_answers_the_invocation_of_another() {
    let (mut stage, caller, callee) = pair();
    let thief = stage.join();
    stage.register(thief, 1, "com.b");
    stage.call(caller, 1, "com.b");
    stage.say(thief, answer(id(1)));
    // Both have had an invocation 1; that of the thief is answered.
    stage.call(caller, 2, "com.a");
    assert_eq!(stage.say(thief, answer(id(1))), []);
    assert_eq!(stage.say(thief, failure(id(1), "com.error")), []);
    // The caller, who knows the id of its call, cannot answer it either.
    assert!(stage.try_say(caller, answer(id(2))).is_err());
    assert_eq!(stage.say(callee, answer(id(1))).len(), 1);
}

#[test]
fn to_answer_what_was_never_asked_is_a_violation() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    for invocation in [0, 2, 1_000] {
        assert!(stage.try_say(callee, answer(id(invocation))).is_err());
        assert!(
            stage
                .try_say(callee, failure(id(invocation), "com.error"))
                .is_err()
        );
    }
    assert_eq!(stage.say(callee, answer(id(1))).len(), 1);
}

#[test]
fn a_second_answer_is_ignored() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    assert_eq!(stage.say(callee, answer(id(1))).len(), 1);
    assert_eq!(stage.say(callee, answer(id(1))), []);
    assert_eq!(stage.say(callee, failure(id(1), "com.error")), []);
}

#[test]
fn a_part_of_a_result_is_a_violation_because_nobody_asked_for_parts() {
    let (mut stage, caller, callee) = pair();
    let mut message = call(1, "com.a");
    message.options.receive_progress = Some(true);
    let sent = stage.say(caller, message);
    assert!(matches!(&*sent, [(_, Message::Invocation(invocation))]
        if invocation.details.receive_progress.is_none()));
    let mut part = answer(id(1));
    part.options.progress = Some(true);
    assert!(stage.try_say(callee, part).is_err());
    let sent = stage.leave(callee);
    assert_eq!(only_error(&sent).1.error, error_uri::CANCELED);
}

#[test]
fn the_callers_of_a_callee_that_leaves_are_told_why() {
    let (mut stage, caller, callee) = pair();
    let other = stage.join();
    stage.call(caller, 1, "com.a");
    stage.call(other, 1, "com.a");
    stage.call(caller, 2, "com.a");
    stage.say(callee, answer(id(2)));
    let sent = stage.leave(callee);
    assert_eq!(sent.len(), 2);
    for ((to, message), request) in sent.iter().zip([1, 2]) {
        let Message::Error(error) = message else {
            panic!("{message:?}")
        };
        assert_eq!((*to, error.request), (caller, id(request)));
        assert_eq!(error.request_type, RequestType::CALL);
        assert_eq!(error.error, error_uri::CANCELED);
        assert!(text(&error.payload).contains("callee left"));
    }
    assert_eq!(
        stage.refusal(caller, call(3, "com.a")),
        error_uri::NO_SUCH_PROCEDURE
    );
}

#[test]
fn a_caller_that_leaves_leaves_no_entry_and_late_answers_are_ignored() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    stage.call(caller, 2, "com.a");
    assert_eq!(stage.leave(caller), []);
    // Who comes after it and takes its place gets nothing.
    let next = stage.join();
    assert_eq!(stage.say(callee, answer(id(1))), []);
    let mut part = answer(id(2));
    part.options.progress = Some(true);
    assert_eq!(stage.say(callee, part), []);
    assert_eq!(stage.say(callee, failure(id(2), "com.error")), []);
    assert_eq!(stage.call(next, 1, "com.a"), (callee, id(3)));
    stage.leave(callee);
    stage.leave(next);
    assert!(stage.routing.is_empty());
}

#[test]
fn a_call_id_that_was_used_is_a_violation() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    assert!(stage.try_say(caller, call(1, "com.a")).is_err());
    stage.say(callee, answer(id(1)));
    assert!(stage.try_say(caller, call(1, "com.a")).is_err());
}

#[test]
fn registrations_are_limited() {
    let mut stage = Stage::with(|config| config.limits = config.limits.registrations(1));
    let (peer, other) = (stage.join(), stage.join());
    let registration = stage.register(peer, 1, "com.a");
    let refused = stage.refusal(peer, register(2, "com.b"));
    assert_eq!(refused, limit_uri::TOO_MANY_REGISTRATIONS);
    stage.register(other, 1, "com.b");
    stage.ask(peer, unregister(3, registration));
    stage.register(peer, 4, "com.c");
}

#[test]
fn pending_calls_are_limited() {
    let mut stage = Stage::with(|config| config.limits = config.limits.calls(2));
    let (caller, callee) = (stage.join(), stage.join());
    stage.register(callee, 1, "com.a");
    stage.call(caller, 1, "com.a");
    stage.call(caller, 2, "com.a");
    assert_eq!(
        stage.refusal(caller, call(3, "com.a")),
        limit_uri::TOO_MANY_CALLS
    );
    stage.call(callee, 2, "com.a");
    stage.say(callee, answer(id(1)));
    stage.call(caller, 4, "com.a");
}

#[test]
fn invocations_of_a_callee_are_limited() {
    let mut stage = Stage::with(|config| config.limits = config.limits.invocations(2));
    let callee = stage.join();
    stage.register(callee, 1, "com.a");
    for _ in 0..2 {
        let caller = stage.join();
        stage.call(caller, 1, "com.a");
    }
    let caller = stage.join();
    let refused = stage.refusal(caller, call(1, "com.a"));
    assert_eq!(refused, limit_uri::TOO_MANY_INVOCATIONS);
    stage.say(callee, answer(id(2)));
    assert_eq!(stage.call(caller, 2, "com.a"), (callee, id(3)));
}

#[test]
fn how_a_payload_is_encoded_is_passed_on_and_other_options_are_not() {
    let (mut stage, caller, callee) = pair();
    let mut options = CallOptions::default();
    options.enc_algo = Some("cryptobox".to_owned());
    options.transaction_hash = Some("hash".to_owned());
    options.timeout = Some(1_000);
    options.caller_authid = Some("admin".to_owned());
    options.extra.insert("x_unknown", 1);
    let mut message = call(1, "com.a");
    message.options = options.into();
    message.payload = Payload::opaque(bytes::Bytes::from_static(b"\xff\x00"));
    let sent = stage.say(caller, message);
    let mut expected = InvocationDetails::default();
    expected.enc_algo = Some("cryptobox".to_owned());
    expected.transaction_hash = Some("hash".to_owned());
    let [(_, Message::Invocation(invocation))] = &*sent else {
        panic!("{sent:?}")
    };
    assert_eq!(*invocation.details, expected);
    assert_eq!(
        invocation.payload.as_opaque().map(|octets| &**octets),
        Some(&b"\xff\x00"[..])
    );

    let mut result = answer(id(1));
    result.options.enc_algo = Some("cryptobox".to_owned());
    result.options.callee_authid = Some("admin".to_owned());
    let mut expected = ResultDetails::default();
    expected.enc_algo = Some("cryptobox".to_owned());
    let sent = stage.say(callee, result);
    let [(_, Message::Result(result))] = &*sent else {
        panic!("{sent:?}")
    };
    assert_eq!(*result.details, expected);
}

#[test]
fn a_result_that_cannot_be_sent_is_replaced_by_an_error() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    let (to, result) = stage.say(callee, answer(id(1))).remove(0);
    let sent = stage.return_to_sender(to, result, &too_long());
    let (to, error) = only_error(&sent);
    assert_eq!((to, error.request), (caller, id(1)));
    assert_eq!(error.request_type, RequestType::CALL);
    assert_eq!(error.error, error_uri::PAYLOAD_SIZE_EXCEEDED);
}

#[test]
fn an_error_that_cannot_be_sent_gets_shorter_until_it_is_dropped() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    let (to, message) = stage.say(callee, failure(id(1), "com.error")).remove(0);
    let sent = stage.return_to_sender(to, message, &too_long());
    let (to, shorter) = only_error(&sent);
    assert_eq!(
        (to, &*shorter.error),
        (caller, error_uri::PAYLOAD_SIZE_EXCEEDED)
    );
    assert!(!shorter.payload.is_empty());
    let sent = stage.return_to_sender(to, shorter.clone(), &too_long());
    let (to, shortest) = only_error(&sent);
    assert!(shortest.payload.is_empty());
    assert_eq!(
        stage.return_to_sender(to, shortest.clone(), &too_long()),
        []
    );
}

#[test]
fn an_invocation_that_cannot_be_sent_is_answered_to_its_caller() {
    let (mut stage, caller, callee) = pair();
    let (to, invocation) = stage.say(caller, call(1, "com.a")).remove(0);
    let sent = stage.return_to_sender(to, invocation.clone(), &too_long());
    let (to, error) = only_error(&sent);
    assert_eq!((to, error.request), (caller, id(1)));
    assert_eq!(error.error, error_uri::PAYLOAD_SIZE_EXCEEDED);
    // It is forgotten: nothing answers it again.
    assert_eq!(stage.say(callee, answer(id(1))), []);
    assert_eq!(stage.return_to_sender(callee, invocation, &too_long()), []);
    assert_eq!(stage.leave(callee), []);
}

#[test]
fn what_cannot_be_sent_to_who_has_left_is_nothing() {
    let (mut stage, caller, callee) = pair();
    stage.call(caller, 1, "com.a");
    let (_, result) = stage.say(callee, answer(id(1))).remove(0);
    stage.leave(caller);
    assert_eq!(stage.return_to_sender(caller, result, &too_long()), []);
}
