//! Payload codecs: payloads that the router cannot read.
//!
//! Specification: Advanced Profile, "Payload Passthru Mode".

use std::fmt;

use bytes::Bytes;

use crate::payload::{Format, Payload};
use crate::uri::Uri;

/// Encodes payloads end to end, in payload passthru mode: encryption, or another application's
/// format (Autobahn's `IPayloadCodec`).
///
/// A session asks its codec before it serializes arguments, so that they are written once, straight
/// into the inner format; it opens a payload where the user awaits or reads it.
pub trait PayloadCodec: fmt::Debug + Send + Sync {
    /// Tells in which format arguments are to be written before they are encoded for this URI;
    /// `None` sends them as they are.
    fn inner_format(&self, origin: Origin, uri: &Uri) -> Option<Format>;

    /// Encodes a payload that was written in the format asked for.
    ///
    /// # Errors
    ///
    /// There is no key for the URI after all, or encoding failed.
    fn encode(
        &self,
        origin: Origin,
        uri: &Uri,
        payload: &Payload,
    ) -> Result<EncodedPayload, CodecError>;

    /// Opens an encoded payload that was received for this URI.
    ///
    /// # Errors
    ///
    /// There is no key, the payload was tampered with, or it was made for another URI.
    fn decode(
        &self,
        origin: Origin,
        uri: &Uri,
        encoded: &EncodedPayload,
    ) -> Result<Payload, CodecError>;
}

/// Which side of an exchange a payload comes from: it selects the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an exchange has two sides")]
pub enum Origin {
    /// From a caller or a publisher.
    Originator,
    /// From a callee: a result or an error.
    Responder,
}

/// A payload that a codec has encoded (Autobahn's `EncodedPayload`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodedPayload {
    /// The octets that stand in the message in place of its arguments.
    pub payload: Bytes,
    /// The algorithm: `cryptobox`, `mqtt`, `xbr`, or one of the user's that begins with `x_`.
    pub enc_algo: String,
    /// The format inside: `json`, `msgpack`, `cbor`, or one of the user's that begins with `x_`.
    pub enc_serializer: Option<String>,
    /// Which key was used, in the words of the algorithm.
    pub enc_key: Option<String>,
}

impl EncodedPayload {
    /// Makes an encoded payload of its octets and the name of the algorithm.
    pub fn new(payload: impl Into<Bytes>, enc_algo: impl Into<String>) -> Self {
        Self {
            payload: payload.into(),
            enc_algo: enc_algo.into(),
            enc_serializer: None,
            enc_key: None,
        }
    }
}

/// A payload that a codec could not encode or open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The payload could not be opened: another key, or somebody changed it.
    #[error("the payload could not be decrypted: {0}")]
    Decrypt(String),
    /// The codec has no key, or the payload is of an algorithm that it does not know.
    #[error("no codec or key for this payload: {0}")]
    NoCodec(String),
    /// The URI inside the payload is another than that of the message.
    #[error("the payload was made for the URI {0}")]
    UriMismatch(Uri),
}

impl CodecError {
    /// Autobahn's error URI for this error.
    pub const fn uri(&self) -> &'static str {
        match self {
            Self::Decrypt(_) => crate::error_uri::ENCRYPTION_DECRYPT_ERROR,
            Self::NoCodec(_) => crate::error_uri::NO_PAYLOAD_CODEC,
            Self::UriMismatch(_) => crate::error_uri::ENCRYPTION_TRUSTED_URI_MISMATCH,
        }
    }
}
