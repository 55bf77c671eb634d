//! Subscriptions and their listeners.
//!
//! A router gives one subscription to all that ask for the same topic in the same session, so its
//! end must wait for the last listener here. A listener that is on its way counts: its SUBSCRIBE
//! is granted the same subscription.

use std::collections::HashMap;

use wamp_messages::SubscriptionId;

use super::Topic;

/// The subscriptions of one session.
#[derive(Debug)]
pub struct Subscriptions<L> {
    by_id: HashMap<SubscriptionId, Subscription<L>>,
    /// How many SUBSCRIBEs are on their way for a topic.
    on_their_way: HashMap<Topic, usize>,
    next_listener: u64,
}

/// Identifies a listener of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

#[derive(Debug)]
struct Subscription<L> {
    topic: Topic,
    listeners: Vec<(ListenerId, L)>,
}

impl<L> Default for Subscriptions<L> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            on_their_way: HashMap::new(),
            next_listener: 0,
        }
    }
}

impl<L> Subscriptions<L> {
    /// The listeners of a subscription, in the order in which they came.
    pub fn listeners(&mut self, subscription: SubscriptionId) -> impl Iterator<Item = &mut L> {
        let listeners = self
            .by_id
            .get_mut(&subscription)
            .map(|known| &mut known.listeners);
        listeners
            .into_iter()
            .flatten()
            .map(|(_, listener)| listener)
    }

    pub(super) fn begin(&mut self, topic: &Topic) {
        *self.on_their_way.entry(topic.clone()).or_default() += 1;
    }

    pub(super) fn add(
        &mut self,
        subscription: SubscriptionId,
        topic: Topic,
        listener: L,
    ) -> ListenerId {
        self.arrived(&topic);
        let id = ListenerId(self.next_listener);
        self.next_listener += 1;
        let entry = self.by_id.entry(subscription);
        let known = entry.or_insert_with(|| Subscription {
            topic,
            listeners: Vec::new(),
        });
        known.listeners.push((id, listener));
        id
    }

    /// A SUBSCRIBE failed. Returns the subscription that waited for it and has no listener.
    pub(super) fn give_up(&mut self, topic: &Topic) -> Option<SubscriptionId> {
        if !self.arrived(topic) {
            return None;
        }
        let id = self.by_id.iter().find_map(|(id, known)| {
            (known.topic == *topic && known.listeners.is_empty()).then_some(*id)
        })?;
        self.by_id.remove(&id);
        Some(id)
    }

    /// Removes a listener. Whether the subscription is to be ended: it was the last one.
    pub(super) fn remove(&mut self, subscription: SubscriptionId, listener: ListenerId) -> bool {
        let Some(known) = self.by_id.get_mut(&subscription) else {
            return false;
        };
        let before = known.listeners.len();
        known.listeners.retain(|(id, _)| *id != listener);
        let last = before > 0 && known.listeners.is_empty();
        if !last || self.on_their_way.contains_key(&known.topic) {
            return false;
        }
        self.by_id.remove(&subscription);
        true
    }

    pub(super) fn revoke(&mut self, subscription: SubscriptionId) -> Vec<L> {
        let known = self.by_id.remove(&subscription);
        let listeners = known.into_iter().flat_map(|known| known.listeners);
        listeners.map(|(_, listener)| listener).collect()
    }

    /// All listeners, of a session that has ended.
    pub(super) fn into_listeners(self) -> Vec<L> {
        let all = self.by_id.into_values().flat_map(|known| known.listeners);
        all.map(|(_, listener)| listener).collect()
    }

    /// Counts a SUBSCRIBE that was answered. Whether it was the last on its way.
    fn arrived(&mut self, topic: &Topic) -> bool {
        let Some(count) = self.on_their_way.get_mut(topic) else {
            return true;
        };
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.on_their_way.remove(topic);
        true
    }
}
