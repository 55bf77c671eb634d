//! Publish and subscribe in the model.

use wamp_messages::message::{Publish, Subscribe, Unsubscribe};
use wamp_messages::options::PublishOptions;
use wamp_messages::{RequestType, SessionId, error_uri};

use super::expected::{Choice, Expected, Prediction};
use super::rules::{event_details, faults_of_pattern};
use super::{Model, Scope, Session, Subscription};
use crate::limit_uri;

impl Model {
    pub(super) fn subscribe(&mut self, from: Session, message: &Subscribe) -> Prediction {
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

    pub(super) fn unsubscribe(&mut self, from: Session, message: &Unsubscribe) -> Prediction {
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

    pub(super) fn publish(&mut self, from: Session, message: &Publish) -> Prediction {
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
        let is_listed = |list: &Option<Vec<SessionId>>| {
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
}
