//! The router: its realms, and the connections that it serves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use wamp_core::{MemoryTransport, OutboxLimits, Transport};
use wamp_messages::{Format, Uri};

use crate::clock::Clock;
use crate::config::Realm;
use crate::connection::Connection;
use crate::connections::{Connections, Stage};
use crate::metrics::Metrics;
use crate::running::{RealmCounts, RunningRealm};

/// A WAMP router. Clones are handles to the same one.
///
/// It listens to nothing by itself: whoever has a transport gives it to [`Router::accept`], and
/// runs the connection that comes back. [`Router::attach`] does both for a session in this process.
///
/// ```
/// use wamp_router::{Realm, Router};
///
/// let router = Router::builder().realm(Realm::new("com.example")).build();
/// assert_eq!(router.session_count("com.example"), Some(0));
/// ```
///
/// Dropping every handle ends nothing: connections live until they end or their tasks are dropped.
/// [`Router::shutdown`] ends them.
#[derive(Clone)]
pub struct Router(Arc<Inner>);

pub(crate) struct Inner {
    /// Looked at when a session is opened, and by nothing that a session does.
    realms: RwLock<Realms>,
    default_realm: Option<Uri>,
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) clock: Clock,
}

type Realms = HashMap<Uri, Arc<RunningRealm>>;

/// What holds for every connection.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) agent: String,
    pub(crate) handshake_timeout: Duration,
    pub(crate) closing_timeout: Duration,
    pub(crate) outbox: OutboxLimits,
}

impl Router {
    /// Begins a router, which has no realms yet.
    pub fn builder() -> RouterBuilder {
        RouterBuilder::default()
    }

    /// Serves the client at the other end of a transport: the future is to be polled until it ends,
    /// usually by a task of its own, within a tokio runtime that has time enabled.
    ///
    /// It serves one session after the other, and ends when the transport does. While the router
    /// shuts down, clients are sent away with ABORT `wamp.close.system_shutdown`. Dropping the future
    /// ends session and transport at once: whoever waits for the session is answered.
    pub fn accept<T: Transport>(&self, transport: T) -> Connection<T> {
        Connection::new(Arc::clone(&self.0), transport)
    }

    /// Hands out one end of an in-memory transport whose other end is served: messages cross it
    /// without being encoded.
    ///
    /// # Panics
    ///
    /// It is called outside of a tokio runtime.
    pub fn attach(&self) -> MemoryTransport {
        let format = if cfg!(feature = "cbor") {
            Format::Cbor
        } else if cfg!(feature = "msgpack") {
            Format::MsgPack
        } else {
            Format::Json
        };
        let (ours, theirs) = MemoryTransport::pair(&format);
        tokio::spawn(self.accept(ours));
        theirs
    }

    /// Ends all sessions and connections: says GOODBYE with `wamp.close.system_shutdown`, waits for
    /// the answers, at most until `deadline` has passed, and then ends what is left.
    ///
    /// From its start no session is let in any more, also if the future is dropped; then those that
    /// do not answer stay until they end by themselves.
    pub async fn shutdown(&self, deadline: Duration) {
        /// How long tasks have to notice that they are over.
        const LAST: Duration = Duration::from_secs(1);
        let connections = &self.0.connections;
        tracing::info!(connections = connections.count(), "the router shuts down");
        connections.enter(Stage::Closing);
        let closed = tokio::time::timeout(deadline, connections.all_gone()).await;
        if closed.is_err() {
            let left = connections.count();
            tracing::warn!(
                connections = left,
                "some did not end in time, and are ended"
            );
        }
        connections.enter(Stage::Ending);
        if closed.is_err() {
            // A connection that nobody polls cannot end, and is not waited for.
            let _ = tokio::time::timeout(LAST, connections.all_gone()).await;
        }
    }

    /// Adds a realm, or changes the one of that name while it is used.
    ///
    /// No session ends over it, also none that could not join any more: it keeps its role, and all
    /// that it has subscribed to and registered. What it asks for from then on is judged by the
    /// new permissions and limits; where its role is gone it may do nothing. The policy for
    /// [slow consumers](Realm::slow_consumers) holds at once, a [rate](crate::SessionLimits::rate)
    /// for sessions that are opened afterwards.
    ///
    /// ```
    /// use wamp_router::{Permissions, Realm, Router};
    ///
    /// let router = Router::builder().build();
    /// router.set_realm(Realm::new("com.example").role("anonymous", Permissions::none()));
    /// assert_eq!(router.realms(), ["com.example"]);
    /// assert!(router.remove_realm("com.example"));
    /// ```
    pub fn set_realm(&self, realm: Realm) {
        realm.log_oddities();
        let running = match self.0.write_realms().entry(realm.name.clone()) {
            Entry::Occupied(running) => Arc::clone(running.get()),
            Entry::Vacant(place) => {
                tracing::info!(realm = %realm.name, "a realm is added");
                place.insert(Arc::new(RunningRealm::new(realm)));
                return;
            }
        };
        tracing::info!(realm = %running.name, "a realm is changed");
        running.change(realm);
    }

    /// Takes a realm away, and returns whether there was one of that name.
    ///
    /// Its sessions are told by GOODBYE `wamp.close.close_realm`, and their connections end when they
    /// have answered, or after the [closing timeout](RouterBuilder::closing_timeout). Nobody can
    /// join it from then on; a realm that is added under its name is another one.
    pub fn remove_realm(&self, name: &str) -> bool {
        let Some(realm) = self.0.write_realms().remove(name) else {
            return false;
        };
        tracing::info!(realm = %realm.name, "a realm is removed, and its sessions end");
        realm.close();
        // Each connection looks whether it is of that realm.
        self.0.connections.wake_all();
        true
    }

    /// The names of its realms, in alphabetical order.
    pub fn realms(&self) -> Vec<Uri> {
        let mut names: Vec<Uri> = self.0.read_realms().keys().cloned().collect();
        names.sort();
        names
    }

    /// How many sessions a realm has; `None` if there is no such realm.
    pub fn session_count(&self, realm: &str) -> Option<usize> {
        self.0.named(realm).map(|realm| realm.session_count())
    }

    /// How many events of a realm could not be sent to one of their receivers, because it has no
    /// form for them or takes no message of this length; `None` if there is no such realm.
    pub fn undelivered_events(&self, realm: &str) -> Option<u64> {
        self.0.named(realm).map(|realm| realm.undelivered_events())
    }

    /// How much there is on a realm; `None` if there is no such realm.
    pub fn counts(&self, realm: &str) -> Option<RealmCounts> {
        self.0.named(realm).map(|realm| realm.counts())
    }

    /// What it has counted, of itself and of all of its realms.
    ///
    /// It looks into the outbox of every session, and holds nobody up while it does: the lock of a
    /// realm is held for a moment at a time. What happens meanwhile may be in one count and not in
    /// another.
    ///
    /// ```
    /// use wamp_router::{Realm, Router};
    ///
    /// let router = Router::builder().realm(Realm::new("com.example")).build();
    /// let metrics = router.metrics();
    /// let realm = &metrics.realms[0];
    /// assert_eq!(realm.realm, "com.example");
    /// assert_eq!(realm.received.of("CALL"), 0);
    /// ```
    pub fn metrics(&self) -> Metrics {
        let connections = &self.0.connections;
        let mut realms: Vec<_> = self.0.read_realms().values().cloned().collect();
        realms.sort_by(|one, other| one.name.cmp(&other.name));
        Metrics {
            realms: realms.iter().map(|realm| realm.metrics()).collect(),
            transports: connections.metrics(),
            refused_clients: connections.outside.refused(),
            received: connections.outside.received(),
            sent: connections.outside.sent(),
        }
    }

    /// Whether nothing is left of any session.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.read_realms().values().all(|realm| realm.is_empty())
    }
}

impl Inner {
    /// The realm of a name, or the one for clients that name none.
    pub(crate) fn realm(&self, name: Option<&Uri>) -> Option<Arc<RunningRealm>> {
        if let Some(name) = name.or(self.default_realm.as_ref()) {
            return self.named(name);
        }
        let realms = self.read_realms();
        let mut all = realms.values();
        all.next().filter(|_| all.len() == 0).cloned()
    }

    fn named(&self, name: &str) -> Option<Arc<RunningRealm>> {
        self.read_realms().get(name).cloned()
    }

    fn read_realms(&self) -> RwLockReadGuard<'_, Realms> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_realms(&self) -> RwLockWriteGuard<'_, Realms> {
        self.realms.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("realms", &self.realms())
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Router`].
#[derive(Debug, Clone)]
#[must_use = "a router is made by `build`"]
pub struct RouterBuilder {
    realms: Vec<Realm>,
    default_realm: Option<Uri>,
    settings: Settings,
}

impl Default for RouterBuilder {
    fn default() -> Self {
        Self {
            realms: Vec::new(),
            default_realm: None,
            settings: Settings {
                agent: concat!("wamp-router/", env!("CARGO_PKG_VERSION")).to_owned(),
                handshake_timeout: Duration::from_secs(10),
                closing_timeout: Duration::from_secs(5),
                outbox: OutboxLimits::default(),
            },
        }
    }
}

impl RouterBuilder {
    /// Adds a realm, in place of another one of the same name.
    pub fn realm(mut self, realm: Realm) -> Self {
        self.realms.push(realm);
        self
    }

    /// Names the realm for clients that name none. If there is only one realm, it is that one.
    pub fn default_realm(mut self, name: impl AsRef<str>) -> Self {
        self.default_realm = Some(Uri::from_wire(name.as_ref()));
        self
    }

    /// Sets the name and version that clients are told; `wamp-router/` and the version of this
    /// crate by default.
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.settings.agent = agent.into();
        self
    }

    /// Sets how long a client may take until its HELLO, and from there until it is authenticated:
    /// each 10 seconds by default. It is also how long a transport may stay open after GOODBYE.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = timeout;
        self
    }

    /// Sets how long the last messages of a connection and the closing of its transport may take:
    /// 5 seconds by default.
    pub fn closing_timeout(mut self, timeout: Duration) -> Self {
        self.settings.closing_timeout = timeout;
        self
    }

    /// Sets how much may wait for a client that does not take it. What is above ends the session
    /// with ABORT [`TOO_SLOW`](crate::limit_uri::TOO_SLOW), unless it is events and the realm
    /// [says otherwise](Realm::slow_consumers).
    pub fn outbox_limits(mut self, limits: OutboxLimits) -> Self {
        self.settings.outbox = limits;
        self
    }

    /// Makes the router.
    ///
    /// It logs a warning for a realm whose name is no URI, and for a permission whose pattern has a
    /// `*`, which stands for nothing but itself.
    pub fn build(self) -> Router {
        let running = self.realms.into_iter().map(|realm| {
            realm.log_oddities();
            let realm = RunningRealm::new(realm);
            (realm.name.clone(), Arc::new(realm))
        });
        Router(Arc::new(Inner {
            realms: RwLock::new(running.collect()),
            default_realm: self.default_realm,
            settings: self.settings,
            connections: Connections::default(),
            clock: Clock::new(),
        }))
    }
}

#[cfg(test)]
mod tests;
