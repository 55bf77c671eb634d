//! Options that take no room as long as there are none.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::wire::{DecodeError, Field, Reader, Writer};

/// Options or details of a message, of which mostly none is set: one word as long as that is so.
///
/// It is read and written as what it holds; what is written first allocates. Clones share what they
/// hold until one of them is written.
///
/// ```
/// use wamp_messages::options::{CallOptions, Sparse};
///
/// let mut options: Sparse<CallOptions> = Sparse::default();
/// assert_eq!(options.timeout, None);
/// options.timeout = Some(5_000);
/// assert_eq!(options.timeout, Some(5_000));
/// ```
#[derive(Clone)]
pub struct Sparse<T>(Option<Arc<T>>);

/// Options or details, as pairs that each may be missing.
pub(crate) trait Pairs: Field + Clone + Default + 'static {
    /// None of them is set.
    const EMPTY: &'static Self;

    /// Reads the next pair.
    fn read_pair<'de, R: Reader<'de>>(&mut self, reader: &mut R) -> Result<(), DecodeError>;
}

impl<T> Sparse<T> {
    /// Nothing is set.
    pub const fn empty() -> Self {
        Self(None)
    }
}

impl<T: Clone + Default> Sparse<T> {
    /// What it holds.
    pub fn into_inner(self) -> T {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

impl<T: Pairs> Field for Sparse<T> {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let mut options = Self::empty();
        reader.dict()?;
        while reader.more()? {
            options.read_pair(reader)?;
        }
        Ok(options)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        match &self.0 {
            Some(options) => options.write(writer),
            // As a rule there are none, and nobody has to look at each of them to know.
            None => {
                writer.dict(0);
                writer.end_dict();
            }
        }
    }
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T> From<T> for Sparse<T> {
    fn from(options: T) -> Self {
        Self(Some(Arc::new(options)))
    }
}

impl<T: Pairs> Deref for Sparse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Pairs> DerefMut for Sparse<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl<T: Pairs + PartialEq> PartialEq for Sparse<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            _ => **self == **other,
        }
    }
}

impl<T: Pairs + fmt::Debug> fmt::Debug for Sparse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: Pairs + PartialEq> PartialEq<T> for Sparse<T> {
    fn eq(&self, other: &T) -> bool {
        **self == *other
    }
}
