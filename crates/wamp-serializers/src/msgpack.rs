//! MessagePack: its scanner and its sink.

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

/// MessagePack, to those who are generic over formats.
#[derive(Debug)]
pub(crate) enum MsgPack {}

impl ReadFormat for MsgPack {
    type Scanner<'a> = MsgPackScanner<'a>;
    const FORMAT: Format = Format::MsgPack;
    const EMPTY_LIST: &'static [u8] = b"\x90";
}

impl WriteFormat for MsgPack {
    type Sink = MsgPackSink;
    const FORMAT: Format = Format::MsgPack;
    const TAIL: &'static [u8] = b"";
}

/// Reads MessagePack: everything that is well formed, whether or not its encoding is the shortest.
#[derive(Debug)]
pub(crate) struct MsgPackScanner<'a> {
    input: &'a [u8],
    at: usize,
    levels: Levels,
}

/// How many octets an item has in all that begins with an octet, where that is all there is to it:
/// null, booleans, integers, floats, strings shorter than 32 octets.
const SIZES: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut first = 0;
    while first < 256 {
        sizes[first] = match first {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xca | 0xce | 0xd2 => 5,
            0xcb | 0xcf | 0xd3 => 9,
            0xa0..=0xbf => 1 + (first & 0x1f) as u8,
            _ => 0,
        };
        first += 1;
    }
    sizes
};

/// What JavaScript implementations write for `undefined`: an extension of type 0, one octet 0.
const UNDEFINED: [u8; 3] = [0xd4, 0, 0];

impl<'a> MsgPackScanner<'a> {
    const fn truncated(&self) -> DecodeError {
        DecodeError::new(DecodeErrorKind::Truncated, self.input.len())
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some(octets) = self.input.get(self.at..).and_then(<[u8]>::first_chunk::<N>) else {
            return Err(self.truncated());
        };
        self.at += N;
        Ok(*octets)
    }

    /// A length of 1, 2 or 4 octets: the lowest two bits of the head say of how many.
    #[inline]
    fn length(&mut self, width: u8) -> Result<usize, DecodeError> {
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.take()?)),
            1 => usize::from(u16::from_be_bytes(self.take()?)),
            _ => u32::from_be_bytes(self.take()?) as usize,
        })
    }

    #[inline]
    fn octets(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        let octets = start
            .checked_add(length)
            .and_then(|end| self.input.get(start..end))
            .ok_or_else(|| self.truncated())?;
        self.at += length;
        Ok(octets)
    }

    #[inline]
    fn text(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let octets = self.octets(length)?;
        match to_text(octets) {
            Some(text) => Ok(Token::Text(Cow::Borrowed(text))),
            None => Err(Self::no_utf8(octets, self.at)),
        }
    }

    #[cold]
    fn no_utf8(octets: &[u8], end: usize) -> DecodeError {
        let at = end - octets.len() + valid_up_to(octets);
        DecodeError::new(DecodeErrorKind::Utf8, at)
    }

    fn extension(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.take()?);
        let octets = self.octets(length)?;
        Ok(match (kind, octets) {
            (0, [0]) => Token::Undefined,
            _ => Token::Extension(kind, octets),
        })
    }

    #[inline]
    fn enter(&mut self, length: usize, dict: bool, at: usize) -> Result<Token<'a>, DecodeError> {
        let items = (length as u64).saturating_mul(1 + u64::from(dict));
        // Every item takes an octet at least.
        if items > (self.input.len() - self.at) as u64 {
            return Err(self.truncated());
        }
        let level = Level {
            left: items,
            shape: Shape::Counted,
        };
        self.levels.push(level, at)?;
        Ok(if dict {
            Token::Dict(Some(length))
        } else {
            Token::List(Some(length))
        })
    }

    /// Reads one item, of a list or dict only its head.
    #[inline]
    fn item(&mut self) -> Result<Token<'a>, DecodeError> {
        let top = self.levels.top();
        top.left = top.left.saturating_sub(1);
        let at = self.at;
        let [head] = self.take()?;
        Ok(match head {
            0x00..=0x7f => Token::Unsigned(u64::from(head)),
            0x80..=0x8f => return self.enter(usize::from(head & 0x0f), true, at),
            0x90..=0x9f => return self.enter(usize::from(head & 0x0f), false, at),
            0xa0..=0xbf => return self.text(usize::from(head & 0x1f)),
            0xc0 => Token::Null,
            0xc1 => {
                let kind = DecodeErrorKind::Syntax {
                    format: "MessagePack",
                    reason: "the octet c1, which is never used",
                };
                return Err(DecodeError::new(kind, at));
            }
            0xc2 | 0xc3 => Token::Bool(head == 0xc3),
            0xc4..=0xc6 => {
                let length = self.length(head - 0xc4)?;
                Token::Bytes(Cow::Borrowed(self.octets(length)?))
            }
            0xc7..=0xc9 => {
                let length = self.length(head - 0xc7)?;
                return self.extension(length);
            }
            0xca => Token::Float32(f32::from_be_bytes(self.take()?)),
            0xcb => Token::Float(f64::from_be_bytes(self.take()?)),
            0xcc => Token::Unsigned(u64::from(u8::from_be_bytes(self.take()?))),
            0xcd => Token::Unsigned(u64::from(u16::from_be_bytes(self.take()?))),
            0xce => Token::Unsigned(u64::from(u32::from_be_bytes(self.take()?))),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.take()?)),
            0xd0 => integer(i64::from(i8::from_be_bytes(self.take()?))),
            0xd1 => integer(i64::from(i16::from_be_bytes(self.take()?))),
            0xd2 => integer(i64::from(i32::from_be_bytes(self.take()?))),
            0xd3 => integer(i64::from_be_bytes(self.take()?)),
            0xd4..=0xd8 => return self.extension(1 << (head - 0xd4)),
            0xd9..=0xdb => {
                let length = self.length(head - 0xd9)?;
                return self.text(length);
            }
            0xdc | 0xdd => {
                let length = self.length(head - 0xdb)?;
                return self.enter(length, false, at);
            }
            0xde | 0xdf => {
                let length = self.length(head - 0xdd)?;
                return self.enter(length, true, at);
            }
            0xe0..=0xff => Token::Negative(i64::from(i8::from_be_bytes([head]))),
        })
    }

    /// Passes over the short items that come next in the list or dict entered last.
    ///
    /// It stops at what is long, entered, malformed or the end, for others to see to it.
    #[inline]
    fn pass_short(&mut self) {
        let mut left = self.levels.top().left;
        let mut at = self.at;
        while left > 0 {
            let rest = self.input.get(at..).unwrap_or_default();
            let Some(first) = rest.first() else { break };
            let size = usize::from(SIZES[usize::from(*first)]);
            let Some(octets) = rest.get(..size) else {
                break;
            };
            if size == 0 || octets[0] & 0xe0 == 0xa0 && !is_utf8(&octets[1..]) {
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
                self.item()?;
            }
        }
        Ok(())
    }
}

#[inline]
fn integer<'a>(value: i64) -> Token<'a> {
    u64::try_from(value).map_or(Token::Negative(value), Token::Unsigned)
}

impl<'a> Scanner<'a> for MsgPackScanner<'a> {
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
        self.item()
    }

    #[inline]
    fn more(&mut self) -> Result<bool, DecodeError> {
        let more = self.levels.top().left > 0;
        if !more {
            self.levels.pop();
        }
        Ok(more)
    }

    fn peek(&mut self) -> Result<Kind, DecodeError> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        Ok(match *rest.first().ok_or_else(|| self.truncated())? {
            0x00..=0x7f | 0xe0..=0xff | 0xcc..=0xd3 => Kind::Integer,
            0x80..=0x8f | 0xde | 0xdf => Kind::Dict,
            0x90..=0x9f | 0xdc | 0xdd => Kind::List,
            0xa0..=0xbf | 0xd9..=0xdb => Kind::Text,
            0xc0 => Kind::Null,
            0xc2 | 0xc3 => Kind::Bool,
            0xc4..=0xc6 => Kind::Bytes,
            0xca | 0xcb => Kind::Float,
            _ if rest.starts_with(&UNDEFINED) => Kind::Null,
            _ => Kind::Other,
        })
    }

    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let start = self.at;
        let depth = self.levels.depth();
        self.item()?;
        self.pass_levels(depth)?;
        Ok(start..self.at)
    }

    fn skip_kwargs(&mut self) -> Result<Range<usize>, DecodeError> {
        let start = self.at;
        let depth = self.levels.depth();
        self.item()?;
        while self.more()? {
            match self.peek()? {
                Kind::Text => {}
                found => return Err(DecodeError::expected("a string as key", found, self.at)),
            }
            self.item()?;
            self.item()?;
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

/// Writes MessagePack: everything as short as possible, but floats always of 64 bits.
#[derive(Debug)]
pub(crate) struct MsgPackSink(BytesMut);

impl MsgPackSink {
    #[inline]
    fn head16(&mut self, head: u8, len: usize) {
        match u16::try_from(len) {
            Ok(len) => {
                self.0.put_u8(head);
                self.0.put_u16(len);
            }
            Err(_) => {
                self.0.put_u8(head + 1);
                // Nothing in memory that is written here reaches 2^32; frames are far smaller.
                self.0.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
            }
        }
    }
}

impl Sink for MsgPackSink {
    const FORMAT: &'static str = "MessagePack";
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
        match len {
            0..16 => self.0.put_u8(0x90 | len as u8),
            _ => self.head16(0xdc, len),
        }
    }

    fn end_list(&mut self) {}

    fn dict(&mut self, len: usize) {
        match len {
            0..16 => self.0.put_u8(0x80 | len as u8),
            _ => self.head16(0xde, len),
        }
    }

    fn end_dict(&mut self) {}

    fn key(&mut self, key: &str) {
        self.string_head(key.len(), true);
        self.0.put_slice(key.as_bytes());
    }

    fn null(&mut self) {
        self.0.put_u8(0xc0);
    }

    fn bool(&mut self, value: bool) {
        self.0.put_u8(0xc2 | u8::from(value));
    }

    fn u64(&mut self, value: u64) {
        match value {
            0..=0x7f => self.0.put_u8(value as u8),
            0x80..=0xff => self.0.put_slice(&[0xcc, value as u8]),
            0x100..=0xffff => {
                self.0.put_u8(0xcd);
                self.0.put_u16(value as u16);
            }
            0x1_0000..=0xffff_ffff => {
                self.0.put_u8(0xce);
                self.0.put_u32(value as u32);
            }
            _ => {
                self.0.put_u8(0xcf);
                self.0.put_u64(value);
            }
        }
    }

    fn i64(&mut self, value: i64) {
        match value {
            0.. => self.u64(value as u64),
            -32..=-1 => self.0.put_i8(value as i8),
            -0x80..=-33 => {
                self.0.put_u8(0xd0);
                self.0.put_i8(value as i8);
            }
            -0x8000..=-0x81 => {
                self.0.put_u8(0xd1);
                self.0.put_i16(value as i16);
            }
            -0x8000_0000..=-0x8001 => {
                self.0.put_u8(0xd2);
                self.0.put_i32(value as i32);
            }
            _ => {
                self.0.put_u8(0xd3);
                self.0.put_i64(value);
            }
        }
    }

    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        self.0.put_u8(0xcb);
        self.0.put_f64(value);
        Ok(())
    }

    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.0.put_u8(0xca);
        self.0.put_f32(value);
        Ok(())
    }

    fn big_negative(&mut self, _: u64) -> Result<(), EncodeError> {
        Err(EncodeError::NotRepresentable {
            format: Self::FORMAT,
            what: "an integer of more than 64 bits",
        })
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.key(text);
        Ok(())
    }

    fn octets(&mut self, octets: &[u8]) {
        self.string_head(octets.len(), false);
        self.0.put_slice(octets);
    }

    fn string_head(&mut self, len: usize, text: bool) -> bool {
        match (u8::try_from(len), text) {
            (Ok(len @ 0..32), true) => self.0.put_u8(0xa0 | len),
            (Ok(len), true) => self.0.put_slice(&[0xd9, len]),
            (Ok(len), false) => self.0.put_slice(&[0xc4, len]),
            (Err(_), true) => self.head16(0xda, len),
            (Err(_), false) => self.head16(0xc5, len),
        }
        true
    }

    fn raw(&mut self, octets: &[u8]) {
        self.0.put_slice(octets);
    }
}
