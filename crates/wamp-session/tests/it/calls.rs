use std::future::IntoFuture;
use std::time::Duration;

use wamp_messages::message::{Call, Published};
use wamp_messages::{
    Feature, Message, PublicationId, RequestId, RequestType, SessionId, args, error_uri, kwargs,
};
use wamp_serializers::{decode_args, decode_kwargs};
use wamp_session::{CallError, CallResult, PublishError};

use crate::script::{Script, error, result};

async fn expect_call(script: &mut Script) -> Call {
    match script.receive().await {
        Message::Call(call) => call,
        other => panic!("CALL was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_call_carries_its_arguments_and_returns_its_result() {
    let (mut script, session) = Script::joined().await;
    let call = session
        .call("com.example.add")
        .args((2, 3))
        .kwargs(kwargs! { mod: 7 });
    let calling = tokio::spawn(call.returns::<i64>().into_future());
    let call = expect_call(&mut script).await;
    assert_eq!(call.procedure, "com.example.add");
    assert_eq!(decode_args::<(i64, i64)>(&call.payload).unwrap(), (2, 3));
    assert_eq!(
        decode_kwargs::<wamp_messages::Dict>(&call.payload).unwrap()["mod"].as_i64(),
        Some(7)
    );
    script.send(result(call.request, 5)).await;
    assert_eq!(calling.await.unwrap().unwrap(), 5);
}

#[tokio::test]
async fn arguments_given_after_keyword_arguments_do_not_replace_them() {
    let (mut script, session) = Script::joined().await;
    let call = session
        .call("com.example.p")
        .kwargs(kwargs! { a: 1 })
        .args(args!["x"]);
    tokio::spawn(call.into_future());
    let call = expect_call(&mut script).await;
    assert_eq!(decode_args::<(String,)>(&call.payload).unwrap().0, "x");
    assert!(call.payload.kwargs().is_some());
}

#[tokio::test]
async fn an_error_comes_with_uri_and_arguments() {
    let (mut script, session) = Script::joined().await;
    let calling = tokio::spawn(session.call("com.example.p").into_future());
    let call = expect_call(&mut script).await;
    let answer = error(
        RequestType::CALL,
        call.request,
        "com.example.error.no",
        "no!",
    );
    script.send(answer).await;
    match calling.await.unwrap() {
        Err(CallError::Application(error)) => {
            assert_eq!(error.uri(), "com.example.error.no");
            assert_eq!(error.args::<(String,)>().unwrap().0, "no!");
            assert_eq!(error.to_string(), "com.example.error.no: no!");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_result_that_does_not_fit_is_an_error_of_the_call_alone() {
    let (mut script, session) = Script::joined().await;
    let calling = tokio::spawn(session.call("com.example.p").returns::<i64>().into_future());
    let call = expect_call(&mut script).await;
    script.send(result(call.request, "five")).await;
    assert!(matches!(calling.await.unwrap(), Err(CallError::Result(_))));
    assert!(session.is_open());
}

#[tokio::test]
async fn request_ids_are_sequential_in_the_order_of_sending() {
    let (mut script, session) = Script::joined().await;
    for _ in 0..3 {
        tokio::spawn(session.call("com.example.p").into_future());
        session.publish("com.example.t").await.unwrap();
    }
    for id in 1..=6 {
        let message = script.receive().await;
        let (_, request) = message.request().unwrap();
        assert_eq!(request.as_u64(), id);
    }
}

#[tokio::test]
async fn bad_input_is_reported_when_awaited_and_sends_nothing() {
    let (mut script, session) = Script::joined().await;
    assert!(matches!(
        session.call("not a uri").await,
        Err(CallError::Uri(_))
    ));
    assert!(matches!(
        session.publish("a..b").await,
        Err(PublishError::Uri(_))
    ));
    let unlisted = session.call("com.example.p").args(5).await;
    assert!(matches!(unlisted, Err(CallError::Arguments(_))));
    tokio::spawn(session.call("com.example.p").into_future());
    assert_eq!(expect_call(&mut script).await.request.as_u64(), 1);
}

#[tokio::test]
async fn a_call_that_is_never_polled_sends_nothing() {
    let (mut script, session) = Script::joined().await;
    drop(session.call("com.example.never").into_future());
    tokio::spawn(session.call("com.example.p").into_future());
    assert_eq!(expect_call(&mut script).await.procedure, "com.example.p");
}

#[tokio::test]
async fn a_dropped_call_is_canceled_where_the_dealer_can() {
    let features = [Feature::CALL_CANCELING];
    let (mut script, session) = Script::joined_with(|connect| connect, features).await;
    let calling = tokio::spawn(session.call("com.example.slow").into_future());
    let call = expect_call(&mut script).await;
    calling.abort();
    let Message::Cancel(cancel) = script.receive().await else {
        panic!("no CANCEL")
    };
    assert_eq!(cancel.request, call.request);
    script
        .send(error(
            RequestType::CALL,
            call.request,
            error_uri::CANCELED,
            "late",
        ))
        .await;
    tokio::spawn(session.call("com.example.p").into_future());
    assert_eq!(
        expect_call(&mut script).await.procedure,
        "com.example.p",
        "the session lives"
    );
}

#[tokio::test]
async fn a_late_answer_to_a_dropped_call_is_swallowed() {
    let (mut script, session) = Script::joined().await;
    let calling = tokio::spawn(session.call("com.example.slow").into_future());
    let call = expect_call(&mut script).await;
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    script.send(result(call.request, 1)).await;
    tokio::spawn(session.call("com.example.p").into_future());
    assert_eq!(
        expect_call(&mut script).await.procedure,
        "com.example.p",
        "the session lives"
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_an_option_and_a_deadline() {
    let (mut script, session) = Script::joined().await;
    let timeout = Duration::from_millis(1500);
    let calling = tokio::spawn(
        session
            .call("com.example.slow")
            .timeout(timeout)
            .into_future(),
    );
    assert_eq!(expect_call(&mut script).await.options.timeout, Some(1500));
    assert!(matches!(calling.await.unwrap(), Err(CallError::TimedOut(t)) if t == timeout));
}

#[tokio::test]
async fn calls_fail_when_the_transport_is_lost() {
    let (mut script, session) = Script::joined().await;
    let calling = tokio::spawn(session.call("com.example.p").into_future());
    expect_call(&mut script).await;
    script.abort();
    match calling.await.unwrap() {
        Err(CallError::Closed(closed)) => {
            assert_eq!(closed.0.reason, error_uri::CLOSE_TRANSPORT_LOST);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        session.call("com.example.p").await,
        Err(CallError::Closed(_))
    ));
}

#[tokio::test]
async fn an_answer_to_a_request_that_was_not_made_ends_the_session() {
    let (mut script, session) = Script::joined().await;
    script.send(result(RequestId::new(9).unwrap(), 1)).await;
    let Message::Abort(abort) = script.receive().await else {
        panic!("no ABORT")
    };
    assert_eq!(abort.reason, error_uri::PROTOCOL_VIOLATION);
    assert_eq!(session.closed().await.reason, error_uri::PROTOCOL_VIOLATION);
    script.expect_closed().await;
}

#[tokio::test]
async fn an_acknowledged_publication_waits_for_its_id() {
    let (mut script, session) = Script::joined().await;
    let publish = session
        .publish("com.example.t")
        .args((1,))
        .exclude_me(false)
        .acknowledge();
    let publishing = tokio::spawn(publish.into_future());
    let Message::Publish(publish) = script.receive().await else {
        panic!("no PUBLISH")
    };
    assert_eq!(publish.options.acknowledge, Some(true));
    assert_eq!(publish.options.exclude_me, Some(false));
    let publication = PublicationId::new(5).unwrap();
    script
        .send(Published {
            request: publish.request,
            publication,
        })
        .await;
    assert_eq!(publishing.await.unwrap().unwrap().id(), publication);
}

#[tokio::test]
async fn a_refused_publication_is_an_error() {
    let (mut script, session) = Script::joined().await;
    let publishing = tokio::spawn(session.publish("com.example.t").acknowledge().into_future());
    let Message::Publish(publish) = script.receive().await else {
        panic!("no PUBLISH")
    };
    let answer = error(
        RequestType::PUBLISH,
        publish.request,
        error_uri::NOT_AUTHORIZED,
        "no",
    );
    script.send(answer).await;
    match publishing.await.unwrap() {
        Err(PublishError::Application(error)) => assert_eq!(error.uri(), error_uri::NOT_AUTHORIZED),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_result_without_a_type_keeps_arguments_and_details() {
    let (mut script, session) = Script::joined().await;
    let calling = tokio::spawn(session.call("com.example.p").into_future());
    let call = expect_call(&mut script).await;
    script.send(result(call.request, "value")).await;
    let result: CallResult = calling.await.unwrap().unwrap();
    assert_eq!(result.args::<(String,)>().unwrap().0, "value");
    assert_eq!(result.value::<String>().unwrap(), "value");
    assert!(result.details().is_empty());
}

#[tokio::test]
async fn a_publisher_says_who_gets_an_event() {
    let (mut script, session) = Script::joined().await;
    let id = SessionId::new(5).unwrap();
    session
        .publish("com.example.t")
        .exclude([id])
        .eligible([])
        .exclude_authid(["joe"])
        .eligible_authid(["jane"])
        .exclude_authrole(["guest"])
        .eligible_authrole(["user"])
        .await
        .unwrap();
    let Message::Publish(publish) = script.receive().await else {
        panic!("no PUBLISH")
    };
    let options = publish.options.into_inner();
    assert_eq!(
        (options.exclude, options.eligible),
        (Some(vec![id]), Some(Vec::new()))
    );
    assert_eq!(options.exclude_authid.unwrap(), ["joe"]);
    assert_eq!(options.eligible_authid.unwrap(), ["jane"]);
    assert_eq!(options.exclude_authrole.unwrap(), ["guest"]);
    assert_eq!(options.eligible_authrole.unwrap(), ["user"]);
}
