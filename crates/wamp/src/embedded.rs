//! The router with its listeners and in-process sessions.

use std::time::Duration;

use tokio::sync::watch;
use wamp_core::{MemoryTransport, OutboxLimits, Transport};
use wamp_messages::Uri;
use wamp_router::{Metrics, Realm, RealmCounts};
use wamp_session::Connect;

/// A router: it routes calls and events between the sessions of its realms.
///
/// It is a handle: clones are cheap and stand for the same router. It serves as long as its
/// listeners and connections live, also when every handle is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use wamp::{Permissions, Realm, Router, StaticTickets};
///
/// let router = Router::builder()
///     .realm(
///         Realm::new("com.example")
///             .role("guest", Permissions::allow("com.example.").call().subscribe())
///             .role("service", Permissions::all())
///             .anonymous("guest")
///             .authenticator(StaticTickets::new().with_principal("clock", "service", "secret!!!")),
///     )
///     .build();
/// let guest = router.session("com.example").await?;
/// assert_eq!(guest.details().authrole.as_deref(), Some("guest"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Router {
    inner: wamp_router::Router,
    /// Set when the router shuts down: its listeners stop.
    stopping: watch::Sender<bool>,
}

impl Router {
    /// Begins a router, which has no realms yet.
    pub fn builder() -> RouterBuilder {
        RouterBuilder::default()
    }

    /// Opens a session in this process, over an in-memory transport.
    ///
    /// # Panics
    ///
    /// It is called outside of a tokio runtime.
    pub fn session(&self, realm: impl AsRef<str>) -> Connect {
        Connect::over(self.attach()).realm(realm)
    }

    /// Hands out one end of an in-memory transport whose other end is served.
    ///
    /// # Panics
    ///
    /// It is called outside of a tokio runtime.
    pub fn attach(&self) -> MemoryTransport {
        self.inner.attach()
    }

    /// Serves the client at the other end of a transport: the future is to be polled until it ends.
    pub fn accept<T: Transport>(&self, transport: T) -> wamp_router::Connection<T> {
        self.inner.accept(transport)
    }

    /// Ends everything: listeners stop, sessions are told GOODBYE `wamp.close.system_shutdown`, and
    /// what has not answered when `deadline` has passed is ended.
    ///
    /// Dropped, listeners have stopped and no session is let in any more.
    pub async fn shutdown(&self, deadline: Duration) {
        /// How long listeners have to notice that they are over.
        const LAST: Duration = Duration::from_secs(1);
        self.stopping.send_replace(true);
        self.inner.shutdown(deadline).await;
        // The task of each listener holds the other end until that is gone, with its socket. One
        // that nobody polls, on another runtime, is not waited for.
        let _ = tokio::time::timeout(LAST, self.stopping.closed()).await;
    }

    /// Adds a realm, or changes the one of that name while it is used: its sessions stay, and what
    /// they ask for from then on is judged by what it says now.
    ///
    /// See [`wamp_router::Router::set_realm`] for what holds at once, and what for new sessions.
    pub fn set_realm(&self, realm: Realm) {
        self.inner.set_realm(realm);
    }

    /// Takes a realm away, and returns whether there was one of that name. Its sessions end, with
    /// GOODBYE `wamp.close.close_realm`.
    pub fn remove_realm(&self, name: &str) -> bool {
        self.inner.remove_realm(name)
    }

    /// The names of its realms, in alphabetical order.
    pub fn realms(&self) -> Vec<Uri> {
        self.inner.realms()
    }

    /// How many sessions a realm has; `None` if there is no such realm.
    pub fn session_count(&self, realm: &str) -> Option<usize> {
        self.inner.session_count(realm)
    }

    /// How many events of a realm could not be sent to one of their receivers; `None` if there is no
    /// such realm.
    ///
    /// The receiver's format has no form for them, or it takes no message of this length.
    pub fn undelivered_events(&self, realm: &str) -> Option<u64> {
        self.inner.undelivered_events(realm)
    }

    /// How much there is on a realm; `None` if there is no such realm.
    pub fn counts(&self, realm: &str) -> Option<RealmCounts> {
        self.inner.counts(realm)
    }

    /// What it has counted: calls and how long they took, messages by kind, what waits in outboxes,
    /// octets, who was refused and why, and more, as plain data.
    ///
    /// With the feature `prometheus` there is a collector that tells it to Prometheus. What a
    /// listener has counted is told by [`Server::counts`](crate::Server::counts).
    pub fn metrics(&self) -> Metrics {
        self.inner.metrics()
    }

    #[cfg(any(feature = "websocket", feature = "rawsocket"))]
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

impl From<wamp_router::Router> for Router {
    fn from(inner: wamp_router::Router) -> Self {
        Self {
            inner,
            stopping: watch::Sender::new(false),
        }
    }
}

/// Sets up a [`Router`].
#[derive(Debug, Clone, Default)]
#[must_use = "a router is made by `build`"]
pub struct RouterBuilder(wamp_router::RouterBuilder);

impl RouterBuilder {
    /// Adds a realm; one of the same name replaces the one before.
    ///
    /// If there is only one, it is the default.
    pub fn realm(self, realm: Realm) -> Self {
        Self(self.0.realm(realm))
    }

    /// Names the realm for clients that name none.
    pub fn default_realm(self, name: impl AsRef<str>) -> Self {
        Self(self.0.default_realm(name))
    }

    /// Gives another name and version of the software than this library's.
    pub fn agent(self, agent: impl Into<String>) -> Self {
        Self(self.0.agent(agent))
    }

    /// Bounds the time until HELLO, and from there until the session is open: each 10 seconds by
    /// default. It is also how long a transport may stay open after GOODBYE.
    pub fn handshake_timeout(self, timeout: Duration) -> Self {
        Self(self.0.handshake_timeout(timeout))
    }

    /// Bounds the time that the last messages of a connection and the closing of its transport may
    /// take: 5 seconds by default.
    pub fn closing_timeout(self, timeout: Duration) -> Self {
        Self(self.0.closing_timeout(timeout))
    }

    /// Bounds what may wait to be sent to one session.
    pub fn outbox_limits(self, limits: OutboxLimits) -> Self {
        Self(self.0.outbox_limits(limits))
    }

    /// Makes the router.
    pub fn build(self) -> Router {
        self.0.build().into()
    }
}
