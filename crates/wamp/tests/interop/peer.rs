//! A WAMP client in a process of its own, told what to do; peers/peer.py says how it is spoken to.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::process::Process;

/// A payload: `{"args": [..], "kwargs": {..}}`, bytes in it as `{"$bytes": hex}`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Payload {
    pub(crate) args: Value,
    pub(crate) kwargs: Value,
}

impl Payload {
    pub(crate) fn new(args: Value, kwargs: Value) -> Self {
        Self { args, kwargs }
    }

    fn of(document: &Value) -> Self {
        Self {
            args: document["args"].clone(),
            kwargs: document["kwargs"].clone(),
        }
    }
}

/// An error of WAMP, as the peer received it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WampError {
    pub(crate) uri: String,
    pub(crate) payload: Payload,
}

/// One peer during one cell.
pub(crate) struct Peer<'a> {
    process: &'a mut Process,
    reports: VecDeque<Value>,
    deadline: Instant,
}

impl<'a> Peer<'a> {
    pub(crate) fn new(process: &'a mut Process, deadline: Instant) -> Self {
        Self {
            process,
            reports: VecDeque::new(),
            deadline,
        }
    }

    pub(crate) fn register(&mut self, procedure: &str, behaviour: &str) -> Result<()> {
        self.must(&json!({"do": "register", "procedure": procedure, "as": behaviour}))
            .map(drop)
    }

    pub(crate) fn unregister(&mut self, procedure: &str) -> Result<()> {
        self.must(&json!({"do": "unregister", "procedure": procedure}))
            .map(drop)
    }

    pub(crate) fn call(&mut self, procedure: &str, payload: &Payload) -> Result<Payload> {
        self.must(&calling(procedure, payload))
            .map(|result| Payload::of(&result))
    }

    pub(crate) fn subscribe(&mut self, topic: &str) -> Result<()> {
        self.must(&json!({"do": "subscribe", "topic": topic}))
            .map(drop)
    }

    pub(crate) fn unsubscribe(&mut self, topic: &str) -> Result<()> {
        self.must(&json!({"do": "unsubscribe", "topic": topic}))
            .map(drop)
    }

    /// Publishes, and waits for the acknowledgement.
    pub(crate) fn publish(&mut self, topic: &str, payload: &Payload) -> Result<()> {
        let command = json!({"do": "publish", "topic": topic, "args": payload.args, "kwargs": payload.kwargs});
        let answer = self.must(&command)?;
        ensure!(
            answer["acknowledged"] == true,
            "{} got no publication id",
            self.process.name()
        );
        Ok(())
    }

    /// Leaves the realm, and returns the reason in the router's GOODBYE.
    pub(crate) fn leave(&mut self) -> Result<String> {
        let answer = self.must(&json!({"do": "leave"}))?;
        answer["reason"]
            .as_str()
            .map(str::to_owned)
            .context("the session ended without a GOODBYE")
    }

    /// Carries out a command that succeeds.
    pub(crate) fn must(&mut self, command: &Value) -> Result<Value> {
        match self.ask(command)? {
            Ok(answer) => Ok(answer),
            Err(error) => bail!(
                "{} got {} to {command}: {:?}",
                self.process.name(),
                error.uri,
                error.payload
            ),
        }
    }

    /// Carries out a command that is answered with an error of WAMP.
    pub(crate) fn must_fail(&mut self, command: &Value) -> Result<WampError> {
        match self.ask(command)? {
            Ok(answer) => bail!(
                "{} got no error to {command}, but {answer}",
                self.process.name()
            ),
            Err(error) => Ok(error),
        }
    }

    /// Calls a procedure, and returns the error that answers it.
    pub(crate) fn fail_to_call(&mut self, procedure: &str, payload: &Payload) -> Result<WampError> {
        self.must_fail(&calling(procedure, payload))
    }

    /// Calls a procedure that does not answer yet; `unanswered_call_fails` is the other half.
    pub(crate) fn begin_call(&mut self, procedure: &str, payload: &Payload) -> Result<()> {
        self.process.send(&tagged(&calling(procedure, payload)))
    }

    /// Waits for the error that answers the call begun last.
    pub(crate) fn unanswered_call_fails(&mut self) -> Result<WampError> {
        match self
            .answer()
            .context("after a call that the callee did not answer")?
        {
            Ok(answer) => bail!("{} got no error, but {answer}", self.process.name()),
            Err(error) => Ok(error),
        }
    }

    /// Ends the peer's process without a word to the router.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// The next thing that arrived unasked, which must be of this kind and for this URI.
    pub(crate) fn received(&mut self, kind: &str, uri: &str) -> Result<Payload> {
        let report = match self.reports.pop_front() {
            Some(report) => report,
            None => self.receive()?,
        };
        let of = if kind == "event" {
            "topic"
        } else {
            "procedure"
        };
        ensure!(
            report["received"] == kind && report[of] == uri,
            "{} should have reported an {kind} of {uri}, but wrote {report}",
            self.process.name()
        );
        Ok(Payload::of(&report))
    }

    /// Fails if anything has arrived that no one looked at.
    pub(crate) fn nothing_else_received(&self) -> Result<()> {
        ensure!(
            self.reports.is_empty(),
            "{} also received {:?}",
            self.process.name(),
            self.reports
        );
        Ok(())
    }

    fn receive(&mut self) -> Result<Value> {
        untagged(self.process.receive(self.deadline)?)
    }

    fn ask(&mut self, command: &Value) -> Result<Result<Value, WampError>> {
        self.process.send(&tagged(command))?;
        self.answer().with_context(|| format!("after {command}"))
    }

    fn answer(&mut self) -> Result<Result<Value, WampError>> {
        loop {
            let mut document = self.receive()?;
            if document.get("received").is_some() {
                self.reports.push_back(document);
            } else if let Some(answer) = document.get_mut("ok") {
                return Ok(Ok(answer.take()));
            } else if let Some(error) = document.get("error") {
                let uri = error["uri"]
                    .as_str()
                    .context("an error has a URI")?
                    .to_owned();
                return Ok(Err(WampError {
                    uri,
                    payload: Payload::of(error),
                }));
            } else {
                bail!("{} wrote {document}", self.process.name());
            }
        }
    }
}

/// Marks the numbers that JavaScript would read as others.
fn tagged(value: &Value) -> Value {
    match value {
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(integer), _) if integer.unsigned_abs() > 1 << 53 => {
                json!({"$integer": number.to_string()})
            }
            (None, Some(float)) if float.fract() == 0.0 => json!({"$float": number.to_string()}),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(tagged).collect(),
        Value::Object(pairs) => {
            let pairs = pairs.iter();
            Value::Object(
                pairs
                    .map(|(key, item)| (key.clone(), tagged(item)))
                    .collect(),
            )
        }
        _ => value.clone(),
    }
}

/// Turns what a peer marked back into numbers, the reverse of `tagged`.
fn untagged(value: Value) -> Result<Value> {
    Ok(match value {
        Value::Array(items) => items.into_iter().map(untagged).collect::<Result<_>>()?,
        Value::Object(pairs) => {
            if let Some(Value::String(digits)) = pairs.get("$integer") {
                return number(digits);
            }
            if let Some(Value::String(digits)) = pairs.get("$float") {
                let float: f64 = digits
                    .parse()
                    .with_context(|| format!("no float: {digits}"))?;
                return Ok(json!(float));
            }
            let pairs = pairs.into_iter();
            let pairs = pairs.map(|(key, item)| Ok((key, untagged(item)?)));
            Value::Object(pairs.collect::<Result<_>>()?)
        }
        other => other,
    })
}

fn number(digits: &str) -> Result<Value> {
    let number = digits.parse().map(Value::Number);
    number.with_context(|| format!("no number: {digits}"))
}

fn calling(procedure: &str, payload: &Payload) -> Value {
    json!({"do": "call", "procedure": procedure, "args": payload.args, "kwargs": payload.kwargs})
}
