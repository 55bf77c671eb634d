//! The extensions of MessagePack, which rmp-serde hands on as a list of their type and octets.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::BytesDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};
use wamp_messages::Binary;

/// An extension, or `None` for the one that implementations in JavaScript write for undefined.
pub(super) fn read<'de, D: Deserializer<'de>>(inner: D) -> Result<Option<Extension>, D::Error> {
    let extension = inner.deserialize_any(ExtensionVisitor)?;
    let undefined = extension.kind == 0 && *extension.octets == [0];
    Ok((!undefined).then_some(extension))
}

pub(super) struct Extension {
    kind: i8,
    octets: Binary,
}

impl Extension {
    /// The extension as the list of its type and its octets.
    pub(super) const fn into_list<E>(self) -> Items<E> {
        Items {
            extension: self,
            at: 0,
            error: PhantomData,
        }
    }
}

struct ExtensionVisitor;

impl<'de> Visitor<'de> for ExtensionVisitor {
    type Value = Extension;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an extension type")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Extension, A::Error> {
        let (Some(kind), Some(octets)) = (seq.next_element()?, seq.next_element()?) else {
            return Err(A::Error::invalid_length(0, &self));
        };
        Ok(Extension { kind, octets })
    }
}

pub(super) struct Items<E> {
    extension: Extension,
    at: usize,
    error: PhantomData<E>,
}

impl<'de, E: Error> SeqAccess<'de> for Items<E> {
    type Error = E;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, E> {
        self.at += 1;
        match self.at {
            1 => seed
                .deserialize(self.extension.kind.into_deserializer())
                .map(Some),
            2 => seed
                .deserialize(BytesDeserializer::new(&self.extension.octets))
                .map(Some),
            _ => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(2_usize.saturating_sub(self.at))
    }
}
