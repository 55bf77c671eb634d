//! A naive model of a router, written from the specification and without knowing the router.
//!
//! It keeps facts in lists, in the order in which they came about, and searches the lists from
//! their beginning. Of each step it says which messages go to whom; ids that a router may choose
//! are symbols, bound to a number when the router first names it and the same from then on.
//!
//! Broker and dealer must not be read to change it: where they and the model differ, the text of
//! the specification decides.

mod expected;

use wamp_messages::message::{
    Call, Error, Publish, Register, Subscribe, Unregister, Unsubscribe, Yield,
};
use wamp_messages::options::{
    ErrorDetails, EventDetails, InvocationDetails, PublishOptions, ResultDetails,
};
use wamp_messages::{InvokePolicy, MatchPolicy, Message, RequestType, error_uri};

use self::expected::{Choice, Expected, Prediction};
use crate::config::SessionLimits;
use crate::limit_uri;

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

    fn subscribe(&mut self, from: Session, message: &Subscribe) -> Prediction {
        let request = message.request.as_u64();
        let topic = message.topic.as_str();
        let refused = |errors| Prediction::refused(from, RequestType::SUBSCRIBE, request, errors);
        let mut errors = faults_of_pattern(topic, message.options.match_policy.as_ref());
        if !self.may(from, "subscribe", topic) {
            errors.push(error_uri::NOT_AUTHORIZED);
        }
        if !errors.is_empty() {
            return refused(errors);
        }
        // "Broker should answer with SUBSCRIBED message, containing the existing Subscription|id"
        let existing = self
            .subscriptions
            .iter()
            .find(|subscription| subscription.session == from && subscription.topic == topic)
            .map(|subscription| subscription.symbol);
        let symbol = match existing {
            Some(symbol) => symbol,
            None => {
                let held = self
                    .subscriptions
                    .iter()
                    .filter(|held| held.session == from)
                    .count();
                if held >= self.limits.subscriptions {
                    return refused(vec![limit_uri::TOO_MANY_SUBSCRIPTIONS]);
                }
                let symbol = self.symbol();
                let topic = topic.to_owned();
                self.subscriptions.push(Subscription {
                    session: from,
                    topic,
                    symbol,
                });
                symbol
            }
        };
        let subscription = Choice::new(symbol, Scope::Subscription, topic);
        Prediction::one(
            from,
            Expected::Subscribed {
                request,
                subscription,
            },
        )
    }

    fn unsubscribe(&mut self, from: Session, message: &Unsubscribe) -> Prediction {
        let request = message.request.as_u64();
        let id = Some(message.subscription.as_u64());
        let held = self.subscriptions.iter().position(|subscription| {
            subscription.session == from && self.id_of(subscription.symbol) == id
        });
        match held {
            Some(held) => {
                self.subscriptions.remove(held);
                Prediction::one(from, Expected::Unsubscribed { request })
            }
            None => {
                let error = vec![error_uri::NO_SUCH_SUBSCRIPTION];
                Prediction::refused(from, RequestType::UNSUBSCRIBE, request, error)
            }
        }
    }

    fn publish(&mut self, from: Session, message: &Publish) -> Prediction {
        let mut prediction = Prediction::default();
        let request = message.request.as_u64();
        let topic = message.topic.as_str();
        let acknowledge = message.options.acknowledge == Some(true);
        let errors = self.faults_of_own(from, "publish", topic);
        if !errors.is_empty() {
            if acknowledge {
                prediction.refuse(from, RequestType::PUBLISH, request, errors);
            }
            return prediction;
        }
        let symbol = self.symbol();
        let publication = Choice::new(symbol, Scope::Publication, &format!("{symbol:?}"));
        for subscription in &self.subscriptions {
            let to = subscription.session;
            let itself = to == from && message.options.exclude_me != Some(false);
            if subscription.topic != topic || itself || !self.is_meant(to, &message.options) {
                continue;
            }
            let event = Expected::Event {
                subscription: Choice::new(subscription.symbol, Scope::Subscription, topic),
                publication: publication.clone(),
                details: event_details(&message.options),
                payload: message.payload.clone(),
            };
            prediction.sent.push((to, event));
        }
        if acknowledge {
            prediction.sent.push((
                from,
                Expected::Published {
                    request,
                    publication,
                },
            ));
        }
        prediction
    }

    /// The six statements of "Subscriber Black- and Whitelisting".
    fn is_meant(&self, to: Session, options: &PublishOptions) -> bool {
        let member = &self.members[to];
        let is_listed = |list: &Option<Vec<wamp_messages::SessionId>>| {
            list.as_ref()
                .map(|list| list.iter().any(|id| id.as_u64() == member.id))
        };
        let is_named = |list: &Option<Vec<String>>, name: &String| {
            list.as_ref().map(|list| list.contains(name))
        };
        is_listed(&options.eligible) != Some(false)
            && is_named(&options.eligible_authid, &member.authid) != Some(false)
            && is_named(&options.eligible_authrole, &member.authrole) != Some(false)
            && is_listed(&options.exclude) != Some(true)
            && is_named(&options.exclude_authid, &member.authid) != Some(true)
            && is_named(&options.exclude_authrole, &member.authrole) != Some(true)
    }

    fn register(&mut self, from: Session, message: &Register) -> Prediction {
        let request = message.request.as_u64();
        let procedure = message.procedure.as_str();
        let mut errors = faults_of_pattern(procedure, message.options.match_policy.as_ref());
        match message.options.invoke.as_ref().map(InvokePolicy::as_str) {
            None | Some("single") => {}
            Some("first" | "last" | "roundrobin" | "random") => {
                errors.push(error_uri::OPTION_NOT_ALLOWED);
            }
            Some(_) => errors.push(error_uri::INVALID_ARGUMENT),
        }
        errors.extend(self.faults_of_own(from, "register", procedure));
        if errors.is_empty() {
            // Which of the two is told does not matter.
            if self
                .registrations
                .iter()
                .any(|known| known.procedure == procedure)
            {
                errors.push(error_uri::PROCEDURE_ALREADY_EXISTS);
            }
            let held = self
                .registrations
                .iter()
                .filter(|held| held.session == from)
                .count();
            if held >= self.limits.registrations {
                errors.push(limit_uri::TOO_MANY_REGISTRATIONS);
            }
        }
        if !errors.is_empty() {
            return Prediction::refused(from, RequestType::REGISTER, request, errors);
        }
        let symbol = self.symbol();
        let registration = Choice::new(symbol, Scope::Registration, procedure);
        let procedure = procedure.to_owned();
        self.registrations.push(Registration {
            session: from,
            procedure,
            symbol,
        });
        Prediction::one(
            from,
            Expected::Registered {
                request,
                registration,
            },
        )
    }

    fn unregister(&mut self, from: Session, message: &Unregister) -> Prediction {
        let request = message.request.as_u64();
        let id = Some(message.registration.as_u64());
        let held = self.registrations.iter().position(|registration| {
            registration.session == from && self.id_of(registration.symbol) == id
        });
        match held {
            Some(held) => {
                self.registrations.remove(held);
                Prediction::one(from, Expected::Unregistered { request })
            }
            None => {
                let error = vec![error_uri::NO_SUCH_REGISTRATION];
                Prediction::refused(from, RequestType::UNREGISTER, request, error)
            }
        }
    }

    fn call(&mut self, from: Session, message: &Call) -> Prediction {
        let request = message.request.as_u64();
        let procedure = message.procedure.as_str();
        let refused = |errors| Prediction::refused(from, RequestType::CALL, request, errors);
        if !is_uri(procedure) {
            return refused(vec![error_uri::INVALID_URI]);
        }
        if !self.may(from, "call", procedure) {
            return refused(vec![error_uri::NOT_AUTHORIZED]);
        }
        let registered = self
            .registrations
            .iter()
            .find(|registration| registration.procedure == procedure);
        let Some(registration) = registered else {
            return refused(vec![error_uri::NO_SUCH_PROCEDURE]);
        };
        let mut errors = Vec::new();
        if self.calls.iter().filter(|call| call.caller == from).count() >= self.limits.calls {
            errors.push(limit_uri::TOO_MANY_CALLS);
        }
        let invoked = self
            .calls
            .iter()
            .filter(|call| call.callee == registration.session);
        if invoked.count() >= self.limits.invocations {
            errors.push(limit_uri::TOO_MANY_INVOCATIONS);
        }
        if !errors.is_empty() {
            return refused(errors);
        }
        let callee = registration.session;
        self.members[callee].invocations += 1;
        let invocation = self.members[callee].invocations;
        self.calls.push(PendingCall {
            caller: from,
            request,
            callee,
            invocation,
        });
        let expected = Expected::Invocation {
            request: invocation,
            registration: Choice::new(registration.symbol, Scope::Registration, procedure),
            details: invocation_details(message),
            payload: message.payload.clone(),
        };
        Prediction::one(callee, expected)
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

    fn answer_with_yield(&mut self, from: Session, message: &Yield) -> Prediction {
        let invocation = (from, message.request.as_u64());
        // A part, to a caller who was not asked whether he wants parts, is no answer.
        if message.options.progress == Some(true)
            && self.pending_invocations().contains(&invocation)
        {
            return self.violation(from);
        }
        self.answer(from, message.request.as_u64(), |request| Expected::Result {
            request,
            details: result_details(message),
            payload: message.payload.clone(),
        })
    }

    fn answer_with_error(&mut self, from: Session, message: &Error) -> Prediction {
        assert_eq!(
            message.request_type,
            RequestType::INVOCATION,
            "a client answers nothing else"
        );
        self.answer(from, message.request.as_u64(), |request| Expected::Failed {
            request,
            details: error_details(message),
            error: message.error.as_str().to_owned(),
            payload: message.payload.clone(),
        })
    }

    fn answer(
        &mut self,
        from: Session,
        invocation: u64,
        expected: impl FnOnce(u64) -> Expected,
    ) -> Prediction {
        // "Receiving YIELD message with invalid INVOCATION.Request"
        if invocation == 0 || invocation > self.members[from].invocations {
            return self.violation(from);
        }
        match self.take_call(from, invocation) {
            Some(call) => Prediction::one(call.caller, expected(call.request)),
            None => Prediction::default(),
        }
    }

    fn take_call(&mut self, callee: Session, invocation: u64) -> Option<PendingCall> {
        let is_it = |call: &PendingCall| call.callee == callee && call.invocation == invocation;
        let position = self.calls.iter().position(is_it)?;
        Some(self.calls.remove(position))
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

/// "URI components [...] MUST NOT contain a `.`, `#` or whitespace characters and MUST NOT be empty"
fn is_uri(text: &str) -> bool {
    text.split('.').all(|component| {
        !component.is_empty()
            && !component
                .chars()
                .any(|character| character == '#' || character.is_whitespace())
    })
}

/// What is wrong with a URI that could be a pattern, on a router that has no patterns.
fn faults_of_pattern(uri: &str, policy: Option<&MatchPolicy>) -> Vec<&'static str> {
    match policy.map(MatchPolicy::as_str) {
        None | Some("exact") if is_uri(uri) => Vec::new(),
        None | Some("exact") => vec![error_uri::INVALID_URI],
        Some("prefix" | "wildcard") if is_uri(uri) => vec![error_uri::OPTION_NOT_ALLOWED],
        Some("prefix" | "wildcard") => vec![error_uri::OPTION_NOT_ALLOWED, error_uri::INVALID_URI],
        Some(_) => vec![error_uri::INVALID_ARGUMENT],
    }
}

/// "with the latter not announcing `payload passthru` support [...] MUST be treated as PROTOCOL
/// ERRORS", and so must CALL with `progress := true` to a dealer that did not announce it.
fn is_of_feature_not_announced(message: &Message) -> bool {
    match message {
        Message::Publish(publish) => publish.options.ppt_scheme.is_some(),
        Message::Call(call) => {
            call.options.ppt_scheme.is_some() || call.options.progress == Some(true)
        }
        Message::Yield(answer) => answer.options.ppt_scheme.is_some(),
        _ => false,
    }
}

/// "application URIs MUST NOT use `wamp` as a first URI component"
fn is_reserved(text: &str) -> bool {
    text.split('.').next() == Some("wamp")
}

// Details tell how an opaque payload is encoded. Whoever claims to be somebody else in his options
// is not believed: nobody is identified, as no such feature is announced.

fn event_details(options: &PublishOptions) -> EventDetails {
    let mut details = EventDetails::default();
    details.enc_algo.clone_from(&options.enc_algo);
    details.enc_key.clone_from(&options.enc_key);
    details.enc_serializer.clone_from(&options.enc_serializer);
    details
}

fn invocation_details(call: &Call) -> InvocationDetails {
    let mut details = InvocationDetails::default();
    details.enc_algo.clone_from(&call.options.enc_algo);
    details.enc_key.clone_from(&call.options.enc_key);
    details
        .enc_serializer
        .clone_from(&call.options.enc_serializer);
    details
}

fn result_details(answer: &Yield) -> ResultDetails {
    let mut details = ResultDetails::default();
    details.enc_algo.clone_from(&answer.options.enc_algo);
    details.enc_key.clone_from(&answer.options.enc_key);
    details
        .enc_serializer
        .clone_from(&answer.options.enc_serializer);
    details
}

fn error_details(error: &Error) -> ErrorDetails {
    let mut details = ErrorDetails::default();
    details.enc_algo.clone_from(&error.details.enc_algo);
    details.enc_key.clone_from(&error.details.enc_key);
    details
        .enc_serializer
        .clone_from(&error.details.enc_serializer);
    details
}
