//! Ids of sessions, requests, subscriptions, registrations and publications.
//!
//! WAMP ids are integers of 1 to 2^53, so that every format carries them exactly; 0 stands only in
//! the notices of revocation (UNREGISTERED and UNSUBSCRIBED that answer no request). A peer may
//! send 0 elsewhere too, as Autobahn does: it is kept when read, and refused where it is used.
//!
//! Specification: Basic Profile, "IDs".

use std::fmt;

use crate::wire::{DecodeError, DecodeErrorKind, Field, Reader, Writer};

/// The largest id: 2^53.
pub const MAX_ID: u64 = 1 << 53;

/// An integer that is no WAMP id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no WAMP id: it must be between 0 and 2^53")]
pub struct InvalidId(u64);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The id 0, which stands for "no request" in notices of revocation.
            pub const ZERO: Self = Self(0);

            /// Makes an id of an integer.
            ///
            /// # Errors
            ///
            /// The integer is above 2^53.
            pub const fn new(id: u64) -> Result<Self, InvalidId> {
                if id <= MAX_ID { Ok(Self(id)) } else { Err(InvalidId(id)) }
            }

            /// Draws an id from the global scope: 64 random bits become an id of 1 to 2^53.
            pub const fn from_random_bits(bits: u64) -> Self {
                Self((bits & (MAX_ID - 1)) + 1)
            }

            /// The id as an integer, 0 to 2^53.
            pub const fn as_u64(self) -> u64 {
                self.0
            }

            /// The id that follows in the session scope: sequential, and 1 after 2^53.
            #[must_use]
            pub const fn next(self) -> Self {
                if self.0 >= MAX_ID { Self(1) } else { Self(self.0 + 1) }
            }

            /// Whether this is the id 0.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;

            fn try_from(id: u64) -> Result<Self, InvalidId> {
                Self::new(id)
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl Field for $name {
            fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
                let at = reader.offset();
                let id = reader.u64()?;
                Self::new(id).map_err(|_| DecodeError::new(DecodeErrorKind::IdOutOfRange(id), at))
            }

            fn write<W: Writer>(&self, writer: &mut W) {
                writer.u64(self.0);
            }
        }
    )*};
}

ids! {
    /// Identifies a session, in the global scope.
    SessionId,
    /// Identifies a request of one session: sequential from 1, in the session scope.
    ///
    /// The ids that a router gives to the INVOCATIONs it sends to a callee are of this kind too.
    RequestId,
    /// Identifies a subscription, in the router scope.
    SubscriptionId,
    /// Identifies a registration, in the router scope.
    RegistrationId,
    /// Identifies a publication, in the global scope.
    PublicationId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_end_at_two_to_the_53() {
        assert_eq!(RequestId::new(MAX_ID).map(RequestId::as_u64), Ok(MAX_ID));
        assert_eq!(RequestId::new(MAX_ID + 1), Err(InvalidId(MAX_ID + 1)));
    }

    #[test]
    fn the_session_scope_wraps_to_one() {
        assert_eq!(RequestId(MAX_ID).next(), RequestId(1));
        assert_eq!(RequestId::ZERO.next(), RequestId(1));
    }

    #[test]
    fn random_ids_are_never_zero_and_never_too_large() {
        assert_eq!(SessionId::from_random_bits(0).as_u64(), 1);
        assert_eq!(SessionId::from_random_bits(u64::MAX).as_u64(), MAX_ID);
    }
}
