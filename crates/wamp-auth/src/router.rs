//! The router's side: whom it lets in, and as whom.
//!
//! Specification: Advanced Profile, "Authentication Methods" and "Ticket-based Authentication".

use std::collections::BTreeMap;
use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use wamp_messages::message::{Authenticate, Challenge};
use wamp_messages::{Dict, Secret, SessionId, Uri, error_uri};

use crate::{ANONYMOUS, Channel, TICKET};

/// One way in which a router authenticates, kept as an object.
///
/// It decides by values alone and at once. What must ask a database or another service has no place
/// here.
pub trait RouterAuthenticator: fmt::Debug + Send + Sync {
    /// The name of the method, as clients offer it in HELLO.Details.authmethods.
    fn method(&self) -> &str;

    /// Decides about a client that offers the method.
    fn authenticate(&self, candidate: &Candidate<'_>) -> Verdict;
}

/// The rest of an exchange that a CHALLENGE began.
pub trait Exchange: fmt::Debug + Send {
    /// Decides by the client's answer.
    fn verify(self: Box<Self>, answer: &Authenticate) -> Verdict;
}

/// Who wants to join.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The realm to be joined.
    pub realm: &'a Uri,
    /// The session that it will be: a random number of its own.
    pub session: SessionId,
    /// As whom it would join (HELLO.Details.authid).
    pub authid: Option<&'a str>,
    /// The role under which it would join (HELLO.Details.authrole).
    pub authrole: Option<&'a str>,
    /// What it says beforehand (HELLO.Details.authextra).
    pub authextra: Option<&'a Dict>,
    /// The channel it comes over, where anything is known of it.
    pub channel: Option<&'a Channel>,
}

impl<'a> Candidate<'a> {
    /// A candidate that says nothing of itself.
    pub const fn new(realm: &'a Uri, session: SessionId) -> Self {
        Self {
            realm,
            session,
            authid: None,
            authrole: None,
            authextra: None,
            channel: None,
        }
    }

    /// Says as whom it would join.
    #[must_use]
    pub const fn with_authid(self, authid: Option<&'a str>) -> Self {
        Self { authid, ..self }
    }

    /// Says under which role it would join.
    #[must_use]
    pub const fn with_authrole(self, authrole: Option<&'a str>) -> Self {
        Self { authrole, ..self }
    }

    /// Says what it says beforehand.
    #[must_use]
    pub const fn with_authextra(self, authextra: Option<&'a Dict>) -> Self {
        Self { authextra, ..self }
    }
}

/// What an authenticator decides.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The client may join.
    Accept(Accept),
    /// The client has to answer this first.
    Challenge(Challenge, Box<dyn Exchange>),
    /// The client may not join.
    Deny(Deny),
}

/// As whom a client joins: what its WELCOME tells it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Accept {
    /// The principal.
    pub authid: String,
    /// Its role, on which its permissions depend.
    pub authrole: String,
    /// How it was authenticated.
    pub authmethod: String,
    /// Who authenticated it.
    pub authprovider: String,
    /// What the authenticator wants to tell the client.
    pub authextra: Option<Dict>,
}

impl Accept {
    /// Lets a principal in under a role; the provider is `static`.
    pub fn new(
        authid: impl Into<String>,
        authrole: impl Into<String>,
        authmethod: impl Into<String>,
    ) -> Self {
        Self {
            authid: authid.into(),
            authrole: authrole.into(),
            authmethod: authmethod.into(),
            authprovider: "static".to_owned(),
            authextra: None,
        }
    }

    /// Says who authenticated the principal.
    #[must_use]
    pub fn with_authprovider(self, authprovider: impl Into<String>) -> Self {
        Self {
            authprovider: authprovider.into(),
            ..self
        }
    }

    /// Tells the client more.
    #[must_use]
    pub fn with_authextra(self, authextra: Dict) -> Self {
        Self {
            authextra: Some(authextra),
            ..self
        }
    }
}

/// Why a client may not join: what its ABORT tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deny {
    /// The reason.
    pub reason: Uri,
    /// What happened, for people.
    pub message: String,
}

impl Deny {
    /// Refuses with `wamp.error.not_authorized`, as Crossbar.io does.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_reason(Uri::from_static(error_uri::NOT_AUTHORIZED), message)
    }

    /// Refuses with a reason of one's own.
    pub fn with_reason(reason: Uri, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Lets everybody in, under one role, each with an authid of its own.
///
/// The authid that a client wishes for is not granted: anybody could be anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousAccess {
    authrole: String,
}

impl AnonymousAccess {
    /// Lets everybody in under a role.
    pub fn new(authrole: impl Into<String>) -> Self {
        Self {
            authrole: authrole.into(),
        }
    }
}

/// Lets everybody in under the role `anonymous`.
impl Default for AnonymousAccess {
    fn default() -> Self {
        Self::new(ANONYMOUS)
    }
}

impl RouterAuthenticator for AnonymousAccess {
    fn method(&self) -> &str {
        ANONYMOUS
    }

    fn authenticate(&self, candidate: &Candidate<'_>) -> Verdict {
        let authid = format!("{ANONYMOUS}-{:x}", candidate.session.as_u64());
        Verdict::Accept(Accept::new(authid, &*self.authrole, ANONYMOUS))
    }
}

/// Lets in whoever knows the ticket of a principal, from a fixed list.
///
/// Whether a principal is in the list cannot be seen from outside: one who is not is challenged
/// like any other, and refused in the same words.
#[derive(Debug, Clone, Default)]
pub struct StaticTickets {
    principals: BTreeMap<String, Principal>,
}

#[derive(Debug, Clone)]
struct Principal {
    authrole: String,
    ticket: Secret,
}

impl StaticTickets {
    /// Knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a principal with its role and ticket, in place of what was said of it before.
    #[must_use]
    pub fn with_principal(
        mut self,
        authid: impl Into<String>,
        authrole: impl Into<String>,
        ticket: impl Into<Secret>,
    ) -> Self {
        let principal = Principal {
            authrole: authrole.into(),
            ticket: ticket.into(),
        };
        self.principals.insert(authid.into(), principal);
        self
    }
}

impl RouterAuthenticator for StaticTickets {
    fn method(&self) -> &str {
        TICKET
    }

    fn authenticate(&self, candidate: &Candidate<'_>) -> Verdict {
        let Some(authid) = candidate.authid else {
            return Verdict::Deny(Deny::new("authentication by ticket needs an authid"));
        };
        let exchange = TicketExchange {
            authid: authid.to_owned(),
            principal: self.principals.get(authid).cloned(),
        };
        let challenge = Challenge {
            method: TICKET.to_owned(),
            extra: Dict::default(),
        };
        Verdict::Challenge(challenge, Box::new(exchange))
    }
}

#[derive(Debug)]
struct TicketExchange {
    authid: String,
    principal: Option<Principal>,
}

impl Exchange for TicketExchange {
    fn verify(self: Box<Self>, answer: &Authenticate) -> Verdict {
        let presented = answer.signature.expose().as_bytes();
        // An unknown principal costs a comparison too.
        let expected = self
            .principal
            .as_ref()
            .map_or("", |known| known.ticket.expose());
        let equal = presented.ct_eq(expected.as_bytes());
        let known = Choice::from(u8::from(self.principal.is_some()));
        match self.principal {
            Some(principal) if bool::from(equal & known) => {
                Verdict::Accept(Accept::new(self.authid, principal.authrole, TICKET))
            }
            _ => Verdict::Deny(Deny::new("the ticket is not valid for this authid")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static REALM: Uri = Uri::from_static("com.example");

    fn exchange(authid: &str, ticket: &str) -> Verdict {
        let tickets = StaticTickets::new()
            .with_principal("joe", "user", "secret!!!")
            .with_principal("void", "user", "");
        let candidate = Candidate::new(&REALM, SessionId::ZERO.next()).with_authid(Some(authid));
        let Verdict::Challenge(challenge, exchange) = tickets.authenticate(&candidate) else {
            panic!("everybody is challenged");
        };
        assert_eq!(
            (&*challenge.method, challenge.extra.is_empty()),
            ("ticket", true)
        );
        let signature = Secret::new(ticket);
        exchange.verify(&Authenticate {
            signature,
            extra: Dict::default(),
        })
    }

    fn denied(verdict: Verdict) -> Deny {
        let Verdict::Deny(deny) = verdict else {
            panic!("{verdict:?}")
        };
        deny
    }

    #[test]
    fn the_right_ticket_lets_in_under_the_role_of_the_principal() {
        let Verdict::Accept(accept) = exchange("joe", "secret!!!") else {
            panic!()
        };
        assert_eq!((&*accept.authid, &*accept.authrole), ("joe", "user"));
        assert_eq!(
            (&*accept.authmethod, &*accept.authprovider),
            ("ticket", "static")
        );
    }

    #[test]
    fn an_unknown_principal_is_refused_as_one_with_a_wrong_ticket() {
        let wrong = denied(exchange("joe", "secret"));
        assert_eq!(wrong.reason, error_uri::NOT_AUTHORIZED);
        for ticket in ["", "secret!!!"] {
            assert_eq!(denied(exchange("jim", ticket)), wrong);
        }
    }

    #[test]
    fn a_ticket_needs_an_authid() {
        let candidate = Candidate::new(&REALM, SessionId::ZERO.next());
        denied(StaticTickets::new().authenticate(&candidate));
    }

    #[test]
    fn an_anonymous_client_gets_an_authid_of_its_own_and_not_the_one_it_wants() {
        let authid = |session: u64, wish| {
            let session = SessionId::new(session).unwrap();
            let candidate = Candidate::new(&REALM, session).with_authid(wish);
            let verdict = AnonymousAccess::default().authenticate(&candidate);
            let Verdict::Accept(accept) = verdict else {
                panic!()
            };
            assert_eq!(accept.authrole, "anonymous");
            accept.authid
        };
        assert_ne!(authid(1, None), authid(2, None));
        assert_ne!(authid(1, Some("admin")), "admin");
    }

    #[test]
    fn debug_does_not_show_the_tickets() {
        let tickets = StaticTickets::new().with_principal("joe", "user", "hunter2");
        assert!(!format!("{tickets:?}").contains("hunter2"));
    }
}
