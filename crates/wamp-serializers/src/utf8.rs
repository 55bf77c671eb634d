//! Whether octets are text: the short ASCII ones, which most are, without a call; long ones many at
//! a time.

/// Whether the octets are UTF-8.
#[cfg(any(feature = "msgpack", feature = "cbor"))]
#[inline]
pub(crate) fn is_utf8(octets: &[u8]) -> bool {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = octets.as_chunks::<8>();
    if words.len() < 8 {
        let mut all = rest.iter().fold(0, |all, octet| all | octet);
        for word in words {
            all |= u8::from(u64::from_ne_bytes(*word) & HIGH != 0) << 7;
        }
        if all < 0x80 {
            return true;
        }
    }
    to_text(octets).is_some()
}

/// The octets as text, if they are UTF-8.
pub(crate) fn to_text(octets: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(octets).ok()
}

/// Where the octets cease to be UTF-8.
#[cold]
pub(crate) fn valid_up_to(octets: &[u8]) -> usize {
    match std::str::from_utf8(octets) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    }
}
