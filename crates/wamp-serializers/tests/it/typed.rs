//! User types as payloads: the same battery over all formats, and from each to each other.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use wamp_messages::wire::DecodeError;
use wamp_messages::{
    Binary, Dict, EncodeError, ForeignFormat, Format, Payload, Value, args, kwargs,
};
use wamp_serializers::{
    PayloadError, count_args, decode_args, decode_kwargs, decode_result, encode_payload, transcode,
};

/// A foreign format that is CBOR behind an octet of its own.
#[derive(Debug)]
struct Marked;

impl ForeignFormat for Marked {
    fn name(&self) -> &str {
        "marked"
    }

    fn encode(&self, args: &[Value], kwargs: &Dict) -> Result<Payload, EncodeError> {
        let inner = encode_payload(&Format::Cbor, args, kwargs)?;
        if inner.is_empty() {
            return Ok(inner);
        }
        let octets = [b"!", &**inner.octets().unwrap()].concat();
        let args_end = 1 + inner.args().map_or(0, <[u8]>::len);
        let kwargs_start = inner.kwargs().is_some().then_some(args_end);
        let foreign = Format::Foreign(Arc::new(Self));
        Ok(Payload::encoded(foreign, octets.into(), args_end, kwargs_start).unwrap())
    }

    fn decode(&self, payload: &Payload) -> Result<(Vec<Value>, Dict), DecodeError> {
        let args_end = payload.args().map_or(0, <[u8]>::len) - 1;
        let octets = payload.octets().unwrap().slice(1..);
        let kwargs_start = payload.kwargs().is_some().then_some(args_end);
        let inner = Payload::encoded(Format::Cbor, octets, args_end, kwargs_start).unwrap();
        Ok((decode_args(&inner).unwrap(), decode_kwargs(&inner).unwrap()))
    }
}

fn formats() -> [Format; 4] {
    [
        Format::Json,
        Format::MsgPack,
        Format::Cbor,
        Format::Foreign(Arc::new(Marked)),
    ]
}

/// A value of a type is read as it was written, in every format and from each in each other, alone
/// and as a keyword argument.
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "the values are written where it is called"
)]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    for from in formats() {
        let kwargs = BTreeMap::from([("value", &value)]);
        let payload = encode_payload(&from, &(&value, 1), &kwargs).unwrap();
        assert_eq!(count_args(&payload), Ok(2));
        for to in formats() {
            let payload = transcode(&payload, &to).unwrap();
            let (read, _) = decode_args::<(T, u8)>(&payload).unwrap();
            assert_eq!(read, value, "{from:?} to {to:?}");
            let mut kwargs = decode_kwargs::<BTreeMap<String, T>>(&payload).unwrap();
            assert_eq!(kwargs.remove("value").as_ref(), Some(&value));
        }
        let result = encode_payload(&from, &(&value,), &()).unwrap();
        assert_eq!(decode_result::<T>(&result).as_ref(), Ok(&value), "{from:?}");
    }
}

#[test]
fn primitives() {
    round_trip(());
    round_trip(true);
    round_trip(i8::MIN);
    round_trip(i64::MIN);
    round_trip(-1_i64);
    round_trip(u64::MAX);
    round_trip(0_u8);
    round_trip(0.1_f64);
    round_trip(0.1_f32);
    round_trip(1e300_f64);
    round_trip(5e-324_f64);
    round_trip('é');
    round_trip("a \"quoted\" \u{1}\n text\0".to_owned());
    round_trip(String::new());
}

#[test]
fn integers_of_128_bits_are_carried_if_they_fit_in_64() {
    round_trip(i128::from(i64::MIN));
    round_trip(u128::from(u64::MAX));
    for format in formats() {
        for args in [(i128::from(i64::MIN) - 1,), (i128::from(u64::MAX) + 1,)] {
            let refused = encode_payload(&format, &args, &());
            assert!(
                matches!(refused, Err(EncodeError::NotRepresentable { .. })),
                "{format:?}"
            );
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(String, Option<f64>);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Record {
    first_name: String,
    age: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nick: Option<String>,
    data: Binary,
    more: Vec<Self>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Line(i8, Option<i8>),
    Rectangle { width: u16, label: Option<String> },
    Image(Binary),
    Within(Box<Self>),
    UnitData(()),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    A { x: i64, data: ByteBuf },
    B,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A(i64, ByteBuf),
    B,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Many(Vec<Self>),
    Binary(ByteBuf),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    own: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

fn record() -> Record {
    Record {
        first_name: "Ann".into(),
        age: Some(3),
        data: Binary::from(&b"\x00\xff"[..]),
        more: vec![Record::default()],
        ..Record::default()
    }
}

#[test]
fn structs() {
    round_trip(Unit);
    round_trip(Newtype(7));
    round_trip(Pair("a".into(), None));
    round_trip(Pair("a".into(), Some(0.5)));
    round_trip(record());
    round_trip(Flat {
        own: 1,
        rest: BTreeMap::from([("a".into(), Value::from(2)), ("b".into(), Value::Null)]),
    });
}

#[test]
fn enums() {
    round_trip(Shape::Nothing);
    round_trip(Shape::Circle(1.0));
    round_trip(Shape::Line(-1, None));
    round_trip(Shape::Line(-1, Some(1)));
    round_trip(Shape::Rectangle {
        width: 1,
        label: None,
    });
    round_trip(Shape::Image(Binary::from(&b"\x01"[..])));
    round_trip(Shape::Within(Box::new(Shape::Within(Box::new(
        Shape::Nothing,
    )))));
    round_trip(Shape::UnitData(()));
    round_trip(Some(Shape::Circle(1.5)));
    round_trip(vec![Some(Shape::Nothing), None, Some(Shape::Line(1, None))]);
    round_trip(Tagged::A {
        x: 1,
        data: ByteBuf::from([0, 1]),
    });
    round_trip(Tagged::B);
    round_trip(Adjacent::A(1, ByteBuf::from([2])));
    round_trip(Adjacent::B);
    round_trip(Untagged::Many(vec![
        Untagged::Number(1),
        Untagged::Text("a".into()),
        Untagged::Binary(ByteBuf::from([0xff])),
    ]));
}

#[test]
fn options() {
    round_trip(None::<i64>);
    round_trip(Some(-5_i64));
    round_trip(Some("text".to_owned()));
    round_trip(Some(ByteBuf::from([0, 1, 2])));
    round_trip(Some(Binary::from(&b""[..])));
    round_trip(Some(vec![Some(1.5_f64), None]));
    round_trip(Some(BTreeMap::from([("a".to_owned(), Some(1))])));
    round_trip(Some(record()));
    round_trip(Some(Newtype(1)));
    round_trip(Some((1_u8, Some('x'))));
    round_trip(Some(Value::from("a")));
    round_trip(Some(true));
}

#[test]
fn lists_and_dicts() {
    round_trip(Vec::<String>::new());
    round_trip(vec![1_u64; 1000]);
    round_trip([1_i32, -2, 3]);
    round_trip((1, "a".to_owned(), vec![(2, 3)]));
    round_trip(vec![0_u8, 255]);
    round_trip(HashMap::from([("a".to_owned(), 1), ("\0b".to_owned(), 2)]));
    round_trip(HashMap::from([(1_u32, "a".to_owned())]));
    round_trip(BTreeMap::from([(i64::MIN, 1), (0, 2), (7, 3)]));
    round_trip(BTreeMap::from([(u64::MAX, ())]));
    round_trip(BTreeMap::from([(true, 1), (false, 0)]));
    round_trip(BTreeMap::from([('a', 1)]));
    round_trip(BTreeMap::from([("7".to_owned(), 1)]));

    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    enum Color {
        Red,
    }
    round_trip(HashMap::from([(Color::Red, 1)]));
    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct Id(u64);
    round_trip(HashMap::from([(Id(9), 1)]));
}

#[test]
fn byte_strings() {
    round_trip(Binary::from(&b"\x00\x01\xff"[..]));
    round_trip(ByteBuf::from(vec![7; 10_000]));
    round_trip(Binary::from(&b""[..]));
    // A list of integers, as serde has it; but it reads a byte string too.
    for format in formats() {
        let payload = encode_payload(&format, &(Binary::from(&b"\x00\xff"[..]),), &()).unwrap();
        assert_eq!(decode_args::<(Vec<u8>,)>(&payload).unwrap().0, [0, 255]);
        assert_eq!(decode_args::<([u8; 2],)>(&payload).unwrap().0, [0, 255]);
        let read = decode_args::<(Option<Vec<u8>>,)>(&payload).unwrap();
        assert_eq!(read.0, Some(vec![0, 255]));
        let value: (Value,) = decode_args(&payload).unwrap();
        assert_eq!(value.0, Value::Bytes(Bytes::from_static(b"\x00\xff")));
        let list = encode_payload(&format, &(vec![0, 255],), &()).unwrap();
        assert_eq!(&*decode_args::<(Binary,)>(&list).unwrap().0, [0, 255]);
    }
    let json = encode_payload(&Format::Json, &(Binary::from(&b"\x00\xff"[..]),), &()).unwrap();
    assert_eq!(json.args(), Some(&br#"["\u0000AP8="]"#[..]));
}

#[test]
fn types_with_a_form_for_humans_have_it_in_every_format() {
    round_trip("127.0.0.1".parse::<IpAddr>().unwrap());
    for format in formats() {
        let address: IpAddr = "::1".parse().unwrap();
        let payload = encode_payload(&format, &(address,), &()).unwrap();
        assert_eq!(decode_args::<(String,)>(&payload).unwrap().0, "::1");
    }
}

#[test]
fn values() {
    round_trip(Value::Null);
    round_trip(Value::from(u64::MAX));
    round_trip(Value::Float(1.0));
    round_trip(Value::List(args![
        1,
        "a",
        2.5,
        (),
        Bytes::from_static(b"\x00")
    ]));
    round_trip(Value::Dict(kwargs! { b: 1, a: kwargs! { c: true } }));
    round_trip(kwargs! { x: 1 });
}

#[test]
fn an_integer_is_read_as_a_float_but_no_float_as_an_integer() {
    for format in formats() {
        let payload = encode_payload(&format, &(3, 1.0), &()).unwrap();
        assert_eq!(decode_args(&payload), Ok((3.0, 1.0)));
        assert!(decode_args::<(i64, i64)>(&payload).is_err(), "{format:?}");
    }
}

#[test]
fn nothing_is_no_payload() {
    #[derive(Serialize)]
    struct Empty {}
    for format in formats() {
        let none = encode_payload(&format, &(), &()).unwrap();
        assert_eq!(none, Payload::empty());
        let none = encode_payload(&format, &args![], &Dict::new()).unwrap();
        assert_eq!(none, Payload::empty());
        let none = encode_payload(&format, &None::<(u8,)>, &Empty {}).unwrap();
        assert_eq!(none, Payload::empty());
        let args = encode_payload(&format, &[1], &()).unwrap();
        assert_eq!(args.elements(), 1, "{format:?}");
        let kwargs = encode_payload(&format, &(), &kwargs! { a: 1 }).unwrap();
        assert_eq!(kwargs.elements(), 2, "{format:?}");
        assert_eq!(count_args(&kwargs), Ok(0));
        assert_eq!(decode_kwargs::<Dict>(&kwargs), Ok(kwargs! { a: 1 }));
        assert_eq!(decode_args::<()>(&kwargs), Ok(()));
    }
}

#[test]
fn without_arguments_the_list_and_the_dict_are_empty() {
    let none = Payload::empty();
    assert_eq!(count_args(&none), Ok(0));
    assert_eq!(decode_args::<()>(&none), Ok(()));
    assert_eq!(decode_args::<Vec<Value>>(&none), Ok(vec![]));
    assert_eq!(decode_kwargs::<()>(&none), Ok(()));
    assert_eq!(decode_kwargs::<Dict>(&none), Ok(Dict::new()));
    assert_eq!(decode_args::<Option<(i64,)>>(&none), Ok(None));
    assert_eq!(decode_kwargs::<Option<Newtype>>(&none), Ok(None));
    assert!(decode_args::<(i64,)>(&none).is_err());
    for format in formats() {
        let args = encode_payload(&format, &(1,), &()).unwrap();
        assert_eq!(decode_args(&args), Ok(Some((1,))));
        assert_eq!(decode_kwargs::<Option<Dict>>(&args), Ok(None));
        let kwargs = encode_payload(&format, &(), &kwargs! { a: 1 }).unwrap();
        assert_eq!(decode_args::<Option<(i64,)>>(&kwargs), Ok(None));
        assert_eq!(decode_kwargs(&kwargs), Ok(Some(kwargs! { a: 1 })));
    }
    let empty: [(Format, &[u8]); 9] = [
        (Format::Json, b"[ ]"),
        (Format::MsgPack, b"\xdc\0\0"),
        (Format::MsgPack, b"\xdd\0\0\0\0"),
        (Format::Cbor, b"\x9f\xff"),
        (Format::Cbor, b"\x98\0"),
        (Format::Cbor, b"\x99\0\0"),
        (Format::Cbor, b"\x9a\0\0\0\0"),
        (Format::Cbor, b"\x9b\0\0\0\0\0\0\0\0"),
        (Format::Cbor, b"\x80"),
    ];
    for (format, octets) in empty {
        let payload = Payload::encoded(format, octets.into(), octets.len(), None).unwrap();
        assert_eq!(decode_args::<Option<(i64,)>>(&payload), Ok(None));
        assert_eq!(decode_args(&payload), Ok(()));
        assert_eq!(decode_result(&payload), Ok(()));
    }
    let zeros = Payload::encoded(Format::MsgPack, b"\x91\0"[..].into(), 2, None).unwrap();
    assert_eq!(decode_args(&zeros), Ok(Some((0,))));
    #[derive(Debug, PartialEq, Deserialize)]
    struct Options {
        page: Option<u8>,
    }
    assert_eq!(decode_kwargs(&none), Ok(Options { page: None }));
}

#[test]
fn a_result_is_one_value_or_none_or_several() {
    for format in formats() {
        let none = encode_payload(&format, &(), &()).unwrap();
        assert_eq!(decode_result(&none), Ok(()));
        assert_eq!(decode_result::<Option<u8>>(&none), Ok(None));
        assert_eq!(decode_result::<Value>(&none), Ok(Value::Null));
        assert!(decode_result::<u8>(&none).is_err());

        let one = encode_payload(&format, &([1, 2],), &()).unwrap();
        assert_eq!(decode_result(&one), Ok([1, 2]));
        assert_eq!(decode_result(&one), Ok((1, 2)));
        assert!(decode_result::<()>(&one).is_err());

        let several = encode_payload(&format, &(1, "a"), &()).unwrap();
        assert_eq!(decode_result(&several), Ok((1, "a".to_owned())));
        assert_eq!(
            decode_result::<Value>(&several),
            Ok(Value::List(args![1, "a"]))
        );
    }
}

#[test]
fn errors_name_the_argument() {
    for format in formats() {
        let payload = encode_payload(&format, &(1, "x"), &kwargs! { a: 1, b: "y" }).unwrap();
        let text = |error: PayloadError| error.to_string();
        assert_eq!(
            text(decode_args::<(i64, i64)>(&payload).unwrap_err()),
            r#"argument 2: invalid type: string "x", expected i64"#
        );
        assert_eq!(
            text(decode_args::<(i64,)>(&payload).unwrap_err()),
            "arguments: expected 1, found 2"
        );
        assert_eq!(
            text(decode_args::<()>(&payload).unwrap_err()),
            "arguments: expected 0, found 2"
        );
        assert_eq!(
            text(decode_args::<(i64, String, bool)>(&payload).unwrap_err()),
            "arguments: invalid length 2, expected a tuple of size 3"
        );
        assert_eq!(
            text(decode_kwargs::<BTreeMap<String, i64>>(&payload).unwrap_err()),
            r#"keyword argument "b": invalid type: string "y", expected i64"#
        );
        #[derive(Debug, Deserialize)]
        struct Wanted {
            #[expect(dead_code, reason = "it is never there")]
            missing: u8,
        }
        assert_eq!(
            text(decode_kwargs::<Wanted>(&payload).unwrap_err()),
            "keyword arguments: missing field `missing`"
        );
        let one = encode_payload(&format, &("x",), &()).unwrap();
        assert_eq!(
            text(decode_result::<i64>(&one).unwrap_err()),
            r#"result: invalid type: string "x", expected i64"#
        );
    }
}

#[test]
fn an_opaque_payload_needs_a_codec() {
    let opaque = Payload::opaque(Bytes::from_static(b"secret"));
    assert_eq!(
        decode_args::<Vec<Value>>(&opaque),
        Err(PayloadError::Opaque)
    );
    assert_eq!(decode_kwargs::<Dict>(&opaque), Err(PayloadError::Opaque));
    assert_eq!(decode_result::<Value>(&opaque), Err(PayloadError::Opaque));
    assert_eq!(count_args(&opaque), Err(PayloadError::Opaque));
    assert_eq!(transcode(&opaque, &Format::Json), Ok(opaque));
}

#[test]
fn arguments_are_lists_and_keyword_arguments_dicts() {
    let reason = |result: Result<Payload, EncodeError>| match result {
        Err(EncodeError::Value(reason)) => reason,
        other => panic!("{other:?}"),
    };
    for format in formats() {
        assert_eq!(
            reason(encode_payload(&format, &5, &())),
            "arguments must be a list or a tuple, not an integer"
        );
        assert_eq!(
            reason(encode_payload(&format, "text", &())),
            "arguments must be a list or a tuple, not a string"
        );
        assert_eq!(
            reason(encode_payload(&format, &kwargs! { a: 1 }, &())),
            "arguments must be a list or a tuple, not a map"
        );
        assert_eq!(
            reason(encode_payload(&format, &(), &(1,))),
            "keyword arguments must be a struct or a map, not a tuple"
        );
        assert_eq!(
            reason(encode_payload(&format, &(), &BTreeMap::from([((), 1)]))),
            "the key of a dictionary must be text, not null"
        );
        assert!(encode_payload(&format, &Pair("a".into(), None), &record()).is_ok());
        assert!(encode_payload(&format, &Some((1, 2)), &Some(record())).is_ok());
    }
}

#[test]
fn json_refuses_what_it_would_change() {
    let refused = |args: Value| {
        let wanted = args.clone();
        for format in [Format::MsgPack, Format::Cbor] {
            let payload = encode_payload(&format, &(&args,), &()).unwrap();
            let (read,): (Value,) = decode_args(&payload).unwrap();
            assert_eq!(format!("{read:?}"), format!("{wanted:?}"));
            let refused = transcode(&payload, &Format::Json).unwrap_err();
            assert!(matches!(refused, EncodeError::NotRepresentable { .. }));
        }
        let refused = encode_payload(&Format::Json, &(args,), &()).unwrap_err();
        assert!(
            matches!(refused, EncodeError::NotRepresentable { .. }),
            "{refused}"
        );
    };
    refused(Value::Float(f64::NAN));
    refused(Value::Float(f64::INFINITY));
    refused(Value::List(args![1, f64::NEG_INFINITY]));
    refused(Value::from("\0text"));
    refused(Value::Dict(kwargs! { a: "\0" }));
    assert!(encode_payload(&Format::Json, &('\0',), &()).is_err());
    assert!(encode_payload(&Format::Json, &(f32::NAN,), &()).is_err());
}

#[test]
fn a_float_of_32_bits_is_the_same_number_in_every_format() {
    for format in formats() {
        let payload = encode_payload(&format, &(0.1_f32,), &()).unwrap();
        assert_eq!(
            decode_args(&payload),
            Ok((f64::from(0.1_f32),)),
            "{format:?}"
        );
    }
}

/// A type whose `Serialize` announces another length than it has.
struct Liar;

impl Serialize for Liar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(3))?;
        seq.serialize_element(&1)?;
        seq.end()
    }
}

#[test]
fn a_length_that_is_not_kept_is_refused() {
    for format in formats() {
        assert!(encode_payload(&format, &Liar, &()).is_err(), "{format:?}");
        assert!(
            encode_payload(&format, &(Liar,), &()).is_err(),
            "{format:?}"
        );
    }
}

/// A list of unknown length.
struct Lazy(u32);

impl Serialize for Lazy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0).filter(|n| n % 2 == 0))
    }
}

#[test]
fn lists_of_unknown_length_are_lists() {
    for from in formats() {
        let payload = encode_payload(&from, &Lazy(6), &()).unwrap();
        for to in formats() {
            let payload = transcode(&payload, &to).unwrap();
            assert_eq!(decode_args(&payload), Ok(vec![0, 2, 4]));
            assert_eq!(count_args(&payload), Ok(3));
        }
        assert_eq!(encode_payload(&from, &Lazy(0), &()), Ok(Payload::empty()));
    }
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |value, level| match level % 2 {
        0 => Value::List(vec![value]),
        _ => Value::Dict(kwargs! { a: value }),
    })
}

#[test]
fn depth_is_bounded_where_readers_bound_it() {
    for format in formats() {
        // The arguments are a level, and the message around them another.
        let payload = encode_payload(&format, &(nested(62),), &()).unwrap();
        assert_eq!(decode_args(&payload), Ok((nested(62),)), "{format:?}");
        for to in formats() {
            assert!(transcode(&payload, &to).is_ok());
        }
        assert!(encode_payload(&format, &(nested(63),), &()).is_err());
    }
}

/// Payloads that came through a serializer with a higher limit of depth.
#[test]
fn what_is_nested_too_deeply_to_be_read_is_an_error() {
    let payload = |format: &Format, levels: usize| {
        let octets = match format {
            Format::Json => ["[".repeat(levels), "]".repeat(levels)].concat(),
            Format::MsgPack => {
                let mut octets = vec![0x91; levels - 1];
                octets.push(0x90);
                return Payload::encoded(Format::MsgPack, octets.into(), levels, None).unwrap();
            }
            _ => {
                let mut octets = vec![0x81; levels - 1];
                octets.push(0x80);
                return Payload::encoded(Format::Cbor, octets.into(), levels, None).unwrap();
            }
        };
        let len = octets.len();
        Payload::encoded(Format::Json, octets.into(), len, None).unwrap()
    };
    for format in [Format::Json, Format::MsgPack, Format::Cbor] {
        assert!(decode_args::<Vec<Value>>(&payload(&format, 120)).is_ok());
        assert!(decode_args::<Vec<Value>>(&payload(&format, 200)).is_err());
        assert!(decode_result::<Value>(&payload(&format, 100_000)).is_err());
        assert_eq!(count_args(&payload(&format, 100_000)), Ok(1));
        for to in formats() {
            if to != format {
                let deep = transcode(&payload(&format, 500), &to);
                assert!(deep.is_ok() || matches!(to, Format::Foreign(_)));
                assert!(transcode(&payload(&format, 100_000), &to).is_err());
            }
        }
    }
}

/// Reading what has no meaning to Rust is an error, or the nearest there is, in no case a panic.
#[test]
fn constructs_of_one_format_are_read_or_refused() {
    let read = |format: Format, octets: &'static [u8]| {
        let payload = Payload::encoded(format, Bytes::from_static(octets), octets.len(), None);
        decode_args::<(Value,)>(&payload.unwrap()).map(|(value,)| value)
    };
    let cbor = |octets| read(Format::Cbor, octets);
    assert_eq!(cbor(b"\x81\xf7"), Ok(Value::Null));
    assert_eq!(cbor(b"\x81\xc0\x61a"), Ok(Value::from("a")));
    assert_eq!(
        cbor(b"\x81\xbf\x01\x02\xff"),
        Ok(Value::Dict(kwargs! { "1": 2 }))
    );
    assert!(cbor(b"\x81\xe0").is_err());
    assert!(cbor(b"\x81\x3b\x80\0\0\0\0\0\0\0").is_err());
    assert!(cbor(b"\x81\xa1\xf5\x01").is_err());
    let bignum = b"\x81\xc2\x49\x01\0\0\0\0\0\0\0\0";
    let octets = Bytes::from_static(b"\x01\0\0\0\0\0\0\0\0");
    assert_eq!(cbor(bignum), Ok(Value::Bytes(octets)));
    let below = Bytes::from_static(b"\x81\x3b\x80\0\0\0\0\0\0\0");
    let below = Payload::encoded(Format::Cbor, below, 10, None).unwrap();
    assert_eq!(decode_args(&below), Ok((i128::from(i64::MIN) - 1,)));
    let msgpack = |octets| read(Format::MsgPack, octets);
    let extension = Value::List(args![5, Bytes::from_static(b"\x01")]);
    assert_eq!(msgpack(b"\x91\xd4\x05\x01"), Ok(extension));
    assert_eq!(
        msgpack(b"\x91\x82\x01\x02\x01\x03"),
        Ok(Value::Dict(kwargs! { "1": 3 }))
    );
    // What JavaScript writes for undefined.
    assert_eq!(msgpack(b"\x91\xd4\0\0"), Ok(Value::Null));
    let octets = Bytes::from_static(b"\x91\xd4\0\0");
    let payload = Payload::encoded(Format::MsgPack, octets, 4, None).unwrap();
    assert_eq!(decode_args(&payload), Ok((None::<u8>,)));
    let json = |octets| read(Format::Json, octets);
    assert_eq!(
        json(br#"[{"a":1,"a":2}]"#),
        Ok(Value::Dict(kwargs! { a: 2 }))
    );
    assert_eq!(
        json(b"[18446744073709551616]"),
        Ok(Value::Float(18_446_744_073_709_551_616.0))
    );
}

#[test]
fn cbor_reads_enums_and_options_in_every_form() {
    let read = |octets: &'static [u8]| {
        let octets = Bytes::from_static(octets);
        let len = octets.len();
        Payload::encoded(Format::Cbor, octets, len, None).unwrap()
    };
    // An open dict, an open name, undefined.
    let payload = read(b"\x81\xbf\x7f\x66Circle\xff\xf9\x3e\x00\xff");
    assert_eq!(decode_args(&payload), Ok((Shape::Circle(1.5),)));
    assert_eq!(decode_args(&read(b"\x81\xf7")), Ok((None::<u8>,)));
    // Neither the number of a variant nor a second pair is taken for one.
    assert!(decode_args::<(Shape,)>(&read(b"\x81\x00")).is_err());
    let two = read(b"\x81\xa2\x66Circle\x01\x64Line\x01");
    assert!(decode_args::<(Shape,)>(&two).is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = "[^\\x00]\\PC{0,12}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        prop::num::f32::ANY
            .prop_filter("JSON has no other", |float| float.is_finite())
            .prop_map(Value::from),
        text.prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|octets| Value::Bytes(Bytes::from(octets))),
    ];
    leaf.prop_recursive(6, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            prop::collection::vec(("\\PC{0,6}", inner), 0..20)
                .prop_map(|pairs| Value::Dict(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_arrives_in_each_format_from_each_other(
        args in prop::collection::vec(any_value(), 0..4),
        kwargs in prop::collection::vec(("\\PC{1,6}", any_value()), 0..3),
    ) {
        let kwargs: Dict = kwargs.into_iter().collect();
        for from in formats() {
            let payload = encode_payload(&from, &args, &kwargs).unwrap();
            prop_assert_eq!(count_args(&payload), Ok(args.len()));
            for to in formats() {
                let payload = transcode(&payload, &to).unwrap();
                prop_assert_eq!(decode_args::<Vec<Value>>(&payload), Ok(args.clone()));
                prop_assert_eq!(decode_kwargs::<Dict>(&payload), Ok(kwargs.clone()));
                // The order of the keys is kept too.
                let read: Dict = decode_kwargs(&payload).unwrap();
                prop_assert!(read.keys().eq(kwargs.keys()));
                // And back: nothing was lost on the way.
                let back = transcode(&payload, &from).unwrap();
                prop_assert_eq!(decode_args::<Vec<Value>>(&back), Ok(args.clone()));
            }
        }
    }

    #[test]
    fn any_record_arrives(
        first_name in "[^\\x00]\\PC*",
        age in any::<Option<u8>>(),
        data in any::<Vec<u8>>(),
        numbers in any::<BTreeMap<i64, Option<u64>>>(),
    ) {
        let record = Record { first_name, age, data: Binary::from(data), ..Record::default() };
        round_trip((record, numbers));
    }

    #[test]
    fn octets_of_any_kind_are_no_reason_to_panic(
        octets in prop::collection::vec(any::<u8>(), 0..60),
        format in 0..3_usize,
    ) {
        let len = octets.len();
        let format = formats()[format].clone();
        let payload = Payload::encoded(format, octets.into(), len, None).unwrap();
        let _ = decode_args::<Vec<Value>>(&payload);
        let _ = decode_result::<Shape>(&payload);
        let _ = count_args(&payload);
        for to in formats() {
            let _ = transcode(&payload, &to);
        }
    }
}
