//! One serde serializer in front of those of the formats, so that a type has one form in all.
//!
//! What it evens out: dicts have text as keys, whatever the type of the key; integers have at most
//! 64 bits; a type that has a form for humans and one for machines (an IP address) has the first
//! everywhere, because a router rewrites payloads from one format to another; and what JSON has no
//! form for is refused instead of being written as something else.

use std::cell::Cell;

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::MAX_DEPTH;
use super::key::Key;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The positional arguments: a list.
    Args,
    /// The keyword arguments: a dict.
    Kwargs,
    /// A value within them.
    Any,
}

/// What the values of one payload have in common.
#[derive(Debug)]
pub(super) struct Rules {
    /// Whether the format is JSON.
    pub(super) json: bool,
    /// What the format has no form for, once it was met.
    pub(super) refused: Cell<Option<&'static str>>,
}

impl Rules {
    pub(super) const fn new(json: bool) -> Self {
        Self {
            json,
            refused: Cell::new(None),
        }
    }

    fn refuse<E: serde::ser::Error>(&self, what: &'static str) -> E {
        self.refused.set(Some(what));
        E::custom(what)
    }
}

/// A serializer of a format, with the rules in front.
pub(super) struct TypedSerializer<'r, S> {
    inner: S,
    rules: &'r Rules,
    shape: Shape,
    depth: usize,
}

impl<'r, S: Serializer> TypedSerializer<'r, S> {
    pub(super) const fn new(inner: S, rules: &'r Rules, shape: Shape) -> Self {
        Self {
            inner,
            rules,
            shape,
            depth: 0,
        }
    }

    /// Lets a value pass that is neither a list nor a dict.
    fn scalar(&self, what: &str) -> Result<(), S::Error> {
        self.only(Shape::Any, what)
    }

    /// Lets a value pass where its shape is wanted, or any.
    fn only(&self, shape: Shape, what: &str) -> Result<(), S::Error> {
        match self.shape {
            Shape::Any => Ok(()),
            wanted if wanted == shape => Ok(()),
            Shape::Args => Err(S::Error::custom(format_args!(
                "arguments must be a list or a tuple, not {what}"
            ))),
            Shape::Kwargs => Err(S::Error::custom(format_args!(
                "keyword arguments must be a struct or a map, not {what}"
            ))),
        }
    }

    /// The depth within the value, if it may be that deep.
    fn enter(&self, levels: usize) -> Result<usize, S::Error> {
        let depth = self.depth + levels;
        if depth > MAX_DEPTH {
            return Err(S::Error::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(depth)
    }

    fn text(&self, text: &str) -> Result<(), S::Error> {
        if self.rules.json && text.starts_with('\0') {
            return Err(self.rules.refuse("a string that begins with NUL"));
        }
        Ok(())
    }

    fn list<C>(
        self,
        len: Option<usize>,
        levels: usize,
        begin: impl FnOnce(S) -> Result<C, S::Error>,
    ) -> Result<Compound<'r, C>, S::Error> {
        let depth = self.enter(levels)?;
        Ok(Compound {
            inner: begin(self.inner)?,
            rules: self.rules,
            depth,
            declared: len,
            written: 0,
        })
    }
}

impl<'r, S: Serializer> Serializer for TypedSerializer<'r, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'r, S::SerializeSeq>;
    type SerializeTuple = Compound<'r, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'r, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'r, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'r, S::SerializeMap>;
    type SerializeStruct = Compound<'r, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'r, S::SerializeStructVariant>;

    fn is_human_readable(&self) -> bool {
        true
    }

    fn serialize_bool(self, value: bool) -> Result<S::Ok, S::Error> {
        self.scalar("a boolean")?;
        self.inner.serialize_bool(value)
    }

    fn serialize_i8(self, value: i8) -> Result<S::Ok, S::Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<S::Ok, S::Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<S::Ok, S::Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<S::Ok, S::Error> {
        self.scalar("an integer")?;
        self.inner.serialize_i64(value)
    }

    fn serialize_i128(self, value: i128) -> Result<S::Ok, S::Error> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.serialize_i64(value),
            (_, Ok(value)) => self.serialize_u64(value),
            _ => Err(self.rules.refuse("an integer of more than 64 bits")),
        }
    }

    fn serialize_u8(self, value: u8) -> Result<S::Ok, S::Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<S::Ok, S::Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<S::Ok, S::Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<S::Ok, S::Error> {
        self.scalar("an integer")?;
        self.inner.serialize_u64(value)
    }

    fn serialize_u128(self, value: u128) -> Result<S::Ok, S::Error> {
        match u64::try_from(value) {
            Ok(value) => self.serialize_u64(value),
            Err(_) => Err(self.rules.refuse("an integer of more than 64 bits")),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if self.rules.json {
            // The digits of a float of 32 bits name another one of 64.
            return self.serialize_f64(value.into());
        }
        self.scalar("a float")?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.scalar("a float")?;
        if self.rules.json && value.is_nan() {
            return Err(self.rules.refuse("NaN"));
        }
        if self.rules.json && value.is_infinite() {
            return Err(self.rules.refuse("an infinite number"));
        }
        self.inner.serialize_f64(value)
    }

    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        self.scalar("a string")?;
        self.text(text)?;
        self.inner.serialize_str(text)
    }

    fn serialize_bytes(self, octets: &[u8]) -> Result<S::Ok, S::Error> {
        self.scalar("a byte string")?;
        self.inner.serialize_bytes(octets)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        match self.shape {
            Shape::Any => self.inner.serialize_unit(),
            Shape::Args => self.inner.serialize_seq(Some(0))?.end(),
            Shape::Kwargs => self.inner.serialize_map(Some(0))?.end(),
        }
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<S::Ok, S::Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.serialize_str(variant)
    }

    /// The name is of no meaning: that of rmp-serde for extension types and the like is one format's.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.scalar("an enum")?;
        let value = Nested {
            value,
            rules: self.rules,
            depth: self.enter(1)?,
        };
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.only(Shape::Args, "a list")?;
        self.list(len, 1, |inner| inner.serialize_seq(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.only(Shape::Args, "a tuple")?;
        self.list(Some(len), 1, |inner| inner.serialize_tuple(len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.only(Shape::Args, "a tuple struct")?;
        self.list(Some(len), 1, |inner| {
            inner.serialize_tuple_struct(name, len)
        })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.scalar("an enum")?;
        self.list(Some(len), 2, |inner| {
            inner.serialize_tuple_variant(name, index, variant, len)
        })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.only(Shape::Kwargs, "a map")?;
        self.list(len, 1, |inner| inner.serialize_map(len))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.only(Shape::Kwargs, "a struct")?;
        self.list(Some(len), 1, |inner| inner.serialize_struct(name, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.scalar("an enum")?;
        self.list(Some(len), 2, |inner| {
            inner.serialize_struct_variant(name, index, variant, len)
        })
    }
}

/// A value within another.
struct Nested<'a, 'r, T: ?Sized> {
    value: &'a T,
    rules: &'r Rules,
    depth: usize,
}

impl<T: Serialize + ?Sized> Serialize for Nested<'_, '_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(TypedSerializer {
            inner: serializer,
            rules: self.rules,
            shape: Shape::Any,
            depth: self.depth,
        })
    }
}

/// A list or dict that is being written.
pub(super) struct Compound<'r, C> {
    inner: C,
    rules: &'r Rules,
    depth: usize,
    /// How many elements or pairs it was said to have.
    declared: Option<usize>,
    written: usize,
}

impl<'r, C> Compound<'r, C> {
    const fn nested<'a, T: ?Sized>(&mut self, value: &'a T) -> Nested<'a, 'r, T> {
        self.written += 1;
        Nested {
            value,
            rules: self.rules,
            depth: self.depth,
        }
    }

    /// Refuses a count that is not the declared one, which is on the wire already.
    fn complete<E: serde::ser::Error>(self) -> Result<C, E> {
        match self.declared {
            Some(declared) if declared != self.written => Err(E::custom(format_args!(
                "its Serialize announces {declared} elements and writes {}",
                self.written
            ))),
            _ => Ok(self.inner),
        }
    }
}

macro_rules! impl_list {
    ($($trait:ident, $method:ident;)*) => {$(
        impl<C: $trait> $trait for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let value = self.nested(value);
                self.inner.$method(&value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.complete()?.end()
            }
        }
    )*};
}

impl_list! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

macro_rules! impl_fields {
    ($($trait:ident),*) => {$(
        impl<C: $trait> $trait for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let value = self.nested(value);
                self.inner.serialize_field(key, &value)
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.complete()?.end()
            }
        }
    )*};
}

impl_fields!(SerializeStruct, SerializeStructVariant);

impl<C: SerializeMap> SerializeMap for Compound<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(&Key(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = self.nested(value);
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.complete()?.end()
    }
}
