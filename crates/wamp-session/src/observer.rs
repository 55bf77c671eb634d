//! The lifecycle of a session, for those who want to see it, and take part in it.

use async_trait::async_trait;
use wamp_auth::AuthError;
use wamp_core::{CloseDetails, ConnectionInfo};
use wamp_messages::Uri;
use wamp_messages::message::{Authenticate, Challenge, Welcome};

use crate::error::ApplicationError;
use crate::session::Session;

/// Sees the lifecycle of a session (the callbacks of Autobahn's `ISession`).
///
/// Every method has a default that does nothing. Those up to `on_join` are dropped unfinished when
/// the time to open the session is over. They are called in this order, once for each session that
/// is joined:
///
/// ```text
/// on_connect ─▶ (on_challenge) ─▶ on_welcome ─▶ on_join ─▶ on_leave ─▶ on_disconnect
/// ```
///
/// ```
/// use async_trait::async_trait;
/// use wamp_messages::message::Welcome;
/// use wamp_session::Observer;
///
/// struct OnlyBrokers;
///
/// #[async_trait]
/// impl Observer for OnlyBrokers {
///     async fn on_welcome(&self, welcome: &Welcome) -> Result<(), String> {
///         let roles = welcome.details.roles.as_ref();
///         match roles.is_some_and(|roles| roles.has(wamp_messages::Role::Broker)) {
///             true => Ok(()),
///             false => Err("this program needs a broker".to_owned()),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Observer: Send + Sync + 'static {
    /// The transport is open; HELLO is sent next.
    async fn on_connect(&self, info: &ConnectionInfo) {
        let _ = info;
    }

    /// The router demands authentication. `None` leaves the answer to the session's authenticators.
    async fn on_challenge(&self, challenge: &Challenge) -> Option<Result<Authenticate, AuthError>> {
        let _ = challenge;
        None
    }

    /// The router lets the client in. An error is a veto: the session is aborted with that text.
    async fn on_welcome(&self, welcome: &Welcome) -> Result<(), String> {
        let _ = welcome;
        Ok(())
    }

    /// The session is open.
    async fn on_join(&self, session: &Session) {
        let _ = session;
    }

    /// The session has ended.
    async fn on_leave(&self, details: &CloseDetails) {
        let _ = details;
    }

    /// The transport is closed.
    async fn on_disconnect(&self) {}

    /// A handler has failed by mistake; the session goes on.
    ///
    /// Of handlers of calls these are panics and errors with the URI `wamp.error.runtime_error`;
    /// an error with a URI of its own is an answer to the caller, and not told here. Of handlers of
    /// events, to whose errors nobody else listens, it is every error.
    ///
    /// It is called in the task of the handler, and must not block.
    fn on_user_error(&self, error: &UserError) {
        tracing::error!(uri = %error.uri, error = %error.error, "a handler failed");
    }
}

/// What an [`Observer`] is told of a handler that has failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UserError {
    /// The procedure or topic.
    pub uri: Uri,
    /// What the handler returned; a panic is a `wamp.error.runtime_error`.
    pub error: ApplicationError,
}
