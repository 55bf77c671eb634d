//! Values: what an argument is when it has no Rust type of its own.

mod convert;
mod serde;

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use indexmap::IndexMap;

pub use self::serde::ValueError;

/// Any value that WAMP can carry.
///
/// Integers compare by their value: `Integer(5)` equals `Unsigned(5)`. Those that fit are held as
/// [`Value::Integer`] when they are read or converted.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_enums, reason = "the data model of WAMP is closed")]
pub enum Value {
    /// Null.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 64 bits with a sign.
    Integer(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// A float of 64 bits.
    Float(f64),
    /// A text.
    String(String),
    /// A byte string.
    Bytes(Bytes),
    /// A list.
    List(Vec<Self>),
    /// A dict.
    Dict(Dict),
}

impl Value {
    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Unsigned(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The integer, if it is one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(value) => u64::try_from(*value).ok(),
            Self::Unsigned(value) => Some(*value),
            _ => None,
        }
    }

    /// The float, if it is one; an integer is none.
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The byte string, if it is one.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(octets) => Some(octets),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The dict, if it is one.
    pub const fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Dict(a), Self::Dict(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Unsigned(a), Self::Unsigned(b)) => a == b,
            (Self::Integer(a), Self::Unsigned(b)) | (Self::Unsigned(b), Self::Integer(a)) => {
                u64::try_from(*a) == Ok(*b)
            }
            _ => false,
        }
    }
}

/// A dict of values, in the order in which its keys were inserted or read.
///
/// Inserting a key again replaces the value and keeps the place. Two dicts are equal when they
/// have the same pairs, in whatever order. As long as it is empty it is one word.
#[derive(Clone, Default)]
pub struct Dict(Option<Box<IndexMap<String, Value>>>);

impl Dict {
    /// An empty dict. It allocates nothing.
    pub const fn new() -> Self {
        Self(None)
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |pairs| pairs.len())
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.as_mut()?.get_mut(key)
    }

    /// Sets the value of a key, and returns the one it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0
            .get_or_insert_default()
            .insert(key.into(), value.into())
    }

    /// Takes a pair out; those behind it keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.as_mut()?.shift_remove(key)
    }

    /// Whether the key is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The pairs in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Value)> {
        self.into_iter()
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &String> {
        self.iter().map(|(key, _)| key)
    }
}

impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(key, value)| other.get(key) == Some(value))
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<'a> IntoIterator for &'a Dict {
    type Item = (&'a String, &'a Value);
    type IntoIter = indexmap::map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0
            .as_ref()
            .map(|pairs| pairs.iter())
            .unwrap_or_default()
    }
}

impl IntoIterator for Dict {
    type Item = (String, Value);
    type IntoIter = indexmap::map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map_or_else(
            || IndexMap::<String, Value>::default().into_iter(),
            |pairs| pairs.into_iter(),
        )
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut dict = Self::new();
        for (key, value) in pairs {
            dict.insert(key, value);
        }
        dict
    }
}

impl std::ops::Index<&str> for Dict {
    type Output = Value;

    /// The value of a key; null where there is none.
    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&Value::Null)
    }
}

/// A byte string among typed arguments, in every format: in JSON too.
///
/// `Vec<u8>` is a list of integers to serde, in every format. This is a byte string.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Bytes>> From<T> for Binary {
    fn from(octets: T) -> Self {
        Self(octets.into())
    }
}

/// Makes positional arguments of values: `args![1, "two", 3.0]` is a `Vec<Value>`.
///
/// ```
/// use wamp_messages::{args, Value};
///
/// assert_eq!(args![1, "two"], [Value::Integer(1), Value::String("two".into())]);
/// ```
#[macro_export]
macro_rules! args {
    () => { ::std::vec::Vec::<$crate::Value>::new() };
    ($($value:expr),* $(,)?) => {
        <[_]>::into_vec(::std::boxed::Box::new([$($crate::Value::from($value)),*]))
    };
}

/// Makes keyword arguments of names and values: `kwargs! { name: "Joe", age: 7 }` is a `Dict`.
///
/// A variable of the same name as its key is named once.
///
/// ```
/// use wamp_messages::{kwargs, Value};
///
/// let name = "Joe";
/// let kwargs = kwargs! { name, "first-seen": 7 };
/// assert_eq!(kwargs.get("name"), Some(&Value::String("Joe".into())));
/// assert_eq!(kwargs.get("first-seen"), Some(&Value::Integer(7)));
/// ```
#[macro_export]
macro_rules! kwargs {
    (@key $key:ident) => { ::core::stringify!($key) };
    (@key $key:literal) => { $key };
    (@insert $dict:ident) => {};
    (@insert $dict:ident $key:tt : $value:expr $(, $($rest:tt)*)?) => {
        $dict.insert($crate::kwargs!(@key $key), $value);
        $crate::kwargs!(@insert $dict $($($rest)*)?);
    };
    (@insert $dict:ident $key:ident $(, $($rest:tt)*)?) => {
        $crate::kwargs!(@insert $dict $key: $key $(, $($rest)*)?);
    };
    ($($pairs:tt)*) => {{
        #[allow(unused_mut)]
        let mut dict = $crate::Dict::new();
        $crate::kwargs!(@insert dict $($pairs)*);
        dict
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_compare_by_value() {
        assert_eq!(Value::Integer(5), Value::Unsigned(5));
        assert_ne!(Value::Integer(-1), Value::Unsigned(u64::MAX));
        assert_ne!(Value::Integer(1), Value::Float(1.0));
    }

    #[test]
    fn keyword_arguments_may_be_named_by_their_variables() {
        let (left, right) = (1, "two");
        let pairs = |dict: Dict| -> Vec<String> {
            dict.iter()
                .map(|(key, value)| format!("{key}={value:?}"))
                .collect()
        };
        let both = pairs(kwargs! { left: 1, right: "two" });
        assert_eq!(pairs(kwargs! { left, right }), both);
        assert_eq!(pairs(kwargs! { left, right: "two", }), both);
        assert_eq!(pairs(kwargs! { left: 1, right, }), both);
        assert_eq!(pairs(kwargs! { "left": left, right }), both);
        assert!(kwargs! {}.is_empty());
    }

    #[test]
    fn the_last_of_equal_keys_wins_and_the_order_is_kept() {
        let mut dict = kwargs! { b: 1, a: 2 };
        dict.insert("b", 3);
        assert_eq!(dict.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(dict["b"], Value::Integer(3));
        assert!(dict["missing"].is_null());
    }
}
