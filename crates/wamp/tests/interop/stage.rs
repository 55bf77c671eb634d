//! The two sides of a cell, and the steps that most scenarios share.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::party::{PeerKind, Transport};
use crate::peer::{Payload, Peer, WampError};
use crate::values::{Passage, View};

/// The two sides of one cell, connected to nothing yet.
pub(crate) struct Stage<'a> {
    pub(crate) url: String,
    pub(crate) transport: Transport,
    /// The certificate that vouches for the router's.
    pub(crate) root: PathBuf,
    /// Calls and publishes.
    pub(crate) caller: Peer<'a>,
    pub(crate) caller_kind: PeerKind,
    pub(crate) caller_serializer: &'a str,
    /// Registers and subscribes.
    pub(crate) callee: Peer<'a>,
    pub(crate) callee_kind: PeerKind,
    pub(crate) callee_serializer: &'a str,
    /// The first part of each URI, different in every cell.
    pub(crate) prefix: String,
}

impl Stage<'_> {
    pub(crate) fn uri(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(crate) fn connect(&mut self) -> Result<()> {
        self.connect_callee(&json!({}))?;
        self.connect_caller(&json!({}))
    }

    pub(crate) fn connect_caller(&mut self, credentials: &Value) -> Result<()> {
        let command = self.connection(self.caller_serializer, credentials);
        let answer = self.caller.must(&command)?;
        self.is_connected("caller", &answer, self.caller_serializer)
    }

    pub(crate) fn connect_callee(&mut self, credentials: &Value) -> Result<()> {
        let command = self.connection(self.callee_serializer, credentials);
        let answer = self.callee.must(&command)?;
        self.is_connected("callee", &answer, self.callee_serializer)
    }

    /// The peer says that it speaks what it was told to.
    fn is_connected(&self, who: &str, answer: &Value, serializer: &str) -> Result<()> {
        let transport = if self.transport.is_websocket() {
            "websocket"
        } else {
            "rawsocket"
        };
        let wanted = json!({
            "serializer": serializer,
            "transport": transport,
            "tls": self.transport.is_tls(),
        });
        equal(&format!("the {who}'s connection"), answer, &wanted)
    }

    pub(crate) fn connection(&self, serializer: &str, credentials: &Value) -> Value {
        let mut command =
            json!({"do": "connect", "url": self.url, "realm": "realm1", "serializer": serializer});
        if self.transport.is_tls() {
            command["root"] = json!(self.root);
        }
        for key in ["authid", "ticket"] {
            if let Some(value) = credentials.get(key) {
                command[key] = value.clone();
            }
        }
        command
    }

    pub(crate) fn call_through(&mut self, procedure: &str, payload: &Payload) -> Result<()> {
        let passage = self.passage(payload);
        let Some(wanted) = passage.returns else {
            let error = self.caller.fail_to_call(procedure, payload)?;
            is(&error, "wamp.error.invalid_payload")?;
            return match passage.arrives {
                Some(_) => self.invoked_with(procedure, payload),
                None => Ok(()),
            };
        };
        let result = self.caller.call(procedure, payload)?;
        self.invoked_with(procedure, payload)?;
        equal("the caller's result", &result, &wanted)
    }

    /// The callee received what the caller was told to send.
    pub(crate) fn invoked_with(&mut self, procedure: &str, payload: &Payload) -> Result<()> {
        let received = self.callee.received("invocation", procedure)?;
        let wanted = self.passage(payload).arrives;
        equal("the callee's arguments", &Some(received), &wanted)
    }

    /// The error has what the caller was told to send: the callee refused with that.
    pub(crate) fn refused_with(&self, error: &WampError, payload: &Payload) -> Result<()> {
        let wanted = self.passage(payload).returns;
        equal("the error's payload", &Some(error.payload.clone()), &wanted)
    }

    pub(crate) fn publish_through(&mut self, topic: &str, payload: &Payload) -> Result<()> {
        self.caller.publish(topic, payload)?;
        self.received_event(topic, payload)
    }

    /// The callee received an event with what the caller was told to publish.
    pub(crate) fn received_event(&mut self, topic: &str, payload: &Payload) -> Result<()> {
        let received = self.callee.received("event", topic)?;
        equal("the event", &Some(received), &self.passage(payload).arrives)
    }

    /// What becomes of a payload from the caller to the callee, and back.
    fn passage(&self, payload: &Payload) -> Passage {
        let from = View {
            peer: self.caller_kind,
            transport: self.transport,
            serializer: self.caller_serializer,
        };
        let to = View {
            peer: self.callee_kind,
            transport: self.transport,
            serializer: self.callee_serializer,
        };
        Passage::new(from, to, payload)
    }

    pub(crate) fn no_such_procedure(&mut self, procedure: &str) -> Result<()> {
        let error = self.caller.fail_to_call(procedure, &some())?;
        is(&error, "wamp.error.no_such_procedure")
    }

    /// Both leave properly, and neither has received anything that was not expected.
    pub(crate) fn finish(&mut self) -> Result<()> {
        clean(&self.caller.leave()?)?;
        clean(&self.callee.leave()?)?;
        self.caller.nothing_else_received()?;
        self.callee.nothing_else_received()
    }
}

/// A payload for where the values are not the point.
pub(crate) fn some() -> Payload {
    Payload::new(json!([1, "two"]), json!({"three": 3}))
}

/// The answer to a GOODBYE: the specification wants the first, Autobahn and Crossbar.io send the other.
pub(crate) fn clean(reason: &str) -> Result<()> {
    let clean = ["wamp.close.goodbye_and_out", "wamp.close.normal"].contains(&reason);
    ensure!(clean, "the GOODBYE was answered with {reason}");
    Ok(())
}

/// The error has this URI.
pub(crate) fn is(error: &WampError, uri: &str) -> Result<()> {
    equal("the error's URI", &error.uri.as_str(), &uri)
}

pub(crate) fn equal<T: PartialEq + fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<()> {
    ensure!(got == wanted, "{what} should be {wanted:?}, but is {got:?}");
    Ok(())
}
