//! What the fuzz targets check.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use wamp_messages::Message;
use wamp_serializers::{Serializer, decode_args, decode_kwargs};

#[allow(dead_code, reason = "the property tests use more of it")]
#[path = "../../tests/it/oracle.rs"]
mod oracle;

const FORMATS: [&str; 3] = ["json", "msgpack", "cbor"];

fn serializer(name: &str) -> Serializer {
    Serializer::from_name(name).expect("a known name")
}

fn decode(name: &str, frame: &[u8]) -> Option<Message> {
    let mut messages = VecDeque::new();
    let frame = Bytes::copy_from_slice(frame);
    let result = serializer(name).decode(frame, &mut messages);
    assert_eq!(messages.len(), usize::from(result.is_ok()));
    messages.pop_front()
}

/// One format: the scanner agrees with a full decode by another library; what it accepts it writes
/// and reads again; nothing panics.
pub fn format(name: &str, frame: &[u8]) {
    let mut messages = VecDeque::new();
    let result = serializer(name).decode(Bytes::copy_from_slice(frame), &mut messages);
    if let Err(difference) = oracle::agrees(name, frame, &result) {
        panic!("{difference}");
    }
    let Some(message) = messages.pop_front() else {
        return;
    };
    let _ = message.validate(Default::default());
    let written = encode(name, &message).expect("what was read can be written");
    let read = decode(name, &written).expect("what was written can be read");
    // Not the messages are compared but what is written: NaN does not equal itself.
    assert_eq!(encode(name, &read).as_ref(), Some(&written));
    read_by_user(&message);
}

/// A payload in one format is rewritten in the others, and what comes of it is well formed.
pub fn transcode(data: &[u8]) {
    let Some((first, frame)) = data.split_first() else {
        return;
    };
    let source = FORMATS[usize::from(*first) % 3];
    let Some(message) = decode(source, frame) else {
        return;
    };
    for target in FORMATS {
        let Some(written) = encode(target, &message) else {
            continue;
        };
        let read = decode(target, &written).unwrap_or_else(|| {
            panic!("{source} to {target}: {written:02x?} is malformed");
        });
        let tree = oracle::read(target, &written);
        assert!(
            tree.is_ok() || target == source,
            "{source} to {target}: {written:02x?}: {tree:?}"
        );
        read_by_user(&read);
        // What has come through once comes through unchanged from then on; but the undefined of
        // MessagePack, an extension, becomes CBOR's, and that becomes nil.
        let has_undefined = source == "msgpack" && frame.windows(3).any(|o| o == [0xd4, 0, 0]);
        if target == source || has_undefined {
            continue;
        }
        if let Some(back) = encode(source, &read) {
            let back = decode(source, &back).expect("well formed on its way back");
            if let Some(again) = encode(target, &back) {
                assert_eq!(again, written, "{source} to {target} and back");
            }
        }
    }
}

/// Frames of several messages, in all formats.
pub fn batched(data: &[u8]) {
    let Some((first, frame)) = data.split_first() else {
        return;
    };
    let mut serializer = serializer(FORMATS[usize::from(*first) % 3])
        .batched()
        .answering();
    let mut messages = VecDeque::new();
    if serializer
        .decode(Bytes::copy_from_slice(frame), &mut messages)
        .is_err()
    {
        assert!(messages.is_empty());
        return;
    }
    let write = |messages: &VecDeque<Message>, serializer: &Serializer| {
        let mut out = BytesMut::new();
        for message in messages {
            serializer
                .append(message, &mut out)
                .expect("what was read can be written");
        }
        out.freeze()
    };
    let written = write(&messages, &serializer);
    let mut read = VecDeque::new();
    serializer
        .decode(written.clone(), &mut read)
        .expect("what was written can be read");
    assert_eq!(read.len(), messages.len());
    assert_eq!(write(&read, &serializer), written);
}

fn encode(name: &str, message: &Message) -> Option<Bytes> {
    let frame = serializer(name).encode(message).ok()?;
    let octets = frame.to_bytes();
    assert_eq!(octets.len(), frame.len());
    Some(octets)
}

/// Whoever receives the payload may read it; it need not fit, but nothing panics.
fn read_by_user(message: &Message) {
    if let Some(payload) = message.payload() {
        let _ = decode_args::<Vec<wamp_messages::Value>>(payload);
        let _ = decode_kwargs::<wamp_messages::Dict>(payload);
    }
}
