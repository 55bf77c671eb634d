//! One serde deserializer in front of those of the formats: the counterpart of `serialize`.
//!
//! The formats describe themselves, so everything is read as what it is, and handed to the type as
//! what it asked for: an enum and an option look the same in all formats, byte strings in JSON are
//! found, and a `Vec<u8>` reads a byte string too.

use std::fmt;

use serde::de::value::{
    BytesDeserializer, MapAccessDeserializer, SeqAccessDeserializer, SeqDeserializer,
};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};

use super::extension;
use super::key::KeySeed;

/// A deserializer of a format, with the rules in front.
#[derive(Clone, Copy)]
pub(super) struct Typed<D> {
    pub(super) inner: D,
    /// Whether the format is JSON, in which a string that begins with NUL is a byte string.
    pub(super) json: bool,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Typed<D> {
    type Error = D::Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let json = self.json;
        let bytes_as_list = false;
        self.inner.deserialize_any(Plain {
            visitor,
            json,
            bytes_as_list,
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let json = self.json;
        let bytes_as_list = true;
        self.inner.deserialize_any(Plain {
            visitor,
            json,
            bytes_as_list,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let json = self.json;
        self.inner.deserialize_any(Optional { visitor, json })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let json = self.json;
        self.inner.deserialize_any(Variant { visitor, json })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple_struct map struct identifier
    }
}

/// A seed whose deserializer has the rules in front.
pub(super) struct Seed<S> {
    pub(super) seed: S,
    pub(super) json: bool,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let json = self.json;
        self.seed.deserialize(Typed { inner, json })
    }
}

/// The elements of a list or the pairs of a dict, each with the rules in front.
pub(super) struct Access<A> {
    pub(super) inner: A,
    pub(super) json: bool,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Access<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let json = self.json;
        self.inner.next_element_seed(Seed { seed, json })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Access<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(KeySeed(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let json = self.json;
        self.inner.next_value_seed(Seed { seed, json })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Forwards the numbers to a method of its own, which takes anything that is a deserializer.
macro_rules! forward_numbers {
    () => {
        forward_numbers! {
            visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128,
            visit_f32: f32, visit_f64: f64
        }
    };
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

/// Hands on what is there.
struct Plain<V> {
    visitor: V,
    json: bool,
    bytes_as_list: bool,
}

impl<V> Plain<V> {
    /// The byte string that a string in JSON stands for.
    fn binary<E: Error>(&self, text: &str) -> Result<Option<Vec<u8>>, E> {
        if !self.json || !text.starts_with('\0') {
            return Ok(None);
        }
        decode_base64(&text[1..])
            .map(Some)
            .ok_or_else(|| E::custom("a string that begins with NUL is not base64"))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Plain<V> {
    type Value = V::Value;

    forward_numbers!();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        match self.binary(text)? {
            Some(octets) => self.visit_byte_buf(octets),
            None => self.visitor.visit_str(text),
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        match self.binary(text)? {
            Some(octets) => self.visit_byte_buf(octets),
            None => self.visitor.visit_borrowed_str(text),
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        match self.binary(&text)? {
            Some(octets) => self.visit_byte_buf(octets),
            None => self.visitor.visit_string(text),
        }
    }

    fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<V::Value, E> {
        if self.bytes_as_list {
            return self.visitor.visit_seq(octet_list(octets));
        }
        self.visitor.visit_bytes(octets)
    }

    fn visit_borrowed_bytes<E: Error>(self, octets: &'de [u8]) -> Result<V::Value, E> {
        if self.bytes_as_list {
            return self.visitor.visit_seq(octet_list(octets));
        }
        self.visitor.visit_borrowed_bytes(octets)
    }

    fn visit_byte_buf<E: Error>(self, octets: Vec<u8>) -> Result<V::Value, E> {
        if self.bytes_as_list {
            return self.visitor.visit_seq(octet_list(&octets));
        }
        self.visitor.visit_byte_buf(octets)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let json = self.json;
        self.visitor.visit_some(Typed { inner, json })
    }

    /// An extension of MessagePack comes this way.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        match extension::read(inner)? {
            Some(extension) => self.visitor.visit_seq(extension.into_list()),
            None => self.visitor.visit_unit(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let json = self.json;
        self.visitor.visit_seq(Access { inner, json })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let json = self.json;
        self.visitor.visit_map(Access { inner, json })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(access)
    }
}

fn octet_list<E: Error>(octets: &[u8]) -> SeqDeserializer<impl Iterator<Item = u8>, E> {
    SeqDeserializer::new(octets.iter().copied())
}

#[cfg(feature = "json")]
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64.decode(text.as_bytes()).ok()
}

#[cfg(not(feature = "json"))]
const fn decode_base64(_: &str) -> Option<Vec<u8>> {
    None
}

/// Hands on null as nothing, and all else as something.
struct Optional<V> {
    visitor: V,
    json: bool,
}

impl<'de, V: Visitor<'de>> Optional<V> {
    fn some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let json = self.json;
        self.visitor.visit_some(Typed { inner, json })
    }
}

macro_rules! some_numbers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.some(value.into_deserializer())
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Optional<V> {
    type Value = V::Value;

    some_numbers! {
        visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128,
        visit_f32: f32, visit_f64: f64, visit_str: &str, visit_string: String
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<V::Value, E> {
        self.some(BytesDeserializer::new(octets))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.some(inner)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        match extension::read(inner)? {
            Some(extension) => self.some(SeqAccessDeserializer::new(extension.into_list())),
            None => self.visitor.visit_none(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.some(SeqAccessDeserializer::new(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.some(MapAccessDeserializer::new(map))
    }
}

/// Hands on the name of a variant, or a dict of one name and the variant's data.
struct Variant<V> {
    visitor: V,
    json: bool,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Variant<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a variant, or a dictionary of one pair")
    }

    fn visit_str<E: Error>(self, variant: &str) -> Result<V::Value, E> {
        self.visitor.visit_enum(variant.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut inner: A) -> Result<V::Value, A::Error> {
        let json = self.json;
        let access = Access {
            inner: &mut inner,
            json,
        };
        let value = self
            .visitor
            .visit_enum(MapAccessDeserializer::new(access))?;
        if inner.next_key_seed(KeySeed(IgnoredSeed))?.is_some() {
            return Err(A::Error::invalid_value(
                Unexpected::Map,
                &"a dictionary of one pair, the variant's",
            ));
        }
        Ok(value)
    }
}

struct IgnoredSeed;

impl<'de> DeserializeSeed<'de> for IgnoredSeed {
    type Value = IgnoredAny;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<IgnoredAny, D::Error> {
        inner.deserialize_ignored_any(IgnoredAny)
    }
}
