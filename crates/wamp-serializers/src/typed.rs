//! Typed payloads: arguments to octets and back, in one pass, by serde.
//!
//! A type has the same form in every format, so that a payload which a router rewrites from one
//! format to another is read by the type that wrote it. The modules below put one serializer and
//! one deserializer in front of those of the formats.

mod deserialize;
mod extension;
#[cfg(feature = "json")]
mod json;
mod key;
mod parts;
mod serialize;
mod value;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer};
use wamp_messages::{DecodeError, Dict, EncodeError, Format, Payload, Value};

use self::deserialize::Typed;
#[cfg(feature = "json")]
use self::json::WampFormatter;
use self::key::NthKey;
use self::parts::{Only, Part};
use self::serialize::{Rules, Shape, TypedSerializer};
use self::value::ValueSerializer;
use crate::serializer::DEFAULT_MAX_DEPTH;
use crate::token::{Scanner, Token};

/// How deep lists and dicts may be nested in what is serialized, the arguments themselves included.
///
/// It is what readers accept by default: the sender learns of it before anyone refuses the message.
const MAX_DEPTH: usize = DEFAULT_MAX_DEPTH - 1;

/// How deep the libraries may go when they read what the scanner has let pass.
#[cfg(feature = "msgpack")]
const MAX_READ_DEPTH: usize = 128;

/// A payload that cannot be read into the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The arguments are not what the type wants; the text names the argument.
    #[error("{0}")]
    Arguments(String),
    /// The payload is in a format that was not compiled into this program.
    #[error("the payload is in the format {0}, which is not compiled in")]
    Format(String),
    /// The octets are no payload of their format, says the foreign format that read them.
    #[error("the payload is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The payload is opaque: a payload codec must open it first.
    #[error("the payload is opaque: a payload codec is needed to open it")]
    Opaque,
}

/// Serializes arguments and keyword arguments into a payload of a format, in one pass.
///
/// The arguments are anything that serde sees as a list: a tuple, a `Vec`, a tuple struct; the
/// keyword arguments a struct or a map. `()` and what is empty are none. Byte strings are those of
/// serde (`Binary`, `serde_bytes`), in JSON too; a `Vec<u8>` is a list of integers, as serde has it.
/// Keys that are integers, booleans or names of variants become text.
///
/// ```
/// # #[cfg(feature = "json")] {
/// use wamp_messages::{Binary, Format, kwargs};
/// use wamp_serializers::{decode_args, encode_payload};
///
/// let data = Binary::from(&b"\xff"[..]);
/// let payload = encode_payload(&Format::Json, &(1, "two", data), &kwargs! { page: 3 })?;
/// assert_eq!(payload.args(), Some(&br#"[1,"two","\u0000/w=="]"#[..]));
/// assert_eq!(payload.kwargs(), Some(&br#"{"page":3}"#[..]));
///
/// let (number, text, data): (u8, String, Binary) = decode_args(&payload)?;
/// # assert_eq!((number, &*text, &*data), (1, "two", &b"\xff"[..]));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EncodeError::NotRepresentable`] for what the format has no form for: in JSON NaN, infinities
/// and strings that begin with NUL; in all of them integers of more than 64 bits.
/// [`EncodeError::Value`] if the arguments are no list, or the keyword arguments no dict, if a key
/// can not be text, if they are nested deeper than 63 levels, or if a type's own `Serialize` fails.
pub fn encode_payload<A, K>(format: &Format, args: &A, kwargs: &K) -> Result<Payload, EncodeError>
where
    A: Serialize + ?Sized,
    K: Serialize + ?Sized,
{
    if let Format::Foreign(foreign) = format {
        let Value::List(args) = to_value(args, Shape::Args)? else {
            return Err(EncodeError::Value("arguments must be a list".into()));
        };
        let Value::Dict(kwargs) = to_value(kwargs, Shape::Kwargs)? else {
            return Err(EncodeError::Value(
                "keyword arguments must be a dict".into(),
            ));
        };
        if args.is_empty() && kwargs.is_empty() {
            return Ok(Payload::empty());
        }
        return foreign.encode(&args, &kwargs);
    }
    let mut octets = Vec::with_capacity(128);
    write(format, &mut octets, args, Shape::Args)?;
    let args_end = octets.len();
    octets.extend_from_slice(format.between());
    let mut kwargs_start = Some(octets.len());
    write(format, &mut octets, kwargs, Shape::Kwargs)?;
    if octets
        .get(args_end + format.between().len()..)
        .is_none_or(is_empty)
    {
        octets.truncate(args_end);
        kwargs_start = None;
        if is_empty(&octets) {
            return Ok(Payload::empty());
        }
    }
    if *format == Format::MsgPack && u32::try_from(octets.len()).is_err() {
        return Err(EncodeError::NotRepresentable {
            format: "MessagePack",
            what: "more than 4 GiB",
        });
    }
    Payload::encoded(format.clone(), Bytes::from(octets), args_end, kwargs_start)
        .ok_or_else(|| EncodeError::Value("the parts of the payload overlap".into()))
}

/// Reads all positional arguments into one type that reads a list: a tuple, a `Vec`, a struct.
///
/// Without arguments the list is empty. `()` reads an empty list only, and an `Option` reads it as
/// `None`. An argument too many is an
/// error. A `Vec<u8>` reads a byte string and a list of integers; integers are read from keys that
/// are text.
///
/// # Errors
///
/// See [`PayloadError`].
pub fn decode_args<T: DeserializeOwned>(payload: &Payload) -> Result<T, PayloadError> {
    decode(payload, What::Args)
}

/// Reads all keyword arguments into one type that reads a dict: a struct, a map, a `Dict`.
///
/// Without keyword arguments the dict is empty. `()` reads an empty dict only, and an `Option` reads
/// it as `None`; a struct ignores
/// the keys that it has no field for, unless it says otherwise to serde.
///
/// # Errors
///
/// See [`PayloadError`].
pub fn decode_kwargs<T: DeserializeOwned>(payload: &Payload) -> Result<T, PayloadError> {
    decode(payload, What::Kwargs)
}

/// Reads what a call returned, by the rule that all WAMP libraries share.
///
/// One positional value is it; none is null, which is `()` or `None`; several are a list, which a
/// tuple reads. Keyword arguments are read by [`decode_kwargs`].
///
/// # Errors
///
/// See [`PayloadError`].
pub fn decode_result<T: DeserializeOwned>(payload: &Payload) -> Result<T, PayloadError> {
    match count_args(payload)? {
        0 => T::deserialize(Typed {
            inner: Value::Null,
            json: false,
        })
        .map_err(|error| PayloadError::Arguments(format!("result: {error}"))),
        1 => decode(payload, What::Result),
        _ => decode(payload, What::Results),
    }
}

/// Counts the positional arguments, without making anything of them.
///
/// # Errors
///
/// See [`PayloadError`].
pub fn count_args(payload: &Payload) -> Result<usize, PayloadError> {
    let Some(octets) = payload.args() else {
        return decode::<()>(payload, What::Args).map(|()| 0);
    };
    match payload.format() {
        #[cfg(feature = "json")]
        Some(Format::Json) => count::<crate::json::JsonScanner<'_>>(octets),
        #[cfg(feature = "msgpack")]
        Some(Format::MsgPack) => count::<crate::msgpack::MsgPackScanner<'_>>(octets),
        #[cfg(feature = "cbor")]
        Some(Format::Cbor) => count::<crate::cbor::CborScanner<'_>>(octets),
        Some(Format::Foreign(foreign)) => Ok(foreign.decode(payload)?.0.len()),
        Some(format) => Err(PayloadError::Format(format.name().to_owned())),
        None => Ok(0),
    }
}

fn count<'a, S: Scanner<'a>>(octets: &'a [u8]) -> Result<usize, PayloadError> {
    let mut scanner = S::new(octets, usize::MAX)?;
    let Token::List(declared) = scanner.token()? else {
        return Ok(0);
    };
    if let Some(declared) = declared {
        return Ok(declared);
    }
    let mut found = 0;
    while scanner.more()? {
        scanner.skip()?;
        found += 1;
    }
    Ok(found)
}

/// What of a payload is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Args,
    Kwargs,
    /// The only positional argument.
    Result,
    /// The positional arguments as results.
    Results,
}

/// What is known of arguments or keyword arguments before they are read.
#[derive(Debug, Clone, Copy)]
struct Input {
    json: bool,
    empty: bool,
}

impl Input {
    const fn new(json: bool, empty: bool) -> Self {
        Self { json, empty }
    }
}

fn decode<T: DeserializeOwned>(payload: &Payload, what: What) -> Result<T, PayloadError> {
    if payload.as_opaque().is_some() {
        return Err(PayloadError::Opaque);
    }
    let octets = match what {
        What::Kwargs => payload.kwargs(),
        What::Args | What::Result | What::Results => payload.args(),
    };
    match (payload.format(), octets) {
        (Some(Format::Foreign(foreign)), _) => {
            note_decoding();
            let (args, kwargs) = foreign.decode(payload)?;
            if what != What::Kwargs {
                let input = Input::new(false, args.is_empty());
                return read(what, input, Value::List(args), |_| None);
            }
            let input = Input::new(false, kwargs.is_empty());
            let names: Vec<_> = kwargs.keys().cloned().collect();
            read(what, input, Value::Dict(kwargs), |place| {
                names.get(place).cloned()
            })
        }
        (Some(format), Some(octets)) => {
            note_decoding();
            decode_octets(format, octets, what)
        }
        (None, _) | (_, None) if what == What::Kwargs => read(
            what,
            Input::new(false, true),
            Value::Dict(Dict::new()),
            |_| None,
        ),
        (None, _) | (_, None) => read(
            what,
            Input::new(false, true),
            Value::List(Vec::new()),
            |_| None,
        ),
    }
}

/// Counts that a payload is decoded, where that is counted.
#[cfg(feature = "__counters")]
fn note_decoding() {
    crate::counters::note(crate::counters::Step::PayloadDecode);
}

#[cfg(not(feature = "__counters"))]
const fn note_decoding() {}

fn decode_octets<T: DeserializeOwned>(
    format: &Format,
    octets: &[u8],
    what: What,
) -> Result<T, PayloadError> {
    let input = Input::new(*format == Format::Json, is_empty(octets));
    match format {
        #[cfg(feature = "json")]
        Format::Json => {
            let mut json = serde_json::Deserializer::from_slice(octets);
            read(what, input, &mut json, |place| {
                serde_json::Deserializer::from_slice(octets)
                    .deserialize_any(NthKey(place))
                    .ok()
                    .flatten()
            })
        }
        #[cfg(feature = "msgpack")]
        Format::MsgPack => {
            let mut msgpack = rmp_serde::Deserializer::from_read_ref(octets);
            // The default is deep enough to overflow the stack of a thread.
            msgpack.set_max_depth(MAX_READ_DEPTH);
            read(what, input, &mut msgpack, |place| {
                let mut again = rmp_serde::Deserializer::from_read_ref(octets);
                again.set_max_depth(MAX_READ_DEPTH);
                again.deserialize_any(NthKey(place)).ok().flatten()
            })
        }
        #[cfg(feature = "cbor")]
        Format::Cbor => {
            let mut cbor = serde_cbor::Deserializer::from_slice(octets);
            read(what, input, &mut cbor, |place| {
                serde_cbor::Deserializer::from_slice(octets)
                    .deserialize_any(NthKey(place))
                    .ok()
                    .flatten()
            })
        }
        format => Err(PayloadError::Format(format.name().to_owned())),
    }
}

/// Reads the arguments or keyword arguments with a format's deserializer.
///
/// `name` finds the name of the keyword argument at a place, for an error.
fn read<'de, T, D>(
    what: What,
    Input { json, empty }: Input,
    inner: D,
    name: impl FnOnce(usize) -> Option<String>,
) -> Result<T, PayloadError>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let place = Cell::new(None);
    let value = if what == What::Result {
        inner.deserialize_any(Only {
            seed: PhantomData,
            json,
        })
    } else {
        let place = &place;
        T::deserialize(Part {
            inner,
            json,
            empty,
            place,
        })
    };
    value.map_err(|error| {
        let reason = without_position(error.to_string());
        PayloadError::Arguments(match (what, place.get()) {
            (What::Args, Some(place)) => format!("argument {}: {reason}", place + 1),
            (What::Args, None) => format!("arguments: {reason}"),
            (What::Kwargs, Some(place)) => match name(place) {
                Some(name) => format!("keyword argument {name:?}: {reason}"),
                None => format!("keyword arguments: {reason}"),
            },
            (What::Kwargs, None) => format!("keyword arguments: {reason}"),
            (What::Results, Some(place)) => format!("result {}: {reason}", place + 1),
            (What::Result | What::Results, _) => format!("result: {reason}"),
        })
    })
}

/// The position that a library adds counts from the start of the part, which tells nobody anything.
fn without_position(mut reason: String) -> String {
    for position in [" at line ", " at offset "] {
        if let Some(at) = reason.rfind(position) {
            reason.truncate(at);
        }
    }
    reason
}

fn write<T: Serialize + ?Sized>(
    format: &Format,
    octets: &mut Vec<u8>,
    value: &T,
    shape: Shape,
) -> Result<(), EncodeError> {
    let rules = Rules::new(*format == Format::Json);
    let rules = &rules;
    match format {
        #[cfg(feature = "json")]
        Format::Json => {
            let mut json = serde_json::Serializer::with_formatter(octets, WampFormatter);
            let written = value.serialize(TypedSerializer::new(&mut json, rules, shape));
            written.map_err(|error| unfit("JSON", rules, &error))
        }
        #[cfg(feature = "msgpack")]
        Format::MsgPack => {
            let mut msgpack = rmp_serde::Serializer::new(octets).with_struct_map();
            let written = value.serialize(TypedSerializer::new(&mut msgpack, rules, shape));
            written.map_err(|error| unfit("MessagePack", rules, &error))
        }
        #[cfg(feature = "cbor")]
        Format::Cbor => {
            let mut cbor = serde_cbor::Serializer::new(serde_cbor::ser::IoWrite::new(octets));
            let written = value.serialize(TypedSerializer::new(&mut cbor, rules, shape));
            written.map_err(|error| unfit("CBOR", rules, &error))
        }
        format => Err(EncodeError::Foreign {
            format: format.name().to_owned(),
            reason: "it is not compiled in".to_owned(),
        }),
    }
}

fn to_value<T: Serialize + ?Sized>(value: &T, shape: Shape) -> Result<Value, EncodeError> {
    let rules = Rules::new(false);
    let written = value.serialize(TypedSerializer::new(ValueSerializer, &rules, shape));
    written.map_err(|error| unfit("WAMP", &rules, &error))
}

fn unfit(format: &'static str, rules: &Rules, error: &dyn fmt::Display) -> EncodeError {
    match rules.refused.get() {
        Some(what) => EncodeError::NotRepresentable { format, what },
        None => EncodeError::Value(error.to_string()),
    }
}

/// Whether octets are an empty list or dict. These are no other list or dict in any of the formats.
fn is_empty(octets: &[u8]) -> bool {
    match octets {
        [b'[' | b'{', rest @ ..] => matches!(rest.trim_ascii_start(), [b']' | b'}', ..]),
        // MessagePack and CBOR, in short; open lists and dicts of CBOR; then their longer heads.
        [0x80 | 0x90 | 0xa0] | [0x9f | 0xbf, 0xff] => true,
        [0xdc | 0xde, 0, 0] | [0xdd | 0xdf, 0, 0, 0, 0] => true,
        [0x98 | 0xb8, 0] | [0x99 | 0xb9, 0, 0] | [0x9a | 0xba, 0, 0, 0, 0] => true,
        [0x9b | 0xbb, rest @ ..] => rest == [0; 8],
        _ => false,
    }
}
