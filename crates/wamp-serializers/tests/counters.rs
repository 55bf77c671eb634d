//! What is counted for the tests of others, in one test: the counts are those of the process.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::VecDeque;

use wamp_serializers::Serializer;
use wamp_serializers::counters::{Step, count};

#[test]
fn encodings_transcodings_and_decodings_of_payloads_are_counted() {
    let counts = || {
        [
            Step::PayloadDecode,
            Step::Transcode,
            Step::EncodeJson,
            Step::EncodeCbor,
        ]
        .map(count)
    };
    let mut messages = VecDeque::new();
    let frame = &b"[36,1,2,{},[5]]"[..];
    Serializer::json()
        .decode(frame.into(), &mut messages)
        .unwrap();
    assert_eq!(
        counts(),
        [0, 0, 0, 0],
        "reading a message decodes no payload"
    );

    Serializer::json().encode(&messages[0]).unwrap();
    assert_eq!(counts(), [0, 0, 1, 0], "the same format is not transcoded");

    Serializer::cbor().encode(&messages[0]).unwrap();
    assert_eq!(
        counts(),
        [0, 1, 1, 1],
        "another format is, without decoding"
    );

    let payload = messages[0].payload().unwrap();
    let (number,): (u64,) = wamp_serializers::decode_args(payload).unwrap();
    assert_eq!(number, 5);
    assert_eq!(counts(), [1, 1, 1, 1]);
}
