//! CBOR (RFC 8949): its scanner and its sink.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, BytesMut};
use wamp_messages::Format;
use wamp_messages::wire::{DecodeError, DecodeErrorKind, EncodeError, Kind};

use crate::levels::{Level, Levels, Shape};
use crate::reader::ReadFormat;
use crate::token::{Scanner, Sink, Token};
use crate::utf8::{is_utf8, to_text, valid_up_to};
use crate::writer::WriteFormat;

/// CBOR, to those who are generic over formats.
#[derive(Debug)]
pub(crate) enum Cbor {}

impl ReadFormat for Cbor {
    type Scanner<'a> = CborScanner<'a>;
    const FORMAT: Format = Format::Cbor;
    const EMPTY_LIST: &'static [u8] = b"\x80";
}

impl WriteFormat for Cbor {
    type Sink = CborSink;
    const FORMAT: Format = Format::Cbor;
    const TAIL: &'static [u8] = b"";
}

/// Reads CBOR: everything that is well formed, whether or not its encoding is the shortest.
#[derive(Debug)]
pub(crate) struct CborScanner<'a> {
    input: &'a [u8],
    at: usize,
    levels: Levels,
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const DICT: u8 = 5;
const TAG: u8 = 6;

/// The additional information of an item whose length is open.
const OPEN: u8 = 31;
const BREAK: u8 = 0xff;

/// How many octets an item has in all that begins with an octet, where that is all there is to it:
/// integers, strings shorter than 24 octets, named simple values, floats.
const SIZES: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut first = 0;
    while first < 256 {
        sizes[first] = match first {
            0x00..=0x17 | 0x20..=0x37 | 0xf4..=0xf7 => 1,
            0x18 | 0x38 => 2,
            0x19 | 0x39 | 0xf9 => 3,
            0x1a | 0x3a | 0xfa => 5,
            0x1b | 0x3b | 0xfb => 9,
            0x40..=0x57 | 0x60..=0x77 => 1 + (first & 0x1f) as u8,
            _ => 0,
        };
        first += 1;
    }
    sizes
};

/// What an item begins with: its major type, and its argument or that it is open.
struct Head {
    major: u8,
    info: u8,
    argument: u64,
}

impl<'a> CborScanner<'a> {
    const fn syntax(reason: &'static str, at: usize) -> DecodeError {
        DecodeError::new(
            DecodeErrorKind::Syntax {
                format: "CBOR",
                reason,
            },
            at,
        )
    }

    const fn truncated(&self) -> DecodeError {
        DecodeError::new(DecodeErrorKind::Truncated, self.input.len())
    }

    fn next_octet(&self) -> Result<u8, DecodeError> {
        self.input
            .get(self.at)
            .copied()
            .ok_or_else(|| self.truncated())
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some(octets) = self.input.get(self.at..).and_then(<[u8]>::first_chunk::<N>) else {
            return Err(self.truncated());
        };
        self.at += N;
        Ok(*octets)
    }

    #[inline]
    fn head(&mut self) -> Result<Head, DecodeError> {
        let at = self.at;
        let [first] = self.take()?;
        let info = first & 0x1f;
        let argument = match info {
            0..=23 => u64::from(info),
            24 => u64::from(u8::from_be_bytes(self.take()?)),
            25 => u64::from(u16::from_be_bytes(self.take()?)),
            26 => u64::from(u32::from_be_bytes(self.take()?)),
            27 => u64::from_be_bytes(self.take()?),
            OPEN => 0,
            _ => return Err(Self::syntax("a reserved head", at)),
        };
        Ok(Head {
            major: first >> 5,
            info,
            argument,
        })
    }

    /// Notes that an item of the level entered last begins.
    #[inline]
    const fn begin(&mut self) {
        let top = self.levels.top();
        match top.shape {
            Shape::Root | Shape::Counted | Shape::Tag => top.left = top.left.saturating_sub(1),
            Shape::OpenList => {}
            Shape::OpenKey => top.shape = Shape::OpenValue,
            Shape::OpenValue => top.shape = Shape::OpenKey,
        }
    }

    /// Leaves the tags whose item has ended.
    #[inline]
    fn leave_tags(&mut self) {
        while self.levels.top().shape == Shape::Tag && self.levels.top().left == 0 {
            self.levels.pop();
        }
    }

    fn chunk(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        let octets = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length))
            .and_then(|end| self.input.get(start..end))
            .ok_or_else(|| self.truncated())?;
        self.at += octets.len();
        Ok(octets)
    }

    #[cold]
    fn no_utf8(octets: &[u8], end: usize) -> DecodeError {
        let at = end - octets.len() + valid_up_to(octets);
        DecodeError::new(DecodeErrorKind::Utf8, at)
    }

    /// Passes over a string or the chunks of an open one, handing each to `chunk`.
    #[inline]
    fn string(&mut self, head: &Head, mut chunk: impl FnMut(&'a [u8])) -> Result<(), DecodeError> {
        let check = |octets: &'a [u8], end: usize| match head.major {
            TEXT if !is_utf8(octets) => Err(Self::no_utf8(octets, end)),
            _ => Ok(()),
        };
        if head.info != OPEN {
            let octets = self.chunk(head.argument)?;
            check(octets, self.at)?;
            chunk(octets);
            return Ok(());
        }
        while self.next_octet()? != BREAK {
            let at = self.at;
            let part = self.head()?;
            if part.major != head.major || part.info == OPEN {
                return Err(Self::syntax("a chunk that is no string of its kind", at));
            }
            // Each chunk of a text is a text of its own.
            let octets = self.chunk(part.argument)?;
            check(octets, self.at)?;
            chunk(octets);
        }
        self.at += 1;
        Ok(())
    }

    /// Enters a list, dict or tag.
    #[inline]
    fn enter(&mut self, head: &Head, at: usize) -> Result<(), DecodeError> {
        let level = match (head.major, head.info) {
            (TAG, OPEN) => return Err(Self::syntax("a tag without a number", at)),
            (TAG, _) => Level {
                left: 1,
                shape: Shape::Tag,
            },
            (LIST, OPEN) => Level {
                left: 0,
                shape: Shape::OpenList,
            },
            (_, OPEN) => Level {
                left: 0,
                shape: Shape::OpenKey,
            },
            (major, _) => {
                let items = match major {
                    LIST => Some(head.argument),
                    _ => head.argument.checked_mul(2),
                };
                // Every item takes an octet at least.
                let left = (self.input.len() - self.at) as u64;
                Level {
                    left: items
                        .filter(|items| *items <= left)
                        .ok_or_else(|| self.truncated())?,
                    shape: Shape::Counted,
                }
            }
        };
        self.levels.push(level, at)
    }

    /// A simple value or float; its argument has been read.
    fn simple(head: &Head, at: usize) -> Result<Token<'a>, DecodeError> {
        Ok(match head.info {
            20 => Token::Bool(false),
            21 => Token::Bool(true),
            22 => Token::Null,
            23 => Token::Undefined,
            24 if head.argument < 32 => {
                return Err(Self::syntax("a simple value in two octets below 32", at));
            }
            25 => Token::Float32(f32_from_half(head.argument as u16)),
            26 => Token::Float32(f32::from_bits(head.argument as u32)),
            27 => Token::Float(f64::from_bits(head.argument)),
            OPEN => return Err(Self::syntax("a break where no open item is", at)),
            _ => Token::Simple(head.argument as u8),
        })
    }

    /// Passes over one item, of a list, dict or tag only its head.
    #[inline]
    fn pass(&mut self) -> Result<(), DecodeError> {
        let at = self.at;
        let head = self.head()?;
        match head.major {
            UNSIGNED | NEGATIVE if head.info == OPEN => {
                return Err(Self::syntax("an open integer", at));
            }
            UNSIGNED | NEGATIVE => {}
            BYTES | TEXT => self.string(&head, |_| {})?,
            LIST | DICT | TAG => return self.enter(&head, at),
            _ => {
                Self::simple(&head, at)?;
            }
        }
        self.leave_tags();
        Ok(())
    }

    /// Passes over the short items that come next in the list or dict entered last.
    ///
    /// It stops at what is long, entered, malformed or the end, for others to see to it.
    #[inline]
    fn pass_short(&mut self) {
        if self.levels.top().shape != Shape::Counted {
            return;
        }
        let mut left = self.levels.top().left;
        let mut at = self.at;
        while left > 0 {
            let rest = self.input.get(at..).unwrap_or_default();
            let Some(first) = rest.first() else { break };
            let size = usize::from(SIZES[usize::from(*first)]);
            let Some(octets) = rest.get(..size) else {
                break;
            };
            if size == 0 || octets[0] >> 5 == TEXT && !is_utf8(&octets[1..]) {
                break;
            }
            at += size;
            left -= 1;
        }
        self.levels.top().left = left;
        self.at = at;
    }

    /// Passes over what has been entered above `depth`.
    #[inline]
    fn pass_levels(&mut self, depth: usize) -> Result<(), DecodeError> {
        while self.levels.depth() > depth {
            self.pass_short();
            if self.more()? {
                self.begin();
                self.pass()?;
            }
        }
        Ok(())
    }

    /// Begins an item that is skipped: an untagged one, if it is a list or dict.
    fn begin_skip(&mut self) -> Result<usize, DecodeError> {
        let kind = self.peek()?;
        let at = self.at;
        if self.next_octet()? >> 5 == TAG && matches!(kind, Kind::List | Kind::Dict) {
            // To a peer that knows the tag it is no list but a set, or something else.
            return Err(DecodeError::expected("no tag", Kind::Other, at));
        }
        self.begin();
        Ok(at)
    }
}

impl<'a> Scanner<'a> for CborScanner<'a> {
    fn new(input: &'a [u8], max_depth: usize) -> Result<Self, DecodeError> {
        Ok(Self {
            input,
            at: 0,
            levels: Levels::new(max_depth),
        })
    }

    fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        if !self.more()? {
            return Ok(Token::End);
        }
        self.begin();
        let at = self.at;
        let head = self.head()?;
        let token = match head.major {
            UNSIGNED | NEGATIVE if head.info == OPEN => {
                return Err(Self::syntax("an open integer", at));
            }
            UNSIGNED => Token::Unsigned(head.argument),
            NEGATIVE => match i64::try_from(head.argument) {
                Ok(argument) => Token::Negative(-1 - argument),
                Err(_) => Token::BigNegative(head.argument),
            },
            BYTES | TEXT => {
                let mut first: &'a [u8] = &[];
                let mut joined = Vec::new();
                let open = head.info == OPEN;
                self.string(&head, |chunk| {
                    if open {
                        joined.extend_from_slice(chunk);
                    } else {
                        first = chunk;
                    }
                })?;
                let octets = if open {
                    Cow::Owned(joined)
                } else {
                    Cow::Borrowed(first)
                };
                if head.major == BYTES {
                    Token::Bytes(octets)
                } else {
                    Token::Text(into_text(octets, at)?)
                }
            }
            LIST | DICT => {
                self.enter(&head, at)?;
                let len = (head.info != OPEN).then_some(head.argument as usize);
                return Ok(if head.major == LIST {
                    Token::List(len)
                } else {
                    Token::Dict(len)
                });
            }
            TAG => {
                self.enter(&head, at)?;
                return Ok(Token::Tag(head.argument));
            }
            _ => Self::simple(&head, at)?,
        };
        self.leave_tags();
        Ok(token)
    }

    #[inline]
    fn more(&mut self) -> Result<bool, DecodeError> {
        let top = *self.levels.top();
        let more = match top.shape {
            Shape::Root | Shape::Counted | Shape::Tag => top.left > 0,
            Shape::OpenList | Shape::OpenKey => {
                let more = self.next_octet()? != BREAK;
                self.at += usize::from(!more);
                more
            }
            Shape::OpenValue => true,
        };
        if !more {
            self.levels.pop();
            self.leave_tags();
        }
        Ok(more)
    }

    fn peek(&mut self) -> Result<Kind, DecodeError> {
        let mut at = self.at;
        loop {
            let first = self.input.get(at).ok_or_else(|| self.truncated())?;
            return Ok(match first >> 5 {
                UNSIGNED | NEGATIVE => Kind::Integer,
                BYTES => Kind::Bytes,
                TEXT => Kind::Text,
                LIST => Kind::List,
                DICT => Kind::Dict,
                TAG => {
                    at += match first & 0x1f {
                        0..=23 => 1,
                        24 => 2,
                        25 => 3,
                        26 => 5,
                        27 => 9,
                        _ => return Err(Self::syntax("a reserved head", at)),
                    };
                    continue;
                }
                _ => match first & 0x1f {
                    20 | 21 => Kind::Bool,
                    22 | 23 => Kind::Null,
                    25..=27 => Kind::Float,
                    _ => Kind::Other,
                },
            });
        }
    }

    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let start = self.begin_skip()?;
        let depth = self.levels.depth();
        self.pass()?;
        self.pass_levels(depth)?;
        Ok(start..self.at)
    }

    fn skip_kwargs(&mut self) -> Result<Range<usize>, DecodeError> {
        let start = self.begin_skip()?;
        let depth = self.levels.depth();
        self.pass()?;
        while self.more()? {
            match self.peek()? {
                Kind::Text if self.next_octet()? >> 5 == TEXT => {}
                found => return Err(DecodeError::expected("a string as key", found, self.at)),
            }
            self.begin();
            self.pass()?;
            self.begin();
            self.pass()?;
            self.pass_levels(depth + 1)?;
        }
        Ok(start..self.at)
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        if self.at < self.input.len() {
            return Err(DecodeError::new(DecodeErrorKind::Trailing, self.at));
        }
        Ok(())
    }

    fn offset(&self) -> usize {
        self.at
    }
}

/// A text whose chunks have been checked.
fn into_text(octets: Cow<'_, [u8]>, at: usize) -> Result<Cow<'_, str>, DecodeError> {
    let text = match octets {
        Cow::Borrowed(octets) => to_text(octets).map(Cow::Borrowed),
        Cow::Owned(octets) => String::from_utf8(octets).ok().map(Cow::Owned),
    };
    text.ok_or_else(|| DecodeError::new(DecodeErrorKind::Utf8, at))
}

/// The float that 16 bits stand for (RFC 8949, appendix D).
fn f32_from_half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        0 => {
            // Below the normal floats of 16 bits: fraction * 2^-24, which 32 bits hold exactly.
            let magnitude = fraction as f32 / 16_777_216.0;
            f32::from_bits(magnitude.to_bits() | sign)
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// Writes CBOR: heads as short as possible, lengths declared, floats always of 64 bits.
#[derive(Debug)]
pub(crate) struct CborSink(BytesMut);

impl CborSink {
    #[inline]
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..=23 => self.0.put_u8(major | argument as u8),
            24..=0xff => self.0.put_slice(&[major | 24, argument as u8]),
            0x100..=0xffff => {
                self.0.put_u8(major | 25);
                self.0.put_u16(argument as u16);
            }
            0x1_0000..=0xffff_ffff => {
                self.0.put_u8(major | 26);
                self.0.put_u32(argument as u32);
            }
            _ => {
                self.0.put_u8(major | 27);
                self.0.put_u64(argument);
            }
        }
    }
}

impl Sink for CborSink {
    const FORMAT: &'static str = "CBOR";
    const INTEGER_KEYS: bool = true;

    fn new(out: BytesMut) -> Self {
        Self(out)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn into_inner(self) -> BytesMut {
        self.0
    }

    fn list(&mut self, len: usize) {
        self.head(LIST, len as u64);
    }

    fn end_list(&mut self) {}

    fn dict(&mut self, len: usize) {
        self.head(DICT, len as u64);
    }

    fn end_dict(&mut self) {}

    fn key(&mut self, key: &str) {
        self.head(TEXT, key.len() as u64);
        self.0.put_slice(key.as_bytes());
    }

    fn null(&mut self) {
        self.0.put_u8(0xf6);
    }

    fn bool(&mut self, value: bool) {
        self.0.put_u8(0xf4 | u8::from(value));
    }

    fn u64(&mut self, value: u64) {
        self.head(UNSIGNED, value);
    }

    fn i64(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            Err(_) => self.head(NEGATIVE, !value as u64),
        }
    }

    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        self.0.put_u8(0xfb);
        self.0.put_f64(value);
        Ok(())
    }

    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.0.put_u8(0xfa);
        self.0.put_f32(value);
        Ok(())
    }

    fn undefined(&mut self) {
        self.0.put_u8(0xf7);
    }

    fn big_negative(&mut self, n: u64) -> Result<(), EncodeError> {
        self.head(NEGATIVE, n);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.key(text);
        Ok(())
    }

    fn octets(&mut self, octets: &[u8]) {
        self.head(BYTES, octets.len() as u64);
        self.0.put_slice(octets);
    }

    fn string_head(&mut self, len: usize, text: bool) -> bool {
        self.head(if text { TEXT } else { BYTES }, len as u64);
        true
    }

    fn raw(&mut self, octets: &[u8]) {
        self.0.put_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_of_16_bits_is_what_others_make_of_it() {
        for bits in 0..=u16::MAX {
            let [high, low] = bits.to_be_bytes();
            let expected: f32 = serde_cbor::from_slice(&[0xf9, high, low]).unwrap();
            let float = f32_from_half(bits);
            assert!(
                float.to_bits() == expected.to_bits() || float.is_nan() && expected.is_nan(),
                "{bits:04x}"
            );
        }
    }
}
