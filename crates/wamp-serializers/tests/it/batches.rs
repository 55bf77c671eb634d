//! Several messages to a frame.

use std::collections::VecDeque;

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use wamp_messages::{DecodeErrorKind, Message};
use wamp_serializers::{BatchSeparator, Serializer};

use crate::messages::message;
use crate::{FORMATS, serializer};

fn write(serializer: &Serializer, messages: &[Message]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for message in messages {
        let frame = serializer.encode(message).unwrap();
        let before = out.len();
        serializer.append(message, &mut out).unwrap();
        assert_eq!(out.len() - before, frame.len() + serializer.part_len());
    }
    out.to_vec()
}

fn read(serializer: &mut Serializer, frame: &[u8]) -> Result<Vec<Message>, DecodeErrorKind> {
    let mut messages = VecDeque::new();
    match serializer.decode(frame.to_vec().into(), &mut messages) {
        Ok(()) => Ok(messages.into()),
        Err(error) => {
            assert!(messages.is_empty(), "an error delivers nothing");
            Err(error.kind().clone())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_messages_of_a_batch_come_out_in_their_order(messages in vec(message(), 1..6)) {
        for format in FORMATS {
            let mut serializer = serializer(format).batched();
            let frame = write(&serializer, &messages);
            let received = read(&mut serializer, &frame).unwrap();
            prop_assert_eq!(received.len(), messages.len());
            prop_assert_eq!(write(&serializer, &received), frame);
        }
    }
}

#[test]
fn a_binary_batch_has_lengths_of_four_octets() {
    let mut cbor = Serializer::cbor().batched();
    let frame = b"\x00\x00\x00\x04\x83\x11\x01\x02\x00\x00\x00\x04\x83\x11\x03\x04";
    let messages = read(&mut cbor, frame).unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(write(&cbor, &messages), frame);
}

#[test]
fn json_is_read_with_both_separators_and_written_with_the_one_chosen() {
    let messages = read(
        &mut Serializer::json().batched(),
        b"[17,1,2]\x1e[17,3,4]\x1e",
    )
    .unwrap();
    let cancel = b"[17,1,2]\x18[17,3,4]\x18";
    assert_eq!(
        read(&mut Serializer::json().batched(), cancel),
        Ok(messages.clone())
    );

    let json = Serializer::json().batched();
    assert_eq!(write(&json, &messages), b"[17,1,2]\x1e[17,3,4]\x1e");
    let json = json.with_separator(BatchSeparator::Cancel);
    assert_eq!(write(&json, &messages), cancel);
}

#[test]
fn who_answers_takes_over_the_separator_of_the_first_frame() {
    let mut router = Serializer::json().batched().answering();
    let messages = read(&mut router, b"[17,1,2]\x18").unwrap();
    assert_eq!(write(&router, &messages), b"[17,1,2]\x18");
    read(&mut router, b"[17,1,2]\x1e").unwrap();
    assert_eq!(write(&router, &messages), b"[17,1,2]\x18");

    let mut client = Serializer::json().batched();
    read(&mut client, b"[17,1,2]\x18").unwrap();
    assert_eq!(write(&client, &messages), b"[17,1,2]\x1e");
}

#[test]
fn a_malformed_batch_delivers_none_of_its_messages() {
    for (format, frame) in [
        ("json", &b""[..]),
        ("json", b"\x1e"),
        ("json", b"[17,1,2]"),
        ("json", b"[17,1,2]\x1e[17,3,4]"),
        ("json", b"[17,1,2]\x1e\x1e"),
        ("json", b"[17,1,2]\x18[17,3,4]\x1e"),
        ("json", b"[17,1,2]\x1e[17,3,]\x1e"),
        ("cbor", b""),
        ("cbor", b"\x00\x00\x00\x00"),
        ("cbor", b"\x00\x00\x00\x04\x83\x11\x01"),
        ("cbor", b"\x00\x00\x00\x04\x83\x11\x01\x02\x00"),
        ("cbor", b"\x00\x00\x00\x05\x83\x11\x01\x02\x00"),
        ("cbor", b"\xff\xff\xff\xff\x83\x11\x01\x02"),
        (
            "cbor",
            b"\x00\x00\x00\x04\x83\x11\x01\x02\x00\x00\x00\x04\x83\x11\x01\xff",
        ),
        ("msgpack", b"\x93\x11\x01\x02"),
    ] {
        assert!(
            read(&mut serializer(format).batched(), frame).is_err(),
            "{format} {frame:02x?}"
        );
    }
}

#[test]
fn an_error_in_a_batch_tells_its_place_in_the_frame() {
    let mut messages = VecDeque::new();
    let mut json = Serializer::json().batched();
    let error = json
        .decode((&b"[17,1,2]\x1e[17,x]\x1e"[..]).into(), &mut messages)
        .unwrap_err();
    assert_eq!(error.offset(), 13);
}

#[test]
fn a_batch_of_more_messages_than_are_decoded_at_once_is_refused() {
    for format in FORMATS {
        let mut serializer = serializer(format).batched();
        let message = crate::decode("json", b"[337,1]").unwrap();
        let frame = write(&serializer, &[message]);
        let full = frame.repeat(65_536);
        assert_eq!(read(&mut serializer, &full).unwrap().len(), 65_536);
        let error = read(&mut serializer, &[full, frame].concat()).unwrap_err();
        assert!(matches!(error, DecodeErrorKind::Batch(_)), "{error}");
    }
}
