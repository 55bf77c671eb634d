//! The strings of JSON: found, checked, unescaped and escaped.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use wamp_messages::wire::{DecodeError, DecodeErrorKind};

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    input: &'a str,
    /// Where it begins, behind its quote.
    begin: usize,
    /// Whether anything is escaped in it, but for the NUL with which a byte string begins.
    pub(super) escaped: bool,
    /// Whether it begins with NUL.
    pub(super) binary: bool,
    /// Where it ends, behind its quote.
    pub(super) end: usize,
}

impl<'a> Quoted<'a> {
    /// Finds the end of the string that begins with the quote at `start`, checking its escapes.
    #[inline]
    pub(super) fn read(input: &'a str, start: usize) -> Result<Self, DecodeError> {
        let octets = input.as_bytes();
        let begin = start + 1;
        let mut at = begin;
        let mut escaped = false;
        let mut binary = false;
        loop {
            at = plain_end(octets, at);
            match octets.get(at) {
                Some(b'"') => break,
                Some(b'\\') if at == begin && octets[at..].starts_with(NUL) => {
                    binary = true;
                    at += NUL.len();
                }
                Some(b'\\') => {
                    escaped = true;
                    at = escape_end(octets, at)?;
                }
                Some(_) => return Err(syntax("a control character in a string", at)),
                None => return Err(truncated(octets)),
            }
        }
        Ok(Self {
            input,
            begin,
            escaped,
            binary,
            end: at + 1,
        })
    }

    /// What follows the NUL with which a byte string begins: base64, if it is not malformed.
    pub(super) fn base64(&self) -> Cow<'a, str> {
        let raw = &self.input[self.begin + NUL.len()..self.end - 1];
        if self.escaped {
            Cow::Owned(unescape(raw))
        } else {
            Cow::Borrowed(raw)
        }
    }

    /// The text.
    #[inline]
    pub(super) fn text(&self) -> Cow<'a, str> {
        let raw = &self.input[self.begin..self.end - 1];
        if self.escaped || self.binary {
            Cow::Owned(unescape(raw))
        } else {
            Cow::Borrowed(raw)
        }
    }
}

/// NUL as it must be written in JSON.
const NUL: &[u8] = b"\\u0000";

fn syntax(reason: &'static str, at: usize) -> DecodeError {
    let kind = DecodeErrorKind::Syntax {
        format: "JSON",
        reason,
    };
    DecodeError::new(kind, at)
}

const fn truncated(octets: &[u8]) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Truncated, octets.len())
}

/// Where the next quote, backslash or control character is; eight octets are looked at at once.
#[inline]
fn plain_end(octets: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    while let Some(word) = octets.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // An octet is below n (0x20 at most) if subtracting n borrows and its high bit is not set;
        // borrows can only make an octet behind a true one look special, never hide one.
        let special = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let special = special & HIGH;
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(octet) = octets.get(at) {
        if matches!(octet, b'"' | b'\\' | 0..0x20) {
            break;
        }
        at += 1;
    }
    at
}

/// Where the escape that begins at `at` ends; one of a surrogate pair is an escape of two.
fn escape_end(octets: &[u8], at: usize) -> Result<usize, DecodeError> {
    match octets.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex(octets, at + 2)? {
            0xd800..=0xdbff => {
                let low = at + 6;
                for (i, expected) in b"\\u".iter().enumerate() {
                    match octets.get(low + i) {
                        None => return Err(truncated(octets)),
                        Some(octet) if octet == expected => {}
                        Some(_) => return Err(syntax("half of a surrogate pair", at)),
                    }
                }
                match hex(octets, low + 2)? {
                    0xdc00..=0xdfff => Ok(low + 6),
                    _ => Err(syntax("half of a surrogate pair", at)),
                }
            }
            0xdc00..=0xdfff => Err(syntax("half of a surrogate pair", at)),
            _ => Ok(at + 6),
        },
        Some(_) => Err(syntax("an unknown escape", at)),
        None => Err(truncated(octets)),
    }
}

/// The four hexadecimal digits at `at`.
fn hex(octets: &[u8], at: usize) -> Result<u32, DecodeError> {
    let mut value = 0;
    for i in at..at + 4 {
        let octet = octets.get(i).ok_or_else(|| truncated(octets))?;
        let digit = (*octet as char)
            .to_digit(16)
            .ok_or_else(|| syntax("an escape that lacks digits", i))?;
        value = value << 4 | digit;
    }
    Ok(value)
}

/// The text of a string whose escapes have been checked.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let unit = |at| hex(escape.as_bytes(), at).unwrap_or_default();
                let mut code = unit(1);
                let mut len = 5;
                if (0xd800..0xdc00).contains(&code) {
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (unit(7) & 0x3ff);
                    len = 11;
                }
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = escape.get(len..).unwrap_or_default();
                continue;
            }
            Some(literal) => text.push(literal),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text
}

/// Writes a text with its quotes, escaping what must be.
pub(super) fn escape(text: &str, out: &mut BytesMut) {
    let octets = text.as_bytes();
    out.reserve(octets.len() + 2);
    out.put_u8(b'"');
    let mut start = 0;
    loop {
        let at = plain_end(octets, start);
        out.put_slice(&octets[start..at]);
        let Some(octet) = octets.get(at) else { break };
        match octet {
            b'"' => out.put_slice(b"\\\""),
            b'\\' => out.put_slice(b"\\\\"),
            0x08 => out.put_slice(b"\\b"),
            0x0c => out.put_slice(b"\\f"),
            b'\n' => out.put_slice(b"\\n"),
            b'\r' => out.put_slice(b"\\r"),
            b'\t' => out.put_slice(b"\\t"),
            control => {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 0x0f)];
                out.put_slice(b"\\u00");
                out.put_slice(&[digit(control >> 4), digit(*control)]);
            }
        }
        start = at + 1;
    }
    out.put_u8(b'"');
}

/// Whether it is standard base64 with padding, without stray bits at its end.
pub(super) fn is_base64(octets: &[u8]) -> bool {
    if !octets.len().is_multiple_of(4) {
        return false;
    }
    let (digits, unused) = match octets {
        [digits @ .., b'=', b'='] => (digits, 0x0f),
        [digits @ .., b'='] => (digits, 0x03),
        digits => (digits, 0),
    };
    let stray = digits
        .last()
        .is_some_and(|digit| DIGITS[usize::from(*digit)] & unused != 0);
    !stray
        && digits
            .iter()
            .fold(0, |all, digit| all | DIGITS[usize::from(*digit)])
            < 64
}

/// What each octet stands for in base64; 64 and more is nothing.
const DIGITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = [0x80; 256];
    let mut i = 0;
    while i < 64 {
        digits[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;

    #[test]
    fn base64_is_what_can_be_decoded() {
        let digits = b"AEQgw/+9=-\xc3 ";
        let mut octets = [b'A'; 8];
        for len in 0..=8 {
            for i in 0..digits.len().pow(4) {
                let changed = len.min(4);
                for (place, octet) in octets[len - changed..len].iter_mut().enumerate() {
                    *octet = digits[i / digits.len().pow(place as u32) % digits.len()];
                }
                let encoded = &octets[..len];
                let decoded = BASE64.decode(encoded);
                assert_eq!(is_base64(encoded), decoded.is_ok(), "{encoded:?}");
            }
        }
    }

    #[test]
    fn a_plain_text_ends_at_the_first_special_octet_wherever_it_stands() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for other in [b'a', 0x7f, 0x80, 0xff, b' ', b'!', b'#', b'['] {
                for at in 0..20 {
                    let mut octets = [other; 24];
                    octets[at] = special;
                    octets[23] = special;
                    assert_eq!(plain_end(&octets, 0), at);
                }
            }
        }
    }
}
