//! The bare libraries, used as somebody would who had nothing else.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wamp_serializers::Serializer;

/// The library that a format is read and written by.
#[derive(Clone, Copy)]
pub(crate) enum Library {
    Cbor,
    MsgPack,
    Json,
}

impl Library {
    pub(crate) const ALL: [Self; 3] = [Self::Cbor, Self::MsgPack, Self::Json];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cbor => "serde_cbor",
            Self::MsgPack => "rmp_serde",
            Self::Json => "serde_json",
        }
    }

    /// Our serializer of the same format.
    pub(crate) const fn serializer(self) -> Serializer {
        match self {
            Self::Cbor => Serializer::cbor(),
            Self::MsgPack => Serializer::msgpack(),
            Self::Json => Serializer::json(),
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(self, octets: &[u8]) -> T {
        match self {
            Self::Cbor => serde_cbor::from_slice(octets).expect("it is read"),
            Self::MsgPack => rmp_serde::from_slice(octets).expect("it is read"),
            Self::Json => serde_json::from_slice(octets).expect("it is read"),
        }
    }

    /// Writes structs as dicts, as we do.
    pub(crate) fn write(self, value: &impl Serialize) -> Vec<u8> {
        match self {
            Self::Cbor => serde_cbor::to_vec(value).expect("it is written"),
            Self::MsgPack => rmp_serde::to_vec_named(value).expect("it is written"),
            Self::Json => serde_json::to_vec(value).expect("it is written"),
        }
    }
}
