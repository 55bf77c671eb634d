//! From octets to messages and values.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use wamp::messages::Format;
use wamp::messages::wire::{DecodeError, DecodeErrorKind, Kind, Reader};
use wamp::{Dict, Value};

use super::{
    BYTES, DICT, FALSE, FLOAT, LIST, MAX_DEPTH, NAME, NEGATIVE, NULL, TEXT, TRUE, UNSIGNED, format,
};

/// Reads elements one after the other. It trusts nothing: every octet may come from a peer.
pub(super) struct Scanner<'f> {
    frame: &'f Bytes,
    at: usize,
    /// The lists and dicts that were entered.
    open: Vec<Open>,
}

struct Open {
    end: usize,
    is_dict: bool,
}

impl<'f> Scanner<'f> {
    pub(super) const fn new(frame: &'f Bytes) -> Self {
        Self {
            frame,
            at: 0,
            open: Vec::new(),
        }
    }

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.at < self.frame.len() {
            return Err(self.error(DecodeErrorKind::Trailing));
        }
        Ok(())
    }

    const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.at)
    }

    const fn malformed(&self, reason: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::Syntax {
            format: NAME,
            reason,
        })
    }

    /// Takes octets of the frame, within the list or dict that is open.
    fn take(&mut self, len: usize) -> Result<&'f [u8], DecodeError> {
        let end = self.open.last().map_or(self.frame.len(), |open| open.end);
        if len > end.saturating_sub(self.at) {
            return Err(self.error(DecodeErrorKind::Truncated));
        }
        let octets = &self.frame[self.at..self.at + len];
        self.at += len;
        Ok(octets)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = u64::from(self.take(1)?[0]);
            let bits = octet & 0x7f;
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed("an integer has more than 64 bits"))
    }

    /// Takes the tag of the element that must come next.
    fn tag(&mut self, tag: u8, expected: &'static str) -> Result<(), DecodeError> {
        let found = self.peek()?;
        if self.frame[self.at] != tag {
            return Err(DecodeError::expected(expected, found, self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self, tag: u8, expected: &'static str) -> Result<&'f [u8], DecodeError> {
        self.tag(tag, expected)?;
        let len = self.varint()?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn str(&mut self) -> Result<&'f str, DecodeError> {
        let octets = self.string(TEXT, "a string")?;
        std::str::from_utf8(octets).map_err(|_| self.error(DecodeErrorKind::Utf8))
    }

    fn enter(&mut self, tag: u8, expected: &'static str) -> Result<(), DecodeError> {
        self.tag(tag, expected)?;
        if self.open.len() == MAX_DEPTH {
            return Err(self.error(DecodeErrorKind::Depth(MAX_DEPTH)));
        }
        let mut len = [0; 4];
        len.copy_from_slice(self.take(4)?);
        let len = u32::from_be_bytes(len) as usize;
        let start = self.at;
        // That many octets are there, within what is around.
        self.take(len)?;
        self.at = start;
        self.open.push(Open {
            end: start + len,
            is_dict: tag == DICT,
        });
        Ok(())
    }

    /// Reads whatever comes next, if it is neither a list nor a dict.
    fn scalar(&mut self) -> Result<Value, DecodeError> {
        Ok(match self.peek()? {
            Kind::Null => self.null().map(|()| Value::Null)?,
            Kind::Bool => self.bool()?.into(),
            Kind::Integer if self.frame[self.at] == NEGATIVE => {
                self.at += 1;
                let value = i64::try_from(self.varint()?);
                Value::Integer(!value.map_err(|_| self.malformed("an integer below -2^63"))?)
            }
            Kind::Integer => self.u64()?.into(),
            Kind::Float => {
                self.at += 1;
                let mut octets = [0; 8];
                octets.copy_from_slice(self.take(8)?);
                Value::Float(f64::from_be_bytes(octets))
            }
            Kind::Text => self.str()?.into(),
            Kind::Bytes => Value::Bytes(self.octets()?),
            found => return Err(DecodeError::expected("a scalar", found, self.at)),
        })
    }

    pub(super) fn items(&mut self) -> Result<Vec<Value>, DecodeError> {
        let mut items = Vec::new();
        self.list()?;
        while self.more()? {
            items.push(self.value()?);
        }
        Ok(items)
    }

    pub(super) fn pairs(&mut self) -> Result<Dict, DecodeError> {
        let mut pairs = Dict::new();
        self.dict()?;
        while self.more()? {
            let key = self.str()?;
            pairs.insert(key, self.value()?);
        }
        Ok(pairs)
    }
}

impl<'f> Reader<'f> for Scanner<'f> {
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        let tag = self.take(1)?[0];
        self.at -= 1;
        Ok(match tag {
            NULL => Kind::Null,
            FALSE | TRUE => Kind::Bool,
            UNSIGNED | NEGATIVE => Kind::Integer,
            FLOAT => Kind::Float,
            TEXT => Kind::Text,
            BYTES => Kind::Bytes,
            LIST => Kind::List,
            DICT => Kind::Dict,
            _ => return Err(self.malformed("there is no such tag")),
        })
    }

    fn null(&mut self) -> Result<(), DecodeError> {
        self.tag(NULL, "null")
    }

    fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.peek()? {
            Kind::Bool => Ok(self.take(1)?[0] == TRUE),
            found => Err(DecodeError::expected("a boolean", found, self.at)),
        }
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.tag(UNSIGNED, "an integer that is not negative")?;
        self.varint()
    }

    fn text(&mut self) -> Result<ByteString, DecodeError> {
        // Shared, not copied.
        let text = self.frame.slice_ref(self.str()?.as_bytes());
        ByteString::try_from(text).map_err(|_| self.error(DecodeErrorKind::Utf8))
    }

    fn octets(&mut self) -> Result<Bytes, DecodeError> {
        let octets = self.string(BYTES, "a byte string")?;
        Ok(self.frame.slice_ref(octets))
    }

    fn list(&mut self) -> Result<(), DecodeError> {
        self.enter(LIST, "a list")
    }

    fn dict(&mut self) -> Result<(), DecodeError> {
        self.enter(DICT, "a dictionary")
    }

    fn more(&mut self) -> Result<bool, DecodeError> {
        let more = self.open.last().is_some_and(|open| self.at < open.end);
        if !more {
            self.open.pop();
        }
        Ok(more)
    }

    fn key(&mut self) -> Result<Cow<'f, str>, DecodeError> {
        self.str().map(Cow::Borrowed)
    }

    /// It calls itself, but never more often than [`MAX_DEPTH`] within itself.
    fn value(&mut self) -> Result<Value, DecodeError> {
        match self.peek()? {
            Kind::List => self.items().map(Value::List),
            Kind::Dict => self.pairs().map(Value::Dict),
            _ => self.scalar(),
        }
    }

    /// A length could be jumped over; but what is passed on to others must be well formed.
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let (start, outer) = (self.at, self.open.len());
        loop {
            match self.peek()? {
                Kind::List => self.list()?,
                Kind::Dict => self.dict()?,
                _ => drop(self.scalar()?),
            }
            while self.open.len() > outer && !self.more()? {}
            if self.open.len() == outer {
                return Ok(start..self.at);
            }
            if self.open.last().is_some_and(|open| open.is_dict) {
                self.str()?;
            }
        }
    }

    fn slice(&self, range: Range<usize>) -> Bytes {
        self.frame.slice(range)
    }

    fn offset(&self) -> usize {
        self.at
    }

    fn format(&self) -> Format {
        format()
    }

    fn empty_list(&self) -> &'static [u8] {
        &[LIST, 0, 0, 0, 0]
    }
}
