//! How seldom payloads are touched: one encoding per format of an event for many, one transcoding
//! per other format, and no decoding at all.
//!
//! The counters are those of the process, so this test has one of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wamp_core::{
    CloseReason, ConnectionInfo, Outgoing, ReceiveError, SendError, Transport, TransportError,
};
use wamp_messages::message::{Call, Hello, Publish, Register, Subscribe, Yield};
use wamp_messages::options::HelloDetails;
use wamp_messages::{Format, Message, RequestId, Role, Roles, Uri};
use wamp_router::{Realm, Router};
use wamp_serializers::counters::{Step, count};
use wamp_serializers::{Serializer, decode_args, encode_payload};

/// The router's end of a transport whose other end sees octets.
struct Wire {
    serializer: Serializer,
    received: UnboundedReceiver<Bytes>,
    sent: UnboundedSender<Bytes>,
    info: ConnectionInfo,
}

impl Transport for Wire {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        self.received.poll_recv(cx).map(|frame| {
            let mut messages = VecDeque::new();
            let frame = frame.ok_or(ReceiveError::Closed)?;
            self.serializer.decode(frame, &mut messages)?;
            messages.pop_front().ok_or(ReceiveError::Closed)
        })
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        let mut frame = BytesMut::new();
        message.append(&self.serializer, &mut frame, usize::MAX)?;
        let sent = self.sent.send(frame.freeze());
        sent.map_err(|_| TransportError::Closed.into())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
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
        self.serializer.format()
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

/// A client that sends and receives octets. It encodes before anything is counted.
struct Client {
    serializer: Serializer,
    sent: UnboundedSender<Bytes>,
    received: UnboundedReceiver<Bytes>,
}

impl Client {
    async fn join(router: &Router, serializer: &Serializer) -> Self {
        let (ours, theirs) = (unbounded_channel(), unbounded_channel());
        tokio::spawn(router.accept(Wire {
            serializer: serializer.clone(),
            received: ours.1,
            sent: theirs.0,
            info: ConnectionInfo::new("wire"),
        }));
        let mut client = Self {
            serializer: serializer.clone(),
            sent: ours.0,
            received: theirs.1,
        };
        let mut details = Box::new(HelloDetails::default());
        details.roles = Some(Roles::none().with(Role::Caller, []));
        client.send(Hello {
            realm: None,
            details,
        });
        assert!(matches!(client.receive().await, Message::Welcome(_)));
        client
    }

    fn frame(&self, message: impl Into<Message>) -> Bytes {
        self.serializer.encode(&message.into()).unwrap().to_bytes()
    }

    fn send(&self, message: impl Into<Message>) {
        self.sent.send(self.frame(message)).unwrap();
    }

    async fn frame_received(&mut self) -> Bytes {
        self.received.recv().await.unwrap()
    }

    fn read(&mut self, frame: Bytes) -> Message {
        let mut messages = VecDeque::new();
        self.serializer.decode(frame, &mut messages).unwrap();
        messages.pop_front().unwrap()
    }

    async fn receive(&mut self) -> Message {
        let frame = self.frame_received().await;
        self.read(frame)
    }
}

fn formats() -> [Serializer; 3] {
    [
        Serializer::json(),
        Serializer::msgpack(),
        Serializer::cbor(),
    ]
}

fn id(request: u64) -> RequestId {
    RequestId::new(request).unwrap()
}

/// JSON, MessagePack, CBOR, then what is rewritten, then what is decoded.
fn counts() -> [u64; 5] {
    [
        Step::EncodeJson,
        Step::EncodeMsgPack,
        Step::EncodeCbor,
        Step::Transcode,
        Step::PayloadDecode,
    ]
    .map(count)
}

/// What was counted since.
fn since(before: [u64; 5]) -> [u64; 5] {
    let mut counted = counts();
    for (now, before) in counted.iter_mut().zip(before) {
        *now -= before;
    }
    counted
}

async fn an_event_for_many_is_encoded_once_per_format(router: &Router) {
    let mut subscribers = Vec::new();
    for serializer in formats().iter().cycle().take(100) {
        let mut subscriber = Client::join(router, serializer).await;
        subscriber.send(Subscribe {
            request: id(1),
            options: Default::default(),
            topic: Uri::from_static("com.topic"),
        });
        assert!(matches!(subscriber.receive().await, Message::Subscribed(_)));
        subscribers.push(subscriber);
    }
    let publisher = Client::join(router, &Serializer::cbor()).await;
    let publish = publisher.frame(Publish {
        request: id(1),
        options: Default::default(),
        topic: Uri::from_static("com.topic"),
        payload: encode_payload(&Format::Cbor, &(1, "two"), &()).unwrap(),
    });
    let before = counts();
    publisher.sent.send(publish).unwrap();
    let mut frames = Vec::new();
    for subscriber in &mut subscribers {
        frames.push(subscriber.frame_received().await);
    }
    assert_eq!(since(before), [1, 1, 1, 2, 0]);

    let before = counts();
    for (subscriber, frame) in subscribers.iter_mut().zip(frames) {
        let Message::Event(event) = subscriber.read(frame) else {
            panic!("no EVENT came");
        };
        let args: (u64, String) = decode_args(&event.payload).unwrap();
        assert_eq!(args, (1, "two".to_owned()));
    }
    // One decode for each user.
    assert_eq!(since(before), [0, 0, 0, 0, 100]);
}

/// Calls from one format to another, and returns what was counted until the result was there.
async fn call(router: &Router, from: &Serializer, to: &Serializer, uri: &'static str) -> [u64; 5] {
    let (mut caller, mut callee) = (
        Client::join(router, from).await,
        Client::join(router, to).await,
    );
    callee.send(Register {
        request: id(1),
        options: Default::default(),
        procedure: Uri::from_static(uri),
    });
    assert!(matches!(callee.receive().await, Message::Registered(_)));
    let payload = |serializer: &Serializer| encode_payload(&serializer.format(), &(1,), &());
    let call = caller.frame(Call {
        request: id(1),
        options: Default::default(),
        procedure: Uri::from_static(uri),
        payload: payload(from).unwrap(),
    });
    let answer = callee.frame(Yield {
        request: id(1),
        options: Default::default(),
        payload: payload(to).unwrap(),
    });
    let before = counts();
    caller.sent.send(call).unwrap();
    callee.frame_received().await;
    callee.sent.send(answer).unwrap();
    caller.frame_received().await;
    since(before)
}

#[tokio::test]
async fn payloads_are_passed_on_without_being_read() {
    let router = Router::builder().realm(Realm::new("com.example")).build();
    an_event_for_many_is_encoded_once_per_format(&router).await;
    let [json, _, cbor] = formats();
    assert_eq!(call(&router, &cbor, &cbor, "com.a").await, [0, 0, 2, 0, 0]);
    assert_eq!(call(&router, &json, &cbor, "com.b").await, [1, 0, 1, 2, 0]);
}
