//! The vocabulary of WAMP: everything that two peers say to each other, as Rust types.
//!
//! This crate knows every message of WAMP v2 with its options, and the words they are made of:
//! URIs, ids, policies, roles, features, values and payloads. It must never know a serialization
//! format, a transport, a runtime or the state of a session.
//!
//! ```
//! use wamp_messages::message::Call;
//! use wamp_messages::{Message, Payload, RequestId, Uri};
//!
//! let message = Message::from(Call {
//!     request: RequestId::new(1)?,
//!     options: Default::default(),
//!     procedure: Uri::new("com.example.add")?,
//!     payload: Payload::empty(),
//! });
//! assert_eq!(message.name(), "CALL");
//! assert!(message.validate(Default::default()).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The protocol is one table, in [`message`]: code, name and fields of each message in the order
//! in which they stand on the wire. The keys of options and details are another, in [`options`].
//! How a message is read and written follows from the tables and the two traits in [`wire`], which
//! a serialization format implements.
//!
//! Payloads are not decoded here: a [`Payload`] is a span of the received octets which knows its
//! format and where its arguments begin and end.

pub mod codec;
pub mod error_uri;
pub mod id;
pub mod message;
pub mod options;
pub mod payload;
pub mod policy;
pub mod role;
pub mod secret;
pub mod uri;
pub mod validate;
pub mod value;
pub mod wire;

pub use crate::codec::{CodecError, EncodedPayload, Origin, PayloadCodec};
pub use crate::id::{
    InvalidId, PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId,
};
pub use crate::message::{Message, RequestType};
pub use crate::payload::{ForeignFormat, Format, Payload};
pub use crate::policy::{CancelMode, InvokePolicy, MatchPolicy, RunMode};
pub use crate::role::{Feature, Features, Role, Roles};
pub use crate::secret::Secret;
pub use crate::uri::{InvalidUri, Uri, UriRules};
pub use crate::validate::{Invalid, InvalidKind};
pub use crate::value::{Binary, Dict, Value, ValueError};
pub use crate::wire::{DecodeError, DecodeErrorKind, EncodeError};
