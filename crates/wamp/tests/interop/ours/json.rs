//! Values as the driver writes and reads them: JSON, with bytes as `{"$bytes": hex}`.

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value as Json, json};
use wamp::{Dict, Value};

/// Turns a value into what JSON can hold.
pub(super) fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Unsigned(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(text) => json!(text),
        Value::Bytes(octets) => json!({"$bytes": HEXLOWER.encode(octets)}),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Dict(dict) => plain_dict(dict),
    }
}

pub(super) fn plain_dict(dict: &Dict) -> Json {
    let pairs = dict.iter().map(|(key, value)| (key.clone(), plain(value)));
    Json::Object(pairs.collect::<Map<_, _>>())
}

/// Turns what the driver wrote back into a value.
pub(super) fn native(json: &Json) -> Result<Value> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Integer(value),
            (None, Some(value)) => Value::Unsigned(value),
            (None, None) => Value::Float(number.as_f64().context("a number of 64 bits")?),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(_) => Value::List(native_list(json)?),
        Json::Object(pairs) => match pairs.iter().next() {
            Some((tag, Json::String(text))) if tag == "$bytes" => {
                Value::Bytes(HEXLOWER.decode(text.as_bytes())?.into())
            }
            Some((tag, Json::String(text))) if tag == "$integer" => native(&text.parse()?)?,
            Some((tag, Json::String(text))) if tag == "$float" => Value::Float(text.parse()?),
            _ => Value::Dict(native_dict(json)?),
        },
    })
}

pub(super) fn native_list(json: &Json) -> Result<Vec<Value>> {
    let Json::Array(items) = json else {
        bail!("no list: {json}")
    };
    items.iter().map(native).collect()
}

pub(super) fn native_dict(json: &Json) -> Result<Dict> {
    let Json::Object(pairs) = json else {
        bail!("no dict: {json}")
    };
    pairs
        .iter()
        .map(|(key, value)| Ok((key.clone(), native(value)?)))
        .collect()
}
