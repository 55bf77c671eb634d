//! What the specification says of whole histories, told without the model.
//!
//! The model could be wrong in the same way as the router; these laws look only at what was said
//! on either side, so they judge both.

use std::collections::{HashMap, HashSet};

use wamp_messages::message::Call;
use wamp_messages::{Message, Payload, RequestType};

use super::generate::Input;
use super::history::{History, Turn};
use super::model::Session;

type Verdict = Result<(), String>;

/// Each call is answered exactly once, unless its caller is gone before its callee.
pub(super) fn each_call_is_answered_once(history: &History) -> Verdict {
    for (at, turn) in history.turns.iter().enumerate() {
        let Some((caller, Message::Call(call))) = turn.said() else {
            continue;
        };
        // After 2^53 the ids of requests begin anew.
        let is_next = |turn: &Turn| match turn.said() {
            Some((from, Message::Call(next))) => from == caller && next.request == call.request,
            _ => false,
        };
        let end = history.turns[at + 1..].iter().position(is_next);
        let later = &history.turns[at..end.map_or(history.turns.len(), |end| at + 1 + end)];
        let answers: usize = later.iter().map(|turn| turn.answers(caller, call)).sum();
        let returned = later
            .iter()
            .filter(|turn| turn.returns_answer(caller, call))
            .count();
        if answers > 1 + returned {
            return Err(format!("{call:?} of {caller} was answered {answers} times"));
        }
        let is_forgotten = || {
            let leaves = |session| later.iter().position(|turn| turn.gone() == Some(session));
            let invoked = turn
                .output
                .iter()
                .find_map(|(callee, message)| match message {
                    Message::Invocation(message) => Some((*callee, message.request)),
                    _ => None,
                });
            let Some((callee, invocation)) = invoked else {
                return false;
            };
            let Some(end) = leaves(caller) else {
                return false;
            };
            let is_answer = |turn: &Turn| match turn.said() {
                Some((from, Message::Yield(answer))) => {
                    from == callee && answer.request == invocation
                }
                Some((from, Message::Error(answer))) => {
                    from == callee && answer.request == invocation
                }
                _ => false,
            };
            // What leaves with the caller itself needs no answer.
            leaves(callee).is_none_or(|callee_end| callee_end >= end)
                && !later[..end].iter().any(is_answer)
        };
        if answers < 1 + returned && !is_forgotten() {
            return Err(format!("{call:?} of {caller} was not answered"));
        }
    }
    Ok(())
}

/// Answers come only to calls, from their callee, with what the callee gave.
pub(super) fn answers_come_from_the_callee(history: &History) -> Verdict {
    // Of each invocation, whose call it is.
    let mut calls: HashMap<(Session, u64), (Session, u64)> = HashMap::new();
    for turn in &history.turns {
        if let Some((caller, Message::Call(call))) = turn.said() {
            for (callee, message) in &turn.output {
                let Message::Invocation(invocation) = message else {
                    continue;
                };
                let key = (*callee, invocation.request.as_u64());
                if calls.insert(key, (caller, call.request.as_u64())).is_some() {
                    return Err(format!("{invocation:?} was sent twice to {callee}"));
                }
            }
        }
        for (caller, message) in &turn.output {
            let Message::Result(result) = message else {
                continue;
            };
            let Some((callee, Message::Yield(answer))) = turn.said() else {
                return Err(format!("{result:?} to {caller} comes out of nothing"));
            };
            let call = (*caller, result.request.as_u64());
            if calls.get(&(callee, answer.request.as_u64())) != Some(&call) {
                return Err(format!(
                    "{result:?} to {caller} is of {answer:?} by {callee}"
                ));
            }
            if result.payload != answer.payload {
                return Err(format!("{result:?} is not {answer:?}"));
            }
        }
    }
    Ok(())
}

/// Events go to subscribers only, once, and to the publisher only if it asks for them.
pub(super) fn events_go_to_subscribers_once(history: &History) -> Verdict {
    let mut publications = HashSet::new();
    for turn in &history.turns {
        let mut receivers = HashSet::new();
        let mut named = HashSet::new();
        for (to, message) in &turn.output {
            match message {
                Message::Event(event) => {
                    named.insert(event.publication.as_u64());
                    let Some((publisher, Message::Publish(publish))) = turn.said() else {
                        return Err(format!("{event:?} to {to} comes out of nothing"));
                    };
                    if !receivers.insert((to, event.subscription.as_u64())) {
                        return Err(format!("{event:?} was sent twice to {to}"));
                    }
                    if *to == publisher && publish.options.exclude_me != Some(false) {
                        return Err(format!("{event:?} was sent back to {to}"));
                    }
                    if event.payload != publish.payload {
                        return Err(format!("{event:?} is not {publish:?}"));
                    }
                }
                Message::Published(published) => {
                    named.insert(published.publication.as_u64());
                }
                _ => {}
            }
        }
        if named.len() > 1 {
            return Err(format!("one publication has the ids {named:?}"));
        }
        for id in named {
            if !publications.insert(id) {
                return Err(format!("two publications have the id {id}"));
            }
        }
    }
    Ok(())
}

/// A publication that is acknowledged and not kept from anybody comes to every subscriber.
pub(super) fn events_go_to_every_subscriber(history: &History) -> Verdict {
    let mut asked: HashMap<(Session, u64), String> = HashMap::new();
    let mut ending: HashMap<(Session, u64), u64> = HashMap::new();
    let mut held: HashMap<(Session, u64), String> = HashMap::new();
    for turn in &history.turns {
        if let Some(gone) = turn.gone() {
            held.retain(|(session, _), _| *session != gone);
        }
        match turn.said() {
            Some((from, Message::Subscribe(message))) => {
                let topic = message.topic.as_str().to_owned();
                asked.insert((from, message.request.as_u64()), topic);
            }
            Some((from, Message::Unsubscribe(message))) => {
                ending.insert(
                    (from, message.request.as_u64()),
                    message.subscription.as_u64(),
                );
            }
            Some((from, Message::Publish(publish))) if turn.is_open_publication() => {
                for ((to, subscription), topic) in &held {
                    let is_it = |(receiver, message): &(Session, Message)| {
                        receiver == to
                            && matches!(message, Message::Event(event)
                                if event.subscription.as_u64() == *subscription)
                    };
                    let is_meant = *to != from || publish.options.exclude_me == Some(false);
                    if *topic == publish.topic.as_str()
                        && is_meant
                        && !turn.output.iter().any(is_it)
                    {
                        return Err(format!("{publish:?} of {from} did not come to {to}"));
                    }
                }
            }
            _ => {}
        }
        for (to, message) in &turn.output {
            match message {
                Message::Subscribed(message) => {
                    if let Some(topic) = asked.remove(&(*to, message.request.as_u64())) {
                        held.insert((*to, message.subscription.as_u64()), topic);
                    }
                }
                Message::Unsubscribed(message) => {
                    if let Some(id) = ending.remove(&(*to, message.request.as_u64())) {
                        held.remove(&(*to, id));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// "WAMP guarantees ordering of events between any given pair of Publisher and Subscriber", and of
/// invocations between any pair of caller and callee.
pub(super) fn each_pair_keeps_its_order(history: &History) -> Verdict {
    // Of each payload, who sent it when.
    let mut origins: HashMap<Vec<u8>, (Session, usize)> = HashMap::new();
    let mut latest: HashMap<(Session, Session, &str), usize> = HashMap::new();
    let octets = |payload: &Payload| payload.octets().map(|octets| octets.to_vec());
    for (at, turn) in history.turns.iter().enumerate() {
        if let Some((from, message @ (Message::Publish(_) | Message::Call(_)))) = turn.said()
            && let Some(octets) = message.payload().and_then(octets)
        {
            origins.insert(octets, (from, at));
        }
        for (to, message) in &turn.output {
            if !matches!(message, Message::Event(_) | Message::Invocation(_)) {
                continue;
            }
            let Some(octets) = message.payload().and_then(octets) else {
                continue;
            };
            let Some(&(from, sent)) = origins.get(&octets) else {
                return Err(format!(
                    "{message:?} to {to} has a payload that nobody sent"
                ));
            };
            let latest = latest.entry((from, *to, message.name())).or_default();
            if *latest > sent {
                return Err(format!(
                    "{message:?} of {from} came to {to} behind a later one"
                ));
            }
            *latest = sent;
        }
    }
    Ok(())
}

/// EVENT and INVOCATION come only between SUBSCRIBED and UNSUBSCRIBED, REGISTERED and UNREGISTERED;
/// invocations are counted from 1; and nothing comes to who is gone.
pub(super) fn nothing_comes_unasked(history: &History) -> Verdict {
    let mut held: HashSet<(Session, &str, u64)> = HashSet::new();
    let mut ending: HashMap<(Session, u64), u64> = HashMap::new();
    let mut invocations: HashMap<Session, u64> = HashMap::new();
    let mut gone = HashSet::new();
    for turn in &history.turns {
        gone.extend(turn.gone());
        match turn.said() {
            Some((from, Message::Unsubscribe(message))) => {
                ending.insert(
                    (from, message.request.as_u64()),
                    message.subscription.as_u64(),
                );
            }
            Some((from, Message::Unregister(message))) => {
                ending.insert(
                    (from, message.request.as_u64()),
                    message.registration.as_u64(),
                );
            }
            _ => {}
        }
        for (to, message) in &turn.output {
            let is_asked = match message {
                Message::Subscribed(message) => {
                    held.insert((*to, "EVENT", message.subscription.as_u64()));
                    true
                }
                Message::Registered(message) => {
                    held.insert((*to, "INVOCATION", message.registration.as_u64()))
                }
                Message::Unsubscribed(message) => ending
                    .get(&(*to, message.request.as_u64()))
                    .is_some_and(|id| held.remove(&(*to, "EVENT", *id))),
                Message::Unregistered(message) => ending
                    .get(&(*to, message.request.as_u64()))
                    .is_some_and(|id| held.remove(&(*to, "INVOCATION", *id))),
                Message::Event(message) => {
                    held.contains(&(*to, "EVENT", message.subscription.as_u64()))
                }
                Message::Invocation(message) => {
                    let count = invocations.entry(*to).or_default();
                    *count += 1;
                    message.request.as_u64() == *count
                        && held.contains(&(*to, "INVOCATION", message.registration.as_u64()))
                }
                _ => true,
            };
            if !is_asked || gone.contains(to) {
                return Err(format!("{message:?} was sent to {to}"));
            }
        }
    }
    Ok(())
}

impl Turn {
    /// What a session said, if the session may go on.
    pub(super) fn said(&self) -> Option<(Session, &Message)> {
        match &self.input {
            Input::Says(session, message) if !self.violation => Some((*session, message)),
            _ => None,
        }
    }

    /// Whether it is a publication that the router took, and that may come to everybody.
    fn is_open_publication(&self) -> bool {
        let Some((_, Message::Publish(publish))) = self.said() else {
            return false;
        };
        let mut open = wamp_messages::options::PublishOptions::default();
        open.acknowledge = publish.options.acknowledge;
        open.exclude_me = publish.options.exclude_me;
        open.enc_algo.clone_from(&publish.options.enc_algo);
        let taken = |(_, message): &(Session, Message)| matches!(message, Message::Published(_));
        publish.options == open && self.output.iter().any(taken)
    }

    /// How often the turn answers a call.
    pub(super) fn answers(&self, caller: Session, call: &Call) -> usize {
        let answers = self.output.iter();
        answers
            .filter(|(to, message)| *to == caller && is_answer(message, call))
            .count()
    }

    /// Whether the answer to a call comes back here.
    fn returns_answer(&self, caller: Session, call: &Call) -> bool {
        match &self.input {
            Input::Undeliverable(to, message, _) => *to == caller && is_answer(message, call),
            _ => false,
        }
    }
}

fn is_answer(message: &Message, call: &Call) -> bool {
    match message {
        Message::Result(result) => result.request == call.request,
        Message::Error(error) => {
            error.request_type == RequestType::CALL && error.request == call.request
        }
        _ => false,
    }
}
