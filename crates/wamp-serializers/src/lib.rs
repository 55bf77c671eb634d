//! WAMP messages to octets and back: JSON, MessagePack and CBOR.
//!
//! This crate knows how each format writes the messages, payloads and values of `wamp-messages`,
//! alone or several to a frame, and how a payload is rewritten from one format to another. It must
//! never know a transport, a runtime or what a message means to a session.
//!
//! A [`Serializer`] is what a connection negotiates. It decodes the header of a message and only
//! measures its payload, which it checks to the last octet: nothing malformed is ever passed on.
//! Each format has one scanner, which is iterative, bounded in depth, and allocates nothing for
//! what a peer merely declares.
//!
//! ```
//! # #[cfg(all(feature = "json", feature = "cbor"))] {
//! use std::collections::VecDeque;
//! use wamp_serializers::Serializer;
//!
//! let mut received = VecDeque::new();
//! let frame = br#"[36,5512315355,4429313566,{},[],{"color":"orange"}]"#;
//! Serializer::json().decode(frame[..].into(), &mut received)?;
//!
//! // For a subscriber that speaks JSON the payload is passed on as it came; for one that speaks
//! // CBOR it is rewritten.
//! let passed_on = Serializer::json().encode(&received[0])?;
//! assert_eq!(&*passed_on.payload, br#"[],{"color":"orange"}"#);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Features, all on by default: `json`, `msgpack` and `cbor`, each the format of its name. Without
//! one its format is wholly absent. Foreign formats need no feature: see [`ForeignSerializer`].
//! There is no UBJSON and no FlatBuffers yet.

mod batch;
#[cfg(feature = "cbor")]
mod cbor;
#[cfg(feature = "__counters")]
pub mod counters;
mod foreign;
mod frame;
#[cfg(feature = "json")]
mod json;
#[cfg(any(feature = "msgpack", feature = "cbor"))]
mod levels;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(any(feature = "json", feature = "msgpack", feature = "cbor"))]
mod reader;
mod serializer;
mod shared;
#[cfg_attr(
    not(any(feature = "json", feature = "msgpack", feature = "cbor")),
    allow(unused, reason = "foreign formats alone need less of it")
)]
mod token;
#[cfg_attr(
    not(any(feature = "json", feature = "msgpack", feature = "cbor")),
    allow(unused, reason = "foreign formats alone need less of it")
)]
mod transcode;
#[cfg_attr(
    not(any(feature = "json", feature = "msgpack", feature = "cbor")),
    allow(
        unused,
        clippy::ptr_arg,
        reason = "foreign formats alone need less of it"
    )
)]
mod typed;
#[cfg(any(feature = "json", feature = "msgpack", feature = "cbor"))]
mod utf8;
#[cfg(any(feature = "json", feature = "msgpack", feature = "cbor"))]
mod writer;

pub use crate::batch::BatchSeparator;
pub use crate::foreign::ForeignSerializer;
pub use crate::frame::{Frame, Remainder};
pub use crate::serializer::{DEFAULT_MAX_DEPTH, MAX_DEPTH, Serializer};
pub use crate::shared::shared_copy;
pub use crate::transcode::transcode;
pub use crate::typed::{
    PayloadError, count_args, decode_args, decode_kwargs, decode_result, encode_payload,
};
