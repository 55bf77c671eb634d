//! WAMP messages to octets and back: JSON, MessagePack and CBOR.
