//! Code points: how URIs match, how calls are dealt out, how they are canceled.
//!
//! A code point that this crate does not know is kept as it came, so that a router may pass on
//! what it need not understand; [`validate`](crate::validate) refuses it where it would be acted on.

use std::borrow::Cow;

use crate::wire::{DecodeError, Field, Reader, Writer};

macro_rules! code_points {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $konst:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[$vdoc])* pub const $konst: Self = Self(Cow::Borrowed($text));)*

            /// Makes a code point of its name, known or not.
            pub fn new(name: impl AsRef<str>) -> Self {
                match name.as_ref() {
                    $($text => Self::$konst,)*
                    other => Self(Cow::Owned(other.to_owned())),
                }
            }

            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the name is one that the specification knows.
            pub fn is_known(&self) -> bool {
                matches!(self.as_str(), $($text)|*)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Field for $name {
            fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
                Ok(Self::new(reader.text()?))
            }

            fn write<W: Writer>(&self, writer: &mut W) {
                writer.text(&self.0);
            }
        }
    )*};
}

code_points! {
    /// How the URI of a subscription or registration is matched.
    MatchPolicy {
        /// The URI itself.
        EXACT = "exact",
        /// Every URI that begins with the text.
        PREFIX = "prefix",
        /// Every URI with as many components, an empty one of the pattern standing for any.
        WILDCARD = "wildcard",
    }

    /// Which of several callees of one registration gets a call.
    InvokePolicy {
        /// There is only one callee.
        SINGLE = "single",
        /// One after the other.
        ROUND_ROBIN = "roundrobin",
        /// Any of them.
        RANDOM = "random",
        /// The one that registered first.
        FIRST = "first",
        /// The one that registered last.
        LAST = "last",
    }

    /// What canceling a call does to the callee.
    CancelMode {
        /// The caller is answered at once, the callee not told.
        SKIP = "skip",
        /// The callee is interrupted, and its answer goes to the caller.
        KILL = "kill",
        /// The caller is answered at once, and the callee interrupted.
        KILL_NO_WAIT = "killnowait",
    }

    /// How the shards of a call are put together (CALL.Options.runmode).
    RunMode {
        /// All shards are called.
        ALL = "all",
        /// Only the shard that the key selects is called.
        PARTITION = "partition",
    }
}

impl MatchPolicy {
    /// Whether a pattern of this policy matches a URI; one of an unknown policy matches none.
    ///
    /// Prefixes are of the text, not of components.
    ///
    /// ```
    /// use wamp_messages::MatchPolicy;
    ///
    /// assert!(MatchPolicy::PREFIX.matches("com.example.t", "com.example.tick"));
    /// assert!(MatchPolicy::WILDCARD.matches("com..tick", "com.example.tick"));
    /// assert!(!MatchPolicy::WILDCARD.matches("com..tick", "com.tick"));
    /// ```
    pub fn matches(&self, pattern: &str, uri: &str) -> bool {
        match self.as_str() {
            "exact" => pattern == uri,
            "prefix" => uri.starts_with(pattern),
            "wildcard" => {
                let (mut wanted, mut found) = (pattern.split('.'), uri.split('.'));
                loop {
                    match (wanted.next(), found.next()) {
                        (None, None) => return true,
                        (Some(wanted), Some(found)) if wanted.is_empty() || wanted == found => {}
                        _ => return false,
                    }
                }
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_point_survives() {
        let policy = MatchPolicy::new("regex");
        assert_eq!(policy.as_str(), "regex");
        assert!(!policy.is_known());
        assert_eq!(MatchPolicy::new("prefix"), MatchPolicy::PREFIX);
    }
}
