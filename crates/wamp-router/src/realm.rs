//! The routing of one realm: values in, effects out.
//!
//! [`Routing`] holds the sessions of a realm with its broker and its dealer. Messages come in by
//! [`Routing::handle`], and what is to be sent goes out through a [`Sink`]. It knows no connection:
//! a session is a [`Peer`], an opaque key. Messages were let through by a
//! [`Lifecycle`](wamp_core::Lifecycle) before; their payloads are never looked into.

pub(crate) mod arena;
mod counted;
pub(crate) mod index;
pub(crate) mod moment;
pub(crate) mod reply;
mod session;

use std::collections::BTreeMap;
use std::fmt;

use wamp_core::{Outgoing, Undeliverable, Violation};
use wamp_messages::{
    Feature, InvalidKind, Message, PublicationId, RegistrationId, RequestType, Role, Roles,
    SessionId, SubscriptionId, Uri, UriRules, error_uri,
};
use wamp_serializers::encode_payload;

pub(crate) use self::counted::{Counted, Outcome};
use self::moment::Moment;
use self::reply::{Refusal, own_payload};
pub(crate) use self::session::{Identity, Peer, Session, Sessions};
use crate::broker::Broker;
use crate::config::SessionLimits;
use crate::dealer::Dealer;
use crate::meta_uri;
use crate::permissions::{Action, Permissions};

/// What the router announces in every WELCOME: what works, and nothing else.
pub(crate) fn announced() -> Roles {
    Roles::none()
        .with(
            Role::Broker,
            [
                Feature::SUBSCRIBER_BLACKWHITE_LISTING,
                Feature::PUBLISHER_EXCLUSION,
            ],
        )
        .with(Role::Dealer, [])
}

/// Takes what is to be done.
pub(crate) trait Sink {
    /// Sends a message to a session. Messages to one session leave in the order they come here.
    fn send(&mut self, to: Peer, message: Outgoing);

    /// Takes note of a change of the tables.
    fn note(&mut self, change: Change) {
        let _ = change;
    }

    /// Takes note of something that is only counted.
    fn count(&mut self, what: Counted) {
        let _ = what;
    }
}

/// A change of the tables of broker or dealer, for those who watch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A session has subscribed; if it is the first, the subscription was created.
    Subscribed {
        peer: Peer,
        subscription: SubscriptionId,
        is_first: bool,
    },
    /// A session is subscribed no more; if it was the last, the subscription was deleted.
    Unsubscribed {
        peer: Peer,
        subscription: SubscriptionId,
        is_last: bool,
    },
    /// A session has registered; if it is the first, the registration was created.
    Registered {
        peer: Peer,
        registration: RegistrationId,
        is_first: bool,
    },
    /// A session is registered no more; if it was the last, the registration was deleted.
    Unregistered {
        peer: Peer,
        registration: RegistrationId,
        is_last: bool,
    },
}

/// The rules of a realm.
#[derive(Debug, Clone, Default)]
pub(crate) struct RealmConfig {
    /// What each role may do. A session of another role may do nothing.
    pub(crate) roles: BTreeMap<String, RoleConfig>,
    pub(crate) rules: UriRules,
    pub(crate) limits: SessionLimits,
}

/// What sessions of a role may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoleConfig {
    pub(crate) permissions: Permissions,
    /// Whether they may use the URIs that are the router's own.
    pub(crate) trusted: bool,
}

/// Gives random numbers, of which all bits are used.
pub(crate) type RandomBits = Box<dyn FnMut() -> u64 + Send>;

/// The sessions of a realm, with its broker and its dealer.
pub(crate) struct Routing {
    config: RealmConfig,
    random: RandomBits,
    sessions: Sessions,
    broker: Broker,
    dealer: Dealer,
    undelivered_events: u64,
}

impl Routing {
    pub(crate) fn new(config: RealmConfig, random: RandomBits) -> Self {
        Self {
            config,
            random,
            sessions: Sessions::default(),
            broker: Broker::default(),
            dealer: Dealer::default(),
            undelivered_events: 0,
        }
    }

    /// Goes on by other rules. Sessions stay, with all that they have.
    pub(crate) fn change(&mut self, config: RealmConfig) {
        self.config = config;
    }

    /// Lets a session in.
    pub(crate) fn join(&mut self, identity: Identity) -> Peer {
        self.sessions.insert(identity)
    }

    /// Takes a message of an open session, which came now.
    ///
    /// What is passed on is taken out of the message; what is left of it is for the caller to drop.
    ///
    /// # Errors
    ///
    /// The client must not have sent it. Its session is to be ended: [`Routing::leave`] follows.
    pub(crate) fn handle(
        &mut self,
        peer: Peer,
        message: &mut Message,
        now: Moment,
        sink: &mut impl Sink,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.find_mut(peer) else {
            return Ok(());
        };
        if let Some(feature) = feature_not_announced(message) {
            let name = message.name();
            return Err(Violation(format!(
                "{name} makes use of {feature}, which the router did not announce"
            )));
        }
        let Some((request_type, request)) = message.request() else {
            return self.handle_answer(peer, message, now, sink);
        };
        session.begin(request, message)?;
        let quiet = matches!(message, Message::Publish(publish)
            if publish.options.acknowledge != Some(true));
        let admitted = self.admit(peer, message)?;
        let done = admitted.and_then(|()| self.handle_request(peer, message, now, sink));
        if let Err(refusal) = done {
            sink.count(Counted::Refused(refusal.uri()));
            if !quiet {
                sink.send(peer, refusal.to_error(request_type, request).into());
            }
        }
        Ok(())
    }

    /// Takes a session out, with everything that is its own.
    pub(crate) fn leave(&mut self, peer: Peer, sink: &mut impl Sink) {
        let Some(session) = self.sessions.remove(peer) else {
            return;
        };
        self.broker.handle_leave(peer, &session, sink);
        self.dealer
            .handle_leave(&mut self.sessions, peer, &session, sink);
    }

    /// Takes note that a message could not be sent to a session: not now, and not ever.
    ///
    /// A RESULT or ERROR is replaced by an ERROR that says so, an INVOCATION is answered to its
    /// caller, an EVENT is only counted.
    pub(crate) fn undeliverable(
        &mut self,
        peer: Peer,
        message: &Outgoing,
        why: &Undeliverable,
        sink: &mut impl Sink,
    ) {
        match message.message() {
            Message::Event(_) => self.undelivered_events += 1,
            Message::Invocation(invocation) => {
                let sessions = &mut self.sessions;
                Dealer::handle_undeliverable(sessions, peer, invocation.request, why, sink);
            }
            Message::Result(result) if self.sessions.find(peer).is_some() => {
                let refusal = Refusal::new(why.uri(), why.to_string());
                let error = refusal.to_error(RequestType::CALL, result.request);
                sink.send(peer, error.into());
            }
            Message::Error(error) if self.sessions.find(peer).is_some() => {
                // An ERROR that says only this and is still too much is the last one.
                if error.error == why.uri() && error.payload.is_empty() {
                    return;
                }
                let refusal = Refusal::new(why.uri(), why.to_string());
                let mut replacement = refusal.to_error(error.request_type, error.request);
                if error.error == why.uri() {
                    replacement.payload = wamp_messages::Payload::empty();
                }
                sink.send(peer, replacement.into());
            }
            // What is left has no payload, and is as short as messages get.
            _ => {}
        }
    }

    /// Publishes that a session has lost so many events; 0 if it begins to lose them.
    pub(crate) fn tell_loss(&mut self, session: SessionId, lost: u64, sink: &mut impl Sink) {
        let random = &mut self.random;
        let make = || {
            let publication = PublicationId::from_random_bits(random());
            let args = (session.as_u64(), lost);
            let payload = own_payload(|format| encode_payload(format, &args, &()));
            (publication, payload)
        };
        let topic = Uri::from_static(meta_uri::ON_EVENTS_DROPPED);
        self.broker.publish_own(&topic, make, sink);
    }

    /// Whether every table is empty.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.len() == 0 && self.broker.is_empty() && self.dealer.is_empty()
    }

    /// How many sessions there are.
    pub(crate) const fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many EVENTs could not be sent to one of their receivers.
    pub(crate) const fn undelivered_events(&self) -> u64 {
        self.undelivered_events
    }

    /// Whether sessions of the role may join.
    pub(crate) fn has_role(&self, authrole: &str) -> bool {
        self.config.roles.contains_key(authrole)
    }

    fn handle_request(
        &mut self,
        peer: Peer,
        message: &mut Message,
        now: Moment,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        match message {
            Message::Subscribe(subscribe) => {
                self.broker
                    .subscribe(&mut self.sessions, peer, subscribe, limits, sink)
            }
            Message::Unsubscribe(unsubscribe) => {
                self.broker
                    .unsubscribe(&mut self.sessions, peer, unsubscribe, sink)
            }
            Message::Publish(publish) => {
                let publication = PublicationId::from_random_bits((self.random)());
                self.broker
                    .publish(&self.sessions, peer, publish, publication, sink);
                Ok(())
            }
            Message::Register(register) => {
                self.dealer
                    .register(&mut self.sessions, peer, register, limits, sink)
            }
            Message::Unregister(unregister) => {
                self.dealer
                    .unregister(&mut self.sessions, peer, unregister, sink)
            }
            Message::Call(call) => {
                self.dealer
                    .call(&mut self.sessions, peer, call, limits, now, sink)
            }
            // A lifecycle lets no other request through to a router.
            _ => Ok(()),
        }
    }

    fn handle_answer(
        &mut self,
        peer: Peer,
        message: &mut Message,
        now: Moment,
        sink: &mut impl Sink,
    ) -> Result<(), Violation> {
        let sessions = &mut self.sessions;
        match message {
            Message::Yield(answer) => Dealer::handle_yield(sessions, peer, answer, now, sink),
            Message::Error(error) => Dealer::handle_error(sessions, peer, error, now, sink),
            // CANCEL and EVENT_RECEIVED belong to features that are not announced; a client that
            // sends them all the same loses nothing but their effect.
            _ => Ok(()),
        }
    }

    /// Whether the request may be carried out, by the rules of the specification and of the realm.
    fn admit(&self, peer: Peer, message: &Message) -> Result<Result<(), Refusal>, Violation> {
        // First of all: what follows looks at every octet of it, and quotes it.
        let max = self.config.limits.uri_len;
        if let Some((_, uri)) = wanted(message)
            && uri.len() > max
        {
            let text = format!("a URI of {} octets; {max} are accepted", uri.len());
            return Ok(Err(Refusal::new(error_uri::INVALID_URI, text)));
        }
        if let Err(invalid) = message.validate(self.config.rules) {
            return match invalid.kind() {
                InvalidKind::Protocol(_) => Err(Violation(invalid.to_string())),
                _ => Ok(Err(Refusal::new(invalid.uri(), invalid.to_string()))),
            };
        }
        let Some((action, uri)) = wanted(message) else {
            return Ok(Ok(()));
        };
        let Some(session) = self.sessions.find(peer) else {
            return Ok(Ok(()));
        };
        Ok(self.authorize(&session.identity.authrole, action, uri))
    }

    fn authorize(&self, authrole: &str, action: Action, uri: &Uri) -> Result<(), Refusal> {
        let role = self.config.roles.get(authrole);
        let provides = matches!(action, Action::Register | Action::Publish);
        if provides && is_reserved(uri) && !role.is_some_and(|role| role.trusted) {
            let text = format!("{uri:?}: URIs that begin with wamp. are the router's own");
            return Err(Refusal::new(error_uri::INVALID_URI, text));
        }
        if !role.is_some_and(|role| role.permissions.permits(action, uri)) {
            let text = format!("the role {authrole:?} may not {} {uri:?}", action.name());
            return Err(Refusal::new(error_uri::NOT_AUTHORIZED, text));
        }
        Ok(())
    }
}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing")
            .field("sessions", &self.session_count())
            .finish_non_exhaustive()
    }
}

/// The feature that a message makes use of although it was not announced, where the specification
/// wants the session ended over it: one side would take for a whole, or for readable, what is not.
fn feature_not_announced(message: &Message) -> Option<&'static str> {
    let (scheme, progress) = match message {
        Message::Publish(publish) => (&publish.options.ppt_scheme, None),
        Message::Call(call) => (&call.options.ppt_scheme, call.options.progress),
        Message::Yield(answer) => (&answer.options.ppt_scheme, None),
        _ => return None,
    };
    if scheme.is_some() {
        Some(Feature::PAYLOAD_PASSTHRU_MODE.as_str())
    } else if progress == Some(true) {
        Some(Feature::PROGRESSIVE_CALL_INVOCATIONS.as_str())
    } else {
        None
    }
}

/// What a request wants to do, and with which topic or procedure.
const fn wanted(message: &Message) -> Option<(Action, &Uri)> {
    match message {
        Message::Subscribe(subscribe) => Some((Action::Subscribe, &subscribe.topic)),
        Message::Publish(publish) => Some((Action::Publish, &publish.topic)),
        Message::Register(register) => Some((Action::Register, &register.procedure)),
        Message::Call(call) => Some((Action::Call, &call.procedure)),
        _ => None,
    }
}

/// Whether the first component is `wamp`.
fn is_reserved(uri: &Uri) -> bool {
    uri.components().next() == Some("wamp")
}

#[cfg(test)]
pub(crate) mod tests;
