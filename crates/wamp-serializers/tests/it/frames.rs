//! Frames, names, and foreign formats.

use bytes::Bytes;
use wamp_messages::Message;
use wamp_serializers::{BatchSeparator, Serializer};

use crate::{FORMATS, decode, encode, serializer};

#[test]
fn a_payload_of_the_same_format_is_shared_not_copied() {
    for (format, frame) in [
        ("json", &b"[36,1,2,{},[1],{\"a\":2}]"[..]),
        ("msgpack", b"\x96\x24\x01\x02\x80\x91\x01\x81\xa1a\x02"),
        ("cbor", b"\x86\x18\x24\x01\x02\xa0\x81\x01\xa1\x61a\x02"),
    ] {
        let received = Bytes::copy_from_slice(frame);
        let mut messages = Default::default();
        serializer(format)
            .decode(received.clone(), &mut messages)
            .unwrap();
        let sent = serializer(format).encode(&messages[0]).unwrap();
        let range = received.as_ptr_range();
        assert!(range.contains(&sent.payload.as_ptr()), "{format}");
        assert_eq!(sent.to_bytes(), received);
    }
}

#[test]
fn an_opaque_payload_is_copied_into_no_binary_frame() {
    let received = Bytes::from_static(b"\x85\x18\x24\x01\x02\xa0\x44abcd");
    let mut messages = Default::default();
    Serializer::cbor()
        .decode(received.clone(), &mut messages)
        .unwrap();
    let sent = Serializer::msgpack().encode(&messages[0]).unwrap();
    assert!(received.as_ptr_range().contains(&sent.payload.as_ptr()));
    assert_eq!(&*sent.to_bytes(), b"\x95\x24\x01\x02\x80\xc4\x04abcd");
}

#[test]
fn a_serializer_is_known_by_its_names() {
    for (i, format) in FORMATS.into_iter().enumerate() {
        for batched in [false, true] {
            let name = if batched {
                format!("{format}.batched")
            } else {
                format.to_owned()
            };
            let serializer = Serializer::from_name(&name).unwrap();
            assert_eq!(serializer.name(), name);
            assert_eq!(serializer.subprotocol(), format!("wamp.2.{name}"));
            assert_eq!(serializer.is_batched(), batched);
            assert_eq!(serializer.is_binary(), format != "json");
            assert_eq!(serializer.rawsocket_id(), i as u8 + 1);
            assert_eq!(serializer.format().name(), format);
        }
    }
    for name in [
        "",
        "JSON",
        "json.",
        "json.batched.batched",
        ".batched",
        "ubjson",
        "wamp.2.json",
    ] {
        assert!(Serializer::from_name(name).is_none(), "{name}");
    }
}

#[test]
fn a_message_that_is_not_batched_stands_for_itself() {
    let message = decode("json", b"[17,1,2]").unwrap();
    let json = Serializer::json()
        .with_separator(BatchSeparator::Cancel)
        .answering();
    let mut out = Default::default();
    json.append(&message, &mut out).unwrap();
    assert_eq!(&*out, b"[17,1,2]");
}

#[test]
fn what_a_format_has_no_form_for_is_an_error() {
    let Message::Call(mut call) = decode("cbor", b"\x84\x18\x30\x01\xa0\x61a").unwrap() else {
        panic!("no CALL");
    };
    let json = Serializer::json();
    call.options.extra.insert("x_float", f64::NAN);
    assert!(json.encode(&call.clone().into()).is_err());
    call.options.extra.insert("x_float", 0.5);
    assert!(json.encode(&call.clone().into()).is_ok());
    call.options.enc_key = Some("\0AAAA".to_owned());
    assert!(json.encode(&call.clone().into()).is_err());
    assert!(Serializer::msgpack().encode(&call.into()).is_ok());
}

#[test]
fn control_characters_are_escaped_as_python_does() {
    let Message::Call(mut call) = decode("cbor", b"\x84\x18\x30\x01\xa0\x61a").unwrap() else {
        panic!("no CALL");
    };
    let text: String = (1..0x20u8).chain(*b"\"\\/\x7f").map(char::from).collect();
    call.options.enc_key = Some(text + "ä€😀");
    let frame = Serializer::json().encode(&call.into()).unwrap();
    let expected = concat!(
        r#"[48,1,{"enc_key":"\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e"#,
        r#"\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c"#,
        r#"\u001d\u001e\u001f\"\\/"#,
        "\u{7f}ä€😀\"},\"a\"]"
    );
    assert_eq!(std::str::from_utf8(&frame.to_bytes()), Ok(expected));
}

/// Where a router passes on what Autobahn has sent, not even the order of the keys tells.
#[test]
fn the_options_of_encoded_payloads_stand_where_autobahn_writes_them() {
    let frames = [
        r#"[16,1,{"retain":true,"enc_algo":"mqtt","enc_key":"k","forward_for":[]},"a.b"]"#,
        r#"[48,1,{"timeout":1,"enc_algo":"mqtt","caller":2,"forward_for":[]},"a.b"]"#,
        r#"[68,1,2,{"caller":2,"forward_for":[],"enc_algo":"mqtt","enc_serializer":"cbor"}]"#,
    ];
    for frame in frames {
        let message = decode("json", frame.as_bytes()).unwrap();
        assert_eq!(encode("json", &message), frame.as_bytes());
    }
}
