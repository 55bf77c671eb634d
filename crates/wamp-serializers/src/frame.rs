//! Frames: messages in octets.

use bytes::{BufMut, Bytes, BytesMut};

/// One message in the octets of a format, in up to three pieces.
///
/// The payload is that of the message where it was in this format already: shared, not copied. A
/// transport that can write several pieces at once needs not join them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "who writes a frame must see every piece of it"
)]
pub struct Frame {
    /// The message up to its payload.
    pub head: Bytes,
    /// The payload, if it stands for itself; otherwise it is in the head.
    pub payload: Bytes,
    /// What closes the message behind its payload: in JSON a bracket.
    pub tail: &'static [u8],
}

/// What follows the head of a message that was [encoded into](crate::Serializer::encode_into) a
/// buffer: a payload that is shared, not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "who writes a message must see every piece of it"
)]
pub struct Remainder {
    /// The payload.
    pub payload: Bytes,
    /// What closes the message behind its payload: in JSON a bracket.
    pub tail: &'static [u8],
}

impl Remainder {
    /// How many octets follow.
    pub fn len(&self) -> usize {
        self.payload.len() + self.tail.len()
    }

    /// Whether no octets follow.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends all octets.
    pub fn write_to(&self, out: &mut BytesMut) {
        out.reserve(self.len());
        out.put_slice(&self.payload);
        out.put_slice(self.tail);
    }
}

impl Frame {
    /// How many octets the message has.
    pub fn len(&self) -> usize {
        self.head.len() + self.payload.len() + self.tail.len()
    }

    /// Whether there are no octets, which no message is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the message as [`Serializer::encode_into`](crate::Serializer::encode_into) does.
    pub fn write_into(&self, out: &mut BytesMut, shared_from: usize) -> Option<Remainder> {
        let (head, payload) = (self.head.len(), self.payload.len());
        // Where the payload is in the head, that may be long.
        if payload == 0 && head > 0 && head >= shared_from {
            return Some(Remainder {
                payload: self.head.clone(),
                tail: self.tail,
            });
        }
        if payload < shared_from {
            self.write_to(out);
            return None;
        }
        out.put_slice(&self.head);
        Some(Remainder {
            payload: self.payload.clone(),
            tail: self.tail,
        })
    }

    /// Appends all octets.
    pub fn write_to(&self, out: &mut BytesMut) {
        out.reserve(self.len());
        out.put_slice(&self.head);
        out.put_slice(&self.payload);
        out.put_slice(self.tail);
    }

    /// All octets in one piece; without a copy where they are in one already.
    pub fn to_bytes(&self) -> Bytes {
        if self.payload.is_empty() && self.tail.is_empty() {
            return self.head.clone();
        }
        let mut out = BytesMut::with_capacity(self.len());
        self.write_to(&mut out);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_joined_in_their_order() {
        let frame = Frame {
            head: Bytes::from_static(b"[36,1,2,{},"),
            payload: Bytes::from_static(b"[1]"),
            tail: b"]",
        };
        assert_eq!(&*frame.to_bytes(), b"[36,1,2,{},[1]]");
        assert_eq!(frame.to_bytes().len(), frame.len());
    }
}
