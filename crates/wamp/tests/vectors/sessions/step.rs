//! The steps of a case.

use wamp_messages::Value;

use crate::check::Failure;
use crate::data::Case;

/// What one session does, or what happens to it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) session: String,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// The client sends this, which may be no message.
    Send(Value),
    /// The router sends this message.
    Receive(Vec<Value>),
    /// The client closes its connection.
    ClosedByClient,
    /// The router closes the connection.
    ClosedByRouter,
    /// The router sends nothing more, and leaves the connection open.
    NoAnswer,
}

impl Step {
    /// The steps of a case in their order.
    pub(super) fn all(case: &Case) -> Result<Vec<Self>, Failure> {
        let sessions = case.texts("sessions")?;
        let steps = case.list("steps")?;
        let steps = steps.iter().enumerate().map(|(at, step)| {
            Self::read(step, &sessions)
                .map_err(|failure| format!("step {at}: {}", failure.0).into())
        });
        steps.collect()
    }

    fn read(step: &Value, sessions: &[&str]) -> Result<Self, Failure> {
        let step = step.as_dict().ok_or("it is no object")?;
        let session = step["session"].as_str().ok_or("it names no session")?;
        if !sessions.contains(&session) {
            return Err(format!("the case has no session {session:?}").into());
        }
        let action = match (step["event"].as_str(), step["from"].as_str()) {
            (Some("connection closed by client"), None) => Action::ClosedByClient,
            (Some("connection closed by router"), None) => Action::ClosedByRouter,
            (Some("no answer"), None) => Action::NoAnswer,
            (Some(event), None) => return Err(format!("the event {event:?} is not known").into()),
            (None, Some("client")) => {
                let message = step.get("message").ok_or("the client sends nothing")?;
                Action::Send(message.clone())
            }
            (None, Some("router")) => {
                let message = step["message"]
                    .as_list()
                    .ok_or("the router sends no list")?;
                Action::Receive(message.to_vec())
            }
            _ => return Err("it is neither a message of a side nor an event".into()),
        };
        Ok(Self {
            session: session.to_owned(),
            action,
        })
    }

    /// The message that the client sends, if that is what it does.
    pub(super) fn sent(&self) -> Option<&[Value]> {
        match &self.action {
            Action::Send(message) => message.as_list(),
            _ => None,
        }
    }

    /// The message that the router sends, if that is what it does.
    pub(super) fn received(&self) -> Option<&[Value]> {
        match &self.action {
            Action::Receive(message) => Some(message),
            _ => None,
        }
    }
}
