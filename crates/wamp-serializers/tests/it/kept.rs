//! What a payload keeps in memory: the frame it came in, or less.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use wamp_messages::message::Publish;
use wamp_messages::options::PublishOptions;
use wamp_messages::{Message, Payload, RequestId, Uri, Value, args};
use wamp_serializers::encode_payload;

use crate::{FORMATS, serializer};

/// Whether the payload of a PUBLISH, received, shares the octets of its frame.
fn shares_its_frame(name: &str, option: usize, payload: usize) -> bool {
    let mut options = PublishOptions::default();
    let filler = Value::String("x".repeat(option));
    options.extra.insert("x_filler", filler);
    let payload = args!["x".repeat(payload)];
    let publish = Publish {
        request: RequestId::new(1).unwrap(),
        options: options.into(),
        topic: Uri::from_static("com.example.t"),
        payload: encode_payload(&serializer(name).format(), &payload, &()).unwrap(),
    };
    let frame = serializer(name).encode(&publish.into()).unwrap().to_bytes();
    let mut messages = VecDeque::new();
    serializer(name)
        .decode(frame.clone(), &mut messages)
        .unwrap();
    let octets = messages[0]
        .payload()
        .and_then(Payload::octets)
        .unwrap()
        .clone();
    within(&octets, &frame)
}

fn within(part: &Bytes, whole: &Bytes) -> bool {
    whole.as_ptr_range().contains(&part.as_ptr())
}

#[test]
fn a_payload_shares_the_octets_of_its_frame() {
    for name in FORMATS {
        assert!(shares_its_frame(name, 0, 10), "{name}");
        assert!(shares_its_frame(name, 100, 100_000), "{name}");
    }
}

#[test]
fn a_small_payload_does_not_keep_a_long_frame() {
    for name in FORMATS {
        assert!(!shares_its_frame(name, 100_000, 10), "{name}");
    }
}

#[test]
fn a_small_message_does_not_keep_a_long_batch() {
    for name in FORMATS {
        let message = |payload: usize| {
            let payload = args!["x".repeat(payload)];
            Message::from(Publish {
                request: RequestId::new(1).unwrap(),
                options: Default::default(),
                topic: Uri::from_static("com.example.t"),
                payload: encode_payload(&serializer(name).format(), &payload, &()).unwrap(),
            })
        };
        let mut serializer = serializer(name).batched();
        let mut batch = BytesMut::new();
        for payload in [10, 100_000] {
            serializer.append(&message(payload), &mut batch).unwrap();
        }
        let batch = batch.freeze();
        let mut messages = VecDeque::new();
        serializer.decode(batch.clone(), &mut messages).unwrap();
        let shares = messages.iter().map(|message| {
            let octets = message.payload().and_then(Payload::octets);
            within(octets.unwrap(), &batch)
        });
        assert_eq!(shares.collect::<Vec<_>>(), [false, true], "{name}");
    }
}

#[test]
fn an_opaque_payload_does_not_either() {
    for name in ["msgpack", "cbor"] {
        let mut options = PublishOptions::default();
        options.enc_algo = Some("x_own".to_owned());
        let filler = Value::String("x".repeat(100_000));
        options.extra.insert("x_filler", filler);
        let message = Message::from(Publish {
            request: RequestId::new(1).unwrap(),
            options: options.into(),
            topic: Uri::from_static("com.example.t"),
            payload: Payload::opaque(Bytes::from_static(b"secret")),
        });
        let frame = serializer(name).encode(&message).unwrap().to_bytes();
        let mut messages = VecDeque::new();
        serializer(name)
            .decode(frame.clone(), &mut messages)
            .unwrap();
        let payload = messages[0].payload().unwrap();
        assert!(!within(payload.as_opaque().unwrap(), &frame), "{name}");
    }
}

#[test]
fn a_uri_does_not_keep_a_long_frame() {
    for name in FORMATS {
        let text = format!(
            r#"[8,68,1,{{"x_filler":"{}"}},"com.example.e"]"#,
            "x".repeat(100_000)
        );
        let message = crate::decode("json", text.as_bytes()).unwrap();
        let frame = Bytes::from(crate::encode(name, &message));
        let mut messages = VecDeque::new();
        serializer(name)
            .decode(frame.clone(), &mut messages)
            .unwrap();
        let Message::Error(error) = &messages[0] else {
            panic!("an ERROR was sent");
        };
        let uri = error.error.as_str().as_ptr();
        assert!(!frame.as_ptr_range().contains(&uri), "{name}");
    }
}
