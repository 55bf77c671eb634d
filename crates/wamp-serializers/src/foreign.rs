//! Serializers that are not the specification's.

use std::sync::Arc;

use bytes::Bytes;
use wamp_messages::wire::{DecodeError, EncodeError};
use wamp_messages::{ForeignFormat, Format, Message};

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

    /// Writes a message.
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

/// The format of a foreign serializer's payloads.
pub(crate) fn format_of(serializer: &Arc<dyn ForeignSerializer>) -> Format {
    let format: Arc<dyn ForeignFormat> = Arc::<dyn ForeignSerializer>::clone(serializer);
    Format::Foreign(format)
}
