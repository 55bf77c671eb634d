//! The tables of a client: what it has asked for, and what it has been granted.
//!
//! They take the messages of an open session and tell what each of them is for. What the client
//! keeps with each entry, such as the channel on which a call waits for its result, is its own
//! business: see [`Entries`].
//!
//! Specification: Basic Profile, "Publish and Subscribe" and "Remote Procedure Calls".

mod requests;
mod subscriptions;

use std::collections::{HashMap, HashSet};
use std::fmt;

use wamp_messages::message::{self, Error, Event, Interrupt, Invocation, Published};
use wamp_messages::{
    MatchPolicy, Message, RegistrationId, RequestId, RequestType, SubscriptionId, Uri,
};

pub use self::requests::Requests;
pub use self::subscriptions::{ListenerId, Subscriptions};
use crate::lifecycle::Violation;

/// What a client keeps with each entry of its tables.
pub trait Entries {
    /// A call that waits for its result.
    type Call: fmt::Debug;
    /// A publication that waits to be acknowledged.
    type Publish: fmt::Debug;
    /// A subscription that waits to be granted.
    type Subscribe: fmt::Debug;
    /// Whoever receives the events of a subscription; there may be several.
    type Listener: fmt::Debug;
    /// Whoever waits until a subscription has ended.
    type Unsubscribe: fmt::Debug;
    /// A registration that waits to be granted.
    type Register: fmt::Debug;
    /// Whoever answers the invocations of a registration.
    type Endpoint: fmt::Debug;
    /// Whoever waits until a registration has ended.
    type Unregister: fmt::Debug;
}

/// The tables of one session of a client.
///
/// They drop nothing that an entry is made of: what leaves them is returned, so that the caller
/// can let go of it outside of its lock. An endpoint may own whatever its user put in.
#[derive(Debug)]
pub struct Client<E: Entries> {
    requests: Requests<Pending<E>>,
    subscriptions: Subscriptions<E::Listener>,
    registrations: HashMap<RegistrationId, E::Endpoint>,
    invocations: HashSet<RequestId>,
}

/// A request that was sent and not answered.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the request of its name")]
pub enum Pending<E: Entries> {
    Call(E::Call),
    Publish(E::Publish),
    Subscribe {
        topic: Topic,
        waiting: E::Subscribe,
        listener: E::Listener,
    },
    Unsubscribe(Option<E::Unsubscribe>),
    Register {
        waiting: E::Register,
        endpoint: E::Endpoint,
    },
    Unregister {
        registration: RegistrationId,
        waiting: E::Unregister,
    },
}

/// What was in the tables of a session that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended<E: Entries> {
    /// The requests that get no answer.
    pub requests: Vec<Pending<E>>,
    /// The endpoints of all registrations.
    pub endpoints: Vec<E::Endpoint>,
    /// The listeners of all subscriptions.
    pub listeners: Vec<E::Listener>,
}

/// What identifies a subscription for the one who asks for it.
pub type Topic = (Uri, MatchPolicy);

/// What a message of an open session is for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Delivery<'a, E: Entries> {
    /// A call has its result.
    Result(E::Call, message::Result),
    /// A publication was acknowledged.
    Published(E::Publish, Published),
    /// A subscription was granted, and its listener entered.
    Subscribed(E::Subscribe, SubscriptionId, ListenerId),
    /// A subscription has ended.
    Unsubscribed(Option<E::Unsubscribe>),
    /// The router has ended a subscription: these are told.
    Revoked(Vec<E::Listener>),
    /// A registration was granted, and its endpoint entered, perhaps in the place of another.
    Registered(E::Register, RegistrationId, Option<E::Endpoint>),
    /// A registration has ended, and its endpoint is gone.
    Unregistered(E::Unregister, Option<E::Endpoint>),
    /// The router has ended a registration.
    Withdrawn(E::Endpoint),
    /// A request failed. A subscription to be ended in consequence, because its last listener went
    /// while this request for it was under way.
    Failed(Pending<E>, Error, Option<SubscriptionId>),
    /// An event for each of the listeners.
    Event(&'a mut Subscriptions<E::Listener>, Event),
    /// A call for an endpoint, which is to be answered once.
    Invocation(&'a E::Endpoint, Invocation),
    /// A call is over before it was answered.
    Interrupt(Interrupt),
    /// A late answer, to a request that nobody waits for any more.
    Nothing,
}

impl<E: Entries> Default for Client<E> {
    fn default() -> Self {
        Self {
            requests: Requests::default(),
            subscriptions: Subscriptions::default(),
            registrations: HashMap::new(),
            invocations: HashSet::new(),
        }
    }
}

impl<E: Entries> Client<E> {
    /// Enters a request that is sent now, and returns its id.
    pub fn request(&mut self, pending: Pending<E>) -> RequestId {
        if let Pending::Subscribe { topic, .. } = &pending {
            self.subscriptions.begin(topic);
        }
        self.requests.open(pending)
    }

    /// Takes an id for a request that is not answered: a publication without acknowledgement.
    pub const fn request_unanswered(&mut self) -> RequestId {
        self.requests.next_id()
    }

    /// How many requests wait for an answer.
    pub fn pending(&self) -> usize {
        self.requests.len()
    }

    /// Forgets a request that nobody waits for any more; its answer is dropped.
    pub fn forget(&mut self, request: RequestId) -> Option<Pending<E>> {
        self.requests.take(request)
    }

    /// Gives up a request that never left: nothing will answer it. A subscription is to be ended in
    /// consequence if its last listener went while this request for it was under way.
    pub fn give_up(&mut self, request: RequestId) -> (Option<Pending<E>>, Option<SubscriptionId>) {
        let pending = self.requests.take(request);
        let ended = match &pending {
            Some(Pending::Subscribe { topic, .. }) => self.subscriptions.give_up(topic),
            _ => None,
        };
        (pending, ended)
    }

    /// Removes a listener. Tells whether its subscription is to be ended, as it was the last.
    pub fn remove_listener(&mut self, subscription: SubscriptionId, listener: ListenerId) -> bool {
        self.subscriptions.remove(subscription, listener)
    }

    /// Tells whether an invocation still wants an answer, and that it gets it now.
    pub fn answer(&mut self, invocation: RequestId) -> bool {
        self.invocations.remove(&invocation)
    }

    /// Ends the session, and returns what was in its tables.
    pub fn end(&mut self) -> Ended<E> {
        self.invocations.clear();
        let registrations = std::mem::take(&mut self.registrations);
        Ended {
            requests: self.requests.drain(),
            endpoints: registrations.into_values().collect(),
            listeners: std::mem::take(&mut self.subscriptions).into_listeners(),
        }
    }

    /// Takes a message of the open session, and tells what it is for.
    ///
    /// # Errors
    ///
    /// The router must not send it: it answers what was never asked, or something else than that.
    pub fn handle(&mut self, message: Message) -> Result<Delivery<'_, E>, Violation> {
        match message {
            Message::Result(result) => {
                match self.answered(result.request, "RESULT", RequestType::CALL)? {
                    Some(Pending::Call(call)) => Ok(Delivery::Result(call, result)),
                    _ => Ok(Delivery::Nothing),
                }
            }
            Message::Published(published) => {
                match self.answered(published.request, "PUBLISHED", RequestType::PUBLISH)? {
                    Some(Pending::Publish(publish)) => Ok(Delivery::Published(publish, published)),
                    _ => Ok(Delivery::Nothing),
                }
            }
            Message::Subscribed(subscribed) => {
                match self.answered(subscribed.request, "SUBSCRIBED", RequestType::SUBSCRIBE)? {
                    Some(Pending::Subscribe {
                        topic,
                        waiting,
                        listener,
                    }) => {
                        let subscription = subscribed.subscription;
                        let listener = self.subscriptions.add(subscription, topic, listener);
                        Ok(Delivery::Subscribed(waiting, subscription, listener))
                    }
                    _ => Ok(Delivery::Nothing),
                }
            }
            Message::Unsubscribed(unsubscribed) if unsubscribed.request.is_zero() => {
                let details = unsubscribed.details.unwrap_or_default();
                let revoked = details.subscription.map(|id| self.subscriptions.revoke(id));
                Ok(revoked.map_or(Delivery::Nothing, Delivery::Revoked))
            }
            Message::Unsubscribed(unsubscribed) => {
                let request = unsubscribed.request;
                match self.answered(request, "UNSUBSCRIBED", RequestType::UNSUBSCRIBE)? {
                    Some(Pending::Unsubscribe(waiting)) => Ok(Delivery::Unsubscribed(waiting)),
                    _ => Ok(Delivery::Nothing),
                }
            }
            Message::Registered(registered) => {
                match self.answered(registered.request, "REGISTERED", RequestType::REGISTER)? {
                    Some(Pending::Register { waiting, endpoint }) => {
                        let registration = registered.registration;
                        let replaced = self.registrations.insert(registration, endpoint);
                        Ok(Delivery::Registered(waiting, registration, replaced))
                    }
                    _ => Ok(Delivery::Nothing),
                }
            }
            Message::Unregistered(unregistered) if unregistered.request.is_zero() => {
                let details = unregistered.details.unwrap_or_default();
                let endpoint = details
                    .registration
                    .and_then(|id| self.registrations.remove(&id));
                Ok(endpoint.map_or(Delivery::Nothing, Delivery::Withdrawn))
            }
            Message::Unregistered(unregistered) => {
                let request = unregistered.request;
                match self.answered(request, "UNREGISTERED", RequestType::UNREGISTER)? {
                    Some(Pending::Unregister {
                        registration,
                        waiting,
                    }) => {
                        let endpoint = self.registrations.remove(&registration);
                        Ok(Delivery::Unregistered(waiting, endpoint))
                    }
                    _ => Ok(Delivery::Nothing),
                }
            }
            Message::Error(error) => self.handle_error(error),
            Message::Event(event) => Ok(Delivery::Event(&mut self.subscriptions, event)),
            Message::Invocation(invocation) => {
                let registration = invocation.registration;
                let Some(endpoint) = self.registrations.get(&registration) else {
                    let text = format!("INVOCATION of registration {registration}, which is none");
                    return Err(Violation(text));
                };
                if !self.invocations.insert(invocation.request) {
                    let text = format!("INVOCATION {} is not answered yet", invocation.request);
                    return Err(Violation(text));
                }
                Ok(Delivery::Invocation(endpoint, invocation))
            }
            Message::Interrupt(interrupt) => Ok(Delivery::Interrupt(interrupt)),
            // The lifecycle lets no other message through to a client.
            message => Err(Violation(format!(
                "{} must not be sent to a client",
                message.name()
            ))),
        }
    }

    fn handle_error(&mut self, error: Error) -> Result<Delivery<'_, E>, Violation> {
        self.expect(error.request, "ERROR", error.request_type)?;
        let (pending, ended) = self.give_up(error.request);
        Ok(pending.map_or(Delivery::Nothing, |pending| {
            Delivery::Failed(pending, error, ended)
        }))
    }

    /// Takes out the request that is answered; `None` if nobody waits for it any more.
    fn answered(
        &mut self,
        request: RequestId,
        answer: &'static str,
        request_type: RequestType,
    ) -> Result<Option<Pending<E>>, Violation> {
        self.expect(request, answer, request_type)?;
        Ok(self.requests.take(request))
    }

    /// Checks that an answer is one to that request, which stays where it is.
    fn expect(
        &self,
        request: RequestId,
        answer: &'static str,
        request_type: RequestType,
    ) -> Result<(), Violation> {
        if !self.requests.was_opened(request) {
            return Err(Violation(format!(
                "{answer} answers request {request}, which was not made"
            )));
        }
        match self.requests.find(request) {
            Some(pending) if pending.request_type() != request_type => Err(Violation(format!(
                "{answer} does not answer request {request}, which was of another type"
            ))),
            _ => Ok(()),
        }
    }
}

impl<E: Entries> Pending<E> {
    /// The type of the request.
    pub const fn request_type(&self) -> RequestType {
        match self {
            Self::Call(_) => RequestType::CALL,
            Self::Publish(_) => RequestType::PUBLISH,
            Self::Subscribe { .. } => RequestType::SUBSCRIBE,
            Self::Unsubscribe(_) => RequestType::UNSUBSCRIBE,
            Self::Register { .. } => RequestType::REGISTER,
            Self::Unregister { .. } => RequestType::UNREGISTER,
        }
    }
}

#[cfg(test)]
mod tests;
