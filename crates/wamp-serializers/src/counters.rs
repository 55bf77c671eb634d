//! Counts of the costly steps, for tests that prove how seldom they are taken.

use std::sync::atomic::{AtomicU64, Ordering};

use wamp_messages::Format;

/// What is counted, each for the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A payload was decoded into a type or a value.
    PayloadDecode,
    /// A payload was rewritten in another format.
    Transcode,
    /// A message was encoded in JSON.
    EncodeJson,
    /// A message was encoded in MessagePack.
    EncodeMsgPack,
    /// A message was encoded in CBOR.
    EncodeCbor,
    /// A message was encoded in a foreign format.
    EncodeForeign,
}

impl Step {
    /// Encoding a message in a format.
    pub const fn encode(format: &Format) -> Self {
        match format {
            Format::Json => Self::EncodeJson,
            Format::MsgPack => Self::EncodeMsgPack,
            Format::Cbor => Self::EncodeCbor,
            _ => Self::EncodeForeign,
        }
    }
}

static COUNTS: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];

/// How often the step has been taken in this process.
pub fn count(step: Step) -> u64 {
    COUNTS[step as usize].load(Ordering::Relaxed)
}

pub(crate) fn note(step: Step) {
    COUNTS[step as usize].fetch_add(1, Ordering::Relaxed);
}
