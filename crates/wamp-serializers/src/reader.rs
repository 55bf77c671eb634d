//! The header of a message, read through a scanner of any format.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use wamp_messages::wire::{DecodeError, DecodeErrorKind, Kind, Reader};
use wamp_messages::{Dict, Format, Message, Value};

use crate::batch::own;
use crate::token::{Scanner, Token};

/// A format that messages are read in.
pub(crate) trait ReadFormat {
    type Scanner<'a>: Scanner<'a>;
    const FORMAT: Format;
    const EMPTY_LIST: &'static [u8];
}

/// Reads a frame that holds one message and nothing else.
pub(crate) fn read<F: ReadFormat>(frame: &Bytes, max_depth: usize) -> Result<Message, DecodeError> {
    let mut reader = HeaderReader::<F> {
        frame,
        scanner: F::Scanner::new(frame, max_depth)?,
        left: MAX_HEADER_ELEMENTS,
    };
    let message = Message::read(&mut reader)?;
    reader.scanner.end()?;
    Ok(message)
}

/// Reads any element into a value.
///
/// Integers as keys become their decimal text, tags are dropped, `undefined` is null. What values
/// have no room for is an error: an extension, a simple value, an integer beyond 64 bits.
fn value<'a>(scanner: &mut impl Scanner<'a>, left: &mut usize) -> Result<Value, DecodeError> {
    enum Open {
        List(Vec<Value>),
        Dict(Dict, Option<String>),
    }

    let mut open: Vec<Open> = Vec::new();
    loop {
        let at = scanner.offset();
        let token = scanner.token()?;
        take_element(left, at)?;
        if let (Some(Open::Dict(_, key @ None)), false) = (open.last_mut(), token == Token::End) {
            *key = Some(key_text(token, at)?.into_owned());
            continue;
        }
        let value = match token {
            Token::List(_) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Token::Dict(_) => {
                open.push(Open::Dict(Dict::new(), None));
                continue;
            }
            Token::Tag(_) => continue,
            Token::End => match open.pop() {
                Some(Open::List(items)) => Value::List(items),
                Some(Open::Dict(dict, _)) => Value::Dict(dict),
                None => return Err(DecodeError::new(DecodeErrorKind::Truncated, at)),
            },
            scalar => scalar_value(scalar, at)?,
        };
        match open.last_mut() {
            None => return Ok(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Dict(dict, key)) => {
                dict.insert(key.take().unwrap_or_default(), value);
            }
        }
    }
}

/// The text of a key; an integer becomes its decimal digits.
pub(crate) fn key_text(token: Token<'_>, at: usize) -> Result<Cow<'_, str>, DecodeError> {
    match token {
        Token::Text(text) => Ok(text),
        Token::Unsigned(value) => Ok(Cow::Owned(value.to_string())),
        Token::Negative(value) => Ok(Cow::Owned(value.to_string())),
        other => Err(DecodeError::expected("a string as key", other.kind(), at)),
    }
}

fn scalar_value(token: Token<'_>, at: usize) -> Result<Value, DecodeError> {
    Ok(match token {
        Token::Null | Token::Undefined => Value::Null,
        Token::Bool(value) => Value::Bool(value),
        Token::Unsigned(value) => Value::from(value),
        Token::Negative(value) => Value::Integer(value),
        Token::Float(value) => Value::Float(value),
        Token::Float32(value) => Value::Float(f64::from(value)),
        Token::Text(text) => Value::String(text.into_owned()),
        Token::Bytes(octets) => Value::Bytes(Bytes::copy_from_slice(&octets)),
        Token::BigNegative(_) | Token::Decimal(_) => {
            let kind = DecodeErrorKind::Range("an integer beyond 64 bits");
            return Err(DecodeError::new(kind, at));
        }
        other => return Err(DecodeError::expected("a WAMP value", other.kind(), at)),
    })
}

/// What a message is read through.
struct HeaderReader<'f, F: ReadFormat> {
    frame: &'f Bytes,
    scanner: F::Scanner<'f>,
    /// How many more elements the header may have.
    left: usize,
}

impl<'f, F: ReadFormat> HeaderReader<'f, F> {
    /// A part of the frame to be kept. What is small in a long frame is copied out of it: whoever
    /// keeps it would otherwise keep the whole frame, and what is counted would not be true.
    fn part(&self, part: Bytes) -> Bytes {
        own(part, self.frame.len())
    }

    fn token<T>(
        &mut self,
        expected: &'static str,
        take: impl FnOnce(Token<'f>) -> Result<T, Token<'f>>,
    ) -> Result<T, DecodeError> {
        let at = self.scanner.offset();
        take(self.scanner.token()?)
            .map_err(|found| DecodeError::expected(expected, found.kind(), at))
    }
}

impl<'f, F: ReadFormat> Reader<'f> for HeaderReader<'f, F> {
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        self.scanner.peek()
    }

    fn null(&mut self) -> Result<(), DecodeError> {
        self.token("null", |token| match token {
            Token::Null | Token::Undefined => Ok(()),
            other => Err(other),
        })
    }

    fn bool(&mut self) -> Result<bool, DecodeError> {
        self.token("a boolean", |token| match token {
            Token::Bool(value) => Ok(value),
            other => Err(other),
        })
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.token("an integer that is not negative", |token| match token {
            Token::Unsigned(value) => Ok(value),
            other => Err(other),
        })
    }

    fn text(&mut self) -> Result<ByteString, DecodeError> {
        let at = self.scanner.offset();
        let text = self.token("a string", |token| match token {
            Token::Text(text) => Ok(text),
            other => Err(other),
        })?;
        match text {
            Cow::Borrowed(text) => {
                let octets = self.part(self.frame.slice_ref(text.as_bytes()));
                ByteString::try_from(octets)
                    .map_err(|_| DecodeError::new(DecodeErrorKind::Utf8, at))
            }
            Cow::Owned(text) => Ok(text.into()),
        }
    }

    fn octets(&mut self) -> Result<Bytes, DecodeError> {
        let octets = self.token("a byte string", |token| match token {
            Token::Bytes(octets) => Ok(octets),
            other => Err(other),
        })?;
        Ok(match octets {
            Cow::Borrowed(octets) => self.part(self.frame.slice_ref(octets)),
            Cow::Owned(octets) => octets.into(),
        })
    }

    fn list(&mut self) -> Result<(), DecodeError> {
        self.token("a list", |token| match token {
            Token::List(_) => Ok(()),
            other => Err(other),
        })
    }

    fn dict(&mut self) -> Result<(), DecodeError> {
        self.token("a dictionary", |token| match token {
            Token::Dict(_) => Ok(()),
            other => Err(other),
        })
    }

    fn more(&mut self) -> Result<bool, DecodeError> {
        take_element(&mut self.left, self.scanner.offset())?;
        self.scanner.more()
    }

    fn key(&mut self) -> Result<Cow<'f, str>, DecodeError> {
        self.token("a string as key", |token| match token {
            Token::Text(key) => Ok(key),
            other => Err(other),
        })
    }

    fn value(&mut self) -> Result<Value, DecodeError> {
        value(&mut self.scanner, &mut self.left)
    }

    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        match self.scanner.peek()? {
            Kind::Dict => self.scanner.skip_kwargs(),
            _ => self.scanner.skip(),
        }
    }

    fn slice(&self, range: Range<usize>) -> Bytes {
        self.part(self.frame.slice(range))
    }

    fn offset(&self) -> usize {
        self.scanner.offset()
    }

    fn format(&self) -> Format {
        F::FORMAT
    }

    fn empty_list(&self) -> &'static [u8] {
        F::EMPTY_LIST
    }
}

/// Counts an element of a header.
fn take_element(left: &mut usize, at: usize) -> Result<(), DecodeError> {
    *left = left.checked_sub(1).ok_or_else(|| {
        let kind = DecodeErrorKind::Range("a header of more than 65536 elements");
        DecodeError::new(kind, at)
    })?;
    Ok(())
}

/// How many elements a header may have, with the keys and all that is nested in options and
/// details: an element of one octet takes a hundred as a value.
const MAX_HEADER_ELEMENTS: usize = 65_536;
