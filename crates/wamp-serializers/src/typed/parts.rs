//! The outermost lists and dicts, of which an error names the place.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::deserialize::{Seed, Typed};

/// The arguments or keyword arguments of a payload, to be read into one type.
pub(super) struct Part<'p, D> {
    pub(super) inner: D,
    pub(super) json: bool,
    /// Whether there is nothing in it.
    pub(super) empty: bool,
    /// The place, from 0, of the argument that is being read.
    pub(super) place: &'p Cell<Option<usize>>,
}

impl<'p, 'de, D: Deserializer<'de>> Part<'p, D> {
    fn read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (json, place) = (self.json, self.place);
        let inner = Typed {
            inner: self.inner,
            json,
        };
        inner.deserialize_any(PartVisitor { visitor, place })
    }

    fn empty<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(NothingIn)?;
        visitor.visit_unit()
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Part<'_, D> {
    type Error = D::Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.read(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.empty(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.empty(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        if self.empty {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Reads a list or dict in which nothing is.
struct NothingIn;

impl<'de> Visitor<'de> for NothingIn {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut found = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        too_many(0, found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = 0;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            found += 1;
        }
        too_many(0, found)
    }
}

fn too_many<E: Error>(wanted: usize, found: usize) -> Result<(), E> {
    if found > wanted {
        return Err(E::custom(format_args!("expected {wanted}, found {found}")));
    }
    Ok(())
}

struct PartVisitor<'p, V> {
    visitor: V,
    place: &'p Cell<Option<usize>>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for PartVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let mut items = Counted {
            inner,
            place: self.place,
            read: 0,
        };
        let value = self.visitor.visit_seq(&mut items)?;
        let wanted = items.read;
        let mut found = wanted;
        while items.inner.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        too_many(wanted, found)?;
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Counted {
            inner,
            place: self.place,
            read: 0,
        })
    }
}

/// Notes which element or pair is being read.
struct Counted<'p, A> {
    inner: A,
    place: &'p Cell<Option<usize>>,
    read: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.place.set(Some(self.read));
        let element = self.inner.next_element_seed(seed)?;
        self.place.set(None);
        self.read += usize::from(element.is_some());
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.place.set(Some(self.read));
        let value = self.inner.next_value_seed(seed)?;
        self.place.set(None);
        self.read += 1;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Reads the only element of a list.
pub(super) struct Only<T> {
    pub(super) seed: PhantomData<T>,
    pub(super) json: bool,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Only<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of one element")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        let (seed, json) = (self.seed, self.json);
        let value = items.next_element_seed(Seed { seed, json })?;
        value.ok_or_else(|| A::Error::invalid_length(0, &"a list of one element"))
    }
}
