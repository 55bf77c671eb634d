//! The keys of dicts: text on the wire, and whatever the user's type has for them.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::ser::{Error as _, Impossible, Serializer};

/// A key to be written as text.
pub(super) struct Key<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Serialize + ?Sized> Serialize for Key<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(KeySerializer(serializer))
    }
}

struct KeySerializer<S>(S);

impl<S: Serializer> KeySerializer<S> {
    fn refuse(what: &str) -> S::Error {
        S::Error::custom(format_args!(
            "the key of a dictionary must be text, not {what}"
        ))
    }
}

macro_rules! numbers_as_text {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.0.collect_str(&value)
        }
    )*};
}

impl<S: Serializer> Serializer for KeySerializer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = Impossible<S::Ok, S::Error>;

    numbers_as_text! {
        serialize_bool: bool,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char
    }

    fn is_human_readable(&self) -> bool {
        true
    }

    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(text)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_f32(self, _: f32) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("a float"))
    }

    fn serialize_f64(self, _: f64) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("a float"))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("a byte string"))
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("null"))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("null"))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("null"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        Err(Self::refuse("an enum with data"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Err(Self::refuse("a list"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, S::Error> {
        Err(Self::refuse("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Err(Self::refuse("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Err(Self::refuse("an enum with data"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Err(Self::refuse("a dictionary"))
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        Err(Self::refuse("a struct"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Err(Self::refuse("an enum with data"))
    }
}

/// Reads a key with the seed of the user's type.
pub(super) struct KeySeed<K>(pub(super) K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<K::Value, D::Error> {
        self.0.deserialize(KeyDeserializer(inner))
    }
}

/// The deserializer of a key: text, or an integer (which MessagePack and CBOR have) as its digits.
struct KeyDeserializer<D>(D);

macro_rules! text_as_numbers {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(NumberKey(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for KeyDeserializer<D> {
    type Error = D::Error;

    text_as_numbers! {
        deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64, deserialize_i128,
        deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128,
        deserialize_bool
    }

    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(TextKey(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
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
        self.0.deserialize_any(VariantKey(visitor))
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// Hands a key on as text.
struct TextKey<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for TextKey<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text as the key of a dictionary")
    }

    fn visit_i64<E: serde::de::Error>(self, key: i64) -> Result<V::Value, E> {
        self.0.visit_string(key.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, key: u64) -> Result<V::Value, E> {
        self.0.visit_string(key.to_string())
    }

    fn visit_i128<E: serde::de::Error>(self, key: i128) -> Result<V::Value, E> {
        self.0.visit_string(key.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<V::Value, E> {
        self.0.visit_str(key)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<V::Value, E> {
        self.0.visit_borrowed_str(key)
    }

    fn visit_string<E: serde::de::Error>(self, key: String) -> Result<V::Value, E> {
        self.0.visit_string(key)
    }
}

/// Hands a key on as a number or boolean, if its text is one.
struct NumberKey<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for NumberKey<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_i64<E: serde::de::Error>(self, key: i64) -> Result<V::Value, E> {
        self.0.visit_i64(key)
    }

    fn visit_u64<E: serde::de::Error>(self, key: u64) -> Result<V::Value, E> {
        self.0.visit_u64(key)
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<V::Value, E> {
        if let Ok(number) = key.parse() {
            self.0.visit_u64(number)
        } else if let Ok(number) = key.parse() {
            self.0.visit_i64(number)
        } else if let Ok(number) = key.parse() {
            self.0.visit_i128(number)
        } else if let Ok(number) = key.parse() {
            self.0.visit_u128(number)
        } else if let Ok(boolean) = key.parse() {
            self.0.visit_bool(boolean)
        } else {
            self.0.visit_str(key)
        }
    }
}

/// Hands a key on as the variant of an enum.
struct VariantKey<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for VariantKey<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a variant as the key of a dictionary")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<V::Value, E> {
        self.0.visit_enum(key.into_deserializer())
    }
}

/// Reads the key at a place of a dict, to name it in an error.
pub(super) struct NthKey(pub(super) usize);

impl<'de> Visitor<'de> for NthKey {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dictionary")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(
        self,
        mut map: A,
    ) -> Result<Option<String>, A::Error> {
        let (mut found, mut place) = (None, 0);
        while let Some(key) = map.next_key_seed(KeySeed(PhantomData::<String>))? {
            map.next_value::<serde::de::IgnoredAny>()?;
            if place == self.0 {
                found = Some(key);
            }
            place += 1;
        }
        Ok(found)
    }
}
