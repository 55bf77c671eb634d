//! Transports that fail.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use wamp_core::{
    CloseReason, ConnectionInfo, MemoryTransport, Outgoing, ReceiveError, SendError, Transport,
    TransportError, Undeliverable,
};
use wamp_messages::message::Result;
use wamp_messages::wire::{DecodeError, DecodeErrorKind};
use wamp_messages::{Format, Message, Payload, error_uri};
use wamp_router::Router;
use wamp_serializers::Serializer;

use crate::client::{Client, REALM, answer, call, goodbye, hello, id, open, payload, publish};

/// A transport that sends no payload longer than a bound, and reads an opaque payload as garbage,
/// or as a frame in JSON if it begins like one.
struct Spoiled {
    inner: MemoryTransport,
    max: usize,
}

impl Transport for Spoiled {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<std::result::Result<Message, ReceiveError>> {
        self.inner.poll_receive(cx).map(|received| {
            let message = received?;
            let Some(octets) = message.payload().and_then(Payload::as_opaque) else {
                return Ok(message);
            };
            if octets.starts_with(b"[") {
                Serializer::json().decode(octets.clone(), &mut VecDeque::new())?;
            }
            Err(DecodeError::new(DecodeErrorKind::Trailing, 17).into())
        })
    }

    fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<std::result::Result<(), TransportError>> {
        self.inner.poll_ready(cx)
    }

    fn send(&mut self, message: &Outgoing) -> std::result::Result<(), SendError> {
        let len = message.message().payload().map_or(0, Payload::len);
        if len > self.max {
            let max = self.max;
            return Err(Undeliverable::TooLong { len, max }.into());
        }
        self.inner.send(message)
    }

    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<std::result::Result<(), TransportError>> {
        self.inner.poll_flush(cx)
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<std::result::Result<(), TransportError>> {
        self.inner.poll_close(cx, reason)
    }

    fn abort(&mut self) {
        self.inner.abort();
    }

    fn format(&self) -> Format {
        self.inner.format()
    }

    fn info(&self) -> &ConnectionInfo {
        self.inner.info()
    }
}

async fn join(router: &Router, max: usize) -> Client {
    let (inner, theirs) = MemoryTransport::pair(&Format::Cbor);
    tokio::spawn(router.accept(Spoiled { inner, max }));
    let mut client = Client::over(theirs);
    client.send(hello(None)).await;
    client.welcome().await;
    client
}

fn long() -> Payload {
    let text = "x".repeat(1_000);
    wamp_serializers::encode_payload(&Format::Cbor, &(text,), &()).unwrap()
}

#[tokio::test]
async fn what_is_no_message_ends_the_session_with_a_text_that_says_what_and_where() {
    let router = open().build();
    let mut client = join(&router, 500).await;
    let mut garbage = publish(1, "com.a");
    garbage.payload = Payload::opaque(bytes::Bytes::from_static(b"x"));
    client.send(garbage).await;
    let abort = client.aborted().await;
    assert_eq!(abort.reason, error_uri::PROTOCOL_VIOLATION);
    let text = abort.details.message.unwrap();
    assert!(text.contains("17"), "{text}");
    assert_eq!(router.session_count(REALM), Some(0));
}

#[tokio::test]
async fn what_is_nested_too_deeply_ends_the_session_with_a_text_that_says_how_deep_it_may_be() {
    let router = open().build();
    let mut client = join(&router, 500).await;
    let max = Serializer::json().max_depth();
    let nested = [&"[".repeat(max), &*"]".repeat(max)].concat();
    let frame = format!(r#"[16,1,{{}},"com.a",{nested}]"#);
    let mut message = publish(1, "com.a");
    message.payload = Payload::opaque(frame.into());
    client.send(message).await;
    let abort = client.aborted().await;
    assert_eq!(abort.reason, error_uri::PROTOCOL_VIOLATION);
    let text = abort.details.message.unwrap();
    assert!(text.contains(&format!("{max} levels")), "{text}");
}

#[tokio::test]
async fn a_result_that_cannot_be_sent_becomes_an_error() {
    let router = open().build();
    let (mut caller, mut callee) = (join(&router, 500).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    let mut result = answer(callee.invoked().await);
    result.payload = long();
    callee.send(result).await;
    assert_eq!(caller.failed().await.0, error_uri::PAYLOAD_SIZE_EXCEEDED);
    caller.hears_nothing(2).await;
}

#[tokio::test]
async fn an_invocation_that_cannot_be_sent_is_answered_with_an_error() {
    let router = open().build();
    let (mut caller, mut callee) = (Client::join(&router).await, join(&router, 500).await);
    callee.register(1, "com.a").await;
    let mut message = call(1, "com.a");
    message.payload = long();
    caller.send(message).await;
    assert_eq!(caller.failed().await.0, error_uri::PAYLOAD_SIZE_EXCEEDED);
    // The callee has not heard of it, and is called on.
    caller.send(call(2, "com.a")).await;
    let invocation = callee.invoked().await;
    callee.send(answer(invocation)).await;
    let result = Result {
        request: id(2),
        details: Default::default(),
        payload: payload(7),
    };
    assert_eq!(caller.receive().await, result.into());
    let calls = &router.metrics().realms[0].answered_calls;
    assert_eq!((calls.of("undeliverable"), calls.of("result")), (1, 1));
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_to_one_goes_to_the_others() {
    let router = open().build();
    let (mut narrow, mut wide) = (join(&router, 500).await, Client::join(&router).await);
    narrow.subscribe(1, "com.a").await;
    wide.subscribe(1, "com.a").await;
    let mut publisher = Client::join(&router).await;
    let mut message = publish(1, "com.a");
    message.payload = long();
    publisher.send(message).await;
    publisher.send(publish(2, "com.a")).await;
    for expected in [long(), payload(2)] {
        let received = wide.receive().await;
        assert_eq!(received.payload(), Some(&expected));
    }
    assert_eq!(narrow.receive().await.payload(), Some(&payload(2)));
    assert_eq!(router.undelivered_events(REALM), Some(1));
    let realm = &router.metrics().realms[0];
    assert_eq!(
        realm.undeliverable.iter().collect::<Vec<_>>(),
        [("EVENT", 1)]
    );
    assert_eq!(realm.sent.of("EVENT"), 4);
}

#[tokio::test]
async fn what_an_earlier_session_cannot_be_sent_is_no_answer_to_the_next_one() {
    let router = open().build();
    let (mut caller, mut callee) = (join(&router, 500).await, Client::join(&router).await);
    callee.register(1, "com.a").await;
    caller.send(call(1, "com.a")).await;
    let mut result = answer(callee.invoked().await);
    result.payload = long();
    // The result waits for the caller when that has left, joined again, and called under the same
    // id.
    callee.send(result).await;
    caller.send(goodbye()).await;
    caller.send(hello(None)).await;
    caller.send(call(1, "com.a")).await;
    assert!(matches!(caller.receive().await, Message::Goodbye(_)));
    caller.welcome().await;
    let invocation = callee.invoked().await;
    callee.send(answer(invocation)).await;
    let answered = caller.receive().await;
    assert!(matches!(answered, Message::Result(_)), "{answered:?}");
    caller.hears_nothing(2).await;
}
