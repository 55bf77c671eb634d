//! The properties of broker and dealer, and the proof that they can fail.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wamp_messages::{Message, RequestType, error_uri};

use super::generate::{Input, Script, script};
use super::history::{History, Turn, compare, watch};
use super::laws;
use super::model::{LAST_ID, Session};
use super::subject::Fault;
use crate::limit_uri;

proptest! {
    #[test]
    fn the_router_does_what_the_model_says(script in script()) {
        compare(&script, None).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn every_history_obeys_the_laws(script in script()) {
        let history = watch(&script, None);
        for (name, law) in LAWS {
            law(&history).map_err(|broken| TestCaseError::fail(format!("{name}: {broken}")))?;
        }
    }
}

/// Whether a history has something.
type Seen = fn(&History) -> bool;

type Law = fn(&History) -> Result<(), String>;

const LAWS: [(&str, Law); 6] = [
    (
        "events go to every subscriber",
        laws::events_go_to_every_subscriber,
    ),
    (
        "each call is answered once",
        laws::each_call_is_answered_once,
    ),
    (
        "answers come from the callee",
        laws::answers_come_from_the_callee,
    ),
    (
        "events go to subscribers once",
        laws::events_go_to_subscribers_once,
    ),
    ("each pair keeps its order", laws::each_pair_keeps_its_order),
    ("nothing comes unasked", laws::nothing_comes_unasked),
];

/// Plays as many scripts, always the same ones.
fn scripts(count: usize) -> impl Iterator<Item = Script> {
    let mut runner = TestRunner::deterministic();
    let strategy = script();
    (0..count).map(move |_| {
        strategy
            .new_tree(&mut runner)
            .expect("nothing is rejected")
            .current()
    })
}

#[test]
fn the_scripts_come_to_what_matters() {
    const SCRIPTS: usize = 200;
    /// What must be seen, in how many of a hundred scripts.
    const SEEN: [(&str, usize, Seen); 23] = [
        ("a request that is not allowed", 50, |history| {
            history.refuses(error_uri::NOT_AUTHORIZED)
        }),
        ("a pattern", 30, |history| {
            history.refuses(error_uri::OPTION_NOT_ALLOWED)
        }),
        ("a session that has all it may have", 3, |history| {
            history.refuses(limit_uri::TOO_MANY_CALLS)
                || history.refuses(limit_uri::TOO_MANY_INVOCATIONS)
        }),
        ("ids of requests that begin anew", 10, |history| {
            let mut sessions = Vec::new();
            history
                .turns
                .iter()
                .filter_map(Turn::said)
                .any(|(from, message)| {
                    let id = message.request().map(|(_, request)| request.as_u64());
                    sessions.extend((id == Some(LAST_ID)).then_some(from));
                    id == Some(1) && sessions.contains(&from)
                })
        }),
        ("an event", 75, |history| {
            history.sends(|_, message| is_event(message))
        }),
        ("an event for many", 45, |history| {
            history.turns.iter().any(|turn| {
                turn.output
                    .iter()
                    .filter(|(_, message)| is_event(message))
                    .count()
                    > 1
            })
        }),
        ("an event for its publisher", 25, |history| {
            history.replies(|input| is(input, "PUBLISH"), is_event)
        }),
        ("a publication that excludes its publisher", 75, |history| {
            history.hears(|message| {
                matches!(
                    message,
                    Message::Publish(publish) if publish.options.exclude_me == Some(true)
                )
            })
        }),
        ("a result", 65, |history| {
            history.sends(|_, message| is(message, "RESULT"))
        }),
        ("a callee's error", 50, |history| {
            history.sends(|_, message| is_error(message, RequestType::CALL, "com.example.error"))
        }),
        ("a callee that leaves calls behind", 30, |history| {
            history.sends(|_, message| is_error(message, RequestType::CALL, error_uri::CANCELED))
        }),
        ("a caller that leaves a call behind", 35, |history| {
            history
                .turns
                .iter()
                .enumerate()
                .any(|(at, turn)| match turn.said() {
                    Some((caller, Message::Call(call))) => {
                        let elsewhere = turn.output.iter().any(|(to, _)| *to != caller);
                        let later = &history.turns[at..];
                        elsewhere && later.iter().all(|turn| turn.answers(caller, call) == 0)
                    }
                    _ => false,
                })
        }),
        ("a call to oneself", 50, |history| {
            history.replies(|input| is(input, "CALL"), |output| is(output, "INVOCATION"))
        }),
        ("an answer that nobody waits for", 30, |history| {
            let is_late = |message: &Message| is(message, "YIELD");
            history.turns.iter().any(|turn| {
                turn.said().is_some_and(|(_, message)| is_late(message)) && turn.output.is_empty()
            })
        }),
        ("an answer to what was never asked", 20, |history| {
            history.breaks(|message| is(message, "YIELD") || is(message, "ERROR"))
        }),
        ("a request id used again", 20, |history| {
            history.breaks(|message| message.request().is_some())
        }),
        ("a repeated subscription", 50, |history| {
            let mut seen = Vec::new();
            history.sends(|to, message| match message {
                Message::Subscribed(message) => {
                    let held = (to, message.subscription);
                    seen.push(held);
                    seen.iter().filter(|&&known| known == held).count() > 1
                }
                _ => false,
            })
        }),
        ("an end of a subscription", 70, |history| {
            history.sends(|_, message| is(message, "UNSUBSCRIBED"))
        }),
        ("an end of a registration", 50, |history| {
            history.sends(|_, message| is(message, "UNREGISTERED"))
        }),
        ("a second registration", 50, |history| {
            let error = error_uri::PROCEDURE_ALREADY_EXISTS;
            history.sends(|_, message| is_error(message, RequestType::REGISTER, error))
        }),
        ("a call of nothing", 80, |history| {
            let error = error_uri::NO_SUCH_PROCEDURE;
            history.sends(|_, message| is_error(message, RequestType::CALL, error))
        }),
        ("an end of somebody else's subscription", 35, |history| {
            let error = error_uri::NO_SUCH_SUBSCRIPTION;
            history.sends(|_, message| is_error(message, RequestType::UNSUBSCRIBE, error))
        }),
        ("an invocation that cannot be sent", 15, |history| {
            history.turns.iter().any(|turn| {
                let invocation = matches!(
                    turn.input,
                    Input::Undeliverable(_, Message::Invocation(_), _)
                );
                invocation && !turn.output.is_empty()
            })
        }),
    ];
    let histories: Vec<_> = scripts(SCRIPTS)
        .map(|script| watch(&script, None))
        .collect();
    let percent_of =
        |seen: Seen| histories.iter().filter(|history| seen(history)).count() * 100 / SCRIPTS;
    let counts = SEEN.map(|(what, least, seen)| (what, least, percent_of(seen)));
    let rare: Vec<_> = counts
        .iter()
        .filter(|(_, least, count)| count < least)
        .collect();
    assert!(rare.is_empty(), "{rare:?} of {counts:?}");
}

#[test]
fn a_router_with_a_fault_is_found_out() {
    const FAULTS: [(&str, Fault); 7] = [
        ("loses a message", |_, output| {
            output.pop();
        }),
        ("sends everything twice", |_, output| {
            output.extend(output.clone())
        }),
        ("takes one receiver for another", |_, output| {
            if let [(first, _), .., (last, _)] = &mut output[..] {
                std::mem::swap(first, last);
            }
        }),
        ("sends events to their publisher", |input, output| {
            let event = output
                .iter()
                .find(|(_, message)| is_event(message))
                .cloned();
            if let (Input::Says(publisher, _), Some((_, event))) = (input, event) {
                output.push((*publisher, event));
            }
        }),
        ("answers the last caller it knows", |_, output| {
            thread_local!(static LAST: RefCell<Session> = const { RefCell::new(0) });
            for (to, message) in output {
                if is(message, "RESULT") {
                    *to = LAST.replace(*to);
                }
            }
        }),
        ("keeps invocations for a turn", |_, output| {
            thread_local!(static KEPT: RefCell<Vec<(Session, Message)>> = RefCell::default());
            let (invocations, rest) = output
                .drain(..)
                .partition(|(_, message)| is(message, "INVOCATION"));
            *output = KEPT.replace(invocations);
            output.extend::<Vec<_>>(rest);
        }),
        ("copies payloads", |_, output| {
            for (_, message) in output {
                if let Some(payload) = message.payload_mut() {
                    *payload = payload.detach();
                }
            }
        }),
    ];
    /// A copy is as good as the original to a peer: only the model, which knows better, minds.
    const COPIES: &str = "copies payloads";
    for (what, fault) in FAULTS {
        let scripts: Vec<_> = scripts(20).collect();
        let differs = scripts
            .iter()
            .any(|script| compare(script, Some(fault)).is_err());
        assert!(differs, "nobody notices a router that {what}");
        let breaks_a_law = scripts.iter().any(|script| {
            let history = watch(script, Some(fault));
            LAWS.iter().any(|(_, law)| law(&history).is_err())
        });
        assert_eq!(breaks_a_law, what != COPIES, "a router that {what}");
    }
}

impl History {
    fn sends(&self, mut is_it: impl FnMut(Session, &Message) -> bool) -> bool {
        let mut sent = self.turns.iter().flat_map(|turn| &turn.output);
        sent.any(|(to, message)| is_it(*to, message))
    }

    fn refuses(&self, uri: &str) -> bool {
        self.sends(
            |_, message| matches!(message, Message::Error(error) if error.error.as_str() == uri),
        )
    }

    fn hears(&self, is_it: impl Fn(&Message) -> bool) -> bool {
        self.turns
            .iter()
            .any(|turn| turn.said().is_some_and(|(_, message)| is_it(message)))
    }

    /// Whether a session ended by a message that breaks the protocol.
    fn breaks(&self, is_it: impl Fn(&Message) -> bool) -> bool {
        self.turns.iter().any(|turn| {
            turn.violation && matches!(&turn.input, Input::Says(_, message) if is_it(message))
        })
    }

    /// Whether a message went to the one who caused it.
    fn replies(
        &self,
        is_input: impl Fn(&Message) -> bool,
        is_output: impl Fn(&Message) -> bool,
    ) -> bool {
        self.turns.iter().any(|turn| {
            turn.said().is_some_and(|(from, input)| {
                let mut output = turn.output.iter();
                is_input(input) && output.any(|(to, output)| *to == from && is_output(output))
            })
        })
    }
}

fn is(message: &Message, name: &str) -> bool {
    message.name() == name
}

fn is_event(message: &Message) -> bool {
    is(message, "EVENT")
}

fn is_error(message: &Message, request_type: RequestType, uri: &str) -> bool {
    matches!(
        message,
        Message::Error(error) if error.request_type == request_type && error.error.as_str() == uri
    )
}
