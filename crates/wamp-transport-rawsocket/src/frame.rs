//! Frames: four octets of header, then a message or what a PING or PONG carries. Pure functions.

use std::fmt;

/// What a frame is: the three bits `TTT` of its header.
///
/// ```
/// use wamp_transport_rawsocket::FrameKind;
///
/// assert_eq!(FrameKind::PING.code(), 1);
/// assert_eq!(FrameKind::PING.to_string(), "PING");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameKind(u8);

impl FrameKind {
    /// A WAMP message.
    pub const MESSAGE: Self = Self(0);
    /// A PING, which is to be answered by a PONG with the same payload.
    pub const PING: Self = Self(1);
    /// A PONG.
    pub const PONG: Self = Self(2);

    /// The code, 0 to 7; those from 3 are reserved.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MESSAGE => f.write_str("message"),
            Self::PING => f.write_str("PING"),
            Self::PONG => f.write_str("PONG"),
            Self(code) => write!(f, "frame of the reserved type {code}"),
        }
    }
}

/// The header of a frame.
///
/// ```text
///   RRRR XTTT  LLLL LLLL  LLLL LLLL  LLLL LLLL
/// ```
///
/// `T` is the [kind](FrameKind), `L` the length of what follows. `X` stands for exactly 2^24
/// octets, with all `L` zero; `R` is reserved.
///
/// ```
/// use wamp_transport_rawsocket::{FrameHeader, FrameKind};
///
/// let header = FrameHeader::new(FrameKind::PING, 5).unwrap();
/// assert_eq!(header.to_octets(), [0x01, 0, 0, 5]);
/// assert_eq!(FrameHeader::parse([0x01, 0, 0, 5]), Ok(header));
/// ```
///
/// Specification: Advanced Profile, "RawSocket Transport", "Framing".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    kind: FrameKind,
    len: u32,
}

impl FrameHeader {
    /// How many octets a header has.
    pub const LEN: usize = 4;

    /// The header of a frame with a payload of so many octets; none has more than 2^24.
    pub fn new(kind: FrameKind, payload_len: usize) -> Option<Self> {
        let len = u32::try_from(payload_len).ok()?;
        (len <= MAX_LEN).then_some(Self { kind, len })
    }

    /// Reads a header. A reserved type is kept, and refused by [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// A reserved bit is set, or the bit for 2^24 octets stands beside another length.
    pub const fn parse(octets: [u8; Self::LEN]) -> Result<Self, FrameError> {
        let [first, a, b, c] = octets;
        if first & RESERVED != 0 {
            return Err(FrameError::ReservedBits { first });
        }
        let kind = FrameKind(first & KIND);
        let len = u32::from_be_bytes([0, a, b, c]);
        match (first & EXTENDED != 0, len) {
            (false, len) => Ok(Self { kind, len }),
            (true, 0) => Ok(Self { kind, len: MAX_LEN }),
            (true, len) => Err(FrameError::Extended { len }),
        }
    }

    /// Checks that the frame is of a known kind and has no more than so many octets of payload.
    ///
    /// # Errors
    ///
    /// It is of a reserved type, or too long.
    pub const fn check(self, max: usize) -> Result<(), FrameError> {
        if self.kind.0 > FrameKind::PONG.0 {
            return Err(FrameError::ReservedType { kind: self.kind });
        }
        let len = self.payload_len();
        if len > max {
            let kind = self.kind;
            return Err(FrameError::TooLong { kind, len, max });
        }
        Ok(())
    }

    /// Writes the header.
    pub const fn to_octets(self) -> [u8; Self::LEN] {
        // The octet above the 24 bits is 0, or 1 for 2^24.
        let [above, a, b, c] = self.len.to_be_bytes();
        let extended = if above != 0 { EXTENDED } else { 0 };
        [extended | self.kind.0, a, b, c]
    }

    /// What the frame is.
    pub const fn kind(self) -> FrameKind {
        self.kind
    }

    /// How many octets follow the header.
    pub const fn payload_len(self) -> usize {
        // No more than 2^24.
        self.len as usize
    }
}

/// What is wrong with a frame, as its header shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bit that stands for 2^24 octets is set beside another length.
    #[error("a frame has the bit for 2^24 octets, and a length of {len} beside it")]
    Extended {
        /// The other length.
        len: u32,
    },
    /// A reserved bit is set.
    #[error("a frame has reserved bits: its first octet is {first:#04x}")]
    ReservedBits {
        /// The first octet.
        first: u8,
    },
    /// Its type is none that is known.
    #[error("a {kind}")]
    ReservedType {
        /// The type.
        kind: FrameKind,
    },
    /// It is longer than allowed.
    #[error("a {kind} of {len} octets; {max} are accepted")]
    TooLong {
        /// What it is.
        kind: FrameKind,
        /// How long it is.
        len: usize,
        /// How long it may be.
        max: usize,
    },
}

/// The most octets that a payload can have: 2^24.
const MAX_LEN: u32 = 1 << 24;

const RESERVED: u8 = 0xf0;
const EXTENDED: u8 = 0x08;
const KIND: u8 = 0x07;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_octet_is_understood_or_refused() {
        for first in 0..=u8::MAX {
            let parsed = FrameHeader::parse([first, 0, 0, 7]);
            if first & 0xf0 != 0 {
                assert_eq!(parsed, Err(FrameError::ReservedBits { first }));
            } else if first & 0x08 != 0 {
                assert_eq!(parsed, Err(FrameError::Extended { len: 7 }));
            } else {
                let header = parsed.unwrap();
                assert_eq!((header.kind().code(), header.payload_len()), (first, 7));
                assert_eq!(header.check(7).is_ok(), first <= 2, "{first}");
                assert_eq!(header.to_octets(), [first, 0, 0, 7]);
            }
        }
    }

    #[test]
    fn every_length_is_read_as_it_is_written() {
        for len in 0..=1 << 24 {
            let header = FrameHeader::new(FrameKind::PONG, len).unwrap();
            assert_eq!(FrameHeader::parse(header.to_octets()), Ok(header));
            assert_eq!(header.payload_len(), len);
        }
        assert_eq!(FrameHeader::new(FrameKind::MESSAGE, (1 << 24) + 1), None);
        assert_eq!(FrameHeader::new(FrameKind::MESSAGE, usize::MAX), None);
    }

    #[test]
    fn exactly_two_to_the_24_octets_have_a_bit_of_their_own() {
        let octets = |kind, len| FrameHeader::new(kind, len).unwrap().to_octets();
        assert_eq!(octets(FrameKind::MESSAGE, 1 << 24), [0x08, 0, 0, 0]);
        assert_eq!(octets(FrameKind::PING, 1 << 24), [0x09, 0, 0, 0]);
        assert_eq!(
            octets(FrameKind::MESSAGE, (1 << 24) - 1),
            [0, 255, 255, 255]
        );
        assert_eq!(octets(FrameKind::MESSAGE, 0), [0; 4]);
    }

    #[test]
    fn a_frame_is_checked_against_the_limit() {
        for exponent in 9..=24 {
            let max = 1 << exponent;
            for kind in [FrameKind::MESSAGE, FrameKind::PING, FrameKind::PONG] {
                let check = |len| FrameHeader::new(kind, len).unwrap().check(max);
                assert_eq!(check(max - 1), Ok(()));
                assert_eq!(check(max), Ok(()));
                if max < 1 << 24 {
                    let len = max + 1;
                    assert_eq!(check(len), Err(FrameError::TooLong { kind, len, max }));
                }
            }
        }
    }
}
