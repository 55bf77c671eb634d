//! The handshake: four octets each way. Pure functions.

use std::fmt;

/// The longest message that a side accepts, as the handshake says it: 2^9 to 2^24 octets.
///
/// ```
/// use wamp_transport_rawsocket::MaxLength;
///
/// assert_eq!(MaxLength::covering(1000).octets(), 1024);
/// assert_eq!(MaxLength::covering(0), MaxLength::MIN);
/// assert_eq!(MaxLength::covering(usize::MAX), MaxLength::MAX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxLength(u8);

impl MaxLength {
    /// 512 octets.
    pub const MIN: Self = Self(0);
    /// 16 MiB.
    pub const MAX: Self = Self(15);

    /// The smallest that is no less than so many octets, or the [largest](Self::MAX).
    pub const fn covering(octets: usize) -> Self {
        let mut found = Self::MIN;
        while found.octets() < octets && found.0 < Self::MAX.0 {
            found = Self(found.0 + 1);
        }
        found
    }

    /// How many octets it is.
    pub const fn octets(self) -> usize {
        1 << (9 + self.0)
    }
}

/// What a client asks for.
///
/// ```text
///   0111 1111  LLLL SSSS  0000 0000  0000 0000
/// ```
///
/// ```
/// use wamp_transport_rawsocket::{HandshakeRequest, MaxLength};
///
/// let request = HandshakeRequest { max_length: MaxLength::MAX, serializer: 3 };
/// assert_eq!(request.to_octets(), [0x7f, 0xf3, 0, 0]);
/// ```
///
/// Specification: Advanced Profile, "RawSocket Transport", "Handshake: Client-to-Router Request".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "four octets hold no more")]
pub struct HandshakeRequest {
    /// How long a message may be that the client accepts.
    pub max_length: MaxLength,
    /// The id of the serializer, 1 to 15; 0 is illegal, and is read so that it can be refused.
    pub serializer: u8,
}

impl HandshakeRequest {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// It is no RawSocket, or reserved bits are used.
    pub const fn parse(octets: [u8; HANDSHAKE]) -> Result<Self, MalformedHandshake> {
        match fields(octets) {
            Ok((max_length, serializer)) => Ok(Self {
                max_length: MaxLength(max_length),
                serializer,
            }),
            Err(malformed) => Err(malformed),
        }
    }

    /// Writes the request. Of the serializer's id the lower four bits count.
    pub const fn to_octets(self) -> [u8; HANDSHAKE] {
        octets(self.max_length.0, self.serializer)
    }
}

/// What a router answers.
///
/// ```text
///   0111 1111  LLLL SSSS  0000 0000  0000 0000    accepted
///   0111 1111  EEEE 0000  0000 0000  0000 0000    refused
/// ```
///
/// Specification: Advanced Profile, "RawSocket Transport", "Handshake: Router-to-Client Reply".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "the second octet tells two cases apart"
)]
pub enum HandshakeReply {
    /// The router accepts.
    Accepted {
        /// How long a message may be that the router accepts.
        max_length: MaxLength,
        /// The id of the serializer, that of the request.
        serializer: u8,
    },
    /// The router refuses.
    Refused(HandshakeError),
}

impl HandshakeReply {
    /// Reads a reply.
    ///
    /// # Errors
    ///
    /// It is no RawSocket, or reserved bits are used.
    pub const fn parse(octets: [u8; HANDSHAKE]) -> Result<Self, MalformedHandshake> {
        match fields(octets) {
            Ok((code, 0)) => Ok(Self::Refused(HandshakeError(code))),
            Ok((max_length, serializer)) => Ok(Self::Accepted {
                max_length: MaxLength(max_length),
                serializer,
            }),
            Err(malformed) => Err(malformed),
        }
    }

    /// Writes the reply.
    pub const fn to_octets(self) -> [u8; HANDSHAKE] {
        match self {
            Self::Accepted {
                max_length,
                serializer,
            } => octets(max_length.0, serializer),
            Self::Refused(error) => octets(error.0, 0),
        }
    }
}

/// Why a router refuses a handshake: a code of four bits. Those that are not known are kept.
///
/// ```
/// use wamp_transport_rawsocket::HandshakeError;
///
/// assert_eq!(HandshakeError::MAX_CONNECTIONS.code(), 4);
/// assert_eq!(
///     HandshakeError::MAX_CONNECTIONS.to_string(),
///     "maximum connection count reached (error 4)",
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeError(u8);

impl HandshakeError {
    /// The serializer is not supported, or its id is 0.
    pub const SERIALIZER_UNSUPPORTED: Self = Self(1);
    /// The length of messages that the client accepts is not acceptable.
    pub const LENGTH_UNACCEPTABLE: Self = Self(2);
    /// The client uses reserved bits.
    pub const RESERVED_BITS: Self = Self(3);
    /// There are too many connections.
    pub const MAX_CONNECTIONS: Self = Self(4);

    /// The code, 0 to 15. 0 must not be used, and those from 5 are reserved.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::SERIALIZER_UNSUPPORTED => "serializer unsupported",
            Self::LENGTH_UNACCEPTABLE => "maximum message length unacceptable",
            Self::RESERVED_BITS => "use of reserved bits (unsupported feature)",
            Self::MAX_CONNECTIONS => "maximum connection count reached",
            Self(0) => "illegal, must not be used",
            Self(_) => "not known",
        };
        write!(f, "{text} (error {})", self.0)
    }
}

impl fmt::Debug for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandshakeError({self})")
    }
}

/// What is wrong with four octets that are no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedHandshake {
    /// The first octet is not 0x7f: something else is spoken.
    #[error("it begins with {first:#04x} instead of 0x7f")]
    NotRawSocket {
        /// The first octet.
        first: u8,
    },
    /// The third or fourth octet is not zero.
    #[error("its reserved bits are {bits:#06x} instead of zero")]
    ReservedBits {
        /// Both octets.
        bits: u16,
    },
}

/// How many octets a handshake has, each way.
pub(crate) const HANDSHAKE: usize = 4;

/// The first octet, which begins no HTTP request, nor a TLS connection.
pub(crate) const MAGIC: u8 = 0x7f;

const fn octets(upper: u8, lower: u8) -> [u8; HANDSHAKE] {
    [MAGIC, (upper << 4) | (lower & 0x0f), 0, 0]
}

/// The upper and the lower four bits of the second octet.
const fn fields(octets: [u8; HANDSHAKE]) -> Result<(u8, u8), MalformedHandshake> {
    let [first, second, third, fourth] = octets;
    if first != MAGIC {
        return Err(MalformedHandshake::NotRawSocket { first });
    }
    let bits = u16::from_be_bytes([third, fourth]);
    if bits != 0 {
        return Err(MalformedHandshake::ReservedBits { bits });
    }
    Ok((second >> 4, second & 0x0f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_octet_is_understood_and_written_back() {
        for second in 0..=u8::MAX {
            let octets = [0x7f, second, 0, 0];
            let request = HandshakeRequest::parse(octets).unwrap();
            assert_eq!(request.max_length.octets(), 512 << (second >> 4));
            assert_eq!(request.serializer, second & 15);
            assert_eq!(request.to_octets(), octets);

            let reply = HandshakeReply::parse(octets).unwrap();
            assert_eq!(reply.to_octets(), octets);
            match reply {
                HandshakeReply::Accepted {
                    max_length,
                    serializer,
                } => {
                    assert_eq!(max_length, request.max_length);
                    assert_eq!(serializer, request.serializer);
                }
                HandshakeReply::Refused(error) => {
                    assert_eq!((request.serializer, error.code()), (0, second >> 4));
                }
            }
        }
    }

    #[test]
    fn every_other_first_octet_is_something_else() {
        for first in (0..=u8::MAX).filter(|first| *first != 0x7f) {
            let malformed = MalformedHandshake::NotRawSocket { first };
            let octets = [first, 0xf1, 0, 1];
            assert_eq!(HandshakeRequest::parse(octets), Err(malformed));
            assert_eq!(HandshakeReply::parse(octets), Err(malformed));
        }
    }

    #[test]
    fn every_use_of_a_reserved_bit_is_found() {
        for bits in 1..=u16::MAX {
            let [third, fourth] = bits.to_be_bytes();
            let malformed = MalformedHandshake::ReservedBits { bits };
            let octets = [0x7f, 0xf1, third, fourth];
            assert_eq!(HandshakeRequest::parse(octets), Err(malformed));
            assert_eq!(HandshakeReply::parse(octets), Err(malformed));
        }
    }

    #[test]
    fn a_length_is_rounded_up_to_a_power_of_two() {
        for exponent in 9..=24 {
            let octets: usize = 1 << exponent;
            assert_eq!(MaxLength::covering(octets).octets(), octets);
            assert_eq!(MaxLength::covering(octets - 1).octets(), octets);
            let above = MaxLength::covering(octets + 1).octets();
            assert_eq!(above, (2 * octets).min(1 << 24));
        }
    }
}
