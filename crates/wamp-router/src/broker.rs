//! The broker: who gets which events.
//!
//! Specification: Basic Profile, "Publish and Subscribe" and "Ordering Guarantees"; Advanced
//! Profile, "Publisher Exclusion" and "Subscriber Black- and Whitelisting".

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use wamp_core::{Outgoing, SharedMessage};
use wamp_messages::message::{
    Event, Publish, Published, Subscribe, Subscribed, Unsubscribe, Unsubscribed,
};
use wamp_messages::options::{EventDetails, PublishOptions, Sparse};
use wamp_messages::{
    MatchPolicy, Payload, PublicationId, SessionId, SubscriptionId, Uri, error_uri,
};

use crate::config::SessionLimits;
use crate::limit_uri;
use crate::realm::arena::{Arena, Key};
use crate::realm::index::Index;
use crate::realm::reply::{Refusal, pass_on_encoding};
use crate::realm::{Change, Identity, Peer, Session, Sessions, Sink};

/// The subscriptions of a realm.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    subscriptions: Arena<Subscription>,
    ids: HashMap<SubscriptionId, Key>,
    topics: Index,
    last_id: Option<SubscriptionId>,
}

/// What several sessions have subscribed to: all of them get the same EVENT.
#[derive(Debug)]
struct Subscription {
    id: SubscriptionId,
    topic: Uri,
    subscribers: BTreeSet<Peer>,
}

impl Broker {
    pub(crate) fn subscribe(
        &mut self,
        sessions: &mut Sessions,
        peer: Peer,
        subscribe: &Subscribe,
        limits: &SessionLimits,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        exact_only(subscribe.options.match_policy.as_ref())?;
        let Some(session) = sessions.find_mut(peer) else {
            return Ok(());
        };
        let existing = self.topics.of(&subscribe.topic);
        let has_it = existing.is_some_and(|key| session.subscriptions.contains(&key));
        if !has_it && session.subscriptions.len() >= limits.subscriptions {
            let text = format!("a session may have {} subscriptions", limits.subscriptions);
            return Err(Refusal::new(limit_uri::TOO_MANY_SUBSCRIPTIONS, text));
        }
        let key = existing.unwrap_or_else(|| self.create(&subscribe.topic));
        let Some(subscription) = self.subscriptions.get_mut(key) else {
            return Ok(());
        };
        let is_first = subscription.subscribers.is_empty();
        session.subscriptions.insert(key);
        let is_new = subscription.subscribers.insert(peer);
        let subscription = subscription.id;
        let subscribed = Subscribed {
            request: subscribe.request,
            subscription,
        };
        sink.send(peer, subscribed.into());
        if is_new {
            sink.note(Change::Subscribed {
                peer,
                subscription,
                is_first,
            });
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(
        &mut self,
        sessions: &mut Sessions,
        peer: Peer,
        unsubscribe: &Unsubscribe,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let key = self.ids.get(&unsubscribe.subscription).copied();
        let session = sessions.find_mut(peer);
        let Some((key, session)) = key
            .zip(session)
            .filter(|(key, session)| session.subscriptions.contains(key))
        else {
            let text = format!(
                "the session has no subscription {}",
                unsubscribe.subscription
            );
            return Err(Refusal::new(error_uri::NO_SUCH_SUBSCRIPTION, text));
        };
        session.subscriptions.remove(&key);
        let unsubscribed = Unsubscribed {
            request: unsubscribe.request,
            details: None,
        };
        sink.send(peer, unsubscribed.into());
        self.remove(key, peer, sink);
        Ok(())
    }

    pub(crate) fn publish(
        &self,
        sessions: &Sessions,
        peer: Peer,
        publish: &Publish,
        publication: PublicationId,
        sink: &mut impl Sink,
    ) {
        // A publisher that gets its own event learns first which publication it is.
        if publish.options.acknowledge == Some(true) {
            let published = Published {
                request: publish.request,
                publication,
            };
            sink.send(peer, published.into());
        }
        let audience = Audience::new(peer, &publish.options);
        let mut details = None;
        for key in self.topics.all(&publish.topic) {
            let Some(subscription) = self.subscriptions.get(key) else {
                continue;
            };
            let receivers = subscription
                .subscribers
                .iter()
                .copied()
                .filter(|&subscriber| audience.admits(subscriber, sessions));
            let event = || Event {
                subscription: subscription.id,
                publication,
                details: details
                    .get_or_insert_with(|| event_details(&publish.options))
                    .clone(),
                payload: publish.payload.clone(),
            };
            send_to_all(receivers, event, sink);
        }
    }

    /// Publishes something of the router's own; it is made only if there is somebody to get it.
    pub(crate) fn publish_own(
        &self,
        topic: &Uri,
        mut make: impl FnMut() -> (PublicationId, Payload),
        sink: &mut impl Sink,
    ) {
        let mut made = None;
        for key in self.topics.all(topic) {
            let Some(subscription) = self.subscriptions.get(key) else {
                continue;
            };
            // A subscription has a subscriber, or it would not be there.
            let (publication, payload) = made.get_or_insert_with(&mut make);
            let event = || Event {
                subscription: subscription.id,
                publication: *publication,
                details: Sparse::empty(),
                payload: payload.clone(),
            };
            send_to_all(subscription.subscribers.iter().copied(), event, sink);
        }
    }

    /// Takes the subscriptions of a session away, which is gone already.
    pub(crate) fn handle_leave(&mut self, peer: Peer, session: &Session, sink: &mut impl Sink) {
        for &key in &session.subscriptions {
            self.remove(key, peer, sink);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.ids.is_empty() && self.topics.is_empty()
    }

    fn create(&mut self, topic: &Uri) -> Key {
        let id = self.last_id.unwrap_or(SubscriptionId::ZERO).next();
        self.last_id = Some(id);
        let topic = topic.detached();
        let key = self.subscriptions.insert(Subscription {
            id,
            topic: topic.clone(),
            subscribers: BTreeSet::new(),
        });
        self.ids.insert(id, key);
        self.topics.insert(topic, key);
        key
    }

    fn remove(&mut self, key: Key, peer: Peer, sink: &mut impl Sink) {
        let Some(subscription) = self.subscriptions.get_mut(key) else {
            return;
        };
        subscription.subscribers.remove(&peer);
        let id = subscription.id;
        let is_last = subscription.subscribers.is_empty();
        if is_last && let Some(subscription) = self.subscriptions.remove(key) {
            self.ids.remove(&id);
            self.topics.remove(&subscription.topic);
        }
        sink.note(Change::Unsubscribed {
            peer,
            subscription: id,
            is_last,
        });
    }
}

/// Refuses patterns: they are a feature that is not announced, and to take one for a URI would give
/// the client something else than it asked for.
pub(crate) fn exact_only(policy: Option<&MatchPolicy>) -> Result<(), Refusal> {
    match policy {
        Some(policy) if *policy != MatchPolicy::EXACT => {
            let text = format!("match is {policy}, and this router has only exact");
            Err(Refusal::new(error_uri::OPTION_NOT_ALLOWED, text))
        }
        _ => Ok(()),
    }
}

/// Sends an event to all who are to get it, and makes it if there is one. What goes to several is
/// shared by them.
fn send_to_all(
    mut receivers: impl Iterator<Item = Peer>,
    event: impl FnOnce() -> Event,
    sink: &mut impl Sink,
) {
    let Some(first) = receivers.next() else {
        return;
    };
    let Some(second) = receivers.next() else {
        sink.send(first, event().into());
        return;
    };
    let shared = SharedMessage::new(event());
    for receiver in [first, second].into_iter().chain(receivers) {
        sink.send(receiver, Outgoing::Shared(shared.clone()));
    }
}

fn event_details(options: &PublishOptions) -> Sparse<EventDetails> {
    let mut details: Sparse<EventDetails> = Sparse::empty();
    if let Some(hash) = &options.transaction_hash {
        details.transaction_hash = Some(hash.clone());
    }
    pass_on_encoding!(options => details);
    details
}

/// Which subscribers an event may go to, by the publisher's options.
struct Audience<'a> {
    excluded: Option<Peer>,
    exclude: Option<Listed<'a, SessionId>>,
    exclude_authid: Option<Listed<'a, String>>,
    exclude_authrole: Option<Listed<'a, String>>,
    eligible: Option<Listed<'a, SessionId>>,
    eligible_authid: Option<Listed<'a, String>>,
    eligible_authrole: Option<Listed<'a, String>>,
    anybody: bool,
}

impl<'a> Audience<'a> {
    fn new(publisher: Peer, options: &'a PublishOptions) -> Self {
        let PublishOptions {
            exclude_me,
            exclude,
            exclude_authid,
            exclude_authrole,
            eligible,
            eligible_authid,
            eligible_authrole,
            ..
        } = options;
        let anybody = [exclude, eligible].iter().all(|list| list.is_none())
            && [
                exclude_authid,
                exclude_authrole,
                eligible_authid,
                eligible_authrole,
            ]
            .iter()
            .all(|list| list.is_none());
        Self {
            excluded: (*exclude_me != Some(false)).then_some(publisher),
            exclude: exclude.as_deref().map(Listed::new),
            exclude_authid: exclude_authid.as_deref().map(Listed::new),
            exclude_authrole: exclude_authrole.as_deref().map(Listed::new),
            eligible: eligible.as_deref().map(Listed::new),
            eligible_authid: eligible_authid.as_deref().map(Listed::new),
            eligible_authrole: eligible_authrole.as_deref().map(Listed::new),
            anybody,
        }
    }

    fn admits(&self, subscriber: Peer, sessions: &Sessions) -> bool {
        if self.excluded == Some(subscriber) {
            return false;
        }
        if self.anybody {
            return true;
        }
        sessions
            .find(subscriber)
            .is_some_and(|session| self.admits_identity(&session.identity))
    }

    /// An empty list of those who are eligible makes nobody eligible.
    fn admits_identity(&self, identity: &Identity) -> bool {
        fn is_in<T: Eq + Hash>(list: &Option<Listed<'_, T>>, item: &T, if_absent: bool) -> bool {
            list.as_ref().map_or(if_absent, |list| list.has(item))
        }
        let Identity {
            session,
            authid,
            authrole,
            ..
        } = identity;
        is_in(&self.eligible, session, true)
            && is_in(&self.eligible_authid, authid, true)
            && is_in(&self.eligible_authrole, authrole, true)
            && !is_in(&self.exclude, session, false)
            && !is_in(&self.exclude_authid, authid, false)
            && !is_in(&self.exclude_authrole, authrole, false)
    }
}

/// A list that a peer sent, to be searched once for each subscriber: a long one must not make that
/// slow.
enum Listed<'a, T> {
    Few(&'a [T]),
    Many(HashSet<&'a T>),
}

impl<'a, T: Eq + Hash> Listed<'a, T> {
    fn new(items: &'a [T]) -> Self {
        const FEW: usize = 8;
        if items.len() <= FEW {
            Self::Few(items)
        } else {
            Self::Many(items.iter().collect())
        }
    }

    fn has(&self, item: &T) -> bool {
        match self {
            Self::Few(items) => items.contains(item),
            Self::Many(items) => items.contains(item),
        }
    }
}

#[cfg(test)]
mod tests;
