//! Text that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

use crate::wire::{DecodeError, Field, Reader, Writer};

/// A secret: a ticket, a signature, a token.
///
/// It is overwritten when dropped, and its `Debug` shows only that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself. Do not log it; compare it in constant time.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Secret {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Field for Secret {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        Ok(Self::new(reader.text()?.as_ref() as &str))
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.text(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_secret() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }
}
