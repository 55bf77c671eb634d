//! Leaving a session.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use tokio::sync::oneshot;
use wamp_core::CloseDetails;
use wamp_messages::{InvalidUri, Uri, error_uri};

use crate::connect::Connection;
use crate::error::{LeaveError, SessionClosed};
use crate::session::Session;

impl Session {
    /// Leaves the session: GOODBYE is sent and answered, then the transport is closed.
    ///
    /// What was asked before is sent before; what was not answered by then fails.
    pub fn leave(&self) -> Leave {
        Leave {
            session: self.clone(),
            reason: Ok(Uri::from_static(error_uri::CLOSE_NORMAL)),
            message: None,
        }
    }
}

/// Leaves a session when it is awaited.
#[must_use = "a session is left when this is awaited"]
pub struct Leave {
    session: Session,
    reason: Result<Uri, InvalidUri>,
    message: Option<String>,
}

impl Leave {
    /// Gives another reason than `wamp.close.normal`.
    pub fn reason(mut self, reason: impl AsRef<str>) -> Self {
        self.reason = Uri::new(reason.as_ref());
        self
    }

    /// Gives a text for people.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Leaves the session and keeps the transport open, so that another can be joined over it.
    ///
    /// Dropped after it was first polled, the session is left all the same, and the transport is
    /// closed.
    ///
    /// # Errors
    ///
    /// The session or its transport ended before the router answered.
    pub async fn keep_connection(self) -> Result<Connection, LeaveError> {
        let (sender, receiver) = oneshot::channel();
        let shared = self.session.shared();
        shared.begin_leave(self.reason?, self.message, Some(sender))?;
        match receiver.await {
            Ok(connection) => Ok(connection),
            Err(_) => Err(SessionClosed(self.session.closed().await).into()),
        }
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leave")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Leave {
    type Output = Result<CloseDetails, LeaveError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Dropped after it was first polled, the session is left all the same.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.session
                .shared()
                .begin_leave(self.reason?, self.message, None)?;
            Ok(self.session.closed().await)
        })
    }
}
