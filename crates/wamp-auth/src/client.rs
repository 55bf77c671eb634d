//! The client's side: who it says it is, and what it answers to a CHALLENGE.
//!
//! Specification: Advanced Profile, "Authentication Methods" and "Ticket-based Authentication".

use std::fmt;

use wamp_messages::message::{Authenticate, Challenge, Welcome};
use wamp_messages::{Dict, Secret};

use crate::{ANONYMOUS, Channel, TICKET};

/// One way in which a client can authenticate, kept as an object.
///
/// A client offers several, best first; the router chooses one. It is used again for each session
/// that the client joins, so it keeps nothing of a single exchange.
pub trait ClientAuthenticator: fmt::Debug + Send + Sync {
    /// The name of the method: an element of HELLO.Details.authmethods.
    fn method(&self) -> &str;

    /// As whom the client would join (HELLO.Details.authid).
    fn authid(&self) -> Option<&str> {
        None
    }

    /// The role under which it would join (HELLO.Details.authrole).
    fn authrole(&self) -> Option<&str> {
        None
    }

    /// What the router should know beforehand (HELLO.Details.authextra). Those of all methods that
    /// are offered are merged.
    fn authextra(&self) -> Dict {
        Dict::default()
    }

    /// Answers a CHALLENGE of this method.
    ///
    /// # Errors
    ///
    /// There is no answer; the client ABORTs with `wamp.error.cannot_authenticate`.
    fn answer(&self, challenge: &Challenge, channel: &Channel) -> Result<Authenticate, AuthError>;

    /// Checks what the router says of itself in its WELCOME.
    ///
    /// # Errors
    ///
    /// It is not the router it should be; the client ABORTs with `wamp.error.cannot_authenticate`.
    fn check_welcome(&self, welcome: &Welcome) -> Result<(), AuthError> {
        let _ = welcome;
        Ok(())
    }
}

/// Why a client cannot authenticate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The CHALLENGE is not as the method has it.
    #[error("the router's CHALLENGE for {method:?} cannot be answered: {why}")]
    Challenge {
        /// The method.
        method: String,
        /// What is wrong with it.
        why: String,
    },
    /// The WELCOME is not as the method has it.
    #[error("the router's WELCOME after {method:?} cannot be trusted: {why}")]
    Welcome {
        /// The method.
        method: String,
        /// What is wrong with it.
        why: String,
    },
}

impl AuthError {
    /// The error of a CHALLENGE that cannot be answered.
    pub fn challenge(method: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Challenge {
            method: method.into(),
            why: why.into(),
        }
    }

    /// The error of a WELCOME that cannot be trusted.
    pub fn welcome(method: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Welcome {
            method: method.into(),
            why: why.into(),
        }
    }
}

/// Joins without saying who one is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anonymous {
    authid: Option<String>,
}

impl Anonymous {
    /// Joins under an authid that the router chooses.
    pub const fn new() -> Self {
        Self { authid: None }
    }

    /// Wishes for an authid; most routers, this project's too, do not grant it.
    #[must_use]
    pub fn with_authid(self, authid: impl Into<String>) -> Self {
        Self {
            authid: Some(authid.into()),
        }
    }
}

impl ClientAuthenticator for Anonymous {
    fn method(&self) -> &str {
        ANONYMOUS
    }

    fn authid(&self) -> Option<&str> {
        self.authid.as_deref()
    }

    fn answer(&self, _: &Challenge, _: &Channel) -> Result<Authenticate, AuthError> {
        Err(AuthError::challenge(
            ANONYMOUS,
            "the method has no challenge",
        ))
    }
}

/// Joins with a secret text, which is sent as it is: use it over encrypted transports only.
#[derive(Debug, Clone)]
pub struct Ticket {
    authid: String,
    secret: Secret,
}

impl Ticket {
    /// Joins as `authid` with its ticket.
    pub fn new(authid: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self {
            authid: authid.into(),
            secret: secret.into(),
        }
    }
}

impl ClientAuthenticator for Ticket {
    fn method(&self) -> &str {
        TICKET
    }

    fn authid(&self) -> Option<&str> {
        Some(&self.authid)
    }

    fn answer(&self, challenge: &Challenge, _: &Channel) -> Result<Authenticate, AuthError> {
        // The secret goes to nobody who asked for something else.
        if challenge.method != TICKET {
            let why = format!("it is of the method {:?}", challenge.method);
            return Err(AuthError::challenge(TICKET, why));
        }
        Ok(Authenticate {
            signature: self.secret.clone(),
            extra: Dict::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(method: &str) -> Challenge {
        Challenge {
            method: method.to_owned(),
            extra: Dict::default(),
        }
    }

    #[test]
    fn a_ticket_is_sent_as_it_is() {
        let ticket = Ticket::new("joe", "secret!!!");
        assert_eq!((ticket.method(), ticket.authid()), ("ticket", Some("joe")));
        let answer = ticket
            .answer(&challenge("ticket"), &Channel::default())
            .unwrap();
        assert_eq!(answer.signature.expose(), "secret!!!");
        assert!(answer.extra.is_empty());
    }

    #[test]
    fn a_ticket_is_not_given_to_another_method() {
        let error = Ticket::new("joe", "secret!!!")
            .answer(&challenge("wampcra"), &Channel::default())
            .unwrap_err();
        assert!(matches!(error, AuthError::Challenge { .. }));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn anonymous_answers_no_challenge() {
        assert!(
            Anonymous::new()
                .answer(&challenge("anonymous"), &Channel::default())
                .is_err()
        );
    }

    #[test]
    fn debug_does_not_show_the_ticket() {
        assert!(!format!("{:?}", Ticket::new("joe", "hunter2")).contains("hunter2"));
    }
}
