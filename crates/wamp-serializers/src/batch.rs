//! Batches: several messages in one frame.
//!
//! Specification: Advanced Profile, "Message Batching".

use bytes::{Buf, Bytes};
use wamp_messages::wire::{DecodeError, DecodeErrorKind};

use crate::shared::shared_copy;

/// What stands behind each message of a batch in JSON.
///
/// The specification writes `\30`, which it takes for the decimal number of the first and Autobahn
/// for the octal number of the second. Neither can occur in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no third reading")]
pub enum BatchSeparator {
    /// 0x1E, record separator, as the specification says.
    #[default]
    RecordSeparator,
    /// 0x18, cancel, which Autobahn and Crossbar.io send and want.
    Cancel,
}

impl BatchSeparator {
    /// The octet.
    pub const fn octet(self) -> u8 {
        match self {
            Self::RecordSeparator => 0x1e,
            Self::Cancel => 0x18,
        }
    }

    /// The separator of a batch: its last octet.
    pub(crate) fn of(frame: &Bytes) -> Result<Self, DecodeError> {
        match frame.last() {
            Some(0x1e) => Ok(Self::RecordSeparator),
            Some(0x18) => Ok(Self::Cancel),
            Some(_) => Err(malformed("it ends without a separator", frame.len())),
            None => Err(malformed("it is empty", 0)),
        }
    }
}

/// A frame that may be kept for the sake of any part of it.
const SMALL_FRAME: usize = 1 << 10;

/// How many octets tell the length of a message in a batch.
pub(crate) const PREFIX: usize = 4;

/// How many messages a batch may hold: all of them are decoded before the first is delivered, and a
/// message of nine octets takes half a thousand then.
pub(crate) const MAX_MESSAGES: usize = 65_536;

/// The messages of a batch, each with its offset in the frame.
#[derive(Debug)]
pub(crate) struct Parts {
    rest: Bytes,
    offset: usize,
    separator: Option<BatchSeparator>,
}

impl Parts {
    /// The parts of a frame, which is not empty; without a separator, lengths stand before them.
    pub(crate) fn new(
        frame: Bytes,
        separator: Option<BatchSeparator>,
    ) -> Result<Self, DecodeError> {
        if frame.is_empty() {
            return Err(malformed("it is empty", 0));
        }
        Ok(Self {
            rest: frame,
            offset: 0,
            separator,
        })
    }

    fn measured(&mut self) -> Result<Bytes, DecodeError> {
        if self.rest.len() < PREFIX {
            return Err(malformed("a length is cut short", self.offset));
        }
        let length = self.rest.get_u32() as usize;
        if length > self.rest.len() {
            return Err(malformed("a message is cut short", self.offset));
        }
        self.offset += PREFIX;
        Ok(self.rest.split_to(length))
    }

    fn separated(&mut self, separator: BatchSeparator) -> Result<Bytes, DecodeError> {
        let end = self
            .rest
            .iter()
            .position(|octet| *octet == separator.octet())
            .ok_or_else(|| malformed("it ends without a separator", self.offset))?;
        let part = self.rest.split_to(end);
        self.rest.advance(1);
        Ok(part)
    }
}

impl Iterator for Parts {
    type Item = Result<(usize, Bytes), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let part = match self.separator {
            Some(separator) => self.separated(separator),
            None => self.measured(),
        };
        Some(part.map(|part| {
            let offset = self.offset;
            self.offset += part.len() + usize::from(self.separator.is_some());
            (offset, part)
        }))
    }
}

/// A part of a frame to be kept. A small one of a long frame gets octets of its own: whoever keeps it
/// would otherwise keep the whole frame, and what is counted would not be true.
pub(crate) fn own(part: Bytes, whole: usize) -> Bytes {
    if whole > SMALL_FRAME && part.len() < whole / 4 {
        return shared_copy(&part);
    }
    part
}

pub(crate) const fn malformed(reason: &'static str, at: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Batch(reason), at)
}
