//! Registrations.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use wamp_core::client::Pending;
use wamp_messages::message::{self, Invocation};
use wamp_messages::options::{InvocationDetails, RegisterOptions, Sparse};
use wamp_messages::{InvalidUri, MatchPolicy, RegistrationId, SessionId, Uri};

use crate::error::RegisterError;
use crate::executor::Endpoint;
use crate::handler::Handler;
use crate::session::{Refused, Session};
use crate::subscription::received;

impl Session {
    /// Registers a procedure: the handler answers every call of it (specification: Basic Profile,
    /// "Registering and Unregistering").
    ///
    /// ```
    /// # async fn example(session: wamp_session::Session) -> Result<(), wamp_session::RegisterError> {
    /// let add = session.register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) }).await?;
    /// add.unregister().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Calls are begun in the order in which they came, and answered as they end. The registration
    /// lasts until it is [ended](Registration::unregister) or the session is.
    pub fn register<M, H: Handler<M>>(&self, procedure: impl AsRef<str>, handler: H) -> Register {
        Register {
            procedure: Uri::pattern(procedure.as_ref()),
            options: Sparse::empty(),
            endpoint: Endpoint::new(handler),
            session: self.clone(),
        }
    }
}

/// A registration that is being asked for; awaiting it asks.
#[must_use = "a procedure is registered when this is awaited"]
pub struct Register {
    session: Session,
    procedure: Result<Uri, InvalidUri>,
    options: Sparse<RegisterOptions>,
    endpoint: Endpoint,
}

impl Register {
    /// Sets options that have no method of their own.
    pub fn options(mut self, set: impl FnOnce(&mut RegisterOptions)) -> Self {
        set(&mut self.options);
        self
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register")
            .field("procedure", &self.procedure)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Register {
    type Output = Result<Registration, RegisterError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Dropped before it is ready, the registration is not asked for, or ended when it is granted.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (procedure, options) = (self.procedure?, self.options);
            if options
                .match_policy
                .as_ref()
                .is_none_or(|policy| *policy == MatchPolicy::EXACT)
            {
                Uri::new(&*procedure)?;
            }
            let shared = Arc::clone(self.session.shared());
            std::future::poll_fn(|cx| shared.outbox.poll_room(cx)).await;
            let (waiting, receiver) = oneshot::channel();
            let endpoint = self.endpoint.named(procedure.detached());
            shared.request(Pending::Register { waiting, endpoint }, |request| {
                message::Register {
                    request,
                    options,
                    procedure: procedure.clone(),
                }
                .into()
            })?;
            let id = received(receiver).await?.keep();
            Ok(Registration {
                id,
                procedure,
                session: self.session,
            })
        })
    }
}

/// A registered procedure (Autobahn's `IRegistration`).
///
/// Dropping it does nothing: the procedure stays registered.
#[derive(Clone)]
pub struct Registration {
    id: RegistrationId,
    procedure: Uri,
    session: Session,
}

impl Registration {
    /// The id of the registration.
    pub const fn id(&self) -> RegistrationId {
        self.id
    }

    /// The procedure.
    pub const fn procedure(&self) -> &Uri {
        &self.procedure
    }

    /// Ends the registration. Calls that have been begun are still answered.
    ///
    /// Dropped after it was first polled, the registration ends all the same.
    ///
    /// # Errors
    ///
    /// The registration or the session has ended already.
    pub async fn unregister(self) -> Result<(), RegisterError> {
        let (waiting, receiver) = oneshot::channel();
        self.session.shared().unregister(self.id, waiting)?;
        Ok(received(receiver).await?)
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id)
            .field("procedure", &self.procedure)
            .finish_non_exhaustive()
    }
}

impl From<Refused> for RegisterError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Application(error) => Self::Application(error),
            Refused::Closed(closed) => Self::Closed(closed),
            Refused::Undeliverable(error) => Self::Send(error),
        }
    }
}

/// Details of a call, for its handler (Autobahn's `CallDetails`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallDetails {
    /// The registration that was called.
    pub registration: RegistrationId,
    /// The procedure that was called.
    pub procedure: Uri,
    /// The details of the INVOCATION: the caller, if it is disclosed, and more.
    pub details: Sparse<InvocationDetails>,
}

impl CallDetails {
    /// The caller's session, if it is disclosed.
    pub fn caller(&self) -> Option<SessionId> {
        self.details.caller
    }

    /// The caller's authid, if it is disclosed.
    pub fn caller_authid(&self) -> Option<&str> {
        self.details.caller_authid.as_deref()
    }

    /// The caller's role, if it is disclosed.
    pub fn caller_authrole(&self) -> Option<&str> {
        self.details.caller_authrole.as_deref()
    }

    pub(crate) fn new(invocation: &mut Invocation, registered: &Uri) -> Self {
        let details = std::mem::take(&mut invocation.details);
        Self {
            registration: invocation.registration,
            procedure: details
                .procedure
                .clone()
                .unwrap_or_else(|| registered.clone()),
            details,
        }
    }
}
