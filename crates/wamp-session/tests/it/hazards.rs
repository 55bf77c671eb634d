//! Ends that come at a bad moment, and peers that mean ill.

use std::future::{IntoFuture, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore};
use wamp_core::lifecycle::{abort, goodbye};
use wamp_core::{
    CloseDetails, CloseReason, ConnectionInfo, MemoryTransport, Outgoing, ReceiveError, SendError,
    Transport, TransportError, Undeliverable,
};
use wamp_messages::message::{
    Event, Invocation, Registered, Subscribed, Unregistered, Unsubscribed,
};
use wamp_messages::{
    Format, Message, Payload, PublicationId, RegistrationId, RequestId, RequestType,
    SubscriptionId, Uri, args, error_uri,
};
use wamp_session::{
    ApplicationError, CallError, Connect, ConnectError, Observer, PublishError, RegisterError,
    Registration, Session, SessionLimits, SubscribeError, UserError,
};

use crate::script::{Script, error, welcome};

fn registration() -> RegistrationId {
    RegistrationId::new(5).expect("an id")
}

fn subscription() -> SubscriptionId {
    SubscriptionId::new(9).expect("an id")
}

fn invocation(request: u64) -> Invocation {
    Invocation {
        request: RequestId::new(request).expect("an id"),
        registration: registration(),
        details: Default::default(),
        payload: Payload::empty(),
    }
}

fn event(publication: u64, octets: usize) -> Event {
    let bytes = wamp_messages::Binary::from(vec![0; octets]);
    Event {
        subscription: subscription(),
        publication: PublicationId::new(publication).expect("an id"),
        details: Default::default(),
        payload: wamp_serializers::encode_payload(&Format::Cbor, &(bytes,), &())
            .expect("it can be serialized"),
    }
}

fn leave() -> wamp_messages::message::Goodbye {
    goodbye(Uri::from_static(error_uri::GOODBYE_AND_OUT), None)
}

/// A deadlock blocks a thread for ever, so that only another thread can tell of it.
fn bounded(test: impl Future<Output = ()> + Send + 'static) {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(test);
        let _ = done.send(());
    });
    finished
        .recv_timeout(Duration::from_secs(60))
        .expect("the test ends well, and does not hang");
}

async fn expect_register(script: &mut Script) -> RequestId {
    match script.receive().await {
        Message::Register(register) => register.request,
        other => panic!("REGISTER was expected, not {other:?}"),
    }
}

/// Registers a procedure whose handler owns a session, which nobody else has any more.
async fn registered_by_its_handler_alone(script: &mut Script, session: Session) {
    let owned = session.clone();
    let handler = move || {
        let session = owned.clone();
        async move { Ok(session.id().as_u64()) }
    };
    let registering = tokio::spawn(session.register("com.example.p", handler).into_future());
    drop(session);
    let request = expect_register(script).await;
    script
        .send(Registered {
            request,
            registration: registration(),
        })
        .await;
    drop(registering.await.expect("no panic").expect("it is granted"));
}

#[test]
fn a_handler_that_owns_its_session_goes_with_it() {
    bounded(async {
        let (mut script, session) = Script::joined().await;
        registered_by_its_handler_alone(&mut script, session).await;
        script.send(leave()).await;
        script.expect_goodbye().await;
        script.expect_closed().await;
    });
}

#[test]
fn a_handler_that_owns_its_session_goes_when_its_registration_is_revoked() {
    bounded(async {
        let (mut script, session) = Script::joined().await;
        registered_by_its_handler_alone(&mut script, session).await;
        let mut details = wamp_messages::options::UnregisteredDetails::default();
        details.registration = Some(registration());
        script
            .send(Unregistered {
                request: RequestId::ZERO,
                details: Some(details),
            })
            .await;
        script.expect_goodbye().await;
    });
}

#[test]
fn a_handler_that_owns_its_session_goes_when_its_registration_is_refused() {
    bounded(async {
        let (mut script, session) = Script::joined().await;
        let owned = session.clone();
        let handler = move || {
            let session = owned.clone();
            async move { Ok(session.id().as_u64()) }
        };
        let mut registering = session.register("com.example.p", handler).into_future();
        assert!(poll_once(&mut registering).is_pending());
        drop((registering, session));
        let request = expect_register(&mut script).await;
        script
            .send(error(
                RequestType::REGISTER,
                request,
                error_uri::NOT_AUTHORIZED,
                "no",
            ))
            .await;
        script.expect_goodbye().await;
    });
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_subscription_that_is_granted_and_not_taken_is_ended() {
    let (mut script, session) = Script::joined().await;
    let mut subscribing = session.subscribe("com.example.t").into_future();
    assert!(poll_once(&mut subscribing).is_pending());
    let Message::Subscribe(subscribe) = script.receive().await else {
        panic!("no SUBSCRIBE")
    };
    script
        .send(Subscribed {
            request: subscribe.request,
            subscription: subscription(),
        })
        .await;
    // An answer to something else shows that the session has taken SUBSCRIBED.
    let calling = tokio::spawn(session.call("com.example.p").into_future());
    let Message::Call(call) = script.receive().await else {
        panic!("no CALL")
    };
    script.send(crate::script::result(call.request, 1)).await;
    calling.await.unwrap().unwrap();
    drop(subscribing);
    let Message::Unsubscribe(unsubscribe) = script.receive().await else {
        panic!("no UNSUBSCRIBE")
    };
    assert_eq!(unsubscribe.subscription, subscription());
}

async fn register(
    script: &mut Script,
    registering: impl Future<Output = Result<Registration, RegisterError>> + Send + 'static,
) -> Registration {
    let registering = tokio::spawn(registering);
    let request = expect_register(script).await;
    script
        .send(Registered {
            request,
            registration: registration(),
        })
        .await;
    registering.await.expect("no panic").expect("it is granted")
}

#[tokio::test]
async fn nothing_is_sent_after_goodbye() {
    let (mut script, session) = Script::joined().await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
    let handler = move || {
        let (begins, goes) = (Arc::clone(&begins), Arc::clone(&goes));
        async move {
            begins.notify_one();
            goes.notified().await;
            begins.notify_one();
            Ok(1)
        }
    };
    register(
        &mut script,
        session.register("com.example.p", handler).into_future(),
    )
    .await;
    script.send(invocation(1)).await;
    begun.notified().await;
    let leaving = tokio::spawn(session.leave().keep_connection());
    script.expect_goodbye().await;
    go.notify_one();
    begun.notified().await;
    tokio::task::yield_now().await;
    script.send(leave()).await;
    let connection = leaving.await.unwrap().unwrap();
    drop(connection);
    script.expect_closed().await;
}

#[tokio::test]
async fn a_transport_is_not_kept_after_abort() {
    let (mut script, session) = Script::joined().await;
    let leaving = tokio::spawn(session.leave().keep_connection());
    script.expect_goodbye().await;
    script.send(abort(error_uri::SYSTEM_SHUTDOWN, "off")).await;
    assert!(leaving.await.unwrap().is_err());
    script.expect_closed().await;
}

/// Publishes until the router, which reads nothing, leaves no room.
async fn stuff(session: &Session) {
    let publish = || {
        session
            .publish("com.example.t")
            .args(args![1])
            .into_future()
    };
    while let Poll::Ready(sent) = {
        tokio::task::yield_now().await;
        poll_once(&mut publish())
    } {
        sent.expect("the session is open");
    }
}

fn narrow() -> SessionLimits {
    let mut limits = SessionLimits::default();
    limits.outbox = 1_000;
    limits
}

#[tokio::test(start_paused = true)]
async fn a_session_is_left_even_when_the_router_reads_nothing() {
    let (_script, session) = Script::joined_with(|c| c.limits(narrow()), []).await;
    stuff(&session).await;
    let details = session.leave().await.unwrap();
    assert_eq!(details.reason, error_uri::CLOSE_TRANSPORT_LOST);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_call_runs_while_it_waits_for_room() {
    let (_script, session) = Script::joined_with(|c| c.limits(narrow()), []).await;
    stuff(&session).await;
    let call = session
        .call("com.example.p")
        .timeout(Duration::from_secs(3));
    assert!(matches!(call.await, Err(CallError::TimedOut(_))));
}

#[tokio::test]
async fn results_wait_for_room_and_do_not_end_the_session() {
    const CALLS: u64 = 40;
    const OCTETS: usize = 1 << 20;
    let (mut script, session) = Script::joined_with(|c| c.limits(narrow()), []).await;
    let answered = Arc::new(Semaphore::new(0));
    let answering = Arc::clone(&answered);
    let handler = move || {
        answering.add_permits(1);
        async move { Ok(wamp_messages::Binary::from(vec![0; OCTETS])) }
    };
    register(
        &mut script,
        session.register("com.example.p", handler).into_future(),
    )
    .await;
    stuff(&session).await;
    for request in 1..=CALLS {
        script.send(invocation(request)).await;
    }
    let _all = answered.acquire_many(u32::try_from(CALLS).unwrap()).await;
    assert!(session.is_open());
    let mut results = 0;
    while results < CALLS {
        match script.receive().await {
            Message::Yield(_) => results += 1,
            Message::Publish(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_whose_runtime_is_gone_has_ended() {
    let (opened, opening) = tokio::sync::oneshot::channel();
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let joined = runtime.block_on(Script::joined());
        opened.send(joined).map_err(drop).expect("it is waited for");
    });
    let (_script, session) = opening.await.unwrap();
    other.join().unwrap();
    assert_eq!(
        session.closed().await.reason,
        error_uri::CLOSE_TRANSPORT_LOST
    );
    assert!(matches!(
        session.call("com.example.p").await,
        Err(CallError::Closed(_))
    ));
}

#[tokio::test]
async fn invocations_that_wait_when_the_session_ends_are_not_begun() {
    let mut limits = SessionLimits::default();
    limits.concurrency = 1;
    let (mut script, session) = Script::joined_with(|c| c.limits(limits), []).await;
    let (begun, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
    let handler = move || {
        begins.fetch_add(1, Ordering::Relaxed);
        let goes = Arc::clone(&goes);
        async move {
            goes.notified().await;
            Ok(())
        }
    };
    register(
        &mut script,
        session.register("com.example.p", handler).into_future(),
    )
    .await;
    script.send(invocation(1)).await;
    while begun.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    script.send(invocation(2)).await;
    script.send(leave()).await;
    script.expect_goodbye().await;
    session.closed().await;
    drop(session);
    go.notify_waiters();
    // The handler is gone when the executor is.
    while Arc::strong_count(&begun) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(begun.load(Ordering::Relaxed), 1);
}

struct Panics;

#[async_trait]
impl Observer for Panics {
    fn on_user_error(&self, error: &UserError) {
        panic!("an observer that panics over {error:?}");
    }
}

#[tokio::test]
async fn handlers_outlive_an_observer_that_panics() {
    let (mut script, session) = Script::joined_with(|c| c.observer(Panics), []).await;
    let handler = || async { Err::<(), _>(ApplicationError::runtime("no")) };
    register(
        &mut script,
        session.register("com.example.p", handler).into_future(),
    )
    .await;
    for request in 1..=3 {
        script.send(invocation(request)).await;
        let Message::Error(error) = script.receive().await else {
            panic!("no ERROR")
        };
        assert_eq!(error.error, error_uri::RUNTIME_ERROR);
    }
}

struct Lingers(Arc<Notify>);

#[async_trait]
impl Observer for Lingers {
    async fn on_leave(&self, _: &CloseDetails) {
        self.0.notified().await;
    }
}

#[tokio::test]
async fn goodbye_is_answered_before_the_observer_is_told() {
    let go = Arc::new(Notify::new());
    let observer = Lingers(Arc::clone(&go));
    let (mut script, _session) = Script::joined_with(|c| c.observer(observer), []).await;
    script.send(leave()).await;
    script.expect_goodbye().await;
    go.notify_one();
    script.expect_closed().await;
}

#[tokio::test]
async fn a_stream_holds_no_more_octets_than_it_may() {
    let (mut script, session) = Script::joined().await;
    let subscribing = session.subscribe("com.example.t").buffer_octets(5_000);
    let subscribing = tokio::spawn(subscribing.into_future());
    let Message::Subscribe(subscribe) = script.receive().await else {
        panic!("no SUBSCRIBE")
    };
    script
        .send(Subscribed {
            request: subscribe.request,
            subscription: subscription(),
        })
        .await;
    let mut stream = subscribing.await.unwrap().unwrap();
    // Whatever its length, one event is always taken.
    for (publication, octets) in [(1, 9_000), (2, 10), (3, 10)] {
        script.send(event(publication, octets)).await;
    }
    script.send(leave()).await;
    script.expect_goodbye().await;
    session.closed().await;
    assert_eq!(
        stream.next().await.unwrap().details().publication.as_u64(),
        1
    );
    assert!(stream.next().await.is_none());
    assert!(matches!(
        stream.unsubscribe().await,
        Err(SubscribeError::Closed(_))
    ));
}

/// A transport that sends no URI of more than 20 octets, and tells of a limit of 10 000.
struct Short(MemoryTransport);

impl Transport for Short {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        self.0.poll_receive(cx)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_ready(cx)
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        let len = match message.message() {
            Message::Subscribe(subscribe) => subscribe.topic.len(),
            Message::Register(register) => register.procedure.len(),
            Message::Hello(hello) => hello.realm.as_ref().map_or(0, |realm| realm.len()),
            _ => 0,
        };
        if len > 20 {
            return Err(Undeliverable::TooLong { len, max: 20 }.into());
        }
        self.0.send(message)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_flush(cx)
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        self.0.poll_close(cx, reason)
    }

    fn abort(&mut self) {
        self.0.abort();
    }

    fn format(&self) -> Format {
        self.0.format()
    }

    fn max_len(&self) -> Option<usize> {
        Some(10_000)
    }

    fn info(&self) -> &ConnectionInfo {
        self.0.info()
    }
}

#[tokio::test]
async fn arguments_that_are_too_long_take_no_request_id() {
    let (mut script, transport) = Script::new();
    let opening = tokio::spawn(Connect::over(Short(transport)).into_future());
    script.expect_hello().await;
    script.send(welcome()).await;
    let session = opening.await.unwrap().unwrap();
    let long = ("x".repeat(10_000),);
    let error = session.call("com.example.p").args(&long).await.unwrap_err();
    assert!(matches!(
        error,
        CallError::Arguments(wamp_session::SendError::TooLong { max: 10_000, .. })
    ));
    let error = session.publish("com.example.t").args(&long).await;
    assert!(matches!(error, Err(PublishError::Arguments(_))));
    session.publish("com.example.t").await.unwrap();
    let Message::Publish(publish) = script.receive().await else {
        panic!("no PUBLISH")
    };
    assert_eq!(publish.request.as_u64(), 1);
}

#[tokio::test]
async fn a_hello_that_cannot_be_sent_opens_nothing() {
    let (_script, transport) = Script::new();
    let connect = Connect::over(Short(transport)).realm("com.example.a.realm.too.long");
    let error = connect.await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Send(wamp_session::SendError::TooLong { len: 28, max: 20 })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_fails() {
    let (mut script, transport) = Script::new();
    let opening = tokio::spawn(Connect::over(Short(transport)).into_future());
    script.expect_hello().await;
    script.send(welcome()).await;
    let session = opening.await.unwrap().unwrap();
    let long = "com.example.a.uri.that.is.too.long";
    assert!(matches!(
        session.subscribe(long).await,
        Err(SubscribeError::Send(_))
    ));
    let handler = || async { Ok(()) };
    assert!(matches!(
        session.register(long, handler).await,
        Err(RegisterError::Send(_))
    ));
    assert!(session.is_open());
}

#[tokio::test]
async fn a_new_stream_is_not_ended_with_the_one_before() {
    // UNSUBSCRIBE leaves before the next SUBSCRIBE, or not at all.
    let (mut script, session) = Script::joined().await;
    let subscribe = || tokio::spawn(session.subscribe("com.example.t").into_future());
    let subscribing = subscribe();
    let Message::Subscribe(first) = script.receive().await else {
        panic!("no SUBSCRIBE")
    };
    script
        .send(Subscribed {
            request: first.request,
            subscription: subscription(),
        })
        .await;
    drop(subscribing.await.unwrap().unwrap());
    let subscribing = subscribe();
    let Message::Unsubscribe(unsubscribe) = script.receive().await else {
        panic!("no UNSUBSCRIBE")
    };
    let Message::Subscribe(second) = script.receive().await else {
        panic!("no SUBSCRIBE")
    };
    script
        .send(Unsubscribed {
            request: unsubscribe.request,
            details: None,
        })
        .await;
    script
        .send(Subscribed {
            request: second.request,
            subscription: subscription(),
        })
        .await;
    script.send(event(1, 1)).await;
    let mut stream = subscribing.await.unwrap().unwrap();
    assert!(
        poll_fn(|cx| std::pin::pin!(stream.next()).poll(cx))
            .await
            .is_some()
    );
}
