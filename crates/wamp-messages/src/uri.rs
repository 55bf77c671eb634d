//! URIs: of realms, topics, procedures, errors and reasons.
//!
//! Specification: Basic Profile, "URIs".

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use bytestring::ByteString;

use crate::wire::{DecodeError, Field, Reader, Writer};

/// A WAMP URI, such as `com.example.add`, or a pattern of one, such as `com.example.` or `com..add`.
///
/// Read from the wire it is the text that was there, sharing the frame's octets, and checked by
/// [`Uri::check`] against the rules of the place it stands in. Cloning is cheap and allocates
/// nothing; [`Uri::detached`] copies it out of its frame, for what is stored.
///
/// ```
/// use wamp_messages::Uri;
///
/// let uri = Uri::new("com.example.add")?;
/// assert_eq!(uri.components().collect::<Vec<_>>(), ["com", "example", "add"]);
/// assert!(Uri::new("com.example add").is_err());
/// # Ok::<(), wamp_messages::InvalidUri>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(ByteString);

impl Uri {
    /// Makes a URI of a text, by the loose rules and with no empty component.
    ///
    /// # Errors
    ///
    /// The text is empty, has an empty component, white space or `#`.
    pub fn new(text: impl Into<ByteString>) -> Result<Self, InvalidUri> {
        let uri = Self(text.into());
        uri.check(UriRules::LOOSE)?;
        Ok(uri)
    }

    /// Makes a pattern of a text, by the loose rules: components may be empty.
    ///
    /// # Errors
    ///
    /// The text has white space or `#`.
    pub fn pattern(text: impl Into<ByteString>) -> Result<Self, InvalidUri> {
        let uri = Self(text.into());
        uri.check(UriRules::LOOSE.with_empty(Empty::Any))?;
        Ok(uri)
    }

    /// Takes the text as it came from a peer; [`Uri::check`] tells whether it is a URI.
    pub fn from_wire(text: impl Into<ByteString>) -> Self {
        Self(text.into())
    }

    /// Makes a URI of a constant of this crate or of the caller's, which is a URI.
    pub const fn from_static(uri: &'static str) -> Self {
        Self(ByteString::from_static(uri))
    }

    /// Checks the URI against rules.
    ///
    /// # Errors
    ///
    /// It breaks the rules; the error says which.
    pub fn check(&self, rules: UriRules) -> Result<(), InvalidUri> {
        rules.check(&self.0).map_err(|reason| InvalidUri {
            uri: self.clone(),
            reason,
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components: what stands between the dots. An empty URI has one, empty.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// Whether the URI is one of those that the specification reserves: it begins with `wamp.`.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("wamp.")
    }

    /// A copy with octets of its own, which does not keep a received frame alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(ByteString::from((*self.0).to_owned()))
    }
}

impl Deref for Uri {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Uri {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// `Uri` hashes and compares as its text does.
impl Borrow<str> for Uri {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Uri {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Uri {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Uri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Uri {
    type Error = InvalidUri;

    fn try_from(text: &str) -> Result<Self, InvalidUri> {
        Self::new(text)
    }
}

impl TryFrom<String> for Uri {
    type Error = InvalidUri;

    fn try_from(text: String) -> Result<Self, InvalidUri> {
        Self::new(text)
    }
}

impl serde::Serialize for Uri {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Uri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Field for Uri {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        reader.text().map(Self)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.text(self);
    }
}

/// Which characters a URI may have, and which of its components may be empty.
///
/// The default is [`UriRules::LOOSE`], as in Autobahn and Crossbar.io.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UriRules {
    strict: bool,
    empty: Empty,
}

/// Which components of a URI may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Empty {
    /// None: a URI that is called, published to or answered with.
    #[default]
    None,
    /// The last one: a prefix, such as `com.example.`.
    Last,
    /// Any: a wildcard pattern, such as `com..add`.
    Any,
}

/// What an octet may be in.
#[derive(Clone, Copy)]
enum Kind {
    /// Every URI.
    Strict,
    /// A URI by the loose rules.
    Loose,
    /// A character that is not ASCII, by the loose rules.
    NotAscii,
    /// No URI.
    Forbidden,
}

/// The kind of each octet: a look at a table is cheaper than at the ranges, for each octet of each
/// message.
const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Loose; 256];
    let mut octet = 0_u8;
    loop {
        kinds[octet as usize] = match octet {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' => Kind::Strict,
            b'#' | 0x09..=0x0d | 0x1c..=0x20 => Kind::Forbidden,
            0x80.. => Kind::NotAscii,
            _ => Kind::Loose,
        };
        if octet == u8::MAX {
            break kinds;
        }
        octet += 1;
    }
};

impl UriRules {
    /// Any character but white space, `#` and the dot.
    pub const LOOSE: Self = Self {
        strict: false,
        empty: Empty::None,
    };

    /// Lower case letters `a` to `z`, digits and the underscore, as the specification recommends.
    pub const STRICT: Self = Self {
        strict: true,
        empty: Empty::None,
    };

    /// The same characters, with other rules for empty components.
    #[must_use]
    pub const fn with_empty(self, empty: Empty) -> Self {
        Self { empty, ..self }
    }

    /// Whether these are the strict rules.
    pub const fn is_strict(self) -> bool {
        self.strict
    }

    fn check(self, text: &str) -> Result<(), InvalidUriReason> {
        // Most URIs are ASCII: one pass over octets, and characters only where there are others.
        let mut ascii = true;
        let (mut previous, mut empty_inside) = (b'.', false);
        for &octet in text.as_bytes() {
            empty_inside |= octet == b'.' && previous == b'.';
            previous = octet;
            match KINDS[usize::from(octet)] {
                Kind::Strict => {}
                Kind::Forbidden => return Err(InvalidUriReason::Character),
                _ if self.strict => return Err(InvalidUriReason::NotStrict),
                Kind::Loose => {}
                Kind::NotAscii => ascii = false,
            }
        }
        if !ascii && text.chars().any(char::is_whitespace) {
            return Err(InvalidUriReason::Character);
        }
        match self.empty {
            Empty::Any => Ok(()),
            Empty::Last if empty_inside => Err(InvalidUriReason::EmptyComponent),
            Empty::Last => Ok(()),
            // An empty text ends with an empty component, too.
            Empty::None if previous == b'.' || empty_inside => {
                Err(InvalidUriReason::EmptyComponent)
            }
            Empty::None => Ok(()),
        }
    }
}

/// Whether a text may be the name of a realm, by the rules that Crossbar.io has for them.
///
/// A letter and then 2 to 254 letters, digits, `_`, `-`, `@` and dots; or an Ethereum address,
/// `0x` and 40 hexadecimal digits, where `allow_ethereum` is set.
pub fn is_realm_name(name: &str, allow_ethereum: bool) -> bool {
    let mut octets = name.bytes();
    let standalone = (3..=255).contains(&name.len())
        && octets
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        && octets.all(|octet| octet.is_ascii_alphanumeric() || b"_-@.".contains(&octet));
    let address = name
        .strip_prefix("0x")
        .is_some_and(|hex| hex.len() == 40 && hex.bytes().all(|octet| octet.is_ascii_hexdigit()));
    standalone || (allow_ethereum && address)
}

/// A text that is no URI where one is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{uri:?} is not a valid URI here: {reason}")]
pub struct InvalidUri {
    uri: Uri,
    reason: InvalidUriReason,
}

impl InvalidUri {
    /// The text.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum InvalidUriReason {
    #[error("it has white space or '#'")]
    Character,
    #[error("it has an empty component")]
    EmptyComponent,
    #[error("strict URIs have only a-z, 0-9 and '_' in their components")]
    NotStrict,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(text: &'static str, rules: UriRules) -> [bool; 3] {
        [Empty::None, Empty::Last, Empty::Any].map(|empty| {
            Uri::from_static(text)
                .check(rules.with_empty(empty))
                .is_ok()
        })
    }

    #[test]
    fn empty_components_are_allowed_where_the_rules_say_so() {
        assert_eq!(valid("a.b", UriRules::LOOSE), [true, true, true]);
        assert_eq!(valid("", UriRules::LOOSE), [false, true, true]);
        assert_eq!(valid("a.", UriRules::LOOSE), [false, true, true]);
        assert_eq!(valid(".a", UriRules::LOOSE), [false, false, true]);
        assert_eq!(valid("a..b", UriRules::LOOSE), [false, false, true]);
        assert_eq!(valid("a..", UriRules::LOOSE), [false, false, true]);
        assert_eq!(valid(".", UriRules::LOOSE), [false, false, true]);
    }

    #[test]
    fn strict_rules_want_lower_case_and_loose_ones_do_not() {
        for uri in ["com.MyApp", "com.my-app", "com.example.ü", "com/a"] {
            assert_eq!(valid(uri, UriRules::LOOSE), [true; 3], "{uri}");
            assert_eq!(valid(uri, UriRules::STRICT), [false; 3], "{uri}");
        }
    }

    #[test]
    fn white_space_and_hashes_are_never_allowed() {
        for uri in [
            "com.my app",
            "com.a\n",
            "com.#",
            "com.a\u{a0}b",
            "com.a\u{2003}b",
        ] {
            assert_eq!(valid(uri, UriRules::LOOSE), [false; 3], "{uri}");
        }
    }
}
