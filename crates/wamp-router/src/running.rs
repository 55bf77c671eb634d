//! A realm that is being served: its routing behind its lock, with the outboxes of its sessions.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use smallvec::SmallVec;
use wamp_auth::RouterAuthenticator;
use wamp_core::{Outbox, Outgoing, Undeliverable, Violation};
use wamp_messages::{Message, Uri};

use crate::config::Realm;
use crate::realm::{Change, Identity, Peer, Routing, Sink};

/// A realm, shared by the connections of its sessions.
///
/// Its one lock covers sessions, broker, dealer and admission to all outboxes, so that messages
/// reach each session in their true order. While it is held nothing is waited for, no payload is
/// touched, no user's code runs, and nobody is woken.
pub(crate) struct RunningRealm {
    pub(crate) name: Uri,
    authenticators: Vec<Arc<dyn RouterAuthenticator>>,
    state: Mutex<State>,
}

struct State {
    routing: Routing,
    tables: TableCounts,
    /// The outbox of each session, by the index of its peer.
    outboxes: Vec<Option<Arc<Outbox>>>,
}

impl RunningRealm {
    pub(crate) fn new(realm: Realm) -> Self {
        let realm = realm.completed();
        let routing = Routing::new(realm.to_config(), Box::new(rand::random::<u64>));
        Self {
            name: realm.name,
            authenticators: realm.authenticators,
            state: Mutex::new(State {
                routing,
                tables: TableCounts::default(),
                outboxes: Vec::new(),
            }),
        }
    }

    /// The first of the methods, in the client's order, that is possible here.
    pub(crate) fn authenticator<'a>(
        &self,
        mut methods: impl Iterator<Item = &'a str>,
    ) -> Option<&dyn RouterAuthenticator> {
        let known = |method: &str| {
            let mut authenticators = self.authenticators.iter();
            authenticators.find(|authenticator| authenticator.method() == method)
        };
        methods.find_map(known).map(|found| &**found)
    }

    pub(crate) fn has_role(&self, authrole: &str) -> bool {
        self.lock().routing.has_role(authrole)
    }

    /// Lets a session in; `welcome` is the first message in its outbox.
    pub(crate) fn join(
        &self,
        identity: Identity,
        outbox: &Arc<Outbox>,
        welcome: Message,
        wakers: &mut Wakers,
    ) -> Peer {
        let mut state = self.lock();
        let peer = state.routing.join(identity);
        if state.outboxes.len() <= peer.index() {
            state.outboxes.resize(peer.index() + 1, None);
        }
        if let Some(place) = state.outboxes.get_mut(peer.index()) {
            *place = Some(Arc::clone(outbox));
        }
        state.with_sink(wakers).1.send(peer, welcome.into());
        peer
    }

    pub(crate) fn handle(
        &self,
        peer: Peer,
        message: Message,
        wakers: &mut Wakers,
    ) -> Result<(), Violation> {
        let mut state = self.lock();
        let (routing, mut sink) = state.with_sink(wakers);
        routing.handle(peer, message, &mut sink)
    }

    pub(crate) fn undeliverable(
        &self,
        peer: Peer,
        message: &Outgoing,
        why: &Undeliverable,
        wakers: &mut Wakers,
    ) {
        let mut state = self.lock();
        let (routing, mut sink) = state.with_sink(wakers);
        routing.undeliverable(peer, message, why, &mut sink);
    }

    pub(crate) fn leave(&self, peer: Peer, wakers: &mut Wakers) {
        let mut state = self.lock();
        if let Some(place) = state.outboxes.get_mut(peer.index()) {
            *place = None;
        }
        let (routing, mut sink) = state.with_sink(wakers);
        routing.leave(peer, &mut sink);
    }

    pub(crate) fn session_count(&self) -> usize {
        self.lock().routing.session_count()
    }

    pub(crate) fn undelivered_events(&self) -> u64 {
        self.lock().routing.undelivered_events()
    }

    pub(crate) fn counts(&self) -> RealmCounts {
        let state = self.lock();
        RealmCounts {
            sessions: state.routing.session_count(),
            subscriptions: state.tables.subscriptions,
            registrations: state.tables.registrations,
            undelivered_events: state.routing.undelivered_events(),
        }
    }

    /// Whether nothing is left of any session.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.routing.is_empty() && state.outboxes.iter().all(Option::is_none)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RunningRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningRealm")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl State {
    fn with_sink<'a>(&'a mut self, wakers: &'a mut Wakers) -> (&'a mut Routing, Delivery<'a>) {
        let delivery = Delivery {
            outboxes: &self.outboxes,
            tables: &mut self.tables,
            wakers,
        };
        (&mut self.routing, delivery)
    }
}

/// Puts messages into outboxes, and keeps the wakers of those whose connections wait.
struct Delivery<'a> {
    outboxes: &'a [Option<Arc<Outbox>>],
    tables: &'a mut TableCounts,
    wakers: &'a mut Wakers,
}

impl Sink for Delivery<'_> {
    fn send(&mut self, to: Peer, message: Outgoing) {
        let Some(Some(outbox)) = self.outboxes.get(to.index()) else {
            return;
        };
        // A closed outbox takes nothing: its connection ends, and with it the session, whose
        // leaving answers whoever waits for it.
        if let Ok(Some(waker)) = outbox.push(message) {
            self.wakers.0.push(waker);
        }
    }

    fn note(&mut self, change: Change) {
        let tables = &mut *self.tables;
        match change {
            Change::Subscribed { is_first, .. } => tables.subscriptions += usize::from(is_first),
            Change::Unsubscribed { is_last, .. } => tables.subscriptions -= usize::from(is_last),
            Change::Registered { is_first, .. } => tables.registrations += usize::from(is_first),
            Change::Unregistered { is_last, .. } => tables.registrations -= usize::from(is_last),
        }
    }
}

/// How long the tables are, kept up by their changes.
#[derive(Debug, Default)]
struct TableCounts {
    subscriptions: usize,
    registrations: usize,
}

/// How much there is on a realm at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RealmCounts {
    /// Sessions.
    pub sessions: usize,
    /// Topics that somebody has subscribed to.
    pub subscriptions: usize,
    /// Procedures that are registered.
    pub registrations: usize,
    /// Events, since the router was made, that could not be sent to one of their receivers, because
    /// it has no form for them or takes no message of this length.
    pub undelivered_events: u64,
}

/// The connections to be woken, each at most once, when no lock is held.
#[derive(Debug, Default)]
pub(crate) struct Wakers(SmallVec<[Waker; 8]>);

impl Wakers {
    /// Wakes them all, but not who is at work already.
    pub(crate) fn wake(&mut self, at_work: Option<&Waker>) {
        for waker in self.0.drain(..) {
            if !at_work.is_some_and(|at_work| at_work.will_wake(&waker)) {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake};

    use wamp_core::OutboxLimits;
    use wamp_messages::message::{Publish, Subscribe};
    use wamp_messages::{Payload, RequestId, Roles, SessionId};

    use super::*;

    /// Counts its wakes, and how many of them came under the lock of the realm.
    struct Witness {
        realm: Arc<RunningRealm>,
        wakes: AtomicUsize,
        wakes_under_the_lock: AtomicUsize,
    }

    impl Wake for Witness {
        fn wake(self: Arc<Self>) {
            self.wakes.fetch_add(1, Ordering::Relaxed);
            if self.realm.state.try_lock().is_err() {
                self.wakes_under_the_lock.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn join(realm: &RunningRealm, wakers: &mut Wakers) -> (Peer, Arc<Outbox>) {
        let identity = Identity {
            session: SessionId::ZERO.next(),
            authid: "somebody".to_owned(),
            authrole: wamp_auth::ANONYMOUS.to_owned(),
            roles: Roles::none(),
        };
        let outbox = Arc::new(Outbox::new(OutboxLimits::default()));
        let welcome = wamp_core::lifecycle::abort(wamp_messages::error_uri::CANCELED, "any");
        let peer = realm.join(identity, &outbox, welcome.into(), wakers);
        (peer, outbox)
    }

    /// Takes out what is in an outbox, and leaves the waker there.
    fn drain(outbox: &Outbox, waker: &Waker) -> Vec<&'static str> {
        let mut names = Vec::new();
        while let Poll::Ready(message) = outbox.poll_pop(&Context::from_waker(waker)) {
            names.push(message.message().name());
        }
        names
    }

    #[test]
    fn a_connection_is_woken_once_for_many_messages_and_not_under_the_lock() {
        let realm = Arc::new(RunningRealm::new(Realm::new("com.example")));
        let mut wakers = Wakers::default();
        let (subscriber, outbox) = join(&realm, &mut wakers);
        let (publisher, _others) = join(&realm, &mut wakers);
        let topic = Uri::from_static("com.example.t");
        let subscribe = Subscribe {
            request: RequestId::ZERO.next(),
            options: Default::default(),
            topic: topic.clone(),
        };
        realm
            .handle(subscriber, subscribe.into(), &mut wakers)
            .unwrap();

        let witness = Arc::new(Witness {
            realm: Arc::clone(&realm),
            wakes: AtomicUsize::new(0),
            wakes_under_the_lock: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&witness));
        drain(&outbox, &waker);
        let mut request = RequestId::ZERO;
        for _ in 0..3 {
            request = request.next();
            let publish = Publish {
                request,
                options: Default::default(),
                topic: topic.clone(),
                payload: Payload::empty(),
            };
            realm
                .handle(publisher, publish.into(), &mut wakers)
                .unwrap();
            assert_eq!(witness.wakes.load(Ordering::Relaxed), 0);
        }
        wakers.wake(None);
        assert_eq!(witness.wakes.load(Ordering::Relaxed), 1);
        assert_eq!(witness.wakes_under_the_lock.load(Ordering::Relaxed), 0);
        assert_eq!(drain(&outbox, &waker), ["EVENT"; 3]);
    }
}
