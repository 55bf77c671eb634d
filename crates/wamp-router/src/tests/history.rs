//! Runs a script against router and model, and keeps what happened.

use wamp_messages::Message;

use super::generate::{Input, Script, principal};
use super::model::{Model, Session};
use super::subject::{Fault, Subject};

/// All that happened on a realm.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) turns: Vec<Turn>,
}

/// One step, and what came of it.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) input: Input,
    /// Whether the input ended the session that it came from.
    pub(super) violation: bool,
    pub(super) output: Vec<(Session, Message)>,
}

impl Turn {
    /// Whose session is over.
    pub(super) fn gone(&self) -> Option<Session> {
        match self.input {
            Input::Leave(session) => Some(session),
            Input::Says(session, _) if self.violation => Some(session),
            _ => None,
        }
    }
}

/// A script that is being played.
struct Play {
    router: Subject,
    model: Model,
    history: History,
    /// What the router has sent and could come back.
    sent: Vec<(Session, Message)>,
    /// Whether the router is held to the model, or only watched.
    compares: bool,
}

/// Plays a script, and compares the router with the model after every step.
///
/// # Errors
///
/// The router and the model differ; the text says where.
pub(super) fn compare(script: &Script, fault: Option<Fault>) -> Result<History, String> {
    play(script, fault, true)
}

/// Plays a script, and only watches the router; the model serves to know what there is.
pub(super) fn watch(script: &Script, fault: Option<Fault>) -> History {
    match play(script, fault, false) {
        Ok(history) => history,
        Err(_) => unreachable!("the router is held to nothing"),
    }
}

fn play(script: &Script, fault: Option<Fault>, compares: bool) -> Result<History, String> {
    let mut play = Play {
        router: Subject::new(script.limits(), fault),
        model: Model::new(script.limits()),
        history: History::default(),
        sent: Vec::new(),
        compares,
    };
    for _ in 0..script.sessions {
        play.turn(Input::Join)?;
    }
    for step in &script.steps {
        let serial = play.history.turns.len();
        if let Some(input) = step.resolve(&play.model, serial, &play.sent) {
            play.turn(input)?;
        }
    }
    for &which in script.farewell.iter().cycle() {
        let present = play.present();
        if present.is_empty() {
            break;
        }
        play.turn(Input::Leave(present[usize::from(which) % present.len()]))?;
    }
    Ok(play.history)
}

impl Play {
    /// The sessions of the router, which are those of the model if they do not differ.
    fn present(&self) -> Vec<Session> {
        let gone: Vec<_> = self.history.turns.iter().filter_map(Turn::gone).collect();
        (0..self.model.joined())
            .filter(|session| !gone.contains(session))
            .collect()
    }

    /// Compares the changes of tables that the router tells of with the model's tables, and the
    /// calls that it has counted with those that are pending.
    fn compare_notes(&self) -> Result<(), String> {
        let sorted = |held: &[(Session, u64)]| {
            let mut held = held.to_vec();
            held.sort_unstable();
            held
        };
        let (subscriptions, registrations) = self.router.noted()?;
        let known = [self.model.subscriptions(), self.model.registrations()];
        if [subscriptions, registrations].map(|held| sorted(held))
            != known.map(|held| sorted(&held))
        {
            return Err(format!(
                "{subscriptions:?} and {registrations:?} were noted"
            ));
        }
        let (counted, pending) = (
            self.router.calls_in_flight(),
            self.model.pending_calls().len(),
        );
        if i64::try_from(pending) != Ok(counted) {
            return Err(format!("{counted} calls in flight, where {pending} are"));
        }
        Ok(())
    }

    fn turn(&mut self, input: Input) -> Result<(), String> {
        let turn = self.history.turns.len();
        let difference = |what: String| format!("turn {turn}, {input:?}: {what}");
        let mut violation = false;
        let (prediction, output) = match &input {
            Input::Join => {
                let session = self.model.joined();
                let (authid, authrole) = principal(session);
                let id = self.router.join(authid, authrole);
                self.model.join(id, authid, authrole);
                Default::default()
            }
            Input::Leave(session) => (self.model.leave(*session), self.router.leave(*session)),
            Input::Says(session, message) => {
                let prediction = self.model.handle(*session, message);
                let (is_violation, output) = self.router.handle(*session, message.clone());
                violation = is_violation;
                if self.compares && violation != prediction.violation {
                    return Err(difference(format!("violation is {violation}: {output:?}")));
                }
                if violation && !prediction.violation {
                    self.model.leave(*session);
                }
                (prediction, output)
            }
            Input::Undeliverable(session, message, too_long) => {
                let (error, output) = self.router.undeliverable(*session, message, *too_long);
                (self.model.undeliverable(*session, message, error), output)
            }
            Input::Ghost(session, message) => (
                Default::default(),
                self.router.handle(*session, message.clone()).1,
            ),
        };
        let compared = self.model.compare(prediction, &output);
        if self.compares {
            compared.map_err(difference)?;
            self.compare_notes().map_err(difference)?;
            if self.model.present().is_empty() {
                assert!(
                    self.model.is_empty(),
                    "the model keeps what belongs to nobody"
                );
                if !self.router.is_empty() {
                    return Err(difference(
                        "all are gone, and a table is not empty".to_owned(),
                    ));
                }
            }
        }
        if let Input::Undeliverable(session, message, _) = &input {
            self.sent
                .retain(|(to, sent)| to != session || sent != message);
        }
        let has_payload = |message: &Message| message.payload().is_some_and(|p| !p.is_empty());
        self.sent.extend(
            output
                .iter()
                .filter(|(_, message)| has_payload(message))
                .cloned(),
        );
        self.history.turns.push(Turn {
            input,
            violation,
            output,
        });
        Ok(())
    }
}
