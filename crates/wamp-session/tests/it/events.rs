use std::future::IntoFuture;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::mpsc;
use wamp_messages::message::{Event, Subscribe, Subscribed, Unsubscribed};
use wamp_messages::options::UnsubscribedDetails;
use wamp_messages::{
    Format, Message, PublicationId, RequestId, RequestType, SubscriptionId, error_uri,
};
use wamp_serializers::encode_payload;
use wamp_session::{
    ApplicationError, EventDetails, Observer, Session, SubscribeError, Subscription, UserError,
};

use crate::script::{Script, error, result};

const ID: u64 = 9;

fn id() -> SubscriptionId {
    SubscriptionId::new(ID).expect("an id")
}

fn event(value: u32) -> Event {
    Event {
        subscription: id(),
        publication: PublicationId::new(u64::from(value) + 1).expect("an id"),
        details: Default::default(),
        payload: encode_payload(&Format::Cbor, &(value,), &()).expect("it can be serialized"),
    }
}

async fn expect_subscribe(script: &mut Script) -> Subscribe {
    match script.receive().await {
        Message::Subscribe(subscribe) => subscribe,
        other => panic!("SUBSCRIBE was expected, not {other:?}"),
    }
}

async fn expect_unsubscribe(script: &mut Script) -> RequestId {
    match script.receive().await {
        Message::Unsubscribe(unsubscribe) => {
            assert_eq!(unsubscribe.subscription, id());
            unsubscribe.request
        }
        other => panic!("UNSUBSCRIBE was expected, not {other:?}"),
    }
}

async fn subscribed(script: &mut Script, session: &Session, buffer: usize) -> Subscription {
    let subscribe = session.subscribe("com.example.t").buffer(buffer);
    let subscribing = tokio::spawn(subscribe.into_future());
    let request = expect_subscribe(script).await.request;
    script
        .send(Subscribed {
            request,
            subscription: id(),
        })
        .await;
    subscribing.await.expect("no panic").expect("it is granted")
}

async fn value(stream: &mut Subscription) -> u32 {
    let event = stream.next().await.expect("an event comes");
    event.args::<(u32,)>().expect("a number").0
}

#[tokio::test]
async fn events_on_the_heels_of_subscribed_are_not_lost() {
    let (mut script, session) = Script::joined().await;
    let subscribing = tokio::spawn(session.subscribe("com.example.t").into_future());
    let request = expect_subscribe(&mut script).await.request;
    script
        .send(Subscribed {
            request,
            subscription: id(),
        })
        .await;
    for n in 0..10 {
        script.send(event(n)).await;
    }
    let mut stream = subscribing.await.unwrap().unwrap();
    for n in 0..10 {
        assert_eq!(value(&mut stream).await, n);
    }
}

#[tokio::test]
async fn an_event_knows_its_topic_and_publication() {
    let (mut script, session) = Script::joined().await;
    let mut stream = subscribed(&mut script, &session, 8).await;
    script.send(event(4)).await;
    let event = stream.next().await.unwrap();
    assert_eq!(event.details().topic, "com.example.t");
    assert_eq!(event.details().publication.as_u64(), 5);
    assert_eq!(event.details().subscription, id());
}

#[tokio::test]
async fn two_streams_share_a_subscription_and_the_last_ends_it() {
    let (mut script, session) = Script::joined().await;
    let mut one = subscribed(&mut script, &session, 8).await;
    let mut two = subscribed(&mut script, &session, 8).await;
    script.send(event(1)).await;
    assert_eq!((value(&mut one).await, value(&mut two).await), (1, 1));
    drop(one);
    script.send(event(2)).await;
    assert_eq!(value(&mut two).await, 2);
    let ending = tokio::spawn(two.unsubscribe());
    let request = expect_unsubscribe(&mut script).await;
    script
        .send(Unsubscribed {
            request,
            details: None,
        })
        .await;
    ending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_stream_ends_its_subscription() {
    let (mut script, session) = Script::joined().await;
    drop(subscribed(&mut script, &session, 8).await);
    expect_unsubscribe(&mut script).await;
    // An event that was on its way is for nobody, and hurts nobody.
    script.send(event(1)).await;
    assert!(session.is_open());
}

#[tokio::test]
async fn a_subscription_that_nobody_waits_for_any_more_is_ended() {
    let (mut script, session) = Script::joined().await;
    let subscribing = tokio::spawn(session.subscribe("com.example.t").into_future());
    let request = expect_subscribe(&mut script).await.request;
    subscribing.abort();
    assert!(subscribing.await.unwrap_err().is_cancelled());
    script
        .send(Subscribed {
            request,
            subscription: id(),
        })
        .await;
    expect_unsubscribe(&mut script).await;
}

#[tokio::test]
async fn events_that_find_no_room_are_counted() {
    let (mut script, session) = Script::joined().await;
    let mut stream = subscribed(&mut script, &session, 2).await;
    for n in 0..5 {
        script.send(event(n)).await;
    }
    // When the result has come, the events before it have.
    let calling = tokio::spawn(session.call("com.example.p").into_future());
    let Message::Call(call) = script.receive().await else {
        panic!("no CALL")
    };
    script.send(result(call.request, ())).await;
    calling.await.unwrap().unwrap();
    assert_eq!((value(&mut stream).await, value(&mut stream).await), (0, 1));
    assert_eq!(stream.missed(), 3, "known also when no other event comes");
    script.send(event(5)).await;
    let event = stream.next().await.unwrap();
    assert_eq!(event.args::<(u32,)>().unwrap().0, 5);
    assert_eq!((event.missed(), stream.missed()), (3, 3));
}

#[tokio::test]
async fn a_handler_takes_events_in_their_order() {
    let (mut script, session) = Script::joined().await;
    let (sender, mut seen) = mpsc::unbounded_channel();
    let subscribe =
        session
            .subscribe("com.example.t")
            .handler(move |n: u32, details: EventDetails| {
                let sender = sender.clone();
                async move {
                    // Handlers that overlapped would end in another order.
                    for _ in n..10 {
                        tokio::task::yield_now().await;
                    }
                    sender
                        .send((n, details.publication.as_u64()))
                        .expect("the test reads");
                }
            });
    let subscribing = tokio::spawn(subscribe.into_future());
    let request = expect_subscribe(&mut script).await.request;
    script
        .send(Subscribed {
            request,
            subscription: id(),
        })
        .await;
    for n in 0..10 {
        script.send(event(n)).await;
    }
    for n in 0..10 {
        assert_eq!(seen.recv().await, Some((n, u64::from(n) + 1)));
    }
    let handle = subscribing.await.unwrap().unwrap();
    let ending = tokio::spawn(handle.unsubscribe());
    let request = expect_unsubscribe(&mut script).await;
    script
        .send(Unsubscribed {
            request,
            details: None,
        })
        .await;
    ending.await.unwrap().unwrap();
    assert_eq!(
        seen.recv().await,
        None,
        "the handler is gone with its subscription"
    );
}

#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Observer for Errors {
    fn on_user_error(&self, error: &UserError) {
        self.0
            .lock()
            .expect("no panic")
            .push(format!("{}: {}", error.uri, error.error));
    }
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_goes_on_with_the_next_event() {
    let errors = Errors::default();
    let observer = errors.clone();
    let (mut script, session) = Script::joined_with(|c| c.observer(observer), []).await;
    let (sender, mut seen) = mpsc::unbounded_channel();
    let subscribe = session.subscribe("com.example.t").handler(move |n: u32| {
        let sender = sender.clone();
        async move {
            match n {
                0 => return Err(ApplicationError::runtime("zero")),
                1 => panic!("one"),
                n => sender.send(n).expect("the test reads"),
            }
            Ok(())
        }
    });
    let subscribing = tokio::spawn(subscribe.into_future());
    let request = expect_subscribe(&mut script).await.request;
    script
        .send(Subscribed {
            request,
            subscription: id(),
        })
        .await;
    subscribing.await.unwrap().unwrap();
    for n in 0..3 {
        script.send(event(n)).await;
    }
    assert_eq!(seen.recv().await, Some(2));
    assert_eq!(
        *errors.0.lock().unwrap(),
        [
            "com.example.t: wamp.error.runtime_error: zero",
            "com.example.t: wamp.error.runtime_error: the handler panicked: one",
        ]
    );
}

#[tokio::test]
async fn a_refused_subscription_is_an_error() {
    let (mut script, session) = Script::joined().await;
    let subscribing = tokio::spawn(session.subscribe("com.example.t").into_future());
    let request = expect_subscribe(&mut script).await.request;
    script
        .send(error(
            RequestType::SUBSCRIBE,
            request,
            error_uri::NOT_AUTHORIZED,
            "no",
        ))
        .await;
    let refused = subscribing.await.unwrap();
    assert!(
        matches!(refused, Err(SubscribeError::Application(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_session_after_the_events_that_came() {
    let (mut script, session) = Script::joined().await;
    let mut stream = subscribed(&mut script, &session, 8).await;
    script.send(event(1)).await;
    script.close().await;
    session.closed().await;
    assert_eq!(value(&mut stream).await, 1);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_subscription_that_the_router_revokes_ends_its_stream() {
    let (mut script, session) = Script::joined().await;
    let mut stream = subscribed(&mut script, &session, 8).await;
    script.send(event(1)).await;
    let mut details = UnsubscribedDetails::default();
    details.subscription = Some(id());
    let (request, details) = (RequestId::ZERO, Some(details));
    script.send(Unsubscribed { request, details }).await;
    assert_eq!(value(&mut stream).await, 1);
    assert!(stream.next().await.is_none());
    assert!(session.is_open());
}
