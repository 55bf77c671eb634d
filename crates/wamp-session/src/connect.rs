//! Opening a session.

mod connector;
mod opening;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};
use wamp_auth::{Anonymous, ClientAuthenticator};
use wamp_core::{CloseReason, ConnectionInfo, Lifecycle, Side, Transport, TransportError};
use wamp_messages::{InvalidUri, Uri};

pub use crate::connect::connector::{Connector, ConnectorError};
use crate::connect::opening::Opening;
use crate::driver;
use crate::error::ConnectError;
use crate::observer::Observer;
use crate::session::{Session, SessionDetails, SessionLimits, Shared};

/// A session that is being opened; awaiting it opens it.
///
/// Dropping the future closes the transport.
#[must_use = "a session is opened when this is awaited"]
pub struct Connect {
    transport: Source,
    realm: Option<Result<Uri, InvalidUri>>,
    authenticators: Vec<Arc<dyn ClientAuthenticator>>,
    observer: Option<Arc<dyn Observer>>,
    limits: SessionLimits,
    timeout: Duration,
    agent: Option<String>,
}

enum Source {
    Connector(Box<dyn Connector>),
    Transport(Box<dyn Transport>),
}

impl Connect {
    /// Opens a session over a transport that a connector opens.
    pub fn with(connector: impl Connector + 'static) -> Self {
        Self::new(Source::Connector(Box::new(connector)))
    }

    /// Opens a session over a transport that is open.
    pub fn over(transport: impl Transport) -> Self {
        Self::new(Source::Transport(Box::new(transport)))
    }

    fn new(transport: Source) -> Self {
        Self {
            transport,
            realm: None,
            authenticators: Vec::new(),
            observer: None,
            limits: SessionLimits::default(),
            timeout: Duration::from_secs(30),
            agent: Some(concat!("wamp-rs/", env!("CARGO_PKG_VERSION")).to_owned()),
        }
    }

    /// Names the realm to join. Without it the router chooses.
    pub fn realm(mut self, realm: impl AsRef<str>) -> Self {
        self.realm = Some(Uri::new(realm.as_ref()));
        self
    }

    /// Offers a way to authenticate; called again, another, after those before.
    /// Without it the session is anonymous.
    pub fn auth(mut self, authenticator: impl ClientAuthenticator + 'static) -> Self {
        self.authenticators.push(Arc::new(authenticator));
        self
    }

    /// Lets an observer see the lifecycle of the session, and take part in it.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Bounds what the session holds and does at once.
    pub fn limits(mut self, limits: SessionLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Bounds the time until the session is open, transport and authentication included; 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Gives another name and version of the software than this library's, or none.
    pub fn agent(mut self, agent: Option<String>) -> Self {
        self.agent = agent;
        self
    }

    async fn open(self) -> Result<Session, ConnectError> {
        let limit = self.timeout;
        let late = |_| ConnectError::TimedOut(limit);
        // A time beyond what the clock can tell is no bound.
        let deadline = Instant::now().checked_add(limit);
        let realm = self.realm.transpose()?;
        let transport = match self.transport {
            Source::Connector(connector) => {
                by(deadline, connector.connect()).await.map_err(late)??
            }
            Source::Transport(transport) => transport,
        };
        let mut authenticators = self.authenticators;
        if authenticators.is_empty() {
            authenticators.push(Arc::new(Anonymous::new()));
        }
        let mut opening = Opening {
            transport,
            early: None,
            lifecycle: Lifecycle::new(Side::Client),
            authenticators,
            observer: self.observer,
        };
        let hello = opening.hello(realm.clone(), self.agent);
        let welcome = match by(deadline, opening.open(hello)).await.map_err(late)? {
            Ok(welcome) => welcome,
            Err(error) => {
                // The error to report is the one that led here, whatever becomes of this.
                if timeout(GIVE_UP, opening.give_up(&error)).await.is_err() {
                    opening.transport.abort();
                }
                return Err(error);
            }
        };
        let shared = Shared::new(
            SessionDetails::new(welcome, realm),
            opening.transport.info().clone(),
            opening.transport.format(),
            opening.transport.max_len(),
            self.limits,
            opening.observer,
            opening.lifecycle,
        );
        by(deadline, driver::open(opening.transport, shared))
            .await
            .map_err(late)
    }
}

/// How long telling the router that there will be no session may take.
const GIVE_UP: Duration = Duration::from_secs(5);

/// Bounds a step, if there is a bound.
async fn by<T>(deadline: Option<Instant>, step: impl Future<Output = T>) -> Result<T, Elapsed> {
    match deadline {
        Some(deadline) => timeout_at(deadline, step).await,
        None => Ok(step.await),
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Connect {
    type Output = Result<Session, ConnectError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// A transport that is open, with no session on it.
pub struct Connection(Box<dyn Transport>);

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self(transport)
    }

    /// Takes a transport that is open.
    pub fn over(transport: impl Transport) -> Self {
        Self(Box::new(transport))
    }

    /// Joins a session over the transport.
    pub fn join(self) -> Connect {
        Connect::new(Source::Transport(self.0))
    }

    /// What is known of the connection.
    pub fn info(&self) -> &ConnectionInfo {
        self.0.info()
    }

    /// Closes the transport in order. Dropping the future drops the transport, closed or not.
    ///
    /// # Errors
    ///
    /// The transport was lost, or the peer does not close it too.
    pub async fn close(mut self) -> Result<(), TransportError> {
        std::future::poll_fn(|cx| self.0.poll_close(cx, &CloseReason::Normal)).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(self.info()).finish()
    }
}
