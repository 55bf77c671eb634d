//! A naive model of a router, written from the specification and without knowing the router.
//!
//! It keeps facts in lists, in the order in which they came about, and searches the lists from
//! their beginning. Of each step it says which messages go to whom; ids that a router may choose
//! are symbols, bound to a number when the router first names it and the same from then on.
//!
//! Broker and dealer must not be read to change it: where they and the model differ, the text of
//! the specification decides.

mod calls;
mod events;
mod expected;
mod rules;

use wamp_messages::{Message, RequestType, error_uri};

use self::expected::Prediction;
use self::rules::{is_of_feature_not_announced, is_reserved, is_uri};
use crate::config::SessionLimits;

/// The number of a session: 0 is the first one that joined.
pub(super) type Session = usize;

/// The largest id.
pub(super) const LAST_ID: u64 = 1 << 53;

/// What a router is to know.
#[derive(Debug)]
pub(super) struct Model {
    limits: SessionLimits,
    members: Vec<Member>,
    subscriptions: Vec<Subscription>,
    registrations: Vec<Registration>,
    calls: Vec<PendingCall>,
    ids: Vec<Bound>,
    symbols: usize,
}

/// A session that joined, and has perhaps left.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The id that WELCOME told.
    pub(super) id: u64,
    pub(super) authid: String,
    pub(super) authrole: String,
    present: bool,
    last_request: u64,
    invocations: u64,
}

#[derive(Debug)]
struct Subscription {
    session: Session,
    topic: String,
    symbol: Symbol,
}

#[derive(Debug)]
struct Registration {
    session: Session,
    procedure: String,
    symbol: Symbol,
}

#[derive(Debug)]
struct PendingCall {
    caller: Session,
    request: u64,
    callee: Session,
    invocation: u64,
}

/// An id that the router chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Symbol(usize);

/// A symbol with the number that the router chose.
#[derive(Debug)]
struct Bound {
    symbol: Symbol,
    scope: Scope,
    /// The topic or procedure, or something unique for a publication.
    name: String,
    id: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Subscription,
    Registration,
    Publication,
}

impl Model {
    pub(super) fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            members: Vec::new(),
            subscriptions: Vec::new(),
            registrations: Vec::new(),
            calls: Vec::new(),
            ids: Vec::new(),
            symbols: 0,
        }
    }

    pub(super) fn join(&mut self, id: u64, authid: &str, authrole: &str) -> Session {
        self.members.push(Member {
            id,
            authid: authid.to_owned(),
            authrole: authrole.to_owned(),
            present: true,
            last_request: 0,
            invocations: 0,
        });
        self.members.len() - 1
    }

    /// A session ends, by GOODBYE, by ABORT or because its connection is lost.
    pub(super) fn leave(&mut self, session: Session) -> Prediction {
        let mut prediction = Prediction::default();
        self.members[session].present = false;
        self.subscriptions
            .retain(|subscription| subscription.session != session);
        self.registrations
            .retain(|registration| registration.session != session);
        // "if a Dealer detects that the Callee has left [...] SHALL return an ERROR message"
        for call in &self.calls {
            if call.callee == session && call.caller != session {
                prediction.refuse(
                    call.caller,
                    RequestType::CALL,
                    call.request,
                    vec![error_uri::CANCELED],
                );
            }
        }
        // "the Dealer shall be prepared to discard a YIELD or ERROR response"
        self.calls
            .retain(|call| call.callee != session && call.caller != session);
        prediction
    }

    /// A present session sends a message.
    pub(super) fn handle(&mut self, from: Session, message: &Message) -> Prediction {
        if let Some((_, request)) = message.request() {
            // "Receiving message with non-sequential session scope request ID"; gaps are forgiven.
            // "wrapping to 1 after it reached 2^53"; the answers to two calls of one id could not be
            // told from each other.
            let last = self.members[from].last_request;
            let request = request.as_u64();
            let wraps = last == LAST_ID && request == 1;
            let is_waiting = self.pending_calls().contains(&(from, request));
            let is_call = matches!(message, Message::Call(_));
            if (request <= last && !wraps) || (is_call && is_waiting) {
                return self.violation(from);
            }
            self.members[from].last_request = request;
        }
        if is_of_feature_not_announced(message) {
            return self.violation(from);
        }
        match message {
            Message::Subscribe(message) => self.subscribe(from, message),
            Message::Unsubscribe(message) => self.unsubscribe(from, message),
            Message::Publish(message) => self.publish(from, message),
            Message::Register(message) => self.register(from, message),
            Message::Unregister(message) => self.unregister(from, message),
            Message::Call(message) => self.call(from, message),
            Message::Yield(message) => self.answer_with_yield(from, message),
            Message::Error(message) => self.answer_with_error(from, message),
            // Of features that are not announced.
            Message::Cancel(_) | Message::EventReceived(_) => Prediction::default(),
            message => panic!("a client does not send {}", message.name()),
        }
    }

    /// A message cannot be sent to a present session: it has no form there, or is too long.
    pub(super) fn undeliverable(
        &mut self,
        to: Session,
        message: &Message,
        error: &'static str,
    ) -> Prediction {
        let mut prediction = Prediction::default();
        match message {
            Message::Result(result) => {
                prediction.refuse(to, RequestType::CALL, result.request.as_u64(), vec![error]);
            }
            Message::Error(message) => {
                prediction.refuse(
                    to,
                    message.request_type,
                    message.request.as_u64(),
                    vec![error],
                );
            }
            Message::Invocation(invocation) => {
                if let Some(call) = self.take_call(to, invocation.request.as_u64()) {
                    prediction.refuse(call.caller, RequestType::CALL, call.request, vec![error]);
                }
            }
            _ => {}
        }
        prediction
    }

    fn violation(&mut self, session: Session) -> Prediction {
        Prediction {
            violation: true,
            ..self.leave(session)
        }
    }

    /// What is wrong with a URI that a session would make its own.
    fn faults_of_own(&self, session: Session, action: &str, uri: &str) -> Vec<&'static str> {
        let trusted = self.members[session].authrole == "admin";
        if !is_uri(uri) || (is_reserved(uri) && !trusted) {
            vec![error_uri::INVALID_URI]
        } else if !self.may(session, action, uri) {
            vec![error_uri::NOT_AUTHORIZED]
        } else {
            Vec::new()
        }
    }

    /// Whether the role of a session allows an action. The realm is made of these rules.
    fn may(&self, session: Session, action: &str, uri: &str) -> bool {
        let denied = matches!(
            (action, uri),
            ("register" | "publish", "com.example.c")
                | ("subscribe", "com.example.a.b")
                | ("call", "com.wamp.a")
        );
        self.members[session].authrole == "admin" || !denied
    }

    fn symbol(&mut self) -> Symbol {
        self.symbols += 1;
        Symbol(self.symbols)
    }
}

/// What is asked by who chooses the next message.
impl Model {
    pub(super) fn member(&self, session: Session) -> &Member {
        &self.members[session]
    }

    /// How many sessions have joined so far.
    pub(super) fn joined(&self) -> usize {
        self.members.len()
    }

    pub(super) fn present(&self) -> Vec<Session> {
        (0..self.members.len())
            .filter(|&session| self.members[session].present)
            .collect()
    }

    pub(super) fn last_request(&self, session: Session) -> u64 {
        self.members[session].last_request
    }

    /// How many invocations the session got.
    pub(super) fn invocations(&self, session: Session) -> u64 {
        self.members[session].invocations
    }

    /// The subscriptions that are held, with their ids.
    pub(super) fn subscriptions(&self) -> Vec<(Session, u64)> {
        let held = self.subscriptions.iter();
        held.filter_map(|held| Some((held.session, self.id_of(held.symbol)?)))
            .collect()
    }

    /// The registrations that are held, with their ids.
    pub(super) fn registrations(&self) -> Vec<(Session, u64)> {
        let held = self.registrations.iter();
        held.filter_map(|held| Some((held.session, self.id_of(held.symbol)?)))
            .collect()
    }

    pub(super) fn topics(&self) -> Vec<&str> {
        self.subscriptions
            .iter()
            .map(|subscription| &*subscription.topic)
            .collect()
    }

    pub(super) fn procedures(&self) -> Vec<&str> {
        self.registrations
            .iter()
            .map(|registration| &*registration.procedure)
            .collect()
    }

    /// The invocations that are not answered, with their callees.
    pub(super) fn pending_invocations(&self) -> Vec<(Session, u64)> {
        self.calls
            .iter()
            .map(|call| (call.callee, call.invocation))
            .collect()
    }

    /// The calls that are not answered, with their callers.
    pub(super) fn pending_calls(&self) -> Vec<(Session, u64)> {
        self.calls
            .iter()
            .map(|call| (call.caller, call.request))
            .collect()
    }

    /// Every id that the router has chosen so far.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.ids.iter().map(|bound| bound.id).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.registrations.is_empty() && self.calls.is_empty()
    }
}
