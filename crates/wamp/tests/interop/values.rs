//! What clients make of values: the one place for what does not arrive as it was sent.
//!
//! Our client and Autobahn|Python keep every value. JavaScript does not: its numbers are doubles, a
//! `BigInt` is something else, and each of its serializers has limits of its own. What is expected
//! of them here is as exact as what is expected of the others: a client that begins to do better
//! fails the cell.
//!
//! Two things are mended in their programs instead, as their users have to: bytes in JSON, which
//! both leave to a replacer and a reviver, and the tag that wampy.js puts before bytes in CBOR.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Number, Value, json};

use crate::party::{PeerKind, Transport};
use crate::peer::Payload;

/// A client, and what it speaks over what.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) peer: PeerKind,
    pub(crate) transport: Transport,
    pub(crate) serializer: &'a str,
}

/// What becomes of a payload on its way, by what the two sides should report.
pub(crate) struct Passage {
    /// What the receiver gets; nothing if the router has to refuse it.
    pub(crate) arrives: Option<Payload>,
    /// What the sender gets when the receiver answers with that; the same.
    pub(crate) returns: Option<Payload>,
}

impl Passage {
    pub(crate) fn new(from: View<'_>, to: View<'_>, payload: &Payload) -> Self {
        let mut passage = Self {
            arrives: None,
            returns: None,
        };
        let sent = each(payload, &|number| from.encode(from.given(number)));
        if let Some(carried) = carry(&sent, from, to) {
            let held = each(&carried, &|number| to.decode(number));
            passage.arrives = Some(to.report(&held));
            let sent = each(&held, &|number| to.encode(number));
            let returning = carry(&sent, to, from);
            passage.returns = returning
                .map(|carried| from.report(&each(&carried, &|number| from.decode(number))));
        }
        passage
    }
}

/// In what follows a number that a program in JavaScript holds is a float if it is a number there,
/// and an integer if it is a `BigInt`.
impl View<'_> {
    /// What the program behind this client holds when the driver gives it this number.
    fn given(self, number: Value) -> Value {
        match (self.peer, self.serializer) {
            // JSON and this MessagePack have no way for a BigInt: JSON.stringify and msgpack5 throw.
            (PeerKind::AutobahnJs, "json" | "msgpack") | (PeerKind::WampyJs, "json") => {
                double(&number)
            }
            // The driver marks what is beyond 2^53, and the programs make a BigInt of what is marked.
            (PeerKind::AutobahnJs | PeerKind::WampyJs, _) if magnitude(&number) > 1 << 53 => number,
            (PeerKind::AutobahnJs | PeerKind::WampyJs, _) => double(&number),
            _ => number,
        }
    }

    /// What leaves this client when its program sends this number.
    fn encode(self, number: Value) -> Value {
        if !self.peer.is_javascript() {
            return number;
        }
        let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
            return match (self.peer, self.serializer) {
                // node-cbor writes every BigInt as a bignum.
                (PeerKind::AutobahnJs, "cbor") => json!({BIG: number.to_string()}),
                _ => number,
            };
        };
        let is_integer = float.fract() == 0.0
            && match (self.peer, self.serializer) {
                // As JavaScript writes a number: in digits, up to 10^21.
                (_, "json") => float.abs() < 1e21,
                (PeerKind::AutobahnJs, _) => float.abs() < EXACT,
                // msgpackr and cbor-x write as floats what is beyond 32 bits.
                (_, "msgpack") => (-2_147_483_648.0..4_294_967_296.0).contains(&float),
                _ => (-4_294_967_296.0..4_294_967_296.0).contains(&float),
            };
        if is_integer {
            integer(&float.to_string())
        } else {
            number
        }
    }

    /// What the program behind this client holds when it receives this number.
    fn decode(self, number: Value) -> Value {
        if let Some(Value::String(digits)) = number.get(BIG) {
            return match (self.peer, self.serializer) {
                // The tag is dropped, and a bignum is a byte string.
                (PeerKind::Ours, "cbor") => bignum(digits),
                (PeerKind::AutobahnJs | PeerKind::WampyJs, "json") | (PeerKind::Ours, _) => {
                    json!(digits.parse::<f64>().unwrap_or_default())
                }
                _ => digits.parse().map_or(Value::Null, Value::Number),
            };
        }
        match (self.peer, self.serializer) {
            (PeerKind::AutobahnJs, "cbor") if !is_safe(&number) => number,
            // To msgpackr an integer of 64 bits is a BigInt, whatever its value.
            (PeerKind::WampyJs, "msgpack") if !is_short(&number) => number,
            (PeerKind::AutobahnJs | PeerKind::WampyJs, _) => double(&number),
            _ => number,
        }
    }

    /// How the program behind this client reports what it holds.
    fn report(self, payload: &Payload) -> Payload {
        let mut payload = each(payload, &|number| match number.as_f64() {
            // 1.0 is 1 in JavaScript.
            Some(float)
                if self.peer.is_javascript()
                    && number.is_f64()
                    && float.fract() == 0.0
                    && float.abs() <= EXACT =>
            {
                integer(&float.to_string())
            }
            _ => number,
        });
        // Its RawSocket takes no reviver.
        if self.peer == PeerKind::AutobahnJs && !self.transport.is_websocket() {
            bytes_as_text(&mut payload.args);
            bytes_as_text(&mut payload.kwargs);
        }
        payload
    }
}

/// What comes out of the router; nothing if it refuses that.
fn carry(sent: &Payload, from: View<'_>, to: View<'_>) -> Option<Payload> {
    // Integers of more than 64 bits, and what has the form of them, go to the same format only.
    let refused = from.serializer != to.serializer && has_big(sent);
    (!refused).then(|| sent.clone())
}

/// Applies `change` to every number.
fn each(payload: &Payload, change: &dyn Fn(Value) -> Value) -> Payload {
    fn walk(value: &Value, change: &dyn Fn(Value) -> Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| walk(item, change)).collect(),
            Value::Object(pairs) if !pairs.contains_key(BIG) => {
                let pairs = pairs.iter();
                let pairs = pairs.map(|(key, item)| (key.clone(), walk(item, change)));
                Value::Object(pairs.collect())
            }
            Value::Number(_) | Value::Object(_) => change(value.clone()),
            _ => value.clone(),
        }
    }
    Payload::new(walk(&payload.args, change), walk(&payload.kwargs, change))
}

fn has_big(payload: &Payload) -> bool {
    fn walk(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(walk),
            Value::Object(pairs) => pairs.contains_key(BIG) || pairs.values().any(walk),
            _ => false,
        }
    }
    walk(&payload.args) || walk(&payload.kwargs)
}

fn bytes_as_text(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(bytes_as_text),
        Value::Object(pairs) => match pairs.get("$bytes") {
            Some(Value::String(hex)) => {
                let octets = HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
                *value = json!(format!("\0{}", BASE64.encode(&octets)));
            }
            _ => pairs.values_mut().for_each(bytes_as_text),
        },
        _ => {}
    }
}

/// The octets of a bignum, as the driver writes bytes: of `n` itself, or of `-1 - n`.
fn bignum(digits: &str) -> Value {
    let value: i128 = digits.parse().unwrap_or_default();
    let magnitude = if value < 0 { -1 - value } else { value };
    let octets = magnitude.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    json!({"$bytes": HEXLOWER.encode(&octets[zeros..])})
}

/// The integer with these digits: one of more than 64 bits is marked.
fn integer(digits: &str) -> Value {
    match digits.parse::<Number>() {
        Ok(number) if !number.is_f64() => Value::Number(number),
        _ => json!({BIG: digits}),
    }
}

fn double(number: &Value) -> Value {
    number.as_f64().map_or(Value::Null, |float| json!(float))
}

/// Whether JavaScript calls it a safe integer, or it is none.
fn is_safe(number: &Value) -> bool {
    number.is_f64() || magnitude(number) < 1 << 53
}

/// Whether it is an integer of at most 32 bits, or none.
fn is_short(number: &Value) -> bool {
    let range = i128::from(i32::MIN)..=i128::from(u32::MAX);
    let integer = number.as_number().and_then(Number::as_i128);
    integer.is_none_or(|integer| range.contains(&integer))
}

fn magnitude(number: &Value) -> u128 {
    let integer = number.as_number().and_then(Number::as_i128);
    integer.map_or(0, i128::unsigned_abs)
}

/// 2^53: up to here a double holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The mark of an integer that is not one of 64 bits on the wire: `{"$big": digits}`.
const BIG: &str = "$big";
