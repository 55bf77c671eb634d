//! Options that take no room as long as there are none.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

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

/// What may be held by [`Sparse`].
pub(crate) trait Empty: Clone + Default + 'static {
    /// None of it is set.
    const EMPTY: &'static Self;
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

impl<T: Empty> Deref for Sparse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty> DerefMut for Sparse<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl<T: Empty + PartialEq> PartialEq for Sparse<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            _ => **self == **other,
        }
    }
}

impl<T: Empty + fmt::Debug> fmt::Debug for Sparse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: Empty + PartialEq> PartialEq<T> for Sparse<T> {
    fn eq(&self, other: &T) -> bool {
        **self == *other
    }
}
