//! The percent-encoding of URLs (RFC 3986, section 2.1).

use std::fmt;

/// Replaces each `%XX` by its octet; `None` if a percent sign encodes nothing.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet == b'%' {
            let (high, low) = (hex(octets.next()?)?, hex(octets.next()?)?);
            decoded.push(high << 4 | low);
        } else {
            decoded.push(octet);
        }
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes a path so that [`decode`] gives it back, and nothing in it means anything to a URL.
pub(crate) struct Encoded<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &octet in self.0 {
            if octet.is_ascii_alphanumeric() || b"/-._~@+,=".contains(&octet) {
                write!(f, "{}", char::from(octet))?;
            } else {
                write!(f, "%{octet:02X}")?;
            }
        }
        Ok(())
    }
}
