//! The session: a cheap handle, and what it shares with the task that drives it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use tokio::sync::{oneshot, watch};
use wamp_core::client::{Client, Entries, ListenerId, Pending};
use wamp_core::lifecycle::goodbye;
use wamp_core::{
    CloseDetails, ConnectionInfo, Lifecycle, Outbox, OutboxLimits, Outgoing, Undeliverable,
};
use wamp_messages::message::{self, Error, Welcome, Yield};
use wamp_messages::{
    Dict, Format, Message, Payload, RegistrationId, RequestId, RequestType, Roles, SessionId,
    SubscriptionId, Uri, error_uri,
};

use crate::connect::Connection;
use crate::error::{ApplicationError, CallError, PublishError, SendError, SessionClosed};
use crate::executor::Endpoint;
use crate::observer::Observer;
use crate::place::Granted;
use crate::subscription::Listener;

/// An open session on a realm.
///
/// It is a handle: clones are cheap and stand for the same session. When the last one is dropped,
/// and no subscription stream holds another, the session is left in order.
#[derive(Clone)]
pub struct Session(Arc<Handle>);

/// What every handle of a session holds; the last one to go leaves the session.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self
            .0
            .begin_leave(Uri::from_static(error_uri::CLOSE_NORMAL), None, None);
    }
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let handle = Arc::new(Handle(shared));
        handle.0.lock().handle = Arc::downgrade(&handle);
        Self(handle)
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.0.0.details.session
    }

    /// The realm joined.
    pub fn realm(&self) -> &Uri {
        &self.0.0.details.realm
    }

    /// What the router said when the session was opened.
    pub fn details(&self) -> &SessionDetails {
        &self.0.0.details
    }

    /// What is known of the connection below the session.
    pub fn connection_info(&self) -> &ConnectionInfo {
        &self.0.0.info
    }

    /// Whether the session is open.
    pub fn is_open(&self) -> bool {
        self.0.0.lock().closed.is_none()
    }

    /// Waits until the session has ended, and tells why.
    ///
    /// Dropping the future has no effect on the session.
    pub async fn closed(&self) -> CloseDetails {
        let mut closed = self.0.0.closed.subscribe();
        let lost = || CloseDetails::transport_lost("the session's task has ended");
        match closed.wait_for(Option::is_some).await {
            Ok(details) => details.clone().unwrap_or_else(lost),
            Err(_) => lost(),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("realm", self.realm())
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}

/// Details of an open session (Autobahn's `SessionDetails`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionDetails {
    /// The realm joined.
    pub realm: Uri,
    /// The session's id.
    pub session: SessionId,
    /// As whom it was joined.
    pub authid: Option<String>,
    /// The role under which it was joined.
    pub authrole: Option<String>,
    /// How the client was authenticated.
    pub authmethod: Option<String>,
    /// Who authenticated it.
    pub authprovider: Option<String>,
    /// What the authenticator wants to tell.
    pub authextra: Option<Dict>,
    /// The roles of the router, with their features.
    pub roles: Roles,
    /// The name and version of the router.
    pub agent: Option<String>,
}

impl SessionDetails {
    pub(crate) fn new(welcome: Welcome, asked: Option<Uri>) -> Self {
        let details = *welcome.details;
        Self {
            realm: details
                .realm
                .or(asked)
                .unwrap_or_else(|| Uri::from_wire("")),
            session: welcome.session,
            authid: details.authid,
            authrole: details.authrole,
            authmethod: details.authmethod,
            authprovider: details.authprovider,
            authextra: details.authextra,
            roles: details.roles.unwrap_or_default(),
            agent: details.agent,
        }
    }
}

/// How much one session may hold and do at once.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SessionLimits {
    /// Invocations whose handlers run at once. 64.
    pub concurrency: usize,
    /// Invocations that wait for a handler to end; more are answered `wamp.error.unavailable`. 16 384.
    pub backlog: usize,
    /// Octets of the arguments of those that wait. 64 MiB; one is always taken.
    pub backlog_octets: usize,
    /// Octets that wait to be sent before an operation waits in its `.await`. 16 MiB.
    pub outbox: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            concurrency: 64,
            backlog: 16_384,
            backlog_octets: 64 << 20,
            outbox: 16 << 20,
        }
    }
}

impl SessionLimits {
    /// Sets [`concurrency`](Self::concurrency).
    #[must_use]
    pub const fn concurrency(mut self, handlers: usize) -> Self {
        self.concurrency = handlers;
        self
    }

    /// Sets [`backlog`](Self::backlog).
    #[must_use]
    pub const fn backlog(mut self, invocations: usize) -> Self {
        self.backlog = invocations;
        self
    }

    /// Sets [`backlog_octets`](Self::backlog_octets).
    #[must_use]
    pub const fn backlog_octets(mut self, octets: usize) -> Self {
        self.backlog_octets = octets;
        self
    }

    /// Sets [`outbox`](Self::outbox).
    #[must_use]
    pub const fn outbox(mut self, octets: usize) -> Self {
        self.outbox = octets;
        self
    }
}

/// What the handles of a session share with its task.
pub(crate) struct Shared {
    pub(crate) details: SessionDetails,
    pub(crate) info: ConnectionInfo,
    pub(crate) format: Format,
    pub(crate) limits: SessionLimits,
    pub(crate) outbox: Outbox,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    max_len: Option<usize>,
    closed: watch::Sender<Option<CloseDetails>>,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) client: Client<Waiting>,
    pub(crate) closed: Option<CloseDetails>,
    handle: Weak<Handle>,
    /// Whoever wants the transport back when the session is left.
    pub(crate) detach: Option<oneshot::Sender<Connection>>,
}

/// What waits in the tables of the client.
#[derive(Debug)]
pub(crate) struct Waiting;

impl Entries for Waiting {
    type Call = oneshot::Sender<Result<message::Result, CallError>>;
    type Publish = oneshot::Sender<Result<message::Published, PublishError>>;
    type Subscribe = oneshot::Sender<Answer<Granted<(SubscriptionId, ListenerId)>>>;
    type Listener = Listener;
    type Unsubscribe = oneshot::Sender<Answer<()>>;
    type Register = oneshot::Sender<Answer<Granted<RegistrationId>>>;
    type Endpoint = Endpoint;
    type Unregister = oneshot::Sender<Answer<()>>;
}

/// The answer to a request that either succeeds, or fails on the other side or with the session.
pub(crate) type Answer<T> = Result<T, Refused>;

/// Why a request was not granted.
#[derive(Debug)]
pub(crate) enum Refused {
    Application(ApplicationError),
    Closed(SessionClosed),
    Undeliverable(SendError),
}

impl Shared {
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a session come together here"
    )]
    pub(crate) fn new(
        details: SessionDetails,
        info: ConnectionInfo,
        format: Format,
        max_len: Option<usize>,
        limits: SessionLimits,
        observer: Option<Arc<dyn Observer>>,
        lifecycle: Lifecycle,
    ) -> Arc<Self> {
        let mut outbox = OutboxLimits::default();
        outbox.mark = limits.outbox;
        Arc::new(Self {
            details,
            info,
            format,
            limits,
            max_len,
            observer,
            outbox: Outbox::new(outbox),
            closed: watch::Sender::new(None),
            state: Mutex::new(State {
                lifecycle,
                client: Client::default(),
                closed: None,
                handle: Weak::new(),
                detach: None,
            }),
        })
    }

    /// Every step leaves the state valid, so that a panic elsewhere does not spoil it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, if somebody still has a handle of it.
    pub(crate) fn session(&self) -> Option<Session> {
        self.lock().handle.upgrade().map(Session)
    }

    /// Checks before an id is taken that a payload is not longer than the transport accepts.
    pub(crate) fn check_len(&self, uri: &Uri, payload: usize) -> Result<(), SendError> {
        /// What the rest of a message may take, options included.
        const HEADER: usize = 256;
        let len = payload + uri.len() + HEADER;
        match self.max_len {
            Some(max) if len > max => Err(SendError::TooLong { len, max }),
            _ => Ok(()),
        }
    }

    /// Sends GOODBYE, unless it was sent already.
    pub(crate) fn begin_leave(
        &self,
        reason: Uri,
        text: Option<String>,
        detach: Option<oneshot::Sender<Connection>>,
    ) -> Result<(), SessionClosed> {
        let mut state = self.lock();
        if let Some(details) = &state.closed {
            return Err(SessionClosed(details.clone()));
        }
        if !state.lifecycle.is_established() {
            return Ok(());
        }
        state.detach = detach;
        let message = Message::from(goodbye(reason, text));
        state.lifecycle.handle_sent(&message);
        let pushed = self.outbox.push(Outgoing::from(message));
        drop(state);
        // A task whose transport takes nothing looks for no message, but is to see that time runs.
        let waker = pushed.into_waker().or_else(|| self.outbox.watcher());
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Ends the session: everybody who waits is told why.
    pub(crate) fn end(&self, details: &CloseDetails) {
        let mut state = self.lock();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(details.clone());
        let ended = state.client.end();
        drop(state);
        self.outbox.close();
        for pending in ended.requests {
            fail(pending, &SessionClosed(details.clone()));
        }
        self.closed.send_replace(Some(details.clone()));
    }

    /// A message cannot be sent to this router: whoever waits for its answer is told.
    pub(crate) fn undeliverable(&self, message: &Outgoing, why: &Undeliverable) {
        tracing::warn!(message = message.message().name(), %why, "a message cannot be sent");
        let error = || SendError::of(why);
        match message.message() {
            Message::Call(message::Call { request, .. })
            | Message::Publish(message::Publish { request, .. })
            | Message::Subscribe(message::Subscribe { request, .. })
            | Message::Register(message::Register { request, .. }) => {
                self.request_undeliverable(*request, error());
            }
            // Nobody asks twice for an answer, so its place is taken here.
            Message::Yield(Yield { request, .. }) => {
                let error = ApplicationError::new(why.uri(), why.to_string());
                self.send(error_message(*request, &error, &self.format));
            }
            // What is so short must not come here for ever.
            Message::Error(error) if !error.payload.is_empty() => {
                let mut error = error.clone();
                error.error = Uri::from_static(why.uri());
                error.payload = Payload::empty();
                self.send(error.into());
            }
            _ => {}
        }
    }

    fn request_undeliverable(&self, request: RequestId, error: SendError) {
        let Ok(mut place) = self.enter() else {
            return;
        };
        let (pending, ended) = place.client().give_up(request);
        match ended {
            Some(subscription) => place.unsubscribe(subscription, None),
            None => drop(place),
        }
        // Whoever has stopped waiting need not be told.
        let _ = match pending {
            Some(Pending::Call(waiting)) => waiting.send(Err(error.into())).is_ok(),
            Some(Pending::Publish(waiting)) => waiting.send(Err(error.into())).is_ok(),
            Some(Pending::Subscribe { waiting, .. }) => {
                waiting.send(Err(Refused::Undeliverable(error))).is_ok()
            }
            Some(Pending::Register { waiting, .. }) => {
                waiting.send(Err(Refused::Undeliverable(error))).is_ok()
            }
            _ => false,
        };
    }

    /// Sends a message that the tables know nothing of, if the session is open.
    fn send(&self, message: Message) {
        if let Ok(place) = self.enter() {
            place.send(message);
        }
    }
}

/// The ERROR that answers an invocation.
pub(crate) fn error_message(
    request: RequestId,
    error: &ApplicationError,
    format: &Format,
) -> Message {
    let payload = error.encode(format).unwrap_or_else(|unencodable| {
        tracing::warn!(%unencodable, "the arguments of an error cannot be sent");
        Default::default()
    });
    Message::from(Error {
        request_type: RequestType::INVOCATION,
        request,
        details: Default::default(),
        error: error.uri().clone(),
        payload,
    })
}

/// Tells whoever made a request that the session has ended.
fn fail(pending: Pending<Waiting>, closed: &SessionClosed) {
    let refused = || Refused::Closed(closed.clone());
    // Whoever has stopped waiting need not be told.
    let _ = match pending {
        Pending::Call(waiting) => waiting.send(Err(closed.clone().into())).is_ok(),
        Pending::Publish(waiting) => waiting.send(Err(closed.clone().into())).is_ok(),
        Pending::Subscribe { waiting, .. } => waiting.send(Err(refused())).is_ok(),
        Pending::Unsubscribe(Some(waiting)) => waiting.send(Err(refused())).is_ok(),
        Pending::Register { waiting, .. } => waiting.send(Err(refused())).is_ok(),
        Pending::Unregister { waiting, .. } => waiting.send(Err(refused())).is_ok(),
        _ => false,
    };
}

/// A format that this build has, for arguments that are not on their way to a session.
pub(crate) const fn any_format() -> Option<Format> {
    if cfg!(feature = "cbor") {
        Some(Format::Cbor)
    } else if cfg!(feature = "msgpack") {
        Some(Format::MsgPack)
    } else if cfg!(feature = "json") {
        Some(Format::Json)
    } else {
        None
    }
}
