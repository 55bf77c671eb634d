//! Requests and their ids, in the session scope.

use std::collections::HashMap;

use wamp_messages::RequestId;

/// The requests of one session that wait for an answer.
///
/// Ids are sequential from 1. An id above the last one given was never used; one at or below it,
/// with no entry, belongs to a request that nobody waits for any more.
#[derive(Debug)]
pub struct Requests<P> {
    last: RequestId,
    wrapped: bool,
    pending: HashMap<RequestId, P>,
}

impl<P> Default for Requests<P> {
    fn default() -> Self {
        Self {
            last: RequestId::ZERO,
            wrapped: false,
            pending: HashMap::new(),
        }
    }
}

impl<P> Requests<P> {
    /// Takes the next id.
    pub const fn next_id(&mut self) -> RequestId {
        let next = self.last.next();
        self.wrapped |= next.as_u64() < self.last.as_u64();
        self.last = next;
        next
    }

    /// Enters a request under the next id.
    pub fn open(&mut self, pending: P) -> RequestId {
        let id = self.next_id();
        self.pending.insert(id, pending);
        id
    }

    /// Takes a request out.
    pub fn take(&mut self, id: RequestId) -> Option<P> {
        self.pending.remove(&id)
    }

    /// A request that waits.
    pub fn find(&self, id: RequestId) -> Option<&P> {
        self.pending.get(&id)
    }

    /// Whether the id was given to a request.
    pub fn was_opened(&self, id: RequestId) -> bool {
        !id.is_zero() && (self.wrapped || id <= self.last)
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes all requests out.
    pub fn drain(&mut self) -> Vec<P> {
        self.pending.drain().map(|(_, pending)| pending).collect()
    }
}
