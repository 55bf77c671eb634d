//! What the model expects to be sent, and the comparison with what was sent.

use wamp_messages::options::{ErrorDetails, EventDetails, InvocationDetails, ResultDetails};
use wamp_messages::{Message, Payload, RequestType};

use super::{Bound, LAST_ID, Model, Scope, Session, Symbol};

/// What a router does in one step.
#[derive(Debug, Default)]
pub(in super::super) struct Prediction {
    /// Whether the message broke the protocol, so that its sender's session is over.
    pub(in super::super) violation: bool,
    pub(super) sent: Vec<(Session, Expected)>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Subscribed {
        request: u64,
        subscription: Choice,
    },
    Unsubscribed {
        request: u64,
    },
    Published {
        request: u64,
        publication: Choice,
    },
    Event {
        subscription: Choice,
        publication: Choice,
        details: EventDetails,
        payload: Payload,
    },
    Registered {
        request: u64,
        registration: Choice,
    },
    Unregistered {
        request: u64,
    },
    Invocation {
        request: u64,
        registration: Choice,
        details: InvocationDetails,
        payload: Payload,
    },
    Result {
        request: u64,
        details: ResultDetails,
        payload: Payload,
    },
    /// The error of a callee, passed on.
    Failed {
        request: u64,
        details: ErrorDetails,
        error: String,
        payload: Payload,
    },
    /// An error of the router's own, which may tell more in details and payload.
    Refused {
        request_type: RequestType,
        request: u64,
        /// Any of them will do.
        errors: Vec<&'static str>,
    },
}

/// An id of the router's choice, with what it is the id of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    symbol: Symbol,
    scope: Scope,
    name: String,
}

/// The comparison with what a router did.
impl Model {
    /// Checks that a router sent what was predicted, in any order, and binds the ids it chose.
    ///
    /// Within one step the specification demands no order; the order of steps is checked by
    /// checking each.
    pub(in super::super) fn compare(
        &mut self,
        prediction: Prediction,
        sent: &[(Session, Message)],
    ) -> Result<(), String> {
        let mut expected = prediction.sent;
        for (to, message) in sent {
            let found = expected.iter().position(|(receiver, expected)| {
                receiver == to && self.choices(expected, message).is_some()
            });
            let Some(found) = found else {
                return Err(format!(
                    "{message:?} to {to}, where only {expected:?} was left"
                ));
            };
            let (_, expected) = expected.remove(found);
            for (choice, id) in self.choices(&expected, message).into_iter().flatten() {
                if self.id_of(choice.symbol).is_none() {
                    let Choice {
                        symbol,
                        scope,
                        name,
                    } = choice;
                    self.ids.push(Bound {
                        symbol,
                        scope,
                        name,
                        id,
                    });
                }
            }
        }
        if !expected.is_empty() {
            return Err(format!("{expected:?} was not sent"));
        }
        Ok(())
    }

    /// The ids that a message names, if it is the expected one and each of them is possible.
    fn choices(&self, expected: &Expected, message: &Message) -> Option<Vec<(Choice, u64)>> {
        let choices = match (expected, message) {
            (
                Expected::Subscribed {
                    request,
                    subscription,
                },
                Message::Subscribed(message),
            ) if message.request.as_u64() == *request => {
                vec![(subscription.clone(), message.subscription.as_u64())]
            }
            (Expected::Unsubscribed { request }, Message::Unsubscribed(message))
                if message.request.as_u64() == *request && message.details.is_none() =>
            {
                Vec::new()
            }
            (
                Expected::Published {
                    request,
                    publication,
                },
                Message::Published(message),
            ) if message.request.as_u64() == *request => {
                vec![(publication.clone(), message.publication.as_u64())]
            }
            (
                Expected::Event {
                    subscription,
                    publication,
                    details,
                    payload,
                },
                Message::Event(message),
            ) if message.details == *details && is_same(&message.payload, payload) => vec![
                (subscription.clone(), message.subscription.as_u64()),
                (publication.clone(), message.publication.as_u64()),
            ],
            (
                Expected::Registered {
                    request,
                    registration,
                },
                Message::Registered(message),
            ) if message.request.as_u64() == *request => {
                vec![(registration.clone(), message.registration.as_u64())]
            }
            (Expected::Unregistered { request }, Message::Unregistered(message))
                if message.request.as_u64() == *request && message.details.is_none() =>
            {
                Vec::new()
            }
            (
                Expected::Invocation {
                    request,
                    registration,
                    details,
                    payload,
                },
                Message::Invocation(message),
            ) if message.request.as_u64() == *request
                && message.details == *details
                && is_same(&message.payload, payload) =>
            {
                vec![(registration.clone(), message.registration.as_u64())]
            }
            (
                Expected::Result {
                    request,
                    details,
                    payload,
                },
                Message::Result(message),
            ) if message.request.as_u64() == *request
                && message.details == *details
                && is_same(&message.payload, payload) =>
            {
                Vec::new()
            }
            (
                Expected::Failed {
                    request,
                    details,
                    error,
                    payload,
                },
                Message::Error(message),
            ) if message.request_type == RequestType::CALL
                && message.request.as_u64() == *request
                && message.details == *details
                && message.error.as_str() == error
                && is_same(&message.payload, payload) =>
            {
                Vec::new()
            }
            (
                Expected::Refused {
                    request_type,
                    request,
                    errors,
                },
                Message::Error(message),
            ) if message.request_type == *request_type
                && message.request.as_u64() == *request
                && errors.contains(&message.error.as_str()) =>
            {
                Vec::new()
            }
            _ => return None,
        };
        choices
            .iter()
            .all(|(choice, id)| self.is_possible(choice, *id))
            .then_some(choices)
    }

    /// Whether an id may stand for a choice: the one it was bound to, or a new one.
    ///
    /// Sessions may share the id of a subscription to one topic, and a procedure may get its id
    /// again; an id that once meant another topic or procedure would be taken for the old one by
    /// a peer that has not yet heard of its end. Publications are never the same.
    fn is_possible(&self, choice: &Choice, id: u64) -> bool {
        if let Some(bound) = self.id_of(choice.symbol) {
            return bound == id;
        }
        (1..=LAST_ID).contains(&id)
            && self.ids.iter().all(|bound| {
                bound.scope != choice.scope || bound.id != id || bound.name == choice.name
            })
    }

    pub(super) fn id_of(&self, symbol: Symbol) -> Option<u64> {
        self.ids
            .iter()
            .find(|bound| bound.symbol == symbol)
            .map(|bound| bound.id)
    }
}

impl Prediction {
    pub(super) fn one(to: Session, expected: Expected) -> Self {
        Self {
            violation: false,
            sent: vec![(to, expected)],
        }
    }

    pub(super) fn refused(
        to: Session,
        request_type: RequestType,
        request: u64,
        errors: Vec<&'static str>,
    ) -> Self {
        Self::one(
            to,
            Expected::Refused {
                request_type,
                request,
                errors,
            },
        )
    }

    pub(super) fn refuse(
        &mut self,
        to: Session,
        request_type: RequestType,
        request: u64,
        errors: Vec<&'static str>,
    ) {
        self.sent.push((
            to,
            Expected::Refused {
                request_type,
                request,
                errors,
            },
        ));
    }
}

impl Choice {
    pub(super) fn new(symbol: Symbol, scope: Scope, name: &str) -> Self {
        Self {
            symbol,
            scope,
            name: name.to_owned(),
        }
    }
}

/// Whether the very octets that came in go out, not a copy of them.
fn is_same(a: &Payload, b: &Payload) -> bool {
    a == b && a.octets().map(|octets| octets.as_ptr()) == b.octets().map(|octets| octets.as_ptr())
}
