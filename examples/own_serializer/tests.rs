//! What the format does with octets that are its own, and with others.

use wamp::messages::message::Call;
use wamp::messages::wire::{DecodeErrorKind, Reader};
use wamp::messages::{RequestId, Uri};
use wamp::{args, kwargs};

use super::*;

fn call() -> (Message, Bytes) {
    let message = Message::from(Call {
        request: RequestId::new(7).unwrap(),
        options: Default::default(),
        procedure: Uri::new("com.example.echo").unwrap(),
        payload: Tlv
            .encode(
                &args![
                    args![Value::Null, true, -1, i64::MIN, u64::MAX],
                    1.5,
                    "Grüße",
                    Bytes::from_static(b"\xff")
                ],
                &kwargs! { nested: args![kwargs! { a: 1 }] },
            )
            .unwrap(),
    });
    let frame = Tlv.encode_message(&message).unwrap();
    (message, frame)
}

#[test]
fn a_message_comes_back_as_it_was() {
    let (message, frame) = call();
    assert_eq!(Tlv.decode_message(frame), Ok(message));
}

#[test]
fn a_message_that_is_cut_short_is_refused() {
    let (_, frame) = call();
    for len in 0..frame.len() {
        assert!(Tlv.decode_message(frame.slice(..len)).is_err(), "{len}");
    }
}

#[test]
fn no_changed_octet_makes_it_panic_nor_lets_a_malformed_payload_in() {
    let (_, frame) = call();
    for at in 0..frame.len() {
        for octet in 0..=u8::MAX {
            let mut changed = frame.to_vec();
            changed[at] = octet;
            let Ok(message) = Tlv.decode_message(changed.into()) else {
                continue;
            };
            let payload = message.payload().cloned().unwrap_or_default();
            if payload.as_opaque().is_none() {
                Tlv.decode(&payload).unwrap();
            }
        }
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let nested = |levels: usize| {
        let mut octets = vec![];
        for level in 0..levels {
            let len = 5 * (levels - level - 1) as u32;
            octets.push(LIST);
            octets.extend(len.to_be_bytes());
        }
        let octets = Bytes::from(octets);
        Scanner::new(&octets).skip().map(drop)
    };
    assert_eq!(nested(MAX_DEPTH), Ok(()));
    let error = nested(MAX_DEPTH + 1).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::Depth(MAX_DEPTH));
}
