//! What waits in an outbox: messages, encoded only when a connection sends them.

use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use wamp_messages::wire::Writer;
use wamp_messages::{EncodeError, Format, Message, Payload};
use wamp_serializers::{Frame, Remainder, Serializer};

use crate::transport::Undeliverable;

/// A message on its way to one peer, or to many.
#[derive(Debug, Clone)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a message goes to one peer or to many"
)]
#[allow(
    clippy::large_enum_variant,
    reason = "a message for one peer is moved a few times, which is cheaper than a place of its own"
)]
pub enum Outgoing {
    /// For one peer.
    One(Message),
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
            Self::One(message) => message,
            Self::Shared(shared) => match Arc::try_unwrap(shared) {
                Ok(shared) => shared.message,
                Err(shared) => shared.message.clone(),
            },
        }
    }

    /// Appends the message as a connection of this serializer wants it, as a part of a batch where
    /// there are batches, unless it has more than `max` octets then.
    ///
    /// # Errors
    ///
    /// The message is too long, or has no form in the format; nothing is appended then.
    pub fn append(
        &self,
        serializer: &Serializer,
        out: &mut BytesMut,
        max: usize,
    ) -> Result<(), Undeliverable> {
        /// A longer payload is copied only when it is known that it may be sent.
        const COPIED: usize = 4 << 10;
        serializer.append_part(out, |out| {
            let begin = out.len();
            let rest = self.encode_into(serializer, out, COPIED)?;
            let rest_len = rest.as_ref().map_or(0, Remainder::len);
            let len = out.len() - begin + rest_len + serializer.part_len();
            if len > max {
                return Err(Undeliverable::TooLong { len, max });
            }
            if let Some(rest) = rest {
                rest.write_to(out);
            }
            Ok(())
        })
    }

    /// Appends the message as [`Serializer::encode_into`] does; a shared one is encoded only if it
    /// was not yet in this format.
    ///
    /// # Errors
    ///
    /// The message has no form in the format; nothing is appended then.
    pub fn encode_into(
        &self,
        serializer: &Serializer,
        out: &mut BytesMut,
        shared_from: usize,
    ) -> Result<Option<Remainder>, EncodeError> {
        match self {
            Self::One(message) => serializer.encode_into(message, out, shared_from),
            Self::Shared(shared) => shared.encode_into(serializer, out, shared_from),
        }
    }

    /// About how many octets it holds in memory while it waits: payload, URIs and options.
    pub fn weight(&self) -> usize {
        match self {
            Self::One(message) => weigh(message),
            Self::Shared(shared) => shared.weight,
        }
    }
}

impl<T: Into<Message>> From<T> for Outgoing {
    fn from(message: T) -> Self {
        Self::One(message.into())
    }
}

/// A message for many peers, with the frames that it was encoded into
/// (Autobahn's `IMessage.serialize`, which caches per serializer).
#[derive(Debug)]
pub struct SharedMessage {
    message: Message,
    weight: usize,
    json: Cached,
    msgpack: Cached,
    cbor: Cached,
}

type Cached = OnceLock<Result<Frame, EncodeError>>;

impl SharedMessage {
    /// Shares a message.
    pub fn new(message: impl Into<Message>) -> Arc<Self> {
        let message = message.into();
        Arc::new(Self {
            weight: weigh(&message),
            message,
            json: Cached::new(),
            msgpack: Cached::new(),
            cbor: Cached::new(),
        })
    }

    /// The message.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    fn encode_into(
        &self,
        serializer: &Serializer,
        out: &mut BytesMut,
        shared_from: usize,
    ) -> Result<Option<Remainder>, EncodeError> {
        let cached = match serializer.format() {
            Format::Json => &self.json,
            Format::MsgPack => &self.msgpack,
            Format::Cbor => &self.cbor,
            // A foreign format has no place of its own; its peers are few.
            _ => return serializer.encode_into(&self.message, out, shared_from),
        };
        match cached.get_or_init(|| serializer.encode(&self.message)) {
            Ok(frame) => Ok(frame.write_into(out, shared_from)),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Weighs a message. What peers say in options may be as long as a payload, and is passed on too.
fn weigh(message: &Message) -> usize {
    /// What a message is charged beside its texts and octets.
    const BASE: usize = 256;
    let mut scale = Scale(BASE);
    message.write(&mut scale);
    scale.0
}

/// Counts what a message has written out in memory, and writes nothing.
struct Scale(usize);

impl Writer for Scale {
    fn list(&mut self, len: usize) {
        self.0 += len;
    }

    fn end_list(&mut self) {}

    fn dict(&mut self, len: usize) {
        self.0 += len;
    }

    fn end_dict(&mut self) {}

    fn key(&mut self, key: &str) {
        self.0 += key.len();
    }

    fn null(&mut self) {}

    fn bool(&mut self, _: bool) {}

    fn u64(&mut self, _: u64) {
        self.0 += size_of::<u64>();
    }

    fn i64(&mut self, _: i64) {
        self.0 += size_of::<i64>();
    }

    fn f64(&mut self, _: f64) {
        self.0 += size_of::<f64>();
    }

    fn text(&mut self, text: &str) {
        self.0 += text.len();
    }

    fn octets(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }

    fn payload(&mut self, payload: &Payload) {
        self.0 += payload.len();
    }
}

#[cfg(test)]
mod tests {
    use wamp_messages::message::{Error, Event};
    use wamp_messages::options::EventDetails;
    use wamp_messages::{PublicationId, RequestId, RequestType, SubscriptionId, Uri, Value};

    use super::*;

    const LONG: usize = 100_000;

    fn event(details: EventDetails, payload: usize) -> Event {
        Event {
            subscription: SubscriptionId::ZERO,
            publication: PublicationId::ZERO,
            details: details.into(),
            payload: Payload::opaque(vec![0; payload].into()),
        }
    }

    #[test]
    fn a_message_weighs_what_it_holds_wherever_that_stands() {
        let light = Outgoing::from(event(EventDetails::default(), 0)).weight();
        assert!(light < 1_000, "{light}");
        let mut option = EventDetails::default();
        option.transaction_hash = Some("x".repeat(LONG));
        let mut unknown = EventDetails::default();
        let list = vec![Value::from("x".repeat(LONG))];
        unknown.extra.insert("x_own", Value::List(list));
        let error = Error {
            request_type: RequestType::CALL,
            request: RequestId::ZERO,
            details: Default::default(),
            error: Uri::from_wire("x".repeat(LONG)),
            payload: Payload::empty(),
        };
        for heavy in [
            Outgoing::from(event(EventDetails::default(), LONG)),
            event(option, 0).into(),
            event(unknown, 0).into(),
            error.into(),
        ] {
            let weight = heavy.weight();
            assert!((LONG..LONG + 1_000).contains(&weight), "{weight}");
            let shared = SharedMessage::new(heavy.into_message());
            assert_eq!(Outgoing::Shared(shared).weight(), weight);
        }
    }
}
