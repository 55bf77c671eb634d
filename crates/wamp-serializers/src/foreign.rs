//! Serializers that are not the specification's.

use std::sync::Arc;

use bytes::Bytes;
use wamp_messages::wire::{DecodeError, EncodeError};
use wamp_messages::{ForeignFormat, Format, Message};

use crate::transcode::transcode;

/// A serializer of somebody else's: another format on the wire.
///
/// It reads and writes whole messages, most easily through [`Message::read`] and
/// [`Message::write`] with a [`Reader`](wamp_messages::wire::Reader) and a
/// [`Writer`](wamp_messages::wire::Writer) of its own; and payloads alone, as a [`ForeignFormat`].
/// Peers agree on it by its name, `wamp.2.NAME`, or over RawSocket by its id.
pub trait ForeignSerializer: ForeignFormat {
    /// The id under which RawSocket knows it, 6 to 15: one that both sides have agreed on.
    fn rawsocket_id(&self) -> u8;

    /// Whether WebSocket frames are binary; text otherwise.
    fn is_binary(&self) -> bool;

    /// Writes a message, whose payload is in this format, opaque or empty: one of another format
    /// has been rewritten before.
    ///
    /// # Errors
    ///
    /// The format has no form for something in the message.
    fn encode_message(&self, message: &Message) -> Result<Bytes, EncodeError>;

    /// Reads a message, to the end of the frame. A payload that it leaves as octets names
    /// [`Format::Foreign`] with this format.
    ///
    /// # Errors
    ///
    /// The frame is not one well-formed message. It comes from a peer: nothing in it is a reason
    /// to panic, nor to allocate more than a small multiple of its length.
    fn decode_message(&self, frame: Bytes) -> Result<Message, DecodeError>;
}

/// Encodes a message, its payload first where it is in another format.
pub(crate) fn encode(
    serializer: &Arc<dyn ForeignSerializer>,
    message: &Message,
) -> Result<Bytes, EncodeError> {
    let format = format_of(serializer);
    match message.payload() {
        Some(payload) if payload.format().is_some_and(|other| *other != format) => {
            let transcoded = transcode(payload, &format)?;
            let mut message = message.clone();
            if let Some(payload) = message.payload_mut() {
                *payload = transcoded;
            }
            serializer.encode_message(&message)
        }
        _ => serializer.encode_message(message),
    }
}

/// The format of a foreign serializer's payloads.
pub(crate) fn format_of(serializer: &Arc<dyn ForeignSerializer>) -> Format {
    let format: Arc<dyn ForeignFormat> = Arc::<dyn ForeignSerializer>::clone(serializer);
    Format::Foreign(format)
}
