//! Ids and other values that change on each run, and how messages are compared around them.

use std::collections::HashMap;

use wamp_messages::id::MAX_ID;
use wamp_messages::message::{
    Abort, Call, Error, Event, Goodbye, Hello, Interrupt, Invocation, Publish,
    Result as CallResult, Welcome, Yield,
};
use wamp_messages::{Dict, Value, error_uri};

use super::{code, entry};
use crate::check::{Failure, ensure};

/// What the placeholders of a case stand for.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    values: HashMap<String, Value>,
    /// The request id that each session has used last.
    requests: HashMap<String, u64>,
    /// The errors that clients have raised: their payload is not the router's.
    raised: Vec<(Value, Vec<Value>)>,
}

impl Bindings {
    /// Puts values in the place of placeholders, in what `session` sends.
    ///
    /// A client chooses its request ids: one after the other.
    pub(super) fn fill(&mut self, session: &str, value: &Value) -> Result<Value, Failure> {
        Ok(match value {
            Value::List(items) => {
                let items = items.iter().map(|item| self.fill(session, item));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Value::Dict(dict) => match placeholder(dict) {
                Some((_, name)) => self.value(session, name)?,
                None => {
                    let mut filled = Dict::new();
                    for (key, item) in dict {
                        filled.insert(key.clone(), self.fill(session, item)?);
                    }
                    Value::Dict(filled)
                }
            },
            other => other.clone(),
        })
    }

    fn value(&mut self, session: &str, name: &str) -> Result<Value, Failure> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        if !name.starts_with(&format!("{session}.request.")) {
            return Err(format!("nobody has told what {name:?} is").into());
        }
        let last = self.requests.entry(session.to_owned()).or_default();
        *last += 1;
        let id = Value::from(*last);
        self.values.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    /// A value, or what a placeholder stands for, if that is known.
    pub(super) fn known<'a>(&'a self, value: &'a Value) -> Option<&'a Value> {
        match value.as_dict().and_then(placeholder) {
            Some((_, name)) => self.values.get(name),
            None => Some(value),
        }
    }

    /// Remembers what a client has sent, as it went out.
    pub(super) fn note_sent(&mut self, session: &str, message: &[Value]) {
        // Who joins again is another session, and counts its requests from 1 again.
        if code(message) == Some(Hello::CODE) {
            self.requests.remove(session);
            self.values.remove(&format!("session.{session}"));
            self.values.remove(&format!("authid.{session}"));
        }
        if code(message) == Some(Error::CODE)
            && let Some(error) = message.get(4)
        {
            self.raised.push((error.clone(), payload(message).to_vec()));
        }
    }

    /// Compares a message of the router with that of the case, and binds what is new in it.
    pub(super) fn compare(&mut self, wanted: &[Value], found: &[Value]) -> Result<(), Failure> {
        let compared = self.compare_by_type(wanted, found);
        compared.map_err(|failure| {
            let (wanted, found) = (json(wanted), json(found));
            format!("{}: {found} instead of {wanted}", failure.0).into()
        })
    }

    fn compare_by_type(&mut self, wanted: &[Value], found: &[Value]) -> Result<(), Failure> {
        ensure(code(wanted) == code(found), || "another message".into())?;
        match code(found) {
            Some(Welcome::CODE) => self.welcome(wanted, found),
            // The texts are open, and some reasons have several names.
            Some(Abort::CODE) => self.reason(wanted, found, DENIALS),
            Some(Goodbye::CODE) => self.reason(wanted, found, FAREWELLS),
            Some(Error::CODE) => {
                for at in [1, 2, 4] {
                    self.element(wanted, found, at)?;
                }
                // What the router itself has to say is open; what a callee said is not.
                let raised = |(error, said): &(Value, Vec<Value>)| {
                    wanted.get(4) == Some(error) && payload(wanted) == said
                };
                if self.raised.iter().any(raised) {
                    return self.payload(wanted, found);
                }
                Ok(())
            }
            Some(CallResult::CODE) => {
                self.element(wanted, found, 1)?;
                let open = ["callee", "callee_authid", "callee_authrole"];
                self.details(wanted, found, 2, &open)?;
                self.payload(wanted, found)
            }
            Some(Invocation::CODE) => {
                self.element(wanted, found, 1)?;
                self.element(wanted, found, 2)?;
                // A router may end the call itself instead of passing the timeout on.
                self.details(wanted, found, 3, &["timeout"])?;
                self.payload(wanted, found)
            }
            Some(Interrupt::CODE) => {
                self.element(wanted, found, 1)?;
                self.details(wanted, found, 2, &["mode", "reason"])
            }
            Some(Event::CODE) => {
                for at in 1..=3 {
                    self.element(wanted, found, at)?;
                }
                self.payload(wanted, found)
            }
            _ => self.lists(wanted, found, "the message"),
        }
    }

    /// Compares why a session is over; the names in the list are as good as each other.
    fn reason(&mut self, wanted: &[Value], found: &[Value], alike: &[&str]) -> Result<(), Failure> {
        let is_alike = |message: &[Value]| {
            let reason = message.get(2).and_then(Value::as_str);
            reason.is_some_and(|reason| alike.contains(&reason))
        };
        if is_alike(wanted) && is_alike(found) {
            return Ok(());
        }
        self.element(wanted, found, 2)
    }

    /// The client must have joined as whom it should; what the router can do is its own affair.
    fn welcome(&mut self, wanted: &[Value], found: &[Value]) -> Result<(), Failure> {
        self.element(wanted, found, 1)?;
        for key in ["realm", "authid", "authrole", "authmethod"] {
            let wanted = entry(wanted, 2, key);
            if !wanted.is_null() {
                self.values(wanted, entry(found, 2, key), key)?;
            }
        }
        let roles = |message| {
            entry(message, 2, "roles")
                .as_dict()
                .cloned()
                .unwrap_or_default()
        };
        let found = roles(found);
        for role in roles(wanted).keys() {
            ensure(found.contains_key(role), || {
                format!("the role {role} is missing")
            })?;
        }
        Ok(())
    }

    fn element(&mut self, wanted: &[Value], found: &[Value], at: usize) -> Result<(), Failure> {
        match (wanted.get(at), found.get(at)) {
            (Some(wanted), Some(found)) => self.values(wanted, found, &format!("element {at}")),
            (None, None) => Ok(()),
            _ => Err(format!("element {at} is missing, or one too many").into()),
        }
    }

    /// Compares a dict but for keys that are open.
    fn details(
        &mut self,
        wanted: &[Value],
        found: &[Value],
        at: usize,
        open: &[&str],
    ) -> Result<(), Failure> {
        let closed = |message: &[Value]| -> Result<Value, Failure> {
            let dict = message.get(at).and_then(Value::as_dict);
            let dict = dict.ok_or_else(|| format!("element {at} is no dict"))?;
            let closed = dict.iter().filter(|(key, _)| !open.contains(&&***key));
            let closed = closed.map(|(key, value)| (key.clone(), value.clone()));
            Ok(Value::Dict(closed.collect()))
        };
        self.values(&closed(wanted)?, &closed(found)?, &format!("element {at}"))
    }

    fn payload(&mut self, wanted: &[Value], found: &[Value]) -> Result<(), Failure> {
        self.lists(payload(wanted), payload(found), "the payload")
    }

    fn lists(&mut self, wanted: &[Value], found: &[Value], what: &str) -> Result<(), Failure> {
        ensure(wanted.len() == found.len(), || {
            format!("{what} has another length")
        })?;
        let mut pairs = wanted.iter().zip(found);
        pairs.try_for_each(|(wanted, found)| self.values(wanted, found, what))
    }

    fn values(&mut self, wanted: &Value, found: &Value, what: &str) -> Result<(), Failure> {
        match (wanted, found) {
            (Value::Dict(dict), found) if placeholder(dict).is_some() => {
                let (kind, name) = placeholder(dict).unwrap_or_default();
                self.bind(kind, name, found)
            }
            (Value::List(wanted), Value::List(found)) => self.lists(wanted, found, what),
            (Value::Dict(wanted), Value::Dict(found)) => {
                let theirs = |key: &str| key.starts_with("x_cb_");
                for (key, wanted) in wanted.iter().filter(|(key, _)| !theirs(key)) {
                    let found = found
                        .get(key)
                        .ok_or_else(|| format!("{what} lacks {key:?}"))?;
                    self.values(wanted, found, key)?;
                }
                let more = found.keys().find(|key| !wanted.contains_key(key));
                more.map_or(Ok(()), |key| {
                    Err(format!("{what} has {key:?} as well").into())
                })
            }
            _ => ensure(wanted == found, || format!("{what} differs")),
        }
    }

    fn bind(&mut self, kind: &str, name: &str, found: &Value) -> Result<(), Failure> {
        // Only authids are told apart by their names; the others may be anything.
        if kind == "$any" && !name.starts_with("authid.") {
            return Ok(());
        }
        if kind == "$id" {
            ensure(
                found.as_u64().is_some_and(|id| (1..=MAX_ID).contains(&id)),
                || format!("{name} is no id"),
            )?;
        }
        if let Some(known) = self.values.get(name) {
            return ensure(known == found, || format!("{name} was {known:?} before"));
        }
        // Two names of one kind are two ids: "subscription.1" and "subscription.2".
        let family = |name: &str| name.rsplit_once('.').map(|(family, _)| family.to_owned());
        let taken =
            |(other, value): (&String, &Value)| value == found && family(other) == family(name);
        ensure(!self.values.iter().any(taken), || {
            format!("{name} is the same as another of its kind")
        })?;
        self.values.insert(name.to_owned(), found.clone());
        Ok(())
    }
}

/// The answers to GOODBYE: of the WAMP text, and of Crossbar.io.
const FAREWELLS: &[&str] = &[error_uri::CLOSE_NORMAL, error_uri::GOODBYE_AND_OUT];

/// Why a client is not let in. Crossbar.io has the first for most of them, WAMP finer ones.
const DENIALS: &[&str] = &[
    error_uri::NOT_AUTHORIZED,
    error_uri::AUTHENTICATION_FAILED,
    error_uri::AUTHENTICATION_DENIED,
    error_uri::NO_AUTH_METHOD,
    error_uri::NO_MATCHING_AUTH_METHOD,
    error_uri::NO_SUCH_PRINCIPAL,
    error_uri::NO_SUCH_ROLE,
];

/// The kind and name of a placeholder, if the dict is one.
fn placeholder(dict: &Dict) -> Option<(&str, &str)> {
    let mut pairs = dict.iter();
    match (pairs.next(), pairs.next()) {
        (Some((kind, Value::String(name))), None) if kind == "$id" || kind == "$any" => {
            Some((kind, name))
        }
        _ => None,
    }
}

/// The payload of a message, without the empty list and dict that may as well be missing.
fn payload(message: &[Value]) -> &[Value] {
    let at = match code(message) {
        Some(CallResult::CODE | Yield::CODE) => 3,
        Some(Event::CODE | Call::CODE | Publish::CODE | Invocation::CODE) => 4,
        Some(Error::CODE) => 5,
        _ => return &[],
    };
    let mut payload = message.get(at..).unwrap_or_default();
    if let [_, Value::Dict(kwargs)] = payload
        && kwargs.is_empty()
    {
        payload = &payload[..1];
    }
    match payload {
        [Value::List(args)] if args.is_empty() => &[],
        payload => payload,
    }
}

/// A message as people read it.
pub(super) fn json(message: &[Value]) -> String {
    serde_json::to_string(message).unwrap_or_else(|_| format!("{message:?}"))
}
