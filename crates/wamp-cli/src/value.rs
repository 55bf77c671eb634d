//! Values: how they are read from the command line, and how they are shown.

use bytes::Bytes;
use serde::de::IgnoredAny;
use wamp::messages::{EncodeError, Format};
use wamp::serializers::{decode_args, encode_payload};
use wamp::{Dict, Payload, Value};

use crate::error::Failure;
use crate::output::printable;

/// Arguments on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// An argument: JSON, or else a string
    #[arg(value_name = "ARG", value_parser = Argument::read, allow_negative_numbers = true)]
    args: Vec<Argument>,
    /// A keyword argument, its value read in the same way
    #[arg(short, long = "kwarg", value_name = "KEY=VALUE", value_parser = keyword)]
    kwargs: Vec<(String, Argument)>,
}

/// An argument as it was given.
#[derive(Debug, Clone, PartialEq)]
struct Argument {
    value: Value,
    /// It looks like JSON, and is none.
    is_doubtful: bool,
}

impl Argument {
    fn read(text: &str) -> Result<Self, String> {
        let value = parse(text)?;
        let is_doubtful = text.starts_with(['{', '[', '"']) && value.as_str() == Some(text);
        Ok(Self { value, is_doubtful })
    }

    fn take(self) -> Value {
        if let (true, Value::String(text)) = (self.is_doubtful, &self.value) {
            tracing::warn!("{} is no JSON, and so it is a string", printable(text));
        }
        self.value
    }
}

impl Arguments {
    /// The arguments, and the keyword arguments; each of these must be given once.
    pub(crate) fn take(self) -> Result<(Vec<Value>, Dict), Failure> {
        let mut kwargs = Dict::new();
        for (key, value) in self.kwargs {
            if kwargs.contains_key(&key) {
                let text = format!("the keyword argument {key:?} is given twice");
                return Err(Failure::usage(text));
            }
            kwargs.insert(key, value.take());
        }
        let args = self.args.into_iter().map(Argument::take).collect();
        Ok((args, kwargs))
    }
}

/// Reads a value: JSON, in which text that begins with NUL is a byte string; else it is a string.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Ok(Value::String(text.to_owned()));
    }
    if let Some(integer) = integers(text).find(|integer| !fits(integer)) {
        return Err(format!(
            "{integer} has more than 64 bits; in quotes it is a string"
        ));
    }
    let octets = Bytes::from(format!("[{text}]"));
    let end = octets.len();
    let args = Payload::encoded(Format::Json, octets, end, None)
        .map(|payload| decode_args::<Vec<Value>>(&payload))
        .transpose()
        .map_err(|error| error.to_string())?;
    let value = args.and_then(|args| args.into_iter().next());
    value.ok_or_else(|| "there is no value".to_owned())
}

fn keyword(text: &str) -> Result<(String, Argument), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), Argument::read(value)?)),
        _ => Err("a keyword argument is given as KEY=VALUE".to_owned()),
    }
}

/// The integers of a JSON text that is well formed.
fn integers(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    let outside_of_strings = text.split(move |character| {
        let is_inside = quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        is_inside || !(character.is_ascii_alphanumeric() || ['-', '+', '.'].contains(&character))
    });
    outside_of_strings.filter(|word| {
        word.starts_with(|first: char| first == '-' || first.is_ascii_digit())
            && !word.contains(['.', 'e', 'E'])
    })
}

/// Whether an integer is one of WAMP's, which have 64 bits.
fn fits(integer: &str) -> bool {
    integer.parse::<i64>().is_ok() || integer.parse::<u64>().is_ok()
}

/// Arguments as a JSON list, in one line.
pub(crate) fn args_json(args: &[Value]) -> Result<String, EncodeError> {
    let payload = encode_payload(&Format::Json, args, &())?;
    Ok(text(payload.args(), "[]"))
}

/// Keyword arguments as a JSON object, in one line.
pub(crate) fn kwargs_json(kwargs: &Dict) -> Result<String, EncodeError> {
    let payload = encode_payload(&Format::Json, &(), kwargs)?;
    Ok(text(payload.kwargs(), "{}"))
}

/// A value as JSON, in one line.
pub(crate) fn json(value: &Value) -> Result<String, EncodeError> {
    let list = args_json(std::slice::from_ref(value))?;
    let inner = list
        .strip_prefix('[')
        .and_then(|list| list.strip_suffix(']'));
    Ok(inner.unwrap_or(&list).to_owned())
}

/// What the library writes as JSON, with escapes for what JSON leaves alone and terminals do not.
fn text(octets: Option<&[u8]>, empty: &str) -> String {
    let Some(octets) = octets else {
        return empty.to_owned();
    };
    let text = String::from_utf8_lossy(octets);
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use wamp::{args, kwargs};

    use super::*;

    #[test]
    fn what_is_json_is_read_as_json_and_the_rest_is_text() {
        for (text, value) in [
            ("2", Value::Integer(2)),
            ("-2", Value::Integer(-2)),
            ("9223372036854775807", Value::Integer(i64::MAX)),
            ("-9223372036854775808", Value::Integer(i64::MIN)),
            ("18446744073709551615", Value::Unsigned(u64::MAX)),
            ("2.5", Value::Float(2.5)),
            ("1e3", Value::Float(1000.0)),
            ("true", Value::Bool(true)),
            ("null", Value::Null),
            (r#""2""#, Value::from("2")),
            (r#""a\u0062""#, Value::from("ab")),
            (" [1, \"two\"] ", Value::List(args![1, "two"])),
            (r#"{"a":1}"#, Value::Dict(kwargs! { a: 1 })),
            (r#""\u0000/w==""#, Value::Bytes(Bytes::from_static(b"\xff"))),
            ("World", Value::from("World")),
            ("", Value::from("")),
            ("1,2", Value::from("1,2")),
            ("01", Value::from("01")),
            ("NaN", Value::from("NaN")),
            ("[x]", Value::from("[x]")),
            ("\"", Value::from("\"")),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn an_integer_of_more_than_64_bits_is_refused_wherever_it_is() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            r#"{"a":["18446744073709551616\"",18446744073709551616]}"#,
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("64 bits"), "{error}");
        }
        for text in [
            r#""18446744073709551616""#,
            r#"["\\",{"18446744073709551616":1}]"#,
            "18446744073709551616.0",
            "18446744073709551616e0",
        ] {
            parse(text).unwrap();
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_and_no_string() {
        for levels in [1_000, 100_000] {
            let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            assert!(parse(&text).is_err(), "{levels}");
        }
    }

    #[test]
    fn a_keyword_argument_has_a_key() {
        for (text, key, value) in [
            ("a=1", "a", Value::from(1)),
            ("a=b=c", "a", Value::from("b=c")),
            ("a=", "a", Value::from("")),
        ] {
            let (read, argument) = keyword(text).unwrap();
            assert_eq!((&*read, argument.take()), (key, value), "{text}");
        }
        for text in ["a", "=1", ""] {
            assert!(keyword(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_looks_like_json_and_is_none_is_doubtful() {
        for (text, is_doubtful) in [
            (r#"{"a":"#, true),
            ("[x]", true),
            ("\"", true),
            (r#""[x]""#, false),
            (r#"{"a":1}"#, false),
            ("x", false),
        ] {
            assert_eq!(
                Argument::read(text).unwrap().is_doubtful,
                is_doubtful,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_shown_reads_as_the_same_value() {
        let binary = Value::Bytes(Bytes::from_static(b"\x00\xff"));
        let values = args![
            "two words",
            "2",
            2,
            2.0,
            u64::MAX,
            (),
            binary,
            args![args![]],
            "a\nb"
        ];
        for value in values {
            let shown = json(&value).unwrap();
            assert!(!shown.contains(char::is_control), "{shown:?}");
            assert_eq!(parse(&shown), Ok(value));
        }
        assert_eq!(args_json(&[]).unwrap(), "[]");
        assert_eq!(kwargs_json(&Dict::new()).unwrap(), "{}");
        assert!(json(&Value::Float(f64::NAN)).is_err());
    }
}
