//! WAMP authentication, both sides, without I/O.
//!
//! This crate knows what a client answers to a CHALLENGE, and how a router finds out whom it lets
//! in. It must never know a transport, a runtime, a clock or a random number: what a method needs of
//! them comes in as a value.
//!
//! ```
//! use wamp_auth::{Candidate, ClientAuthenticator, Channel, RouterAuthenticator, StaticTickets, Ticket, Verdict};
//! use wamp_messages::{SessionId, Uri};
//!
//! let router = StaticTickets::new().with_principal("joe", "user", "secret!!!");
//! let client = Ticket::new("joe", "secret!!!");
//!
//! let realm = Uri::new("com.example")?;
//! let candidate = Candidate::new(&realm, SessionId::new(1)?).with_authid(client.authid());
//! let Verdict::Challenge(challenge, exchange) = router.authenticate(&candidate) else { panic!() };
//! let answer = client.answer(&challenge, &Channel::default())?;
//! let Verdict::Accept(accept) = exchange.verify(&answer) else { panic!() };
//! assert_eq!((&*accept.authid, &*accept.authrole), ("joe", "user"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod router;

pub use crate::client::{Anonymous, AuthError, ClientAuthenticator, Ticket};
pub use crate::router::{
    Accept, AnonymousAccess, Candidate, Deny, Exchange, RouterAuthenticator, StaticTickets, Verdict,
};

/// The name of the method without authentication.
pub const ANONYMOUS: &str = "anonymous";
/// The name of the method by which the client sends a secret text.
pub const TICKET: &str = "ticket";

/// What is known of the channel under the session, for methods that bind their answer to it.
///
/// It has no fields yet: no method that is there binds to a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Channel {}
