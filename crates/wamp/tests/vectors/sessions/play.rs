//! Plays the steps of a case: sends what its clients send, and compares what the router sends.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use wamp_messages::message::{Abort, Call, Cancel, Challenge, Error, Result as CallResult};
use wamp_messages::{Value, error_uri};

use super::bind::{Bindings, json};
use super::code;
use super::step::{Action, Step};
use crate::check::{Failure, ensure};
use crate::client::{Client, Heard};

/// Plays all steps against the router at the address.
pub(super) async fn play(
    address: SocketAddr,
    steps: &[Step],
    violation: bool,
) -> Result<(), Failure> {
    let mut play = Play {
        address,
        violation,
        clients: HashMap::new(),
        bindings: Bindings::default(),
        aborted: HashSet::new(),
        canceled: HashSet::new(),
        over: HashSet::new(),
    };
    for (at, step) in steps.iter().enumerate() {
        let session = &step.session;
        let done = play.step(step).await;
        let done = done.map_err(|failure| format!("step {at} of {session}: {}", failure.0))?;
        if done == Done::Refused {
            // What the router did with the offender is as WAMP has it; the rest of the record is not.
            break;
        }
    }
    Ok(())
}

struct Play {
    address: SocketAddr,
    /// Whether refusing the client as WAMP has it is as good as what was recorded.
    violation: bool,
    clients: HashMap<String, Client>,
    bindings: Bindings,
    /// The sessions whose clients have sent an ABORT.
    aborted: HashSet<String>,
    /// Calls that were canceled, by session and request.
    canceled: HashSet<(String, u64)>,
    /// Calls that the router has answered although the record has it otherwise.
    over: HashSet<(String, u64)>,
}

#[derive(Debug, PartialEq)]
enum Done {
    AsRecorded,
    /// The router has refused what broke the protocol.
    Refused,
}

/// The reasons to refuse what breaks the protocol; all but the first answer a request, too.
const REFUSALS: &[&str] = &[
    error_uri::PROTOCOL_VIOLATION,
    error_uri::INVALID_URI,
    error_uri::INVALID_ARGUMENT,
];

impl Play {
    async fn step(&mut self, step: &Step) -> Result<Done, Failure> {
        let session = &*step.session;
        if !self.clients.contains_key(session) {
            let client = Client::connect(self.address, "wamp.2.json").await?;
            self.clients.insert(session.to_owned(), client);
        }
        match &step.action {
            Action::Send(message) => {
                let message = self.bindings.fill(session, message)?;
                if let Some(message) = message.as_list() {
                    self.note_sent(session, message);
                }
                let text = serde_json::to_string(&message).map_err(|error| error.to_string())?;
                self.client(session)?.send_text(text).await?;
                Ok(Done::AsRecorded)
            }
            Action::Receive(wanted) => self.receive(session, wanted).await,
            Action::ClosedByClient => self.close(session).await,
            Action::ClosedByRouter => match self.hear(session).await? {
                Heard::Closed(_) => Ok(Done::AsRecorded),
                Heard::Message(message) => self.refused(session, &message).await,
            },
            Action::NoAnswer => self.no_answer(session).await,
        }
    }

    fn note_sent(&mut self, session: &str, message: &[Value]) {
        self.bindings.note_sent(session, message);
        let request = message.get(1).and_then(Value::as_u64);
        match (code(message), request) {
            (Some(Cancel::CODE), Some(request)) => {
                self.canceled.insert((session.to_owned(), request));
            }
            (Some(Abort::CODE), _) => drop(self.aborted.insert(session.to_owned())),
            _ => {}
        }
    }

    /// Receives a message as the case has it.
    async fn receive(&mut self, session: &str, wanted: &[Value]) -> Result<Done, Failure> {
        let answered = |request| (session.to_owned(), request);
        let wanted_call = self.call_answered(wanted).map(answered);
        loop {
            if wanted_call
                .as_ref()
                .is_some_and(|call| self.over.contains(call))
            {
                return Ok(Done::AsRecorded);
            }
            let found = match self.client(session)?.hear().await? {
                Heard::Message(found) => found,
                Heard::Closed(close) => {
                    let wanted = json(wanted);
                    return Err(format!("closed with {close:?} instead of {wanted}").into());
                }
            };
            if let Some(call) = self.canceled_call(session, &found)
                && (wanted_call.as_ref() != Some(&call) || code(wanted) != Some(Error::CODE))
            {
                self.over.insert(call);
                continue;
            }
            let found = match (code(wanted), code(&found)) {
                (Some(Abort::CODE), Some(Challenge::CODE)) => self.fail_challenge(session).await?,
                _ => found,
            };
            return match self.bindings.compare(wanted, &found) {
                Ok(()) => Ok(Done::AsRecorded),
                Err(failure) if !self.violation => Err(failure),
                Err(failure) => self.refused(session, &found).await.map_err(|_| failure),
            };
        }
    }

    /// Answers a CHALLENGE wrongly, where the record has an ABORT at once: to challenge whoever
    /// comes hides who is known, and is as good. Returns what follows.
    async fn fail_challenge(&mut self, session: &str) -> Result<Vec<Value>, Failure> {
        let client = self.client(session)?;
        client.send_text(r#"[5,"",{}]"#.to_owned()).await?;
        match client.hear().await? {
            Heard::Message(message) => Ok(message),
            Heard::Closed(close) => Err(format!("closed with {close:?} over AUTHENTICATE").into()),
        }
    }

    /// Passes if the router refuses what broke the protocol as WAMP has it: by an ABORT, and the
    /// end; or, where it is a request with a URI or an option that is none, by an ERROR.
    async fn refused(&mut self, session: &str, message: &[Value]) -> Result<Done, Failure> {
        let (at, reasons) = match code(message) {
            Some(Abort::CODE) => (2, REFUSALS),
            Some(Error::CODE) => (4, &REFUSALS[1..]),
            _ => (0, &[][..]),
        };
        let reason = message.get(at).and_then(Value::as_str).unwrap_or_default();
        ensure(self.violation && reasons.contains(&reason), || {
            format!("{} is not expected", json(message))
        })?;
        if code(message) == Some(Error::CODE) {
            return Ok(Done::Refused);
        }
        match self.hear(session).await? {
            Heard::Closed(_) => Ok(Done::Refused),
            Heard::Message(more) => Err(format!("{} after an ABORT", json(&more)).into()),
        }
    }

    /// Closes the connection; nothing may come that is not expected.
    async fn close(&mut self, session: &str) -> Result<Done, Failure> {
        self.client(session)?.close().await;
        let heard = self.hear(session).await?;
        self.clients.remove(session);
        match heard {
            Heard::Closed(_) => Ok(Done::AsRecorded),
            Heard::Message(message) => Err(format!("{} is not expected", json(&message)).into()),
        }
    }

    async fn no_answer(&mut self, session: &str) -> Result<Done, Failure> {
        loop {
            match self.client(session)?.hear_soon().await? {
                None => return Ok(Done::AsRecorded),
                Some(Heard::Message(message)) => match self.canceled_call(session, &message) {
                    Some(call) => drop(self.over.insert(call)),
                    None => return self.refused(session, &message).await,
                },
                // That is all there is to answer to an ABORT.
                Some(Heard::Closed(_)) if self.aborted.contains(session) => {
                    return Ok(Done::Refused);
                }
                Some(Heard::Closed(close)) => {
                    return Err(format!("the connection was closed, with {close:?}").into());
                }
            }
        }
    }

    /// The next thing that happens to a session, but for what WAMP wants and the record lacks.
    async fn hear(&mut self, session: &str) -> Result<Heard, Failure> {
        loop {
            match self.client(session)?.hear().await? {
                Heard::Message(message) => match self.canceled_call(session, &message) {
                    Some(call) => drop(self.over.insert(call)),
                    None => return Ok(Heard::Message(message)),
                },
                closed @ Heard::Closed(_) => return Ok(closed),
            }
        }
    }

    /// The call of the session that was canceled and is now answered by the router itself, which
    /// Crossbar.io does not do in the mode `skip`.
    fn canceled_call(&self, session: &str, message: &[Value]) -> Option<(String, u64)> {
        let error = message.get(4).and_then(Value::as_str);
        let canceled = code(message) == Some(Error::CODE) && error == Some(error_uri::CANCELED);
        let call = (session.to_owned(), self.call_answered(message)?);
        (canceled && self.canceled.contains(&call)).then_some(call)
    }

    /// The request of the CALL that a RESULT or ERROR answers.
    fn call_answered(&self, message: &[Value]) -> Option<u64> {
        let at = match code(message)? {
            CallResult::CODE => 1,
            Error::CODE if message.get(1)?.as_u64() == Some(Call::CODE) => 2,
            _ => return None,
        };
        self.bindings.known(message.get(at)?)?.as_u64()
    }

    fn client(&mut self, session: &str) -> Result<&mut Client, Failure> {
        let client = self.clients.get_mut(session);
        client.ok_or_else(|| format!("the session {session:?} is closed").into())
    }
}
