//! The lifecycle of a session, on either side of a transport.
//!
//! It says which messages may come in which phase, and carries out the closing handshake:
//!
//! ```text
//!              HELLO                     WELCOME
//!  Detached ──────────▶ Opening ──────────────────────▶ Established
//!     ▲                  │    ▲                            │
//!     │                  └────┘ CHALLENGE, AUTHENTICATE    │ GOODBYE sent
//!     │                                                    ▼
//!     ├───────────── GOODBYE received ──────────────── Leaving
//!     │
//!     └── GOODBYE received (and answered) from Established
//!
//!  ABORT, sent or received, ends the session from anywhere: Aborted, and the transport is closed.
//! ```
//!
//! A client sends HELLO and AUTHENTICATE, a router CHALLENGE and WELCOME. From `Detached` a client
//! may join again on the same transport.
//!
//! Specification: Basic Profile, "Sessions" and "Protocol Errors".

use std::fmt;

use wamp_messages::message::{Abort, Authenticate, Challenge, Goodbye, Hello, Welcome};
use wamp_messages::options::{AbortDetails, GoodbyeDetails};
use wamp_messages::{Message, RequestType, Uri, UriRules, error_uri};

/// Which side of a session this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a session has two sides")]
pub enum Side {
    /// The client, which joins.
    Client,
    /// The router, which lets join.
    Router,
}

/// The state of a session between its transport and its tables.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    side: Side,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Detached,
    Opening,
    Established,
    Leaving,
    Aborted,
}

/// A message that was received, by what it means in the phase in which it came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "almost every one is a message of the session, and none is kept"
)]
pub enum Received {
    /// A client wants to join (router).
    Hello(Hello),
    /// A client answers a challenge (router).
    Authenticate(Authenticate),
    /// The router demands authentication (client).
    Challenge(Challenge),
    /// The client has joined (client).
    Welcome(Welcome),
    /// A message of the open session.
    Session(Message),
    /// The peer has left. What is to be answered, if the peer began.
    Goodbye(CloseDetails, Option<Goodbye>),
    /// The peer has ended the session, or refused it.
    Abort(CloseDetails),
    /// The session has been left: what was still on its way is dropped.
    Ignored,
}

/// Why a session was closed (Autobahn's `CloseDetails`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseDetails {
    /// The reason: `wamp.close.normal`, an error URI, or `wamp.close.transport_lost`.
    pub reason: Uri,
    /// What happened, for people.
    pub message: Option<String>,
}

impl CloseDetails {
    /// Makes details of a reason and a text.
    pub fn new(reason: Uri, message: Option<String>) -> Self {
        Self { reason, message }
    }

    /// The details of a session whose transport was lost.
    pub fn transport_lost(message: impl Into<String>) -> Self {
        Self::new(
            Uri::from_static(error_uri::CLOSE_TRANSPORT_LOST),
            Some(message.into()),
        )
    }

    /// Whether the session ended in order, on either side's wish.
    pub fn is_clean(&self) -> bool {
        [
            error_uri::CLOSE_NORMAL,
            error_uri::GOODBYE_AND_OUT,
            error_uri::CLOSE_REALM,
        ]
        .contains(&self.reason.as_str())
    }
}

impl fmt::Display for CloseDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{} ({message})", self.reason),
            None => fmt::Display::fmt(&self.reason, f),
        }
    }
}

impl From<Abort> for CloseDetails {
    fn from(abort: Abort) -> Self {
        Self::new(abort.reason, abort.details.message)
    }
}

impl From<Goodbye> for CloseDetails {
    fn from(goodbye: Goodbye) -> Self {
        Self::new(goodbye.reason, goodbye.details.message)
    }
}

/// A message that the peer must not send: the session ends with ABORT
/// (Autobahn's `ProtocolError`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub String);

impl Violation {
    /// The ABORT that tells the peer.
    pub fn to_abort(&self) -> Abort {
        abort(error_uri::PROTOCOL_VIOLATION, self.0.clone())
    }
}

/// Makes an ABORT of a reason and a text for people.
pub fn abort(reason: &'static str, message: impl Into<String>) -> Abort {
    let mut details = AbortDetails::default();
    details.message = Some(message.into());
    Abort {
        details,
        reason: Uri::from_static(reason),
    }
}

/// Makes a GOODBYE of a reason and perhaps a text for people.
pub fn goodbye(reason: Uri, message: Option<String>) -> Goodbye {
    let mut details = GoodbyeDetails::default();
    details.message = message;
    Goodbye { details, reason }
}

impl Lifecycle {
    /// The lifecycle of one side, before a session.
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            phase: Phase::Detached,
        }
    }

    /// Whether the session is open.
    pub fn is_established(&self) -> bool {
        self.phase == Phase::Established
    }

    /// Whether there is no session, so that another may be joined.
    pub fn is_detached(&self) -> bool {
        self.phase == Phase::Detached
    }

    /// Whether this side has sent GOODBYE and waits for the answer.
    pub fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// Whether an ABORT has passed, after which the transport is closed.
    pub fn is_aborted(&self) -> bool {
        self.phase == Phase::Aborted
    }

    /// Takes note of a message that this side sends.
    pub fn handle_sent(&mut self, message: &Message) {
        self.phase = match message {
            Message::Hello(_) => Phase::Opening,
            Message::Welcome(_) => Phase::Established,
            Message::Abort(_) => Phase::Aborted,
            Message::Goodbye(_) if self.phase == Phase::Established => Phase::Leaving,
            _ => return,
        };
    }

    /// Takes a message that the peer sent, and tells what it means.
    ///
    /// # Errors
    ///
    /// The peer must not send it now. The caller sends the violation's ABORT, and closes.
    pub fn handle_received(&mut self, message: Message) -> Result<Received, Violation> {
        if let Message::Abort(abort) = message {
            // Not even an ABORT answers an ABORT.
            self.phase = Phase::Aborted;
            return Ok(Received::Abort(abort.into()));
        }
        match (self.phase, self.side) {
            (Phase::Detached, Side::Router) => match message {
                Message::Hello(hello) => {
                    self.phase = Phase::Opening;
                    Ok(Received::Hello(hello))
                }
                // The rest of a session that was ended from this side at the same time.
                Message::Goodbye(_) => Ok(Received::Ignored),
                message => Err(unexpected(&message, "before a session is opened")),
            },
            (Phase::Detached, Side::Client) => Ok(Received::Ignored),
            (Phase::Opening, Side::Router) => match message {
                Message::Authenticate(authenticate) => Ok(Received::Authenticate(authenticate)),
                message => Err(unexpected(&message, "while the session is being opened")),
            },
            (Phase::Opening, Side::Client) => match message {
                Message::Challenge(challenge) => Ok(Received::Challenge(challenge)),
                Message::Welcome(welcome) => {
                    self.phase = Phase::Established;
                    Ok(Received::Welcome(welcome))
                }
                message => Err(unexpected(&message, "while the session is being opened")),
            },
            (Phase::Established, side) => match message {
                Message::Goodbye(request) => {
                    self.phase = Phase::Detached;
                    let reply = goodbye(Uri::from_static(error_uri::GOODBYE_AND_OUT), None);
                    Ok(Received::Goodbye(request.into(), Some(reply)))
                }
                message if may_receive(side, &message) => {
                    check(&message)?;
                    Ok(Received::Session(message))
                }
                message => Err(unexpected(&message, "in an open session")),
            },
            (Phase::Leaving, _) => match message {
                // Autobahn and Crossbar.io answer with `wamp.close.normal`: any reason is one.
                Message::Goodbye(reply) => {
                    self.phase = Phase::Detached;
                    Ok(Received::Goodbye(reply.into(), None))
                }
                _ => Ok(Received::Ignored),
            },
            (Phase::Aborted, _) => Ok(Received::Ignored),
        }
    }
}

fn unexpected(message: &Message, when: &str) -> Violation {
    Violation(format!("{} must not be sent {when}", message.name()))
}

/// Whether a message of an open session goes in this direction.
fn may_receive(side: Side, message: &Message) -> bool {
    let from_client = match message {
        Message::Publish(_)
        | Message::Subscribe(_)
        | Message::Unsubscribe(_)
        | Message::EventReceived(_)
        | Message::Call(_)
        | Message::Cancel(_)
        | Message::Register(_)
        | Message::Unregister(_)
        | Message::Yield(_) => true,
        Message::Published(_)
        | Message::Subscribed(_)
        | Message::Unsubscribed(_)
        | Message::Event(_)
        | Message::Result(_)
        | Message::Registered(_)
        | Message::Unregistered(_)
        | Message::Invocation(_)
        | Message::Interrupt(_) => false,
        // A callee answers an INVOCATION with it, a router every other request.
        Message::Error(error) => error.request_type == RequestType::INVOCATION,
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Abort(_)
        | Message::Challenge(_)
        | Message::Authenticate(_)
        | Message::Goodbye(_) => return false,
    };
    from_client == (side == Side::Router)
}

/// Requests that break a rule are answered with ERROR by the router; what else does is a violation.
fn check(message: &Message) -> Result<(), Violation> {
    if message.request().is_some() {
        return Ok(());
    }
    message
        .validate(UriRules::LOOSE)
        .map_err(|invalid| Violation(invalid.to_string()))
}

#[cfg(test)]
mod tests {
    use wamp_messages::message::{Event, EventReceived, Published};
    use wamp_messages::{PublicationId, RequestId, SessionId, SubscriptionId};

    use super::*;

    fn hello() -> Message {
        Hello {
            realm: None,
            details: Box::default(),
        }
        .into()
    }

    fn welcome() -> Message {
        Welcome {
            session: SessionId::ZERO.next(),
            details: Box::default(),
        }
        .into()
    }

    fn leave() -> Message {
        goodbye(Uri::from_static(error_uri::CLOSE_NORMAL), None).into()
    }

    fn received() -> Message {
        EventReceived {
            publication: PublicationId::ZERO.next(),
        }
        .into()
    }

    fn router() -> Lifecycle {
        let mut router = Lifecycle::new(Side::Router);
        assert!(matches!(
            router.handle_received(hello()),
            Ok(Received::Hello(_))
        ));
        router.handle_sent(&welcome());
        assert!(router.is_established());
        router
    }

    #[test]
    fn nothing_comes_before_hello() {
        for message in [received(), welcome()] {
            assert!(
                Lifecycle::new(Side::Router)
                    .handle_received(message)
                    .is_err()
            );
        }
    }

    #[test]
    fn a_second_hello_is_a_violation() {
        let error = router().handle_received(hello()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "HELLO must not be sent in an open session"
        );
        assert_eq!(error.to_abort().reason, error_uri::PROTOCOL_VIOLATION);
    }

    #[test]
    fn messages_of_the_other_side_are_a_violation() {
        let event = Event {
            subscription: SubscriptionId::ZERO,
            publication: PublicationId::ZERO,
            details: Default::default(),
            payload: Default::default(),
        };
        assert!(router().handle_received(event.into()).is_err());
        let published = Published {
            request: RequestId::ZERO,
            publication: PublicationId::ZERO,
        };
        assert!(router().handle_received(published.into()).is_err());
    }

    #[test]
    fn a_goodbye_is_answered_and_the_session_can_be_joined_again() {
        let mut router = router();
        let Ok(Received::Goodbye(details, Some(reply))) = router.handle_received(leave()) else {
            panic!("a GOODBYE is to be answered");
        };
        assert!(details.is_clean());
        assert_eq!(reply.reason, error_uri::GOODBYE_AND_OUT);
        assert!(matches!(
            router.handle_received(hello()),
            Ok(Received::Hello(_))
        ));
    }

    #[test]
    fn after_goodbye_was_sent_only_its_answer_counts() {
        let mut router = router();
        router.handle_sent(&leave());
        assert_eq!(router.handle_received(received()), Ok(Received::Ignored));
        assert!(matches!(
            router.handle_received(leave()),
            Ok(Received::Goodbye(_, None))
        ));
        assert!(router.is_detached());
    }

    #[test]
    fn an_abort_ends_the_session_from_anywhere() {
        let mut router = router();
        let message = abort(error_uri::SYSTEM_SHUTDOWN, "off").into();
        assert!(matches!(
            router.handle_received(message),
            Ok(Received::Abort(_))
        ));
        assert!(router.is_aborted());
        assert_eq!(router.handle_received(received()), Ok(Received::Ignored));
    }

    #[test]
    fn a_client_takes_only_answers_while_it_joins() {
        let mut client = Lifecycle::new(Side::Client);
        client.handle_sent(&hello());
        assert!(client.handle_received(leave()).is_err());
        let mut client = Lifecycle::new(Side::Client);
        client.handle_sent(&hello());
        assert!(matches!(
            client.handle_received(welcome()),
            Ok(Received::Welcome(_))
        ));
        assert!(client.is_established());
    }
}
