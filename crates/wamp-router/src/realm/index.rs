//! Which entries a URI leads to.

use std::collections::HashMap;

use wamp_messages::Uri;

use super::arena::Key;

/// The keys of subscriptions or registrations, by the URIs that they are for.
///
/// Broker and dealer ask it what a URI leads to and not how: what matches by prefix and by wildcard
/// is kept beside the exact ones, and found by the same two questions.
#[derive(Debug, Default)]
pub(crate) struct Index {
    exact: HashMap<Uri, Key>,
}

impl Index {
    /// The entry that was made for just this URI.
    pub(crate) fn of(&self, uri: &Uri) -> Option<Key> {
        self.exact.get(uri.as_str()).copied()
    }

    /// Every entry that the URI matches: the events of a topic go to all of them.
    pub(crate) fn all(&self, uri: &Uri) -> impl Iterator<Item = Key> + use<> {
        self.of(uri).into_iter()
    }

    /// The entry that matches the URI best: it gets the calls of a procedure.
    pub(crate) fn best(&self, uri: &Uri) -> Option<Key> {
        self.of(uri)
    }

    pub(crate) fn insert(&mut self, uri: Uri, key: Key) {
        self.exact.insert(uri, key);
    }

    pub(crate) fn remove(&mut self, uri: &Uri) {
        self.exact.remove(uri.as_str());
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }
}
