//! messages.json: octets give the message, and the message gives the octets.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wamp_messages::{Dict, Message, Payload, UriRules, Value};
use wamp_serializers::{BatchSeparator, Serializer, encode_payload};

use crate::check::{Check, Failure, Outcome, Verdict, ensure};
use crate::data::{self, Case, Data, shown};
use crate::missing::Missing;
use crate::plain::{plain, same};

/// The fields of a case that hold the message in octets.
const SERIALIZERS: &[&str] = &["json", "msgpack", "cbor", "ubjson", "flatbuffers"];
const BATCHED: &[&str] = &[
    "json.batched",
    "msgpack.batched",
    "cbor.batched",
    "ubjson.batched",
    "flatbuffers.batched",
];

pub(crate) fn checks(data: &Data) -> Vec<Check> {
    let mut checks = Vec::new();
    each(&data.cases, SERIALIZERS, message, &mut checks);
    match data.more_cases("batched") {
        Ok(cases) => each(&cases, BATCHED, batch, &mut checks),
        Err(failure) => checks.push(Check::new("batched", || Err(failure))),
    }
    checks
}

/// A check for each serializer in which a case has octets.
fn each(
    cases: &[Arc<Case>],
    serializers: &[&'static str],
    check: fn(&Case, &str, &Serializer) -> Outcome,
    checks: &mut Vec<Check>,
) {
    for case in cases {
        let before = checks.len();
        for &name in serializers {
            if case.optional(name).is_none() {
                continue;
            }
            let case = Arc::clone(case);
            checks.push(Check::new(
                format!("{} ({name})", case.name),
                move || match (Serializer::from_name(name), Missing::serializer(name)) {
                    (Some(serializer), _) => check(&case, name, &serializer),
                    (None, Some(missing)) => Ok(Verdict::Skipped(missing)),
                    (None, None) => Err(format!("there is no serializer {name:?}").into()),
                },
            ));
        }
        if checks.len() == before {
            let reason = "the case has octets of no serializer that is known";
            checks.push(Check::new(case.name.clone(), move || Err(reason.into())));
        }
    }
}

/// One message in one format.
fn message(case: &Case, name: &str, serializer: &Serializer) -> Outcome {
    let octets = case.octets(name)?;
    let wanted = Wanted::read(case.field("wmsg")?)?;
    let decoded = decode_one(serializer, &octets)?;
    decoded
        .validate(UriRules::LOOSE)
        .map_err(|error| format!("it is refused: {error}"))?;
    wanted.compare(&decoded, "decoded")?;
    if case.is_set("decode_only") {
        return Ok(Verdict::Passed);
    }

    // As it was received: what a router does that passes it on in the same format.
    let mut forms = vec![("passed on", decoded.clone())];
    // With a payload made of the values: what a session does that sends it.
    let mut made = decoded.clone();
    if let Some(payload) = made.payload_mut()
        && payload.as_opaque().is_none()
    {
        *payload = wanted.payload(serializer)?;
        forms.push(("made", made));
    }
    // Received in another format: what a router does that rewrites it.
    for other in SERIALIZERS {
        if let (true, Some(other), Some(_)) = (
            *other != name,
            Serializer::from_name(other),
            case.optional(other),
        ) {
            let octets = case.octets(&other.name())?;
            forms.push(("rewritten", decode_one(&other, &octets)?));
        }
    }
    // Python writes the text of some floats differently, and never shortens one in CBOR.
    let by_value = wanted.null_args || (case.has_tag("float") && matches!(name, "json" | "cbor"));
    for (how, message) in forms {
        let encoded = serializer
            .encode(&message)
            .map_err(|error| format!("{how}, it is not encoded: {error}"))?
            .to_bytes();
        if by_value {
            wanted.compare(&decode_one(serializer, &encoded)?, how)?;
        } else {
            ensure(encoded == octets, || {
                let (encoded, octets) = (shown(&encoded), shown(&octets));
                format!("{how}, it is encoded as {encoded} instead of {octets}")
            })?;
        }
    }
    Ok(Verdict::Passed)
}

fn decode_one(serializer: &Serializer, octets: &Bytes) -> Result<Message, Failure> {
    let mut messages = VecDeque::new();
    serializer
        .clone()
        .decode(octets.clone(), &mut messages)
        .map_err(|error| format!("{} is not decoded: {error}", shown(octets)))?;
    match (messages.pop_front(), messages.len()) {
        (Some(message), 0) => Ok(message),
        (_, more) => Err(format!("one message was decoded as 1 + {more}").into()),
    }
}

/// A message as the case has it.
struct Wanted {
    wmsg: Vec<Value>,
    /// Whether keyword arguments stand behind null: read as an empty list, and sent as one.
    null_args: bool,
}

impl Wanted {
    fn read(wmsg: &Value) -> Result<Self, Failure> {
        let Value::List(mut wmsg) = data::value(wmsg)? else {
            return Err("the message of the case is no list".into());
        };
        let mut null_args = false;
        // Nothing shorter has arguments: the realm of a HELLO may be null, and stays so.
        if let [_, _, _, .., args @ Value::Null, Value::Dict(_)] = &mut wmsg[..] {
            *args = Value::List(Vec::new());
            null_args = true;
        }
        Ok(Self { wmsg, null_args })
    }

    /// Compares a message with the case: the order of keys only where it is the user's.
    fn compare(&self, message: &Message, how: &str) -> Result<(), Failure> {
        let found = plain(message)?;
        let payload = message.payload().map_or(0, Payload::elements);
        let header = found.len() - payload;
        let equal = found.len() == self.wmsg.len()
            && found
                .iter()
                .zip(&self.wmsg)
                .enumerate()
                .all(|(at, (found, wanted))| same(found, wanted, at >= header));
        ensure(equal, || {
            format!("{how}, it is {found:?} instead of {:?}", self.wmsg)
        })
    }

    /// The payload of the message, made of its values.
    fn payload(&self, serializer: &Serializer) -> Result<Payload, Failure> {
        let none = (&[][..], Dict::new());
        let (args, kwargs) = match &self.wmsg[..] {
            [.., Value::List(args), Value::Dict(kwargs)] => (&args[..], kwargs.clone()),
            [.., Value::List(args)] => (&args[..], Dict::new()),
            _ => none,
        };
        encode_payload(&serializer.format(), args, &kwargs)
            .map_err(|error| format!("the payload is not encoded: {error}").into())
    }
}

/// Several messages in one frame.
fn batch(case: &Case, name: &str, serializer: &Serializer) -> Outcome {
    let octets = case.octets(name)?;
    let wanted = case
        .list("wmsgs")?
        .iter()
        .map(Wanted::read)
        .collect::<Result<Vec<_>, _>>()?;

    let decoded = decode_batch(serializer, &octets, &wanted)?;
    let mut written = BytesMut::new();
    // Autobahn ends a message with this octet, where the specification has another.
    let writer = serializer.clone().with_separator(BatchSeparator::Cancel);
    for message in &decoded {
        writer
            .append(message, &mut written)
            .map_err(|error| format!("not encoded: {error}"))?;
    }
    ensure(written == octets, || {
        let (written, octets) = (shown(&written), shown(&octets));
        format!("it is encoded as {written} instead of {octets}")
    })?;
    if !serializer.is_binary() {
        // In JSON no control character stands for itself, so this one is the separator.
        let octets = octets
            .iter()
            .map(|&octet| if octet == 0x18 { 0x1e } else { octet });
        decode_batch(serializer, &octets.collect(), &wanted)?;
    }
    Ok(Verdict::Passed)
}

fn decode_batch(
    serializer: &Serializer,
    octets: &Bytes,
    wanted: &[Wanted],
) -> Result<VecDeque<Message>, Failure> {
    let mut messages = VecDeque::new();
    serializer
        .clone()
        .decode(octets.clone(), &mut messages)
        .map_err(|error| format!("{} is not decoded: {error}", shown(octets)))?;
    ensure(messages.len() == wanted.len(), || {
        format!("{} messages instead of {}", messages.len(), wanted.len())
    })?;
    for (message, wanted) in messages.iter().zip(wanted) {
        wanted.compare(message, "decoded")?;
    }
    Ok(messages)
}
