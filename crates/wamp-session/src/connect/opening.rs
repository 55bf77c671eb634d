//! The exchange by which a session is opened: HELLO, perhaps challenges, WELCOME.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use wamp_auth::{AuthError, Channel, ClientAuthenticator};
use wamp_core::lifecycle::abort;
use wamp_core::{
    CloseReason, Lifecycle, Outgoing, ReceiveError, Received, SendError, Transport, TransportError,
    Violation,
};
use wamp_messages::message::{Authenticate, Challenge, Hello, Welcome};
use wamp_messages::options::HelloDetails;
use wamp_messages::{Dict, Feature, Message, Role, Roles, Uri, error_uri};

use crate::error::{self, ConnectError};
use crate::observer::Observer;

/// A session that is being opened, over a transport that is open.
pub(super) struct Opening {
    pub(super) transport: Box<dyn Transport>,
    /// What came while something was being sent.
    pub(super) early: Option<Message>,
    pub(super) lifecycle: Lifecycle,
    pub(super) authenticators: Vec<Arc<dyn ClientAuthenticator>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

impl Opening {
    pub(super) fn hello(&self, realm: Option<Uri>, agent: Option<String>) -> Hello {
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

    pub(super) async fn open(&mut self, hello: Hello) -> Result<Welcome, ConnectError> {
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
            .map_err(not_sent)?;
        self.until(|transport, cx| transport.poll_flush(cx)).await
    }

    /// Tells the router why there will be no session, and closes the transport.
    pub(super) async fn give_up(&mut self, error: &ConnectError) {
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
        error => TransportError::Protocol(error.to_string()).into(),
    }
}

fn not_sent(error: SendError) -> ConnectError {
    match error {
        SendError::Lost(error) => error.into(),
        SendError::Undeliverable(why) => error::SendError::of(&why).into(),
        error => TransportError::Protocol(error.to_string()).into(),
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
