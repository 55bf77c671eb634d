//! What passes the door and what does not: payloads are checked to their last octet.

use wamp_messages::{DecodeErrorKind, Message, Payload};
use wamp_serializers::{MAX_DEPTH, Serializer};

use crate::{decode, encode, hex};

/// A CALL whose arguments, and perhaps keyword arguments, are these octets.
fn call(format: &str, payload: &[u8], elements: u8) -> Vec<u8> {
    match format {
        "json" => [b"[48,1,{},\"a\",", payload, b"]"].concat(),
        "msgpack" => [&[0x94 + elements, 0x30, 1, 0x80, 0xa1, b'a'], payload].concat(),
        _ => [&[0x84 + elements, 0x18, 0x30, 1, 0xa0, 0x61, b'a'], payload].concat(),
    }
}

/// Checks that a payload passes, and is passed on octet for octet.
fn passes(format: &str, payload: &[u8], elements: u8) {
    let frame = call(format, payload, elements);
    let message = decode(format, &frame).unwrap_or_else(|error| panic!("{payload:02x?}: {error}"));
    assert_eq!(encode(format, &message), frame);
}

/// Checks that a payload is refused, and tells why.
fn refused(format: &str, payload: &[u8], elements: u8) -> DecodeErrorKind {
    match decode(format, &call(format, payload, elements)) {
        Ok(_) => panic!("{format} {payload:02x?} is not refused"),
        Err(error) => error.kind().clone(),
    }
}

fn payload(message: &Message) -> &Payload {
    message.payload().unwrap()
}

#[test]
fn whatever_is_well_formed_is_passed_on_octet_for_octet() {
    for args in [
        "[]",
        "[ 1 , 2 ]",
        "[-0.0,1e308,1E-400,18446744073709551616,123456789012345678901234567890]",
        r#"["\u0000AA==","\u0000","\u0000\/\/8="]"#,
        r#"[{"":1,"":2,"\u0000not base64":[]}]"#,
        r#"["\ud83d\ude00","\u007f","ä"]"#,
        r#"[],{"a":{"b":[null,true,false]}}"#,
        r#"[] , {"\u0000":1}"#,
    ] {
        passes("json", args.as_bytes(), 0);
    }
    for args in [
        "90",
        "93 d40000 c7010500 d6ff00000000", // extensions, a timestamp among them
        "91 83 01 02 c0 03 90 04",         // keys that are no texts
        "92 cb7ff8000000000000 ca7f800000", // NaN and infinity
        "dd00000001 d30000000000000001",   // not the shortest
        "91 82a16101a16102",               // a key twice
    ] {
        passes("msgpack", &hex(args), 1);
    }
    passes("msgpack", &hex("90 81a161 91c0"), 2);
    for args in [
        "80",
        "9f 01 9fff bf6161f6ff 7f61616162ff 5f4161ff ff", // of open length
        "83 c074323031332d30332d32315432303a30343a30305a d9ffff01 c1c101", // tags
        "84 f7 e0 f8ff f97e00",                           // undefined, simple values, NaN
        "82 3bffffffffffffffff a2 01 02 4161 03",         // below 64 bits; keys that are no texts
        "9b0000000000000001 1b0000000000000001",          // not the shortest
        "81 a2616101616102",                              // a key twice
    ] {
        passes("cbor", &hex(args), 1);
    }
    passes("cbor", &hex("80 bf7f6161ff81f6ff"), 2);
}

#[test]
fn json_is_read_strictly() {
    for args in [
        "[1,]",
        "[,1]",
        "[1 2]",
        "[01]",
        "[-01]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[1e]",
        "[1e+]",
        "[-]",
        "[0x1]",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[nul]",
        "[True]",
        "['a']",
        "[\"a]",
        "[\"\t\"]",
        "[\"\n\"]",
        "[\"\\x41\"]",
        "[\"\\u12g4\"]",
        "[\"\\u 123\"]",
        "[\"\\u+123\"]",
        "[{\"a\":}]",
        "[{\"a\"}]",
        "[{\"a\" 1}]",
        "[{\"a\":1,}]",
        "[{,}]",
        "[{1:2}]",
        "[{a:1}]",
        "[{\"a\":1:2}]",
        "[}",
        "[{]",
        "[\u{feff}]",
        "[\u{a0}]",
        "[1\u{b}]",
        "[/**/]",
        "[1]//",
        "[\"a\":1]",
        "[[]",
        "[]]",
        "[true1]",
        "[\"\\\"]",
        "[null null]",
    ] {
        let kind = refused("json", args.as_bytes(), 0);
        assert!(
            matches!(
                kind,
                DecodeErrorKind::Syntax { .. }
                    | DecodeErrorKind::Truncated
                    | DecodeErrorKind::Trailing
            ),
            "{args}: {kind:?}"
        );
    }
}

#[test]
fn numbers_beyond_floats_are_refused() {
    let digits = "9".repeat(400);
    for number in ["1e400", "-1e400", "1E+309", "10e308", &digits] {
        refused("json", format!("[{number}]").as_bytes(), 0);
    }
    passes("json", format!("[{}]", "9".repeat(308)).as_bytes(), 0);
    passes(
        "json",
        b"[0.00000000000000000000000000000000000000000000e999999]",
        0,
    );
}

#[test]
fn halves_of_surrogate_pairs_are_refused() {
    for escape in [
        r"\ud800",
        r"\udc00",
        r"\ud800\n",
        r"\ud800a",
        r"\ud800\ud800",
        r"\udc00\ud800",
        r"\ud800\",
        r"\ud800\u00e4",
    ] {
        refused("json", format!("[\"{escape}\"]").as_bytes(), 0);
        refused("json", format!("[{{\"{escape}\":1}}]").as_bytes(), 0);
    }
}

#[test]
fn byte_strings_in_json_must_be_base64() {
    for encoded in [
        "A", "AA", "AAA", "A===", "AA=A", "====", "=AAA", "AAB=", "AB==", "AA==AA==", "AA-_",
        "AA A", "AA==\\n", "\\u0000", "AAAÄ",
    ] {
        let kind = refused("json", format!(r#"["\u0000{encoded}"]"#).as_bytes(), 0);
        let reason = "a byte string that is no base64";
        assert_eq!(
            kind,
            DecodeErrorKind::Syntax {
                format: "JSON",
                reason
            },
            "{encoded}"
        );
        // A key is a text, whatever it begins with.
        passes(
            "json",
            format!(r#"[{{"\u0000{encoded}":1}}]"#).as_bytes(),
            0,
        );
    }
}

#[test]
fn malformed_messagepack_is_refused() {
    for args in [
        "91c1", // never used
        "91a1ff",
        "91a2c328",
        "91a3eda080", // not UTF-8
        "91",
        "92c0",
        "9181",
        "9181c0",
        "91a2aa",
        "91c402ff",
        "91d4",
        "91d5ff00", // cut short
        "91cf00",
        "91dc00",
        "91dd000000",
        "91c7",
        "91db7fffffff61",
        "ddffffffff",
        "91dfffffffff",
        "91c6ffffffff",
        "91c9ffffffff00", // declared, not there
        "90c0",           // one element more than the message has
    ] {
        refused("msgpack", &hex(args), 1);
    }
}

#[test]
fn malformed_cbor_is_refused() {
    for args in [
        "811c",
        "811d",
        "811e",
        "813c",
        "815d",
        "817e",
        "819c",
        "81bd",
        "81dc",
        "81fc", // reserved
        "811f",
        "813f",
        "81df", // integers and tags are never open
        "81ff",
        "9fc0ff",
        "9fbf00ff",
        "81a1ff00",
        "82ff", // a break where none may be
        "81f800",
        "81f817",
        "81f81f", // two octets for a simple value that needs one
        "8161ff",
        "817f61c361a4ff", // not UTF-8, the second within each chunk
        "815f6161ff",
        "817f4161ff",
        "817f7f6161ffff",
        "815f00ff", // chunks of another kind
        "81",
        "82f6",
        "81a1",
        "81a100",
        "8162aa",
        "8142aa",
        "9f",
        "9f00",
        "81bf",
        "81c0", // short
        "811b00",
        "815f41",
        "817f",
        "81f9",
        "81fb00",
        "9bffffffffffffffff",
        "81bbffffffffffffffff",
        "81bb8000000000000000",
        "815bffffffffffffffff",
        "817b7fffffffffffffff", // declared, not there
        "80f6",                 // one element more than the message has
    ] {
        refused("cbor", &hex(args), 1);
    }
}

#[test]
fn keys_of_keyword_arguments_are_texts() {
    for (format, kwargs) in [
        ("msgpack", "90 810102"),
        ("msgpack", "90 81c40161f6"),
        ("msgpack", "90 82a16101c002"),
        ("cbor", "80 a10102"),
        ("cbor", "80 a14161f6"),
        ("cbor", "80 bf616101f602ff"),
        ("cbor", "80 a1c0616101"),
    ] {
        let kind = refused(format, &hex(kwargs), 2);
        assert!(matches!(kind, DecodeErrorKind::Type { .. }), "{kwargs}");
    }
}

#[test]
fn arguments_with_a_tag_are_no_list() {
    // Tag 258 makes a set of it to those who know it.
    refused("cbor", &hex("d9010280"), 1);
    refused("cbor", &hex("80d9010ea0"), 2);
    refused("cbor", &hex("d8404161"), 1);
}

#[test]
fn keyword_arguments_without_arguments_get_an_empty_list() {
    for (format, received, sent) in [
        (
            "json",
            call("json", br#"null,{"a":1}"#, 0),
            call("json", br#"[],{"a":1}"#, 0),
        ),
        (
            "msgpack",
            call("msgpack", b"\xc0\x81\xa1a\x01", 2),
            call("msgpack", b"\x90\x81\xa1a\x01", 2),
        ),
        (
            "cbor",
            call("cbor", b"\xf6\xa1\x61a\x01", 2),
            call("cbor", b"\x80\xa1\x61a\x01", 2),
        ),
    ] {
        assert_eq!(encode(format, &decode(format, &received).unwrap()), sent);
    }
}

#[test]
fn nesting_is_limited_and_the_limit_can_be_set() {
    let nest = |format: &str, depth: usize| match format {
        "json" => ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes(),
        "msgpack" => [vec![0x91; depth - 1], vec![0x90]].concat(),
        "cbor" => [vec![0x81; depth - 1], vec![0x80]].concat(),
        // Tags count too: peers recurse through them.
        _ => [vec![0x81], vec![0xc1; depth - 1], vec![0x00]].concat(),
    };
    for format in ["json", "msgpack", "cbor", "tags"] {
        let name = if format == "tags" { "cbor" } else { format };
        let decode = |depth, limit| {
            let mut serializer = Serializer::from_name(name).unwrap();
            if let Some(limit) = limit {
                serializer = serializer.with_max_depth(limit);
            }
            let frame = call(name, &nest(format, depth), 1);
            serializer.decode(frame.into(), &mut Default::default())
        };
        // The message itself is the first level.
        assert!(decode(63, None).is_ok(), "{format}");
        let error = decode(64, None).unwrap_err();
        assert_eq!(*error.kind(), DecodeErrorKind::Depth(64));
        assert!(decode(9, Some(10)).is_ok());
        assert!(decode(10, Some(10)).is_err());
        let error = decode(100_000, Some(usize::MAX)).unwrap_err();
        assert_eq!(*error.kind(), DecodeErrorKind::Depth(MAX_DEPTH));
    }
}

#[test]
fn opaque_payloads_change_only_their_envelope() {
    let octets = hex("00ff10");
    let received = call("cbor", &[&[0x43], &octets[..]].concat(), 1);
    let message = decode("cbor", &received).unwrap();
    assert_eq!(payload(&message).as_opaque().unwrap(), &octets[..]);
    assert_eq!(
        encode("json", &message),
        call("json", br#""\u0000AP8Q""#, 0)
    );
    let binary = call("msgpack", &[&[0xc4, 3], &octets[..]].concat(), 1);
    assert_eq!(encode("msgpack", &message), binary);

    // As some peers send it: as a text.
    let message = decode("json", &call("json", br#""a\nb""#, 0)).unwrap();
    assert_eq!(encode("json", &message), call("json", br#""a\nb""#, 0));
    assert_eq!(encode("cbor", &message), call("cbor", b"\x63a\nb", 1));
    assert_eq!(encode("msgpack", &message), call("msgpack", b"\xa3a\nb", 1));
}

#[test]
fn an_option_that_is_undefined_is_absent() {
    // As wampy.js sends it: {"timeout": undefined, "x": undefined}.
    let cbor = hex("8418 3001 a2 6774696d656f7574 f7 6178 f7 6161");
    let msgpack = hex("94 3001 82 a774696d656f7574 d40000 a178 d40000 a161");
    for (format, frame) in [("cbor", cbor), ("msgpack", msgpack)] {
        let Message::Call(call) = decode(format, &frame).unwrap() else {
            panic!("no CALL");
        };
        assert_eq!(call.options.timeout, None, "{format}");
    }
}

#[test]
fn keys_of_options_are_texts() {
    assert!(decode("cbor", &hex("8418 3001 a1 01 02 6161")).is_err());
    assert!(decode("msgpack", &hex("94 3001 81 01 02 a161")).is_err());
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    for (format, frame, text) in [
        (
            "json",
            &b"[48,1,{},\"a\",[1,\"\\ud800\"]]"[..],
            "CALL: malformed JSON: half of a surrogate pair (octet 17)",
        ),
        (
            "json",
            b"[48,\"1\",{},\"a\"]",
            "CALL, request: expected an integer that is not negative, found a string (octet 4)",
        ),
        (
            "cbor",
            b"\x84\x18\x30\x01\xa0\x61",
            "CALL, procedure: the message is cut short (octet 6)",
        ),
        (
            "msgpack",
            b"\x94\x30\x01\x80\xa1\xff",
            "CALL, procedure: a string is not UTF-8 (octet 5)",
        ),
        (
            "json",
            b"[48,1,{},\"a\"] 1",
            "octets follow the message (octet 14)",
        ),
        ("json", b"[4711]", "4711 is no WAMP message type (octet 1)"),
    ] {
        assert_eq!(decode(format, frame).unwrap_err().to_string(), text);
    }
}

#[test]
fn a_header_of_more_elements_than_one_wants_as_values_is_refused() {
    // A list of options, dicts in one, and one that the table of options knows.
    let publish = |key: &str, item: &str, count: usize| {
        let items = vec![item; count].join(",");
        format!(r#"[16,1,{{"{key}":[{items}]}},"com.a"]"#).into_bytes()
    };
    let hello = |count: usize| {
        let features: Vec<String> = (0..count).map(|n| format!(r#""f{n}":true"#)).collect();
        let features = features.join(",");
        format!(r#"[1,"realm1",{{"roles":{{"caller":{{"features":{{{features}}}}}}}}}]"#)
    };
    for (small, large) in [
        (
            publish("x_own", "[]", 30_000),
            publish("x_own", "[]", 40_000),
        ),
        (
            publish("exclude", "7", 60_000),
            publish("exclude", "7", 70_000),
        ),
        (hello(60_000).into_bytes(), hello(70_000).into_bytes()),
    ] {
        let message = decode("json", &small).unwrap();
        assert!(decode("json", &large).is_err());
        for name in ["msgpack", "cbor"] {
            let octets = encode(name, &message);
            assert_eq!(decode(name, &octets).as_ref(), Ok(&message));
        }
    }
    // Arguments have no such bound: they are not made into values.
    let arguments = format!(r#"[16,1,{{}},"com.a",[{}]]"#, vec!["[]"; 100_000].join(","));
    assert!(decode("json", arguments.as_bytes()).is_ok());
}
