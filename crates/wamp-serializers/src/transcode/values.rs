//! Tokens to values, for foreign formats.

use bytes::Bytes;
use wamp_messages::wire::EncodeError;
use wamp_messages::{Dict, Value};

use super::{Target, beyond_64_bits, refused};
use crate::token::Token;

/// Makes values of tokens, under the rules of every other target.
#[derive(Default)]
pub(super) struct Values {
    /// The list or dict that is complete.
    done: Value,
    open: Vec<Open>,
}

enum Open {
    List(Vec<Value>),
    Dict { pairs: Dict, key: String },
}

impl Values {
    pub(super) fn take_list(&mut self) -> Vec<Value> {
        match std::mem::take(&mut self.done) {
            Value::List(items) => items,
            _ => Vec::new(),
        }
    }

    pub(super) fn take_dict(&mut self) -> Dict {
        match std::mem::take(&mut self.done) {
            Value::Dict(pairs) => pairs,
            _ => Dict::new(),
        }
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Dict { pairs, key }) => {
                pairs.insert(std::mem::take(key), value);
            }
            None => self.done = value,
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::List(items)) => self.put(Value::List(items)),
            Some(Open::Dict { pairs, .. }) => self.put(Value::Dict(pairs)),
            None => {}
        }
    }
}

impl Target for Values {
    const NAME: &'static str = "the foreign format";

    fn list(&mut self, _: usize) {
        self.open.push(Open::List(Vec::new()));
    }

    fn end_list(&mut self) {
        self.close();
    }

    fn dict(&mut self, _: usize) {
        self.open.push(Open::Dict {
            pairs: Dict::new(),
            key: String::new(),
        });
    }

    fn end_dict(&mut self) {
        self.close();
    }

    fn key(&mut self, text: &str) {
        if let Some(Open::Dict { key, .. }) = self.open.last_mut() {
            text.clone_into(key);
        }
    }

    fn integer_key(&mut self, key: i128) -> Result<(), EncodeError> {
        self.key(&key.to_string());
        Ok(())
    }

    fn scalar(&mut self, token: &Token<'_>) -> Result<(), EncodeError> {
        self.put(match token {
            Token::Null | Token::Undefined => Value::Null,
            Token::Bool(value) => Value::Bool(*value),
            Token::Unsigned(value) => Value::from(*value),
            Token::Negative(value) => Value::Integer(*value),
            Token::BigNegative(_) | Token::Decimal(_) => return Err(beyond_64_bits(Self::NAME)),
            Token::Float(value) => Value::Float(*value),
            Token::Float32(value) => Value::from(*value),
            Token::Text(text) => Value::from(&**text),
            Token::Bytes(octets) => Value::Bytes(Bytes::copy_from_slice(octets)),
            Token::Extension(..) => return Err(refused(Self::NAME, "a MessagePack extension")),
            Token::Simple(_) => return Err(refused(Self::NAME, "a CBOR simple value")),
            Token::List(_) | Token::Dict(_) | Token::End | Token::Tag(_) => return Ok(()),
        });
        Ok(())
    }
}
