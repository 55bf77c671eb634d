//! What can go wrong, one enum per operation, and what the other side says.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use wamp_auth::AuthError;
use wamp_core::{CloseDetails, TransportError, Undeliverable, Violation};
use wamp_messages::{
    Dict, EncodeError, Format, InvalidUri, Payload, Uri, Value, error_uri, message,
};
use wamp_serializers::{PayloadError, decode_args, decode_kwargs, encode_payload};

use crate::connect::ConnectorError;

/// An error that the other side names: a callee, or the router
/// (Autobahn's `ApplicationError`).
///
/// A handler returns one to its caller. Its text, by Autobahn's convention, is the first argument.
///
/// ```
/// use wamp_messages::kwargs;
/// use wamp_session::ApplicationError;
///
/// let error = ApplicationError::new("com.example.error.too_hot", "the oven is at 300 °C")
///     .with_kwargs(kwargs! { celsius: 300 });
/// assert_eq!(error.to_string(), "com.example.error.too_hot: the oven is at 300 °C");
/// ```
#[derive(Clone, PartialEq)]
pub struct ApplicationError(Box<Content>);

#[derive(Clone, PartialEq)]
struct Content {
    uri: Uri,
    arguments: Arguments,
}

#[derive(Clone, PartialEq)]
enum Arguments {
    /// As they were received.
    Received(Payload),
    /// As a handler gave them: the format in which they are sent is not known to it.
    Given(Vec<Value>, Dict),
}

impl ApplicationError {
    /// Makes an error of a URI and a text for people.
    ///
    /// A text that is no URI is sent as `wamp.error.runtime_error`, with that text as argument.
    pub fn new(uri: impl AsRef<str>, text: impl Into<String>) -> Self {
        let (uri, text) = match Uri::new(uri.as_ref()) {
            Ok(uri) => (uri, text.into()),
            Err(error) => (
                Uri::from_static(error_uri::RUNTIME_ERROR),
                format!("{} ({error})", text.into()),
            ),
        };
        Self::of(
            uri,
            Arguments::Given(vec![Value::String(text)], Dict::new()),
        )
    }

    fn of(uri: Uri, arguments: Arguments) -> Self {
        Self(Box::new(Content { uri, arguments }))
    }

    /// Makes the error with which a handler fails for no reason of its own.
    pub fn runtime(text: impl Into<String>) -> Self {
        Self::new(error_uri::RUNTIME_ERROR, text)
    }

    /// Makes the error for arguments that a handler does not accept.
    pub fn invalid_argument(text: impl Into<String>) -> Self {
        Self::new(error_uri::INVALID_ARGUMENT, text)
    }

    /// Sets the arguments, in place of the text.
    #[must_use]
    pub fn with_args(mut self, args: Vec<Value>) -> Self {
        let kwargs = match self.0.arguments {
            Arguments::Given(_, kwargs) => kwargs,
            Arguments::Received(_) => Dict::new(),
        };
        self.0.arguments = Arguments::Given(args, kwargs);
        self
    }

    /// Sets the keyword arguments.
    #[must_use]
    pub fn with_kwargs(mut self, kwargs: Dict) -> Self {
        let args = match self.0.arguments {
            Arguments::Given(args, _) => args,
            Arguments::Received(_) => Vec::new(),
        };
        self.0.arguments = Arguments::Given(args, kwargs);
        self
    }

    /// The URI of the error.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Reads the arguments into a type that is made of a list: a tuple, or a `Vec<Value>`.
    ///
    /// # Errors
    ///
    /// The arguments do not fit the type.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_args(&self.payload()?)
    }

    /// Reads the keyword arguments into a type that is made of a dict: a struct, or a `Dict`.
    ///
    /// # Errors
    ///
    /// The keyword arguments do not fit the type.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_kwargs(&self.payload()?)
    }

    /// The text for people: the first argument, if it is one.
    pub fn text(&self) -> Option<String> {
        let first = match &self.0.arguments {
            Arguments::Given(args, _) => args.first().cloned(),
            Arguments::Received(payload) => {
                let args: Vec<Value> = decode_args(payload).ok()?;
                args.into_iter().next()
            }
        };
        match first? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The error of an ERROR message.
    pub(crate) fn received(error: message::Error) -> Self {
        Self::of(error.error, Arguments::Received(error.payload))
    }

    /// The arguments in a format, for the wire.
    pub(crate) fn encode(&self, format: &Format) -> Result<Payload, EncodeError> {
        match &self.0.arguments {
            Arguments::Received(payload) => wamp_serializers::transcode(payload, format),
            Arguments::Given(args, kwargs) => encode_payload(format, args, kwargs),
        }
    }

    fn payload(&self) -> Result<Payload, PayloadError> {
        match &self.0.arguments {
            Arguments::Received(payload) => Ok(payload.clone()),
            Arguments::Given(..) => {
                let format = crate::session::any_format().ok_or(PayloadError::Opaque)?;
                self.encode(&format)
                    .map_err(|error| PayloadError::Arguments(error.to_string()))
            }
        }
    }
}

impl fmt::Debug for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApplicationError({self})")
    }
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => write!(f, "{}: {text}", self.0.uri),
            None => fmt::Display::fmt(&self.0.uri, f),
        }
    }
}

impl std::error::Error for ApplicationError {}

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The router refused the session, or gave it up; the reason is its error URI.
    #[error("the router refused the session: {0}")]
    Aborted(CloseDetails),
    /// A challenge of the router could not be answered.
    #[error("authentication failed: {0}")]
    Auth(#[from] AuthError),
    /// The transport could not be opened; the error that is the cause can be
    /// [asked for](ConnectorError::downcast_ref).
    #[error("could not connect: {0}")]
    Connect(#[from] ConnectorError),
    /// The realm is no URI.
    #[error("the realm cannot be joined: {0}")]
    Realm(#[from] InvalidUri),
    /// The router broke the protocol (Autobahn's `ProtocolError`).
    #[error("the router broke the protocol: {0}")]
    Protocol(#[from] Violation),
    /// HELLO, or the answer to a challenge, cannot be sent over this transport.
    #[error("the request to open a session cannot be sent: {0}")]
    Send(#[from] SendError),
    /// The router did not answer in time.
    #[error("the router did not open the session within {0:?}")]
    TimedOut(Duration),
    /// The transport was lost before the session was open (Autobahn's `TransportLost`).
    #[error("the transport was lost: {0}")]
    Transport(#[from] TransportError),
    /// The own observer did not want the session, after WELCOME.
    #[error("the session was not wanted: {0}")]
    Vetoed(String),
}

/// Why nothing more can be asked of a session: it has ended
/// (Autobahn's `SessionNotReady` and `TransportLost`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended: {0}")]
pub struct SessionClosed(pub CloseDetails);

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The callee, or the router, answered with an error.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// The arguments cannot be sent (Autobahn's `SerializationError`).
    #[error("the arguments cannot be sent: {0}")]
    Arguments(#[from] SendError),
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] SessionClosed),
    /// The result does not fit the type asked for.
    #[error("the result does not fit: {0}")]
    Result(#[from] PayloadError),
    /// There was no result in the time given.
    #[error("there was no result within {0:?}")]
    TimedOut(Duration),
    /// The procedure is no URI.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The router answered with an error.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// The arguments cannot be sent (Autobahn's `SerializationError`).
    #[error("the arguments cannot be sent: {0}")]
    Arguments(#[from] SendError),
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] SessionClosed),
    /// The topic is no URI.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

/// Why a subscription was not granted, or not ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The router answered with an error.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] SessionClosed),
    /// The request cannot be sent (Autobahn's `SerializationError`).
    #[error("the request cannot be sent: {0}")]
    Send(#[from] SendError),
    /// The topic is no URI.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

/// Why a registration was not granted, or not ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The router answered with an error.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] SessionClosed),
    /// The request cannot be sent (Autobahn's `SerializationError`).
    #[error("the request cannot be sent: {0}")]
    Send(#[from] SendError),
    /// The procedure is no URI.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

/// Why a session was not left in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// The session had ended before.
    #[error(transparent)]
    Closed(#[from] SessionClosed),
    /// The reason is no URI.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

/// In a handler, `?` passes on what the other side said; everything else is a
/// `wamp.error.runtime_error` for the caller.
macro_rules! into_application_error {
    ($($error:ident),*) => {$(
        impl From<$error> for ApplicationError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Application(error) => error,
                    error => Self::runtime(error.to_string()),
                }
            }
        }
    )*};
}

into_application_error!(CallError, PublishError, RegisterError, SubscribeError);

impl From<PayloadError> for ApplicationError {
    /// Arguments that do not fit are an invalid argument.
    fn from(error: PayloadError) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

/// Why arguments cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// They have no form in the format of the session.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// They are longer than the transport or the peer accepts.
    #[error("the message has {len} octets, and {max} are accepted")]
    TooLong {
        /// How long the message is, in octets.
        len: usize,
        /// How long it may be.
        max: usize,
    },
}

impl SendError {
    pub(crate) fn of(why: &Undeliverable) -> Self {
        match why {
            Undeliverable::TooLong { len, max } => Self::TooLong {
                len: *len,
                max: *max,
            },
            Undeliverable::Encode(error) => Self::Encode(error.clone()),
            other => Self::Encode(EncodeError::Value(other.to_string())),
        }
    }
}
