//! What a case needs of the router, and whether the router announces it.

use std::collections::BTreeSet;

use wamp_messages::message::{
    Call, Cancel, Challenge, Event, EventReceived, Hello, Interrupt, Invocation, Publish, Register,
    Subscribe, Unregistered, Unsubscribed, Yield,
};
use wamp_messages::{InvokePolicy, MatchPolicy, Value};

use super::step::Step;
use super::{code, entry};
use crate::missing::Missing;

/// The features that the router announces, of broker and dealer alike.
pub(super) type Features = BTreeSet<String>;

/// The first thing that a case needs and the router has not.
pub(super) fn missing(steps: &[Step], announced: &Features) -> Option<Missing> {
    let methods = steps.iter().find_map(authentication);
    methods.or_else(|| {
        let mut needed = steps.iter().flat_map(|step| {
            let used = step.sent().map(features_used);
            let shown = step.received().map(features_shown);
            used.or(shown).unwrap_or_default()
        });
        let missing = needed.find(|feature| !announced.contains(*feature));
        missing.map(Missing::Feature)
    })
}

/// The authentication method that a step is about, if it is one to come.
fn authentication(step: &Step) -> Option<Missing> {
    if let Some(challenge) = step.received()
        && code(challenge) == Some(Challenge::CODE)
    {
        return Missing::authentication_method(challenge.get(1)?.as_str()?);
    }
    let hello = step.sent()?;
    if code(hello) != Some(Hello::CODE) {
        return None;
    }
    if !entry(hello, 2, "resume-session").is_null() {
        return Some(Missing::Resumption);
    }
    // A client that offers something else as well may be let in by that.
    let methods = entry(hello, 2, "authmethods").as_list()?;
    let mut methods = methods
        .iter()
        .map(|method| method.as_str().unwrap_or_default());
    let first = Missing::authentication_method(methods.next()?)?;
    methods
        .all(|method| Missing::authentication_method(method).is_some())
        .then_some(first)
}

/// The features that a message of a client makes use of.
fn features_used(message: &[Value]) -> Vec<&'static str> {
    let mut features = Vec::new();
    let options = match code(message) {
        Some(Publish::CODE | Subscribe::CODE | Register::CODE | Call::CODE | Yield::CODE) => 2,
        Some(Cancel::CODE) => return vec!["call_canceling"],
        Some(EventReceived::CODE) => return vec!["x_acknowledged_event_delivery"],
        _ => return features,
    };
    let option = |key: &str| entry(message, options, key);
    let uses = |key: &str| !option(key).is_null();
    let mut need = |condition: bool, feature: &'static str| {
        if condition {
            features.push(feature);
        }
    };
    need(uses("enc_algo"), "payload_transparency");
    need(uses("ppt_scheme"), "payload_passthru_mode");
    let uri = message.get(3).and_then(Value::as_str).unwrap_or_default();
    // An unknown policy needs no feature to be refused.
    let policy = MatchPolicy::new(option("match").as_str().unwrap_or("exact"));
    let pattern = policy == MatchPolicy::PREFIX || policy == MatchPolicy::WILDCARD;
    match code(message) {
        Some(Publish::CODE) => {
            let lists = [
                "exclude",
                "exclude_authid",
                "exclude_authrole",
                "eligible",
                "eligible_authid",
                "eligible_authrole",
            ];
            need(
                lists.iter().any(|key| uses(key)),
                "subscriber_blackwhite_listing",
            );
            need(uses("exclude_me"), "publisher_exclusion");
            need(uses("disclose_me"), "publisher_identification");
            need(uses("retain"), "event_retention");
        }
        Some(Subscribe::CODE) => {
            need(pattern, "pattern_based_subscription");
            need(uses("get_retained"), "event_retention");
            features.extend(meta_api(uri));
        }
        Some(Register::CODE) => {
            need(pattern, "pattern_based_registration");
            let invoke = InvokePolicy::new(option("invoke").as_str().unwrap_or("single"));
            let shared = invoke.is_known() && invoke != InvokePolicy::SINGLE;
            need(shared || uses("concurrency"), "shared_registration");
            need(uses("force_reregister"), "registration_revocation");
            need(uses("disclose_caller"), "caller_identification");
        }
        Some(Call::CODE) => {
            need(uses("timeout"), "call_timeout");
            need(uses("receive_progress"), "progressive_call_results");
            need(uses("progress"), "progressive_call_invocations");
            need(uses("disclose_me"), "caller_identification");
            features.extend(meta_api(uri));
        }
        Some(Yield::CODE) => need(uses("progress"), "progressive_call_results"),
        _ => {}
    }
    features
}

/// The features that make a router send such a message, where the client did not ask for it: by
/// the configuration of the recorded router, or because another session has ended.
fn features_shown(message: &[Value]) -> Vec<&'static str> {
    let shows = |at: usize, key: &str| !entry(message, at, key).is_null();
    let revokes = message.get(1).and_then(Value::as_u64) == Some(0);
    let shown = match code(message) {
        Some(Event::CODE) if shows(3, "publisher") => "publisher_identification",
        Some(Event::CODE) if shows(3, "retained") => "event_retention",
        Some(Invocation::CODE) if shows(3, "caller") => "caller_identification",
        Some(Interrupt::CODE) => "call_canceling",
        Some(Unsubscribed::CODE) if revokes => "subscription_revocation",
        Some(Unregistered::CODE) if revokes => "registration_revocation",
        _ => return Vec::new(),
    };
    vec![shown]
}

/// The feature that has a procedure or topic of the router's own.
fn meta_api(uri: &str) -> Option<&'static str> {
    const APIS: &[(&str, &str)] = &[
        ("wamp.session.add_testament", "testament_meta_api"),
        ("wamp.session.flush_testaments", "testament_meta_api"),
        ("wamp.session.", "session_meta_api"),
        ("wamp.registration.", "registration_meta_api"),
        ("wamp.subscription.get_events", "event_history"),
        ("wamp.subscription.", "subscription_meta_api"),
        ("wamp.topic.history.", "event_history"),
    ];
    let api = APIS.iter().find(|(prefix, _)| uri.starts_with(prefix));
    api.map(|(_, feature)| *feature)
}
