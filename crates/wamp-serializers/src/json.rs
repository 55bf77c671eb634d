//! JSON (RFC 8259) as WAMP uses it: its scanner and its sink.
//!
//! A string that begins with NUL is a byte string: the rest of it is base64.

mod text;

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, BytesMut};
use data_encoding::BASE64;
use smallvec::SmallVec;
use wamp_messages::Format;
use wamp_messages::wire::{DecodeError, DecodeErrorKind, EncodeError, Kind};

use self::text::{Quoted, escape, is_base64};
use crate::reader::ReadFormat;
use crate::token::{Scanner, Sink, Token};
use crate::utf8::{to_text, valid_up_to};
use crate::writer::WriteFormat;

/// JSON, to those who are generic over formats.
#[derive(Debug)]
pub(crate) enum Json {}

impl ReadFormat for Json {
    type Scanner<'a> = JsonScanner<'a>;
    const FORMAT: Format = Format::Json;
    const EMPTY_LIST: &'static [u8] = b"[]";
}

impl WriteFormat for Json {
    type Sink = JsonSink;
    const FORMAT: Format = Format::Json;
    const TAIL: &'static [u8] = b"]";
}

/// Reads JSON, strictly.
///
/// Lone surrogates are refused, and numbers beyond the range of floats: peers refuse them.
#[derive(Debug)]
pub(crate) struct JsonScanner<'a> {
    input: &'a str,
    at: usize,
    /// What was entered around `inside`.
    around: SmallVec<[Inside; 16]>,
    inside: Inside,
    place: Place,
    max_depth: usize,
}

/// In what the scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Document,
    List,
    /// A dict, before a key.
    Key,
    /// A dict, before a value.
    Value,
}

/// Where in it the scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind the bracket that opened it.
    First,
    /// Before an element that must be there.
    Before,
    /// Behind an element.
    Behind,
}

impl<'a> JsonScanner<'a> {
    const fn syntax(reason: &'static str, at: usize) -> DecodeError {
        let kind = DecodeErrorKind::Syntax {
            format: "JSON",
            reason,
        };
        DecodeError::new(kind, at)
    }

    const fn truncated(&self) -> DecodeError {
        DecodeError::new(DecodeErrorKind::Truncated, self.input.len())
    }

    #[inline]
    fn octet(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.octet() {
            self.at += 1;
        }
    }

    #[inline]
    fn enter(&mut self, inside: Inside) -> Result<(), DecodeError> {
        if self.around.len() >= self.max_depth {
            let kind = DecodeErrorKind::Depth(self.max_depth);
            return Err(DecodeError::new(kind, self.at));
        }
        self.at += 1;
        self.around.push(self.inside);
        self.inside = inside;
        self.place = Place::First;
        Ok(())
    }

    /// Notes that an element has ended.
    #[inline]
    const fn done(&mut self) {
        self.place = Place::Behind;
        if matches!(self.inside, Inside::Value) {
            self.inside = Inside::Key;
        }
    }

    fn literal<T>(&mut self, word: &str, value: T) -> Result<T, DecodeError> {
        let rest = &self.input.as_bytes()[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else if word.as_bytes().starts_with(rest) {
            Err(self.truncated())
        } else {
            Err(Self::syntax("a word that is no value", self.at))
        }
    }

    #[inline]
    fn digits(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.octet() {
            self.at += 1;
        }
        match self.octet() {
            _ if self.at > start => Ok(()),
            None => Err(self.truncated()),
            Some(_) => Err(Self::syntax("a number that lacks digits", start)),
        }
    }

    /// Passes over a number, and tells whether it is an integer.
    #[inline]
    fn number(&mut self) -> Result<(&'a str, bool), DecodeError> {
        let start = self.at;
        if self.octet() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        self.digits()?;
        if self.input.as_bytes()[first] == b'0' && self.at > first + 1 {
            return Err(Self::syntax("a number that begins with 0", start));
        }
        let mut integer = true;
        if self.octet() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        let mut large = self.at - start > MAX_FLOAT_DIGITS;
        if let Some(b'e' | b'E') = self.octet() {
            (integer, large) = (false, true);
            self.at += 1;
            if let Some(b'+' | b'-') = self.octet() {
                self.at += 1;
            }
            self.digits()?;
        }
        let number = &self.input[start..self.at];
        if large && !number.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(Self::syntax("a number beyond the range of floats", start));
        }
        Ok((number, integer))
    }

    /// Passes over a string, checking it, and base64 where it is a byte string.
    #[inline]
    fn string(&mut self) -> Result<Quoted<'a>, DecodeError> {
        let start = self.at;
        let quoted = Quoted::read(self.input, start)?;
        self.at = quoted.end;
        if quoted.binary && self.inside != Inside::Key && !is_base64(quoted.base64().as_bytes()) {
            return Err(Self::syntax("a byte string that is no base64", start));
        }
        Ok(quoted)
    }

    /// Reads the colon behind a key.
    #[inline]
    fn colon(&mut self) -> Result<(), DecodeError> {
        self.skip_space();
        match self.octet() {
            Some(b':') => self.at += 1,
            None => return Err(self.truncated()),
            Some(_) => return Err(Self::syntax("a key without a colon", self.at)),
        }
        self.skip_space();
        self.inside = Inside::Value;
        self.place = Place::Before;
        Ok(())
    }

    /// The octet with which the next element begins.
    #[inline]
    fn first(&mut self) -> Result<u8, DecodeError> {
        if self.place != Place::Before && !self.more()? {
            return Err(Self::syntax("no element", self.at));
        }
        let first = self.octet().ok_or_else(|| self.truncated())?;
        if self.inside == Inside::Key && first != b'"' {
            return Err(Self::syntax("a key that is no string", self.at));
        }
        Ok(first)
    }

    /// Passes over the element that is next, of a list or dict only its bracket, of a pair only its
    /// key.
    #[inline]
    fn pass(&mut self) -> Result<(), DecodeError> {
        let first = self.octet().ok_or_else(|| self.truncated())?;
        if self.inside == Inside::Key {
            if first != b'"' {
                return Err(Self::syntax("a key that is no string", self.at));
            }
            self.string()?;
            return self.colon();
        }
        match first {
            b'"' => {
                self.string()?;
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
            }
            b'[' => return self.enter(Inside::List),
            b'{' => return self.enter(Inside::Key),
            b't' => self.literal("true", ())?,
            b'f' => self.literal("false", ())?,
            b'n' => self.literal("null", ())?,
            _ => return Err(Self::syntax("a character that begins no value", self.at)),
        }
        self.done();
        Ok(())
    }
}

impl<'a> Scanner<'a> for JsonScanner<'a> {
    fn new(input: &'a [u8], max_depth: usize) -> Result<Self, DecodeError> {
        let Some(input) = to_text(input) else {
            return Err(DecodeError::new(DecodeErrorKind::Utf8, valid_up_to(input)));
        };
        let mut scanner = Self {
            input,
            at: 0,
            around: SmallVec::new(),
            inside: Inside::Document,
            place: Place::Before,
            max_depth,
        };
        scanner.skip_space();
        Ok(scanner)
    }

    fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        if !self.more()? {
            return Ok(Token::End);
        }
        let token = match self.first()? {
            b'"' => {
                let quoted = self.string()?;
                if self.inside == Inside::Key {
                    self.colon()?;
                    return Ok(Token::Text(quoted.text()));
                }
                if quoted.binary {
                    let octets = BASE64
                        .decode(quoted.base64().as_bytes())
                        .map_err(|_| Self::syntax("a byte string that is no base64", self.at))?;
                    Token::Bytes(Cow::Owned(octets))
                } else {
                    Token::Text(quoted.text())
                }
            }
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                let (number, integer) = self.number()?;
                let float = || {
                    number
                        .parse()
                        .map_err(|_| Self::syntax("a number that is none", start))
                };
                match (integer, number.strip_prefix('-')) {
                    (false, _) => Token::Float(float()?),
                    (true, Some("0")) => Token::Unsigned(0),
                    (true, None) => number
                        .parse()
                        .map_or(Token::Decimal(number), Token::Unsigned),
                    (true, Some(_)) => number
                        .parse()
                        .map_or(Token::Decimal(number), Token::Negative),
                }
            }
            b'[' => {
                self.enter(Inside::List)?;
                return Ok(Token::List(None));
            }
            b'{' => {
                self.enter(Inside::Key)?;
                return Ok(Token::Dict(None));
            }
            b't' => self.literal("true", Token::Bool(true))?,
            b'f' => self.literal("false", Token::Bool(false))?,
            b'n' => self.literal("null", Token::Null)?,
            _ => return Err(Self::syntax("a character that begins no value", self.at)),
        };
        self.done();
        Ok(token)
    }

    #[inline]
    fn more(&mut self) -> Result<bool, DecodeError> {
        if self.place == Place::Before {
            return Ok(true);
        }
        if self.inside == Inside::Document {
            return Ok(false);
        }
        self.skip_space();
        match self.octet() {
            Some(b',') if self.place == Place::Behind => {
                self.at += 1;
                self.skip_space();
                self.place = Place::Before;
                return Ok(true);
            }
            Some(b']') if self.inside == Inside::List => {}
            Some(b'}') if self.inside == Inside::Key => {}
            None => return Err(self.truncated()),
            Some(_) if self.place == Place::First => {
                self.place = Place::Before;
                return Ok(true);
            }
            Some(_) => return Err(Self::syntax("neither a comma nor an end", self.at)),
        }
        self.at += 1;
        self.inside = self.around.pop().unwrap_or(Inside::Document);
        self.done();
        Ok(false)
    }

    fn peek(&mut self) -> Result<Kind, DecodeError> {
        Ok(match self.first()? {
            b'"' if self.inside == Inside::Key => Kind::Text,
            b'"' if self.input.as_bytes()[self.at + 1..].starts_with(b"\\u0000") => Kind::Bytes,
            b'"' => Kind::Text,
            b'[' => Kind::List,
            b'{' => Kind::Dict,
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            b'-' | b'0'..=b'9' => {
                let rest = &self.input.as_bytes()[self.at..];
                let end = rest
                    .iter()
                    .position(|octet| !matches!(octet, b'-' | b'0'..=b'9'));
                match end.and_then(|end| rest.get(end)) {
                    Some(b'.' | b'e' | b'E') => Kind::Float,
                    _ => Kind::Integer,
                }
            }
            _ => return Err(Self::syntax("a character that begins no value", self.at)),
        })
    }

    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        self.first()?;
        let start = self.at;
        let depth = self.around.len();
        self.pass()?;
        while self.around.len() > depth {
            if self.more()? {
                self.pass()?;
            }
        }
        Ok(start..self.at)
    }

    fn skip_kwargs(&mut self) -> Result<Range<usize>, DecodeError> {
        self.skip()
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        self.skip_space();
        if self.at < self.input.len() {
            return Err(DecodeError::new(DecodeErrorKind::Trailing, self.at));
        }
        Ok(())
    }

    fn offset(&self) -> usize {
        self.at
    }
}

/// No number with so few digits and without exponent is beyond the range of floats.
const MAX_FLOAT_DIGITS: usize = 300;

/// Writes JSON: compact, and only what must be escaped is.
#[derive(Debug)]
pub(crate) struct JsonSink {
    out: BytesMut,
    comma: bool,
}

impl JsonSink {
    #[inline]
    fn element(&mut self) {
        if self.comma {
            self.out.put_u8(b',');
        }
        self.comma = true;
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        use std::fmt::Write as _;

        self.element();
        // A `BytesMut` takes everything that fits in memory.
        let _ = write!(self.out, "{value}");
    }
}

impl Sink for JsonSink {
    const FORMAT: &'static str = "JSON";
    const INTEGER_KEYS: bool = false;

    fn new(out: BytesMut) -> Self {
        Self { out, comma: false }
    }

    fn len(&self) -> usize {
        self.out.len()
    }

    fn into_inner(self) -> BytesMut {
        self.out
    }

    fn list(&mut self, _len: usize) {
        self.element();
        self.out.put_u8(b'[');
        self.comma = false;
    }

    fn end_list(&mut self) {
        self.out.put_u8(b']');
        self.comma = true;
    }

    fn dict(&mut self, _len: usize) {
        self.element();
        self.out.put_u8(b'{');
        self.comma = false;
    }

    fn end_dict(&mut self) {
        self.out.put_u8(b'}');
        self.comma = true;
    }

    fn key(&mut self, key: &str) {
        self.element();
        escape(key, &mut self.out);
        self.out.put_u8(b':');
        self.comma = false;
    }

    fn null(&mut self) {
        self.element();
        self.out.put_slice(b"null");
    }

    fn bool(&mut self, value: bool) {
        self.element();
        self.out.put_slice(if value { b"true" } else { b"false" });
    }

    fn u64(&mut self, value: u64) {
        self.display(value);
    }

    fn i64(&mut self, value: i64) {
        self.display(value);
    }

    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        if !value.is_finite() {
            return Err(EncodeError::NotRepresentable {
                format: "JSON",
                what: "a float that is not finite",
            });
        }
        self.element();
        serde_json::to_writer((&mut self.out).writer(), &value)
            .map_err(|error| EncodeError::Value(error.to_string()))
    }

    fn big_negative(&mut self, n: u64) -> Result<(), EncodeError> {
        self.display(-1 - i128::from(n));
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        if text.starts_with('\0') {
            return Err(EncodeError::NotRepresentable {
                format: "JSON",
                what: "a string that begins with NUL",
            });
        }
        self.element();
        escape(text, &mut self.out);
        Ok(())
    }

    fn octets(&mut self, octets: &[u8]) {
        self.element();
        let len = BASE64.encode_len(octets.len());
        self.out.reserve(8 + len);
        self.out.put_slice(b"\"\\u0000");
        let start = self.out.len();
        self.out.put_bytes(b'=', len);
        BASE64.encode_mut(octets, &mut self.out[start..]);
        self.out.put_u8(b'"');
    }

    fn string_head(&mut self, _len: usize, _text: bool) -> bool {
        false
    }

    fn splice(&mut self) {
        self.element();
    }

    fn raw(&mut self, octets: &[u8]) {
        self.out.put_slice(octets);
    }
}
