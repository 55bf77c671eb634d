//! The messages of WAMP v2: one table, one struct each, one enum of them all.
//!
//! Specification: Basic Profile, "Messages"; CHALLENGE, AUTHENTICATE, CANCEL and INTERRUPT are of
//! the Advanced Profile, "Additional Messages".

use crate::id::{PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId};
use crate::options::{
    AbortDetails, CallOptions, CancelOptions, ErrorDetails, EventDetails, GoodbyeDetails,
    HelloDetails, InterruptOptions, InvocationDetails, PublishOptions, RegisterOptions,
    ResultDetails, Sparse, SubscribeOptions, UnregisterOptions, UnregisteredDetails,
    UnsubscribeOptions, UnsubscribedDetails, WelcomeDetails, YieldOptions,
};
use crate::payload::Payload;
use crate::secret::Secret;
use crate::uri::Uri;
use crate::value::Dict;
use crate::wire::{DecodeError, DecodeErrorKind, Field, Reader, Writer};

macro_rules! messages {
    ($(
        $(#[$doc:meta])*
        $code:literal $name:literal $type:ident {
            $($field:ident: $field_type:ty),* $(| $tail:ident $(?: $tail_type:ty)?)?
        }
    )*) => {
        $(
            $(#[$doc])*
            ///
            #[doc = concat!("On the wire: `[", $code $(, ", ", stringify!($field))* $(, ", ", stringify!($tail), "?")?, "]`.")]
            #[derive(Debug, Clone, PartialEq)]
            pub struct $type {
                $(#[doc = concat!("The field `", stringify!($field), "`.")] pub $field: $field_type,)*
                $(#[doc = concat!("The field `", stringify!($tail), "`, which may be missing.")]
                  pub $tail: tail!($($tail_type)?),)?
            }

            impl $type {
                /// The code of the message type.
                pub const CODE: u64 = $code;
                /// The name of the message type, as in the specification.
                pub const NAME: &'static str = $name;
                /// How many elements the message has before those that may be missing.
                const FIELDS: usize = 1 $(+ { let _ = stringify!($field); 1 })*;

                fn read<'de, R: Reader<'de>>(reader: &mut R) -> std::result::Result<Self, DecodeError> {
                    let mut found = 1;
                    $(
                        let $field = field(reader, &mut found, stringify!($field))?;
                    )*
                    $(let $tail = Tail::read(reader, stringify!($tail))?;)?
                    end(reader, found, has_tail!($($tail)?))?;
                    Ok(Self { $($field,)* $($tail,)? })
                }

                fn write<W: Writer>(&self, writer: &mut W) {
                    writer.list(Self::FIELDS $(+ self.$tail.elements())?);
                    writer.u64($code);
                    $(Field::write(&self.$field, writer);)*
                    $(Tail::write(&self.$tail, writer);)?
                    writer.end_list();
                }
            }

            impl From<$type> for Message {
                fn from(message: $type) -> Self {
                    Self::$type(message)
                }
            }
        )*

        /// A message of WAMP.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::exhaustive_enums, reason = "the messages of WAMP v2 are closed")]
        pub enum Message {
            $($(#[$doc])* $type($type),)*
        }

        impl Message {
            /// The code of every message type, with its name.
            pub const TYPES: &'static [(u64, &'static str)] = &[$(($code, $name)),*];

            /// The code of the message type.
            pub const fn code(&self) -> u64 {
                match self { $(Self::$type(_) => $code,)* }
            }

            /// The name of the message type, as in the specification.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$type(_) => $name,)* }
            }

            /// Reads a message, to its end; whether octets follow is for the format to say.
            ///
            /// # Errors
            ///
            /// What was read is no WAMP message; the error says where and why.
            pub fn read<'de, R: Reader<'de>>(reader: &mut R) -> std::result::Result<Self, DecodeError> {
                reader.list()?;
                let at = reader.offset();
                if !reader.more()? {
                    return Err(DecodeError::new(DecodeErrorKind::Length { found: 0 }, at));
                }
                let at = reader.offset();
                match reader.u64().map_err(|error| error.in_field("MessageType"))? {
                    $($code => $type::read(reader)
                        .map(Self::$type)
                        .map_err(|error| error.in_message($name)),)*
                    code => Err(DecodeError::new(DecodeErrorKind::UnknownMessage(code), at)),
                }
            }

            /// Writes the message.
            pub fn write<W: Writer>(&self, writer: &mut W) {
                match self { $(Self::$type(message) => message.write(writer),)* }
            }

            /// The payload, in the messages that have one.
            pub const fn payload(&self) -> Option<&Payload> {
                match self { $(Self::$type(_message) => payload!(_message $(, $tail $($tail_type)?)?),)* }
            }

            /// The payload, to put another in its place.
            pub const fn payload_mut(&mut self) -> Option<&mut Payload> {
                match self { $(Self::$type(_message) => payload_mut!(_message $(, $tail $($tail_type)?)?),)* }
            }
        }
    };
}

/// The type of the field that may be missing: the payload, or options of a type.
macro_rules! tail {
    () => { Payload };
    ($type:ty) => { Option<$type> };
}

macro_rules! has_tail {
    () => {
        false
    };
    ($tail:ident) => {
        true
    };
}

macro_rules! payload {
    ($message:ident, payload) => {
        Some(&$message.payload)
    };
    ($message:ident $(, $tail:ident $type:ty)?) => {
        None
    };
}

macro_rules! payload_mut {
    ($message:ident, payload) => {
        Some(&mut $message.payload)
    };
    ($message:ident $(, $tail:ident $type:ty)?) => {
        None
    };
}

// The protocol. Fields stand in the order of the wire; behind the bar stands what may be missing:
// options of their own (`?`), or the payload.
messages! {
    /// Opens a session on a realm, sent by a client.
    1 "HELLO" Hello { realm: Option<Uri>, details: Box<HelloDetails> }
    /// Accepts a session, sent by a router.
    2 "WELCOME" Welcome { session: SessionId, details: Box<WelcomeDetails> }
    /// Refuses a session, or ends one without ceremony, sent by either side.
    3 "ABORT" Abort { details: AbortDetails, reason: Uri }
    /// Demands authentication, sent by a router.
    4 "CHALLENGE" Challenge { method: String, extra: Dict }
    /// Answers a CHALLENGE.
    5 "AUTHENTICATE" Authenticate { signature: Secret, extra: Dict }
    /// Ends a session, sent by either side and answered by the other.
    6 "GOODBYE" Goodbye { details: GoodbyeDetails, reason: Uri }
    /// Answers a request that failed.
    8 "ERROR" Error {
        request_type: RequestType, request: RequestId, details: Sparse<ErrorDetails>, error: Uri | payload
    }
    /// Publishes an event to a topic.
    16 "PUBLISH" Publish { request: RequestId, options: Sparse<PublishOptions>, topic: Uri | payload }
    /// Acknowledges a PUBLISH.
    17 "PUBLISHED" Published { request: RequestId, publication: PublicationId }
    /// Subscribes to a topic.
    32 "SUBSCRIBE" Subscribe { request: RequestId, options: Sparse<SubscribeOptions>, topic: Uri }
    /// Acknowledges a SUBSCRIBE.
    33 "SUBSCRIBED" Subscribed { request: RequestId, subscription: SubscriptionId }
    /// Ends a subscription.
    34 "UNSUBSCRIBE" Unsubscribe {
        request: RequestId, subscription: SubscriptionId | options?: UnsubscribeOptions
    }
    /// Acknowledges an UNSUBSCRIBE, or tells of a revocation (request 0).
    35 "UNSUBSCRIBED" Unsubscribed { request: RequestId | details?: UnsubscribedDetails }
    /// Delivers an event to a subscriber.
    36 "EVENT" Event {
        subscription: SubscriptionId, publication: PublicationId, details: Sparse<EventDetails> | payload
    }
    /// Acknowledges an EVENT (an extension of Autobahn).
    337 "EVENT_RECEIVED" EventReceived { publication: PublicationId }
    /// Calls a procedure.
    48 "CALL" Call { request: RequestId, options: Sparse<CallOptions>, procedure: Uri | payload }
    /// Cancels a CALL.
    49 "CANCEL" Cancel { request: RequestId, options: Sparse<CancelOptions> }
    /// Delivers the result of a CALL.
    50 "RESULT" Result { request: RequestId, details: Sparse<ResultDetails> | payload }
    /// Registers a procedure.
    64 "REGISTER" Register { request: RequestId, options: Sparse<RegisterOptions>, procedure: Uri }
    /// Acknowledges a REGISTER.
    65 "REGISTERED" Registered { request: RequestId, registration: RegistrationId }
    /// Ends a registration.
    66 "UNREGISTER" Unregister {
        request: RequestId, registration: RegistrationId | options?: UnregisterOptions
    }
    /// Acknowledges an UNREGISTER, or tells of a revocation (request 0).
    67 "UNREGISTERED" Unregistered { request: RequestId | details?: UnregisteredDetails }
    /// Delivers a call to a callee.
    68 "INVOCATION" Invocation {
        request: RequestId, registration: RegistrationId, details: Sparse<InvocationDetails> | payload
    }
    /// Tells a callee that a call is over.
    69 "INTERRUPT" Interrupt { request: RequestId, options: Sparse<InterruptOptions> }
    /// Answers an INVOCATION.
    70 "YIELD" Yield { request: RequestId, options: Sparse<YieldOptions> | payload }
}

/// What stands at the end of a message and may be missing.
trait Tail: Sized {
    fn read<'de, R: Reader<'de>>(
        reader: &mut R,
        name: &'static str,
    ) -> std::result::Result<Self, DecodeError>;
    fn elements(&self) -> usize;
    fn write<W: Writer>(&self, writer: &mut W);
}

impl Tail for Payload {
    fn read<'de, R: Reader<'de>>(
        reader: &mut R,
        _: &'static str,
    ) -> std::result::Result<Self, DecodeError> {
        Self::read(reader)
    }

    fn elements(&self) -> usize {
        Self::elements(self)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        if !self.is_empty() {
            writer.payload(self);
        }
    }
}

impl<T: Field> Tail for Option<T> {
    fn read<'de, R: Reader<'de>>(
        reader: &mut R,
        name: &'static str,
    ) -> std::result::Result<Self, DecodeError> {
        if !reader.more()? {
            return Ok(None);
        }
        let options = T::read(reader).map_err(|error| error.in_field(name))?;
        if reader.more()? {
            let found = reader.peek()?;
            return Err(DecodeError::expected(
                "the end of the message",
                found,
                reader.offset(),
            ));
        }
        Ok(Some(options))
    }

    fn elements(&self) -> usize {
        usize::from(self.is_some())
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        if let Some(options) = self {
            options.write(writer);
        }
    }
}

/// Reads the next field of a message.
fn field<'de, R: Reader<'de>, T: Field>(
    reader: &mut R,
    found: &mut usize,
    name: &'static str,
) -> std::result::Result<T, DecodeError> {
    let at = reader.offset();
    if !reader.more()? {
        return Err(DecodeError::new(
            DecodeErrorKind::Length { found: *found },
            at,
        ));
    }
    *found += 1;
    T::read(reader).map_err(|error| error.in_field(name))
}

/// Reads the end of a message; its tail, if it has one, has read it already.
fn end<'de, R: Reader<'de>>(
    reader: &mut R,
    found: usize,
    has_tail: bool,
) -> std::result::Result<(), DecodeError> {
    let at = reader.offset();
    if !has_tail && reader.more()? {
        return Err(DecodeError::new(
            DecodeErrorKind::Length { found: found + 1 },
            at,
        ));
    }
    Ok(())
}

/// Details that are seldom there are kept in a box, so that the messages stay small.
impl<T: Field> Field for Box<T> {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> std::result::Result<Self, DecodeError> {
        T::read(reader).map(Self::new)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        T::write(self, writer);
    }
}

/// The type of the request that an ERROR answers: the code of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestType(pub u64);

impl RequestType {
    /// PUBLISH.
    pub const PUBLISH: Self = Self(Publish::CODE);
    /// SUBSCRIBE.
    pub const SUBSCRIBE: Self = Self(Subscribe::CODE);
    /// UNSUBSCRIBE.
    pub const UNSUBSCRIBE: Self = Self(Unsubscribe::CODE);
    /// CALL.
    pub const CALL: Self = Self(Call::CODE);
    /// REGISTER.
    pub const REGISTER: Self = Self(Register::CODE);
    /// UNREGISTER.
    pub const UNREGISTER: Self = Self(Unregister::CODE);
    /// INVOCATION.
    pub const INVOCATION: Self = Self(Invocation::CODE);

    /// Whether there is a request of this type that an ERROR may answer.
    ///
    /// nexus answers a CANCEL with an ERROR of type 49; Autobahn refuses it, and so does this.
    pub const fn is_known(self) -> bool {
        matches!(
            self,
            Self::PUBLISH
                | Self::SUBSCRIBE
                | Self::UNSUBSCRIBE
                | Self::CALL
                | Self::REGISTER
                | Self::UNREGISTER
                | Self::INVOCATION
        )
    }
}

impl Field for RequestType {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> std::result::Result<Self, DecodeError> {
        reader.u64().map(Self)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.u64(self.0);
    }
}

impl Message {
    /// The request that the message makes, with its type: what an ERROR would answer.
    pub const fn request(&self) -> Option<(RequestType, RequestId)> {
        Some(match self {
            Self::Publish(message) => (RequestType::PUBLISH, message.request),
            Self::Subscribe(message) => (RequestType::SUBSCRIBE, message.request),
            Self::Unsubscribe(message) => (RequestType::UNSUBSCRIBE, message.request),
            Self::Call(message) => (RequestType::CALL, message.request),
            Self::Register(message) => (RequestType::REGISTER, message.request),
            Self::Unregister(message) => (RequestType::UNREGISTER, message.request),
            Self::Invocation(message) => (RequestType::INVOCATION, message.request),
            _ => return None,
        })
    }
}
