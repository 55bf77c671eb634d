//! From any serializable type to a value, which is what foreign formats write.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use wamp_messages::{Dict, Value};

/// Makes a value of what is serialized. The rules in front leave it text as keys.
pub(super) struct ValueSerializer;

/// What a type's `Serialize` says against it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ValueSerializerError(String);

impl serde::ser::Error for ValueSerializerError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Result<T> = std::result::Result<T, ValueSerializerError>;

macro_rules! values {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<Value> {
            Ok(Value::from(value))
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ValueSerializerError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Pairs;
    type SerializeStruct = Pairs;
    type SerializeStructVariant = Pairs;

    values! {
        serialize_bool: bool,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_str: &str
    }

    fn serialize_char(self, value: char) -> Result<Value> {
        Ok(Value::String(value.to_string()))
    }

    fn serialize_bytes(self, octets: &[u8]) -> Result<Value> {
        Ok(Value::Bytes(Bytes::copy_from_slice(octets)))
    }

    fn serialize_none(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value> {
        Ok(in_variant(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items> {
        Ok(Items::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Items> {
        Ok(Items::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items> {
        Ok(Items::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items> {
        Ok(Items {
            variant: Some(variant),
            ..Items::default()
        })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Pairs> {
        Ok(Pairs::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Pairs> {
        Ok(Pairs::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Pairs> {
        Ok(Pairs {
            variant: Some(variant),
            ..Pairs::default()
        })
    }
}

/// The data of a variant is the only value of a dict, under the variant's name.
fn in_variant(variant: Option<&'static str>, data: Value) -> Value {
    match variant {
        Some(variant) => Value::Dict(Dict::from_iter([(variant, data)])),
        None => data,
    }
}

#[derive(Default)]
pub(super) struct Items {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

macro_rules! impl_items {
    ($($trait:ident, $method:ident;)*) => {$(
        impl $trait for Items {
            type Ok = Value;
            type Error = ValueSerializerError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.items.push(value.serialize(ValueSerializer)?);
                Ok(())
            }

            fn end(self) -> Result<Value> {
                Ok(in_variant(self.variant, Value::List(self.items)))
            }
        }
    )*};
}

impl_items! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

#[derive(Default)]
pub(super) struct Pairs {
    variant: Option<&'static str>,
    key: String,
    pairs: Dict,
}

macro_rules! impl_pairs {
    ($($trait:ident),*) => {$(
        impl $trait for Pairs {
            type Ok = Value;
            type Error = ValueSerializerError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<()> {
                self.pairs.insert(key, value.serialize(ValueSerializer)?);
                Ok(())
            }

            fn end(self) -> Result<Value> {
                Ok(in_variant(self.variant, Value::Dict(self.pairs)))
            }
        }
    )*};
}

impl_pairs!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Pairs {
    type Ok = Value;
    type Error = ValueSerializerError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        match key.serialize(ValueSerializer)? {
            Value::String(key) => self.key = key,
            _ => {
                return Err(serde::ser::Error::custom(
                    "the key of a dictionary must be text",
                ));
            }
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let value = value.serialize(ValueSerializer)?;
        self.pairs.insert(std::mem::take(&mut self.key), value);
        Ok(())
    }

    fn end(self) -> Result<Value> {
        Ok(in_variant(self.variant, Value::Dict(self.pairs)))
    }
}
