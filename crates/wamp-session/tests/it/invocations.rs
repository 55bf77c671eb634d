use std::future::IntoFuture;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use wamp_messages::message::{Error, Invocation, Registered, Unregistered, Yield};
use wamp_messages::options::UnregisteredDetails;
use wamp_messages::{
    Dict, Format, Message, Payload, RegistrationId, RequestId, Value, args, error_uri, kwargs,
};
use wamp_serializers::{decode_args, decode_kwargs, encode_payload};
use wamp_session::{
    ApplicationError, Args, CallDetails, Connect, Handler, Kwargs, Registration, Reply, Session,
    SessionLimits,
};

use crate::script::Script;

fn id() -> RegistrationId {
    RegistrationId::new(9).expect("an id")
}

fn invocation(request: u64, payload: Payload) -> Invocation {
    let request = RequestId::new(request).expect("an id");
    Invocation {
        request,
        registration: id(),
        details: Default::default(),
        payload,
    }
}

fn payload(args: impl AsRef<[Value]>, kwargs: &Dict) -> Payload {
    encode_payload(&Format::Cbor, args.as_ref(), kwargs).expect("it can be serialized")
}

async fn registered<M, H: Handler<M>>(
    script: &mut Script,
    session: &Session,
    handler: H,
) -> Registration {
    let registering = tokio::spawn(session.register("com.example.p", handler).into_future());
    let Message::Register(register) = script.receive().await else {
        panic!("no REGISTER")
    };
    assert_eq!(register.procedure, "com.example.p");
    script
        .send(Registered {
            request: register.request,
            registration: id(),
        })
        .await;
    registering.await.expect("no panic").expect("it is granted")
}

async fn expect_yield(script: &mut Script) -> Yield {
    match script.receive().await {
        Message::Yield(answer) => answer,
        other => panic!("YIELD was expected, not {other:?}"),
    }
}

async fn expect_error(script: &mut Script) -> (Error, String) {
    match script.receive().await {
        Message::Error(error) => {
            let text = decode_args::<(String,)>(&error.payload).expect("a text").0;
            (error, text)
        }
        other => panic!("ERROR was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_handler_answers_with_what_it_returns() {
    let (mut script, session) = Script::joined().await;
    registered(
        &mut script,
        &session,
        |a: i64, b: i64| async move { Ok(a + b) },
    )
    .await;
    script
        .send(invocation(1, payload(args![2, 3], &Dict::new())))
        .await;
    let answer = expect_yield(&mut script).await;
    assert_eq!(answer.request.as_u64(), 1);
    assert_eq!(decode_args::<(i64,)>(&answer.payload).unwrap().0, 5);
}

#[tokio::test]
async fn a_handler_takes_arguments_keyword_arguments_details_and_session() {
    let (mut script, session) = Script::joined().await;
    let handler = |name: String,
                   details: CallDetails,
                   age: Option<u8>,
                   Kwargs(kwargs): Kwargs<Dict>,
                   session: Session| async move {
        let text = format!(
            "{name} {age:?} {} {} {}",
            details.procedure,
            kwargs["x"].as_i64().unwrap_or(0),
            session.id()
        );
        Ok(Reply::new(args![text, 2]).with_kwargs(kwargs! { ok: true }))
    };
    registered(&mut script, &session, handler).await;
    script
        .send(invocation(1, payload(args!["joe"], &kwargs! { x: 5 })))
        .await;
    let answer = expect_yield(&mut script).await;
    let (text, two): (String, u8) = decode_args(&answer.payload).unwrap();
    assert_eq!((&*text, two), ("joe None com.example.p 5 77", 2));
    assert_eq!(
        decode_kwargs::<Dict>(&answer.payload).unwrap()["ok"],
        Value::Bool(true)
    );
}

#[tokio::test]
async fn all_arguments_can_be_taken_as_one() {
    let (mut script, session) = Script::joined().await;
    let handler = |Args(all): Args<Vec<i64>>| async move { Ok(all.iter().sum::<i64>()) };
    registered(&mut script, &session, handler).await;
    script
        .send(invocation(1, payload(args![1, 2, 3], &Dict::new())))
        .await;
    let answer = expect_yield(&mut script).await;
    assert_eq!(decode_args::<(i64,)>(&answer.payload).unwrap().0, 6);
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused() {
    let (mut script, session) = Script::joined().await;
    registered(
        &mut script,
        &session,
        |a: i64, b: i64| async move { Ok(a + b) },
    )
    .await;
    for args in [args![1], args![1, "two"], args![1, 2, 3]] {
        script
            .send(invocation(1, payload(args, &Dict::new())))
            .await;
        let (error, _) = expect_error(&mut script).await;
        assert_eq!(error.error, error_uri::INVALID_ARGUMENT);
    }
}

#[tokio::test]
async fn an_error_of_a_handler_goes_to_the_caller_with_its_arguments() {
    let (mut script, session) = Script::joined().await;
    let handler = || async {
        let error = ApplicationError::new("com.example.error.hot", "too hot");
        Err::<(), _>(error.with_kwargs(kwargs! { celsius: 300 }))
    };
    registered(&mut script, &session, handler).await;
    script.send(invocation(1, Payload::empty())).await;
    let (error, text) = expect_error(&mut script).await;
    assert_eq!(
        (&*error.error, &*text),
        ("com.example.error.hot", "too hot")
    );
    let kwargs: Dict = decode_kwargs(&error.payload).unwrap();
    assert_eq!(kwargs["celsius"].as_i64(), Some(300));
}

#[tokio::test]
async fn a_panic_is_a_runtime_error_and_the_session_lives() {
    let (mut script, session) = Script::joined().await;
    let handler = |n: u32| async move {
        assert!(n > 0, "zero will not do");
        Ok(n)
    };
    registered(&mut script, &session, handler).await;
    script
        .send(invocation(1, payload(args![0], &Dict::new())))
        .await;
    let (error, text) = expect_error(&mut script).await;
    assert_eq!(error.error, error_uri::RUNTIME_ERROR);
    assert!(text.contains("zero will not do"), "{text}");
    script
        .send(invocation(2, payload(args![1], &Dict::new())))
        .await;
    assert_eq!(expect_yield(&mut script).await.request.as_u64(), 2);
}

#[tokio::test]
async fn an_invocation_on_the_heels_of_registered_is_not_lost() {
    let (mut script, session) = Script::joined().await;
    let register = session.register("com.example.p", || async { Ok(()) });
    let registering = tokio::spawn(register.into_future());
    let Message::Register(register) = script.receive().await else {
        panic!("no REGISTER")
    };
    script
        .send(Registered {
            request: register.request,
            registration: id(),
        })
        .await;
    script.send(invocation(1, Payload::empty())).await;
    assert_eq!(expect_yield(&mut script).await.request.as_u64(), 1);
    registering.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_begin_in_the_order_of_their_invocations() {
    let (mut script, session) = Script::joined().await;
    let (sender, mut begun) = mpsc::unbounded_channel();
    let handler = move |n: u64| {
        let sent = sender.send(n);
        async move {
            tokio::task::yield_now().await;
            sent.map_err(|_| ApplicationError::runtime("the test has ended"))
        }
    };
    registered(&mut script, &session, handler).await;
    for n in 0..200 {
        script
            .send(invocation(n + 1, payload(args![n], &Dict::new())))
            .await;
    }
    for n in 0..200 {
        assert_eq!(begun.recv().await, Some(n));
    }
}

#[tokio::test]
async fn only_so_many_handlers_run_and_wait_at_once() {
    let mut limits = SessionLimits::default();
    (limits.concurrency, limits.backlog) = (2, 3);
    let limit = |connect: Connect| connect.limits(limits);
    let (mut script, session) = Script::joined_with(limit, []).await;
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let handler = move || {
        let gate = Arc::clone(&waiting);
        async move {
            gate.acquire()
                .await
                .map_err(|_| ApplicationError::runtime("closed"))?
                .forget();
            Ok(())
        }
    };
    registered(&mut script, &session, handler).await;
    for n in 1..=20 {
        script.send(invocation(n, Payload::empty())).await;
    }
    // Two run, one is on its way to a place, three wait in the backlog: the others are refused.
    let (error, _) = expect_error(&mut script).await;
    assert_eq!(error.error, error_uri::UNAVAILABLE);
    gate.add_permits(20);
    let mut answered = 1;
    while answered < 20 {
        assert!(matches!(
            script.receive().await,
            Message::Yield(_) | Message::Error(_)
        ));
        answered += 1;
    }
}

#[tokio::test]
async fn an_unregistered_procedure_is_known_until_the_router_has_said_so() {
    let (mut script, session) = Script::joined().await;
    let registration = registered(&mut script, &session, || async { Ok(1) }).await;
    let ending = tokio::spawn(registration.unregister());
    let Message::Unregister(unregister) = script.receive().await else {
        panic!("no UNREGISTER")
    };
    script.send(invocation(1, Payload::empty())).await;
    assert_eq!(expect_yield(&mut script).await.request.as_u64(), 1);
    script
        .send(Unregistered {
            request: unregister.request,
            details: None,
        })
        .await;
    ending.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_invocation_of_nothing_registered_is_a_violation() {
    let (mut script, session) = Script::joined().await;
    script.send(invocation(1, Payload::empty())).await;
    assert!(matches!(script.receive().await, Message::Abort(_)));
    assert_eq!(session.closed().await.reason, error_uri::PROTOCOL_VIOLATION);
}

#[tokio::test]
async fn a_registration_that_the_router_revokes_takes_its_handler_along() {
    let (mut script, session) = Script::joined().await;
    let (alive, mut gone) = mpsc::unbounded_channel::<()>();
    let handler = move || {
        let _alive = alive.clone();
        async { Ok(()) }
    };
    registered(&mut script, &session, handler).await;
    let mut details = UnregisteredDetails::default();
    details.registration = Some(id());
    let (request, details) = (RequestId::ZERO, Some(details));
    script.send(Unregistered { request, details }).await;
    assert_eq!(gone.recv().await, None, "the handler is dropped");
    assert!(session.is_open());
}

#[tokio::test]
async fn a_handler_passes_on_what_it_was_answered_itself() {
    let (mut script, session) = Script::joined().await;
    let handler = |session: Session| async move {
        Ok(session.call("com.example.inner").returns::<i64>().await?)
    };
    registered(&mut script, &session, handler).await;
    script.send(invocation(1, Payload::empty())).await;
    let Message::Call(call) = script.receive().await else {
        panic!("no CALL")
    };
    let refused = crate::script::error(
        wamp_messages::RequestType::CALL,
        call.request,
        "com.example.error.inner",
        "no",
    );
    script.send(refused).await;
    let (error, text) = expect_error(&mut script).await;
    assert_eq!((&*error.error, &*text), ("com.example.error.inner", "no"));
}
