//! How messages are read and written: the two traits that a format implements.
//!
//! [`Reader`] and [`Writer`] speak of lists, dicts, integers and text, never of octets; the tables
//! of [`message`](crate::message) and [`options`](crate::options) are read and written through
//! them. So a format is written once for all messages, and a message once for all formats.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;

use crate::payload::{Format, Payload};
use crate::value::{Dict, Value};

/// Reads the header of one message, element by element, from the octets of one format.
///
/// Every method consumes what it reads; one that finds something else fails with
/// [`DecodeErrorKind::Type`] and leaves the reader where it was or behind the element.
pub trait Reader<'de> {
    /// Looks at the kind of the next element.
    fn peek(&mut self) -> Result<Kind, DecodeError>;

    /// Reads a null (or undefined).
    fn null(&mut self) -> Result<(), DecodeError>;

    /// Reads a boolean.
    fn bool(&mut self) -> Result<bool, DecodeError>;

    /// Reads an integer that is not negative. A float is no integer, whatever its value.
    fn u64(&mut self) -> Result<u64, DecodeError>;

    /// Reads a text; it shares the frame's octets where the format allows.
    fn text(&mut self) -> Result<ByteString, DecodeError>;

    /// Reads a byte string; it shares the frame's octets where the format allows.
    fn octets(&mut self) -> Result<Bytes, DecodeError>;

    /// Enters a list.
    fn list(&mut self) -> Result<(), DecodeError>;

    /// Enters a dict.
    fn dict(&mut self) -> Result<(), DecodeError>;

    /// Tells whether the list or dict entered last has another element (or key); leaves it if not.
    fn more(&mut self) -> Result<bool, DecodeError>;

    /// Reads the key of a dict; [`Reader::more`] said that there is one.
    fn key(&mut self) -> Result<Cow<'de, str>, DecodeError>;

    /// Reads any element into a value.
    fn value(&mut self) -> Result<Value, DecodeError>;

    /// Passes over an element, checking that it is well formed, and tells where it stands.
    ///
    /// The keys of a dict (not of those within it) must be texts, as those of keyword arguments.
    fn skip(&mut self) -> Result<Range<usize>, DecodeError>;

    /// The octets of a range of the frame, shared.
    fn slice(&self, range: Range<usize>) -> Bytes;

    /// Where the reader stands in the frame, in octets.
    fn offset(&self) -> usize;

    /// The format it reads.
    fn format(&self) -> Format;

    /// The octets of an empty list in this format.
    fn empty_list(&self) -> &'static [u8];
}

/// Writes the header of one message, element by element, in one format.
///
/// Lengths are known beforehand: those of lists and dicts are the number of elements and of pairs.
pub trait Writer {
    /// Begins a list of `len` elements.
    fn list(&mut self, len: usize);

    /// Ends the list begun last.
    fn end_list(&mut self);

    /// Begins a dict of `len` pairs.
    fn dict(&mut self, len: usize);

    /// Ends the dict begun last.
    fn end_dict(&mut self);

    /// Writes the key of a pair.
    fn key(&mut self, key: &str);

    /// Writes null.
    fn null(&mut self);

    /// Writes a boolean.
    fn bool(&mut self, value: bool);

    /// Writes an integer that is not negative.
    fn u64(&mut self, value: u64);

    /// Writes an integer.
    fn i64(&mut self, value: i64);

    /// Writes a float. One that the format has no form for is remembered as an error.
    fn f64(&mut self, value: f64);

    /// Writes a text.
    fn text(&mut self, text: &str);

    /// Writes a byte string.
    fn octets(&mut self, octets: &[u8]);

    /// Takes the payload, the last elements of the message: `payload.elements()` of the list.
    ///
    /// A payload of the same format is not copied: the writer may keep it beside the header.
    fn payload(&mut self, payload: &Payload);

    /// Writes any value.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(value) => self.bool(*value),
            Value::Integer(value) => self.i64(*value),
            Value::Unsigned(value) => self.u64(*value),
            Value::Float(value) => self.f64(*value),
            Value::String(text) => self.text(text),
            Value::Bytes(octets) => self.octets(octets),
            Value::List(items) => {
                self.list(items.len());
                for item in items {
                    self.value(item);
                }
                self.end_list();
            }
            Value::Dict(dict) => {
                self.dict(dict.len());
                for (key, value) in dict {
                    self.key(key);
                    self.value(value);
                }
                self.end_dict();
            }
        }
    }
}

/// What kind of element comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Null, or undefined.
    Null,
    /// A boolean.
    Bool,
    /// An integer.
    Integer,
    /// A float.
    Float,
    /// A text.
    Text,
    /// A byte string.
    Bytes,
    /// A list.
    List,
    /// A dict.
    Dict,
    /// Something that WAMP has no word for: an extension type, a simple value.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Text => "a string",
            Self::Bytes => "a byte string",
            Self::List => "a list",
            Self::Dict => "a dictionary",
            Self::Other => "an extension type",
        })
    }
}

/// A field of a message, or the value of a key of its options: read and written by the tables.
pub trait Field: Sized {
    /// Reads the field.
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError>;

    /// Writes the field.
    fn write<W: Writer>(&self, writer: &mut W);
}

impl Field for bool {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        reader.bool()
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.bool(*self);
    }
}

impl Field for u64 {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        reader.u64()
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.u64(*self);
    }
}

impl Field for String {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        Ok((*reader.text()?).to_owned())
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.text(self);
    }
}

impl Field for Value {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        reader.value()
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.value(self);
    }
}

impl Field for Dict {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let mut dict = Self::new();
        reader.dict()?;
        while reader.more()? {
            let key = reader.key()?.into_owned();
            dict.insert(key, reader.value()?);
        }
        Ok(dict)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.dict(self.len());
        for (key, value) in self {
            writer.key(key);
            writer.value(value);
        }
        writer.end_dict();
    }
}

impl<T: Field> Field for Vec<T> {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let mut items = Self::new();
        reader.list()?;
        while reader.more()? {
            items.push(T::read(reader)?);
        }
        Ok(items)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.list(self.len());
        for item in self {
            item.write(writer);
        }
        writer.end_list();
    }
}

/// Null stands for a field that has no value, such as the realm of a HELLO that leaves the choice.
impl<T: Field> Field for Option<T> {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        if reader.peek()? == Kind::Null {
            reader.null()?;
            return Ok(None);
        }
        T::read(reader).map(Some)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        match self {
            Some(field) => field.write(writer),
            None => writer.null(),
        }
    }
}

/// Octets that are no WAMP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    offset: usize,
    message: Option<&'static str>,
    field: Option<&'static str>,
}

/// What is wrong with octets that are no WAMP message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// A batch holds no message, or does not end where its last message does.
    #[error("the batch is not well formed: {0}")]
    Batch(&'static str),
    /// Lists and dicts are nested deeper than the limit.
    #[error("nested deeper than {0} levels")]
    Depth(usize),
    /// An id is not in 0..=2^53.
    #[error("{0} is no id: it must be between 0 and 2^53")]
    IdOutOfRange(u64),
    /// The message has too few or too many elements.
    #[error("it has {found} elements")]
    Length {
        /// How many were there (a message that is too long is counted no further).
        found: usize,
    },
    /// A value is not one of those possible.
    #[error("not possible here: {0}")]
    Range(&'static str),
    /// The octets are not of the format.
    #[error("malformed {format}: {reason}")]
    Syntax {
        /// The name of the format.
        format: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// Octets follow the message.
    #[error("octets follow the message")]
    Trailing,
    /// The octets end before the message does.
    #[error("the message is cut short")]
    Truncated,
    /// An element is of another type than the message wants.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What the message wants.
        expected: &'static str,
        /// What was there.
        found: Kind,
    },
    /// The message type is none of WAMP.
    #[error("{0} is no WAMP message type")]
    UnknownMessage(u64),
    /// A text is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
}

impl DecodeError {
    /// Makes an error of what is wrong and where, in octets from the start of the frame.
    pub const fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self {
            kind,
            offset,
            message: None,
            field: None,
        }
    }

    /// Makes the error of an element of another type than wanted.
    pub const fn expected(expected: &'static str, found: Kind, offset: usize) -> Self {
        Self::new(DecodeErrorKind::Type { expected, found }, offset)
    }

    /// What is wrong.
    pub const fn kind(&self) -> &DecodeErrorKind {
        &self.kind
    }

    /// Where, in octets from the start of the frame.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The same error in a frame in which the message begins at `offset`.
    #[must_use]
    pub const fn shifted(mut self, offset: usize) -> Self {
        self.offset += offset;
        self
    }

    /// Names the field in which the error is, unless an inner one is named already.
    #[must_use]
    pub fn in_field(mut self, field: &'static str) -> Self {
        self.field.get_or_insert(field);
        self
    }

    /// Names the message in which the error is.
    #[must_use]
    pub fn in_message(mut self, message: &'static str) -> Self {
        self.message.get_or_insert(message);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.message, self.field) {
            (Some(message), Some(field)) => write!(f, "{message}, {field}: ")?,
            (Some(message), None) => write!(f, "{message}: ")?,
            (None, Some(field)) => write!(f, "{field}: ")?,
            (None, None) => {}
        }
        write!(f, "{} (octet {})", self.kind, self.offset)
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// A message that cannot be written in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A foreign format failed.
    #[error("the serializer {format} failed: {reason}")]
    Foreign {
        /// The name of the format.
        format: String,
        /// What it says.
        reason: String,
    },
    /// The format has no form for something in the message or its payload.
    #[error("{format} has no form for {what}")]
    NotRepresentable {
        /// The name of the format.
        format: &'static str,
        /// What it has no form for.
        what: &'static str,
    },
    /// The payload to be rewritten in another format is not well formed.
    #[error("the payload cannot be rewritten: {0}")]
    Payload(#[from] DecodeError),
    /// A user's type could not be serialized.
    #[error("the value cannot be serialized: {0}")]
    Value(String),
}
