//! Messages as plain lists of values, and how those are compared.

use wamp_messages::wire::Writer;
use wamp_messages::{Dict, Message, Payload, Value};
use wamp_serializers::{decode_args, decode_kwargs};

use crate::check::Failure;

/// Takes a message apart into the list that it is on the wire, its payload decoded.
pub(crate) fn plain(message: &Message) -> Result<Vec<Value>, Failure> {
    let mut writer = Plain::default();
    message.write(&mut writer);
    match (writer.failure, writer.done) {
        (Some(failure), _) => Err(failure),
        (None, Some(Value::List(items))) => Ok(items),
        (None, other) => Err(format!("the message was written as {other:?}").into()),
    }
}

/// The elements of a payload, decoded.
pub(crate) fn elements(payload: &Payload) -> Result<Vec<Value>, Failure> {
    if let Some(octets) = payload.as_opaque() {
        return Ok(vec![if payload.is_opaque_text() {
            Value::String(String::from_utf8_lossy(octets).into_owned())
        } else {
            Value::Bytes(octets.clone())
        }]);
    }
    let mut elements = Vec::new();
    if payload.elements() > 0 {
        let args: Vec<Value> = decode_args(payload).map_err(|error| error.to_string())?;
        elements.push(Value::List(args));
    }
    if payload.elements() > 1 {
        let kwargs: Dict = decode_kwargs(payload).map_err(|error| error.to_string())?;
        elements.push(Value::Dict(kwargs));
    }
    Ok(elements)
}

/// Whether two values are the same to the last bit; the order of keys counts if `ordered`.
pub(crate) fn same(a: &Value, b: &Value, ordered: bool) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, ordered))
        }
        (Value::Dict(a), Value::Dict(b)) => {
            let in_order = !ordered || a.keys().eq(b.keys());
            let equal = |(key, value): (&String, &Value)| {
                b.get(key).is_some_and(|other| same(value, other, ordered))
            };
            in_order && a.len() == b.len() && a.iter().all(equal)
        }
        _ => a == b,
    }
}

/// Writes a message into values.
#[derive(Default)]
struct Plain {
    open: Vec<Open>,
    done: Option<Value>,
    failure: Option<Failure>,
}

enum Open {
    List(Vec<Value>),
    Dict(Dict, Option<String>),
}

impl Plain {
    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Dict(dict, key)) => match key.take() {
                Some(key) if dict.contains_key(&key) => {
                    self.fail(format!("the key {key:?} was written twice"));
                }
                Some(key) => {
                    dict.insert(key, value);
                }
                None => self.fail("a value of a dict was written without a key"),
            },
            None => self.done = Some(value),
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::List(items)) => self.put(Value::List(items)),
            Some(Open::Dict(dict, None)) => self.put(Value::Dict(dict)),
            Some(Open::Dict(_, Some(key))) => self.fail(format!("the key {key:?} has no value")),
            None => self.fail("more lists and dicts were ended than begun"),
        }
    }

    fn fail(&mut self, reason: impl Into<Failure>) {
        let reason = reason.into();
        self.failure.get_or_insert(reason);
    }
}

impl Writer for Plain {
    fn list(&mut self, len: usize) {
        self.open.push(Open::List(Vec::with_capacity(len)));
    }

    fn end_list(&mut self) {
        self.close();
    }

    fn dict(&mut self, _: usize) {
        self.open.push(Open::Dict(Dict::new(), None));
    }

    fn end_dict(&mut self) {
        self.close();
    }

    fn key(&mut self, key: &str) {
        if let Some(Open::Dict(_, next)) = self.open.last_mut() {
            *next = Some(key.to_owned());
        }
    }

    fn null(&mut self) {
        self.put(Value::Null);
    }

    fn bool(&mut self, value: bool) {
        self.put(Value::Bool(value));
    }

    fn u64(&mut self, value: u64) {
        self.put(Value::from(value));
    }

    fn i64(&mut self, value: i64) {
        self.put(Value::Integer(value));
    }

    fn f64(&mut self, value: f64) {
        self.put(Value::Float(value));
    }

    fn text(&mut self, text: &str) {
        self.put(Value::String(text.to_owned()));
    }

    fn octets(&mut self, octets: &[u8]) {
        self.put(Value::Bytes(octets.to_vec().into()));
    }

    fn payload(&mut self, payload: &Payload) {
        match elements(payload) {
            Ok(elements) => elements.into_iter().for_each(|element| self.put(element)),
            Err(failure) => self.fail(format!("the payload: {}", failure.0)),
        }
    }
}
