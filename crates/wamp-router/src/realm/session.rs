//! The sessions of a realm, each with its own part of all tables.

use std::collections::{BTreeMap, BTreeSet};

use wamp_core::Violation;
use wamp_messages::{Message, RequestId, Roles, SessionId};

use super::arena::{Arena, Key};
use crate::dealer::{Call, Invocation};

/// A session of a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Peer(Key);

impl Peer {
    /// A small number that no other session of the realm has at the same time.
    pub(crate) const fn index(self) -> usize {
        self.0.index()
    }
}

/// Who a session is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) session: SessionId,
    pub(crate) authid: String,
    pub(crate) authrole: String,
    /// What the client announced that it can do.
    #[allow(
        dead_code,
        reason = "the Basic Profile asks nobody for a feature; what comes after it does"
    )]
    pub(crate) roles: Roles,
}

/// Every session, with its own part of all tables.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Arena<Session>);

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) identity: Identity,
    /// The highest request id that the client has used: what is not above it is not new.
    last_request: RequestId,
    pub(crate) subscriptions: BTreeSet<Key>,
    pub(crate) registrations: BTreeSet<Key>,
    /// As a caller: what it has called and was not answered yet.
    pub(crate) calls: BTreeMap<RequestId, Call>,
    /// As a callee: what it has to answer.
    pub(crate) invocations: BTreeMap<RequestId, Invocation>,
    /// The id of the INVOCATION it was sent last.
    pub(crate) last_invocation: RequestId,
}

impl Sessions {
    pub(crate) fn insert(&mut self, identity: Identity) -> Peer {
        Peer(self.0.insert(Session::new(identity)))
    }

    pub(crate) fn remove(&mut self, peer: Peer) -> Option<Session> {
        self.0.remove(peer.0)
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn find(&self, peer: Peer) -> Option<&Session> {
        self.0.get(peer.0)
    }

    pub(crate) fn find_mut(&mut self, peer: Peer) -> Option<&mut Session> {
        self.0.get_mut(peer.0)
    }
}

impl Session {
    fn new(identity: Identity) -> Self {
        Self {
            identity,
            last_request: RequestId::ZERO,
            subscriptions: BTreeSet::new(),
            registrations: BTreeSet::new(),
            calls: BTreeMap::new(),
            invocations: BTreeMap::new(),
            last_invocation: RequestId::ZERO,
        }
    }

    /// Takes the id of a new request.
    pub(crate) fn begin(&mut self, request: RequestId, message: &Message) -> Result<(), Violation> {
        let name = message.name();
        let last = self.last_request;
        // Only the request that follows the last id of all is below one that came before it.
        let wraps = request == last.next() && request < last;
        if request <= last && !wraps {
            return Err(Violation(format!(
                "{name} has the request id {request}, and {last} was used before: ids of \
                 requests are sequential"
            )));
        }
        // Once ids have begun again, a call from before may still wait under this one.
        if matches!(message, Message::Call(_)) && self.calls.contains_key(&request) {
            return Err(Violation(format!(
                "{name} has the request id {request}, and the call of this id is not answered yet"
            )));
        }
        self.last_request = request;
        Ok(())
    }
}
