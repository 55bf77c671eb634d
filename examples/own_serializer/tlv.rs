//! A small binary format, and the two traits that make it a serializer.
//!
//! The format is called `x_tlv`, for tag, length, value; WebSocket negotiates it as `wamp.2.x_tlv`.
//! Every element is one octet that says what it is, and what follows from that:
//!
//! | tag | element | what follows |
//! |---|---|---|
//! | 0, 1, 2 | null, false, true | nothing |
//! | 3, 4 | an integer `n`, and a negative one `-1 - n` | `n`, as a variable length integer |
//! | 5 | a float | 8 octets, big endian |
//! | 6, 7 | a text, and a byte string | the length as a variable length integer, and the octets |
//! | 8, 9 | a list, and a dict | the length of all elements in 4 octets, big endian, and the elements; in a dict each key, a text, stands before its value |
//!
//! A variable length integer has 7 bits in each octet, the lowest first; the highest bit says that
//! another octet follows.

mod scanner;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use wamp::messages::wire::{DecodeError, EncodeError, Writer as _};
use wamp::messages::{ForeignFormat, Format, Message};
use wamp::serializers::ForeignSerializer;
use wamp::{Dict, Payload, Value};

use self::scanner::Scanner;
use self::writer::Writer;

/// The serializer. It has no settings, and so no fields.
#[derive(Debug)]
pub(crate) struct Tlv;

const NAME: &str = "x_tlv";
/// How deeply lists and dicts may be nested, the message itself included.
const MAX_DEPTH: usize = 64;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UNSIGNED: u8 = 3;
const NEGATIVE: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const BYTES: u8 = 7;
const LIST: u8 = 8;
const DICT: u8 = 9;

/// Whole messages.
impl ForeignSerializer for Tlv {
    fn rawsocket_id(&self) -> u8 {
        15
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn encode_message(&self, message: &Message) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::default();
        message.write(&mut writer);
        writer.finish()
    }

    fn decode_message(&self, frame: Bytes) -> Result<Message, DecodeError> {
        let mut scanner = Scanner::new(&frame);
        let message = Message::read(&mut scanner)?;
        scanner.end()?;
        Ok(message)
    }
}

/// Payloads alone: arguments of users, and those that come from another format.
impl ForeignFormat for Tlv {
    fn name(&self) -> &str {
        NAME
    }

    fn encode(&self, args: &[Value], kwargs: &Dict) -> Result<Payload, EncodeError> {
        let mut writer = Writer::default();
        writer.list(args.len());
        args.iter().for_each(|value| writer.value(value));
        writer.end_list();
        let args_end = writer.out.len();
        if !kwargs.is_empty() {
            writer.dict(kwargs.len());
            for (key, value) in kwargs {
                writer.key(key);
                writer.value(value);
            }
            writer.end_dict();
        }
        let kwargs_start = (!kwargs.is_empty()).then_some(args_end);
        Payload::encoded(format(), writer.finish()?, args_end, kwargs_start)
            .ok_or_else(|| EncodeError::Value("the parts of the payload overlap".to_owned()))
    }

    fn decode(&self, payload: &Payload) -> Result<(Vec<Value>, Dict), DecodeError> {
        let Some(octets) = payload.octets() else {
            return Ok(Default::default());
        };
        let mut scanner = Scanner::new(octets);
        let args = scanner.items()?;
        let kwargs = match payload.kwargs() {
            Some(_) => scanner.pairs()?,
            None => Dict::new(),
        };
        scanner.end()?;
        Ok((args, kwargs))
    }
}

fn format() -> Format {
    Format::Foreign(Arc::new(Tlv))
}
