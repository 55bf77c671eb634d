//! What a case may need that does not exist yet: the only reasons to skip one.

use std::fmt;

/// Something that is not there yet. Each names what it is; none of them is for "anything else".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// The file `auth.json`.
    Authentication,
    /// The file `cryptobox.json`.
    Cryptobox,
    /// A serializer of [`SERIALIZERS_TO_COME`].
    Serializer(&'static str),
    /// An authentication method of [`METHODS_TO_COME`].
    AuthenticationMethod(&'static str),
    /// A feature that the router does not announce.
    Feature(&'static str),
    /// A session that goes on after its connection.
    Resumption,
    /// A kind of case about what only a dealer with patterns does.
    BestMatch,
    /// A kind of case about what only a broker with patterns does.
    AllMatches,
}

/// The serializers of the data that are not written yet.
const SERIALIZERS_TO_COME: &[&str] = &[
    "ubjson",
    "flatbuffers",
    "ubjson.batched",
    "flatbuffers.batched",
];

/// The authentication methods that are not written yet.
const METHODS_TO_COME: &[&str] = &[
    "wampcra",
    "cryptosign",
    "scram",
    "wamp-scram",
    "tls",
    "cookie",
];

impl Missing {
    /// The authentication method, if it is one of those to come.
    pub(crate) fn authentication_method(name: &str) -> Option<Self> {
        let known = METHODS_TO_COME.iter().find(|known| **known == name);
        known.map(|known| Self::AuthenticationMethod(known))
    }

    /// The serializer, if it is one of those to come.
    pub(crate) fn serializer(name: &str) -> Option<Self> {
        let known = SERIALIZERS_TO_COME.iter().find(|known| **known == name);
        known.map(|known| Self::Serializer(known))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authentication => {
                f.write_str("not yet: comes with authentication beyond anonymous and ticket")
            }
            Self::Cryptobox => f.write_str("not yet: comes with payload encryption"),
            Self::Serializer(name) => write!(f, "not yet: the serializer {name}"),
            Self::AuthenticationMethod(name) => {
                write!(f, "not yet: the authentication method {name}")
            }
            Self::Feature(name) => write!(f, "the router does not announce {name}"),
            Self::Resumption => f.write_str("not yet: the resumption of sessions"),
            Self::BestMatch => f.write_str("not yet: pattern-based registrations"),
            Self::AllMatches => f.write_str("not yet: pattern-based subscriptions"),
        }
    }
}
