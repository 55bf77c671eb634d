//! What waits in an outbox: messages, encoded only when a connection sends them.

use std::sync::{Arc, OnceLock};

use wamp_messages::{EncodeError, Format, Message};
use wamp_serializers::{Frame, Serializer};

/// A message on its way to one peer, or to many.
#[derive(Debug, Clone)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a message goes to one peer or to many"
)]
pub enum Outgoing {
    /// For one peer.
    One(Box<Message>),
    /// For many, encoded once per format.
    Shared(Arc<SharedMessage>),
}

impl Outgoing {
    /// The message.
    pub fn message(&self) -> &Message {
        match self {
            Self::One(message) => message,
            Self::Shared(shared) => &shared.message,
        }
    }

    /// The message as one's own, copied if others have it too.
    pub fn into_message(self) -> Message {
        match self {
            Self::One(message) => *message,
            Self::Shared(shared) => match Arc::try_unwrap(shared) {
                Ok(shared) => shared.message,
                Err(shared) => shared.message.clone(),
            },
        }
    }

    /// Encodes the message; a shared one only if it was not yet encoded in this format.
    ///
    /// # Errors
    ///
    /// The message has no form in the format.
    pub fn encode(&self, serializer: &Serializer) -> Result<Frame, EncodeError> {
        match self {
            Self::One(message) => serializer.encode(message),
            Self::Shared(shared) => shared.encode(serializer),
        }
    }

    /// About how many octets it holds in memory while it waits.
    pub fn weight(&self) -> usize {
        /// What a message is charged beside its payload.
        const HEADER: usize = 256;
        HEADER + self.message().payload().map_or(0, |payload| payload.len())
    }
}

impl<T: Into<Message>> From<T> for Outgoing {
    fn from(message: T) -> Self {
        Self::One(Box::new(message.into()))
    }
}

/// A message for many peers, with the frames that it was encoded into
/// (`IMessage.serialize` of the reference, which caches per serializer).
#[derive(Debug)]
pub struct SharedMessage {
    message: Message,
    json: Cached,
    msgpack: Cached,
    cbor: Cached,
}

type Cached = OnceLock<Result<Frame, EncodeError>>;

impl SharedMessage {
    /// Shares a message.
    pub fn new(message: impl Into<Message>) -> Arc<Self> {
        Arc::new(Self {
            message: message.into(),
            json: Cached::new(),
            msgpack: Cached::new(),
            cbor: Cached::new(),
        })
    }

    /// The message.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    fn encode(&self, serializer: &Serializer) -> Result<Frame, EncodeError> {
        let cached = match serializer.format() {
            Format::Json => &self.json,
            Format::MsgPack => &self.msgpack,
            Format::Cbor => &self.cbor,
            // A foreign format has no place of its own; its peers are few.
            _ => return serializer.encode(&self.message),
        };
        cached
            .get_or_init(|| serializer.encode(&self.message))
            .clone()
    }
}
