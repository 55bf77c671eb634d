//! The stack of a scanner of a binary format: what it has entered, and how much is left of it.

use smallvec::SmallVec;
use wamp_messages::wire::{DecodeError, DecodeErrorKind};

/// A list, dict or tag that has been entered.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "cbor"),
    allow(dead_code, reason = "MessagePack has but one shape")
)]
pub(crate) struct Level {
    /// How many items are left (of a dict, keys and values); of an open item, nothing.
    pub(crate) left: u64,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The document itself: one item.
    Root,
    /// A list or dict of declared length.
    Counted,
    /// A CBOR tag: one item.
    #[cfg(feature = "cbor")]
    Tag,
    /// A CBOR list of no declared length.
    #[cfg(feature = "cbor")]
    OpenList,
    /// A CBOR dict of no declared length, before a key.
    #[cfg(feature = "cbor")]
    OpenKey,
    /// A CBOR dict of no declared length, before a value.
    #[cfg(feature = "cbor")]
    OpenValue,
}

#[derive(Debug)]
pub(crate) struct Levels {
    /// The levels entered, of which the first is always the document.
    entered: SmallVec<[Level; 12]>,
    top: Level,
    max_depth: usize,
}

impl Levels {
    pub(crate) fn new(max_depth: usize) -> Self {
        Self {
            entered: SmallVec::new(),
            top: Level {
                left: 1,
                shape: Shape::Root,
            },
            max_depth,
        }
    }

    #[inline]
    pub(crate) const fn top(&mut self) -> &mut Level {
        &mut self.top
    }

    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.entered.len()
    }

    #[inline]
    pub(crate) fn push(&mut self, level: Level, at: usize) -> Result<(), DecodeError> {
        if self.entered.len() >= self.max_depth {
            return Err(DecodeError::new(DecodeErrorKind::Depth(self.max_depth), at));
        }
        self.entered.push(self.top);
        self.top = level;
        Ok(())
    }

    #[inline]
    pub(crate) fn pop(&mut self) {
        if let Some(level) = self.entered.pop() {
            self.top = level;
        }
    }
}
