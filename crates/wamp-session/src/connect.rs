//! Opening a session.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};
use wamp_auth::{Anonymous, AuthError, Channel, ClientAuthenticator};
use wamp_core::lifecycle::abort;
use wamp_core::{
    CloseReason, ConnectionInfo, Lifecycle, Outgoing, ReceiveError, Received, SendError, Side,
    Transport, TransportError, Violation,
};
use wamp_messages::message::{Authenticate, Challenge, Hello, Welcome};
use wamp_messages::options::HelloDetails;
use wamp_messages::{Dict, Feature, InvalidUri, Message, Role, Roles, Uri, error_uri};

use crate::driver;
use crate::error::ConnectError;
use crate::observer::Observer;
use crate::session::{Session, SessionDetails, SessionLimits, Shared};

/// Opens transports, as often as sessions are to be opened; kept as an object.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Opens a transport. The future is dropped when the session's time to open is over, and is to
    /// leave nothing behind then.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Connect`] says what was tried and what failed.
    async fn connect(&self) -> Result<Box<dyn Transport>, ConnectError>;
}

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

/// A session that is being opened, over a transport that is open.
struct Opening {
    transport: Box<dyn Transport>,
    /// What came while something was being sent.
    early: Option<Message>,
    lifecycle: Lifecycle,
    authenticators: Vec<Arc<dyn ClientAuthenticator>>,
    observer: Option<Arc<dyn Observer>>,
}

impl Opening {
    fn hello(&self, realm: Option<Uri>, agent: Option<String>) -> Hello {
        let mut details = HelloDetails::default();
        details.roles = Some(roles());
        let methods = self
            .authenticators
            .iter()
            .map(|method| method.method().to_owned());
        details.authmethods = Some(methods.collect());
        details.authid = self.first(|method| method.authid());
        details.authrole = self.first(|method| method.authrole());
        let extra = self
            .authenticators
            .iter()
            .flat_map(|method| method.authextra());
        details.authextra = Some(extra.collect::<Dict>()).filter(|extra| !extra.is_empty());
        details.agent = agent;
        Hello {
            realm,
            details: Box::new(details),
        }
    }

    fn first(&self, of: impl Fn(&dyn ClientAuthenticator) -> Option<&str>) -> Option<String> {
        self.authenticators
            .iter()
            .find_map(|method| of(&**method).map(str::to_owned))
    }

    async fn open(&mut self, hello: Hello) -> Result<Welcome, ConnectError> {
        if let Some(observer) = &self.observer {
            observer.on_connect(self.transport.info()).await;
        }
        self.send(hello.into()).await?;
        let mut method = None;
        loop {
            let message = self.receive().await?;
            match self.lifecycle.handle_received(message)? {
                Received::Challenge(challenge) => {
                    let (answer, answered) =
                        answer(self.observer.as_deref(), &self.authenticators, &challenge).await?;
                    method = answered;
                    self.send(answer.into()).await?;
                }
                Received::Welcome(welcome) => {
                    Message::from(welcome.clone())
                        .validate(Default::default())
                        .map_err(|invalid| Violation(invalid.to_string()))?;
                    if let Some(method) = &method {
                        method.check_welcome(&welcome)?;
                    }
                    if let Some(observer) = &self.observer {
                        observer
                            .on_welcome(&welcome)
                            .await
                            .map_err(ConnectError::Vetoed)?;
                    }
                    return Ok(welcome);
                }
                Received::Abort(details) => return Err(ConnectError::Aborted(details)),
                // The rest of an earlier session on this transport.
                _ => {}
            }
        }
    }

    async fn receive(&mut self) -> Result<Message, ConnectError> {
        match self.early.take() {
            Some(message) => Ok(message),
            None => std::future::poll_fn(|cx| self.transport.poll_receive(cx))
                .await
                .map_err(not_received),
        }
    }

    /// Waits until the transport can send, or has sent. What it receives meanwhile is kept; for
    /// that is where it goes on closing, and says why.
    async fn until(
        &mut self,
        sending: fn(&mut dyn Transport, &mut Context<'_>) -> Poll<Result<(), TransportError>>,
    ) -> Result<(), ConnectError> {
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = sending(&mut *self.transport, cx) {
                return Poll::Ready(done.map_err(ConnectError::from));
            }
            if self.early.is_none() {
                let received = ready!(self.transport.poll_receive(cx));
                self.early = Some(received.map_err(not_received)?);
            }
            Poll::Pending
        })
        .await
    }

    async fn send(&mut self, message: Message) -> Result<(), ConnectError> {
        self.until(|transport, cx| transport.poll_ready(cx)).await?;
        self.lifecycle.handle_sent(&message);
        self.transport
            .send(&Outgoing::from(message))
            .map_err(|error| match error {
                SendError::Lost(error) => ConnectError::Transport(error),
                other => ConnectError::Connect(other.to_string()),
            })?;
        self.until(|transport, cx| transport.poll_flush(cx)).await
    }

    /// Tells the router why there will be no session, and closes the transport.
    async fn give_up(&mut self, error: &ConnectError) {
        let text = error.to_string();
        let (reason, close) = match error {
            ConnectError::Protocol(_) => (
                error_uri::PROTOCOL_VIOLATION,
                CloseReason::Protocol(text.clone()),
            ),
            ConnectError::Auth(_) => (error_uri::CANNOT_AUTHENTICATE, CloseReason::Normal),
            ConnectError::Vetoed(_) => (error_uri::CANCELED, CloseReason::Normal),
            ConnectError::Aborted(_) => {
                let close = &CloseReason::Normal;
                let _ = std::future::poll_fn(|cx| self.transport.poll_close(cx, close)).await;
                return;
            }
            _ => return self.transport.abort(),
        };
        if self.send(abort(reason, text).into()).await.is_ok() {
            let _ = std::future::poll_fn(|cx| self.transport.poll_close(cx, &close)).await;
        }
    }
}

fn not_received(error: ReceiveError) -> ConnectError {
    match error {
        ReceiveError::Decode(error) => Violation(error.to_string()).into(),
        ReceiveError::Closed => TransportError::Closed.into(),
        ReceiveError::Lost(error) => error.into(),
        error => ConnectError::Connect(error.to_string()),
    }
}

/// Answers a challenge, by the observer if it wants to, otherwise by the method that was chosen.
async fn answer(
    observer: Option<&dyn Observer>,
    authenticators: &[Arc<dyn ClientAuthenticator>],
    challenge: &Challenge,
) -> Result<(Authenticate, Option<Arc<dyn ClientAuthenticator>>), ConnectError> {
    if let Some(observer) = observer
        && let Some(answer) = observer.on_challenge(challenge).await
    {
        return Ok((answer?, None));
    }
    let mut methods = authenticators.iter();
    let Some(method) = methods.find(|method| method.method() == challenge.method) else {
        let why = "the method was not offered";
        return Err(AuthError::challenge(&*challenge.method, why).into());
    };
    let answer = method.answer(challenge, &Channel::default())?;
    Ok((answer, Some(Arc::clone(method))))
}

/// The roles of this client. It announces no feature but those that it has.
fn roles() -> Roles {
    let publisher = [
        Feature::PUBLISHER_EXCLUSION,
        Feature::SUBSCRIBER_BLACKWHITE_LISTING,
    ];
    Roles::none()
        .with(
            Role::Caller,
            [Feature::CALL_CANCELING, Feature::CALL_TIMEOUT],
        )
        .with(Role::Callee, [Feature::REGISTRATION_REVOCATION])
        .with(Role::Publisher, publisher)
        .with(Role::Subscriber, [Feature::SUBSCRIPTION_REVOCATION])
}
