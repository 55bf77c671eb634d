//! sessions.json: whole sessions, played against our router over a real socket.

mod bind;
mod needs;
mod play;
mod router;
mod setup;
mod step;

use std::sync::Arc;

use wamp_messages::Value;

use self::router::Router;
use self::setup::Setup;
use self::step::Step;
use crate::check::{Check, Outcome, Verdict};
use crate::client::block_on;
use crate::data::{Case, Data};

pub(crate) fn checks(data: &Data) -> Vec<Check> {
    // A ticket that opens a session in one case is the right one in all.
    let steps: Vec<_> = data.cases.iter().map(|case| Step::all(case)).collect();
    let known = Setup::of(steps.iter().flatten().flatten());
    let cases = data.cases.iter().zip(steps);
    cases
        .map(|(case, steps)| {
            let (case, known) = (Arc::clone(case), known.clone());
            Check::new(case.name.clone(), move || {
                let steps = steps?;
                block_on(run(&case, &steps, known))
            })
        })
        .collect()
}

async fn run(case: &Case, steps: &[Step], known: Setup) -> Outcome {
    let setup = Setup::of(steps).with_tickets_of(known);
    let router = Router::start(&setup).await?;
    let announced = router.features().await?;
    if let Some(missing) = needs::missing(steps, &announced) {
        return Ok(Verdict::Skipped(missing));
    }
    // In these cases the WAMP text asks for an ABORT, whatever was recorded.
    let violation = case.name.starts_with("violation-");
    let played = play::play(router.address(), steps, violation).await;
    match played {
        _ if !case.is_binding() => Ok(Verdict::NotBinding),
        Ok(()) => Ok(Verdict::Passed),
        Err(failure) => Err(failure),
    }
}

/// The code of a message, if it is one.
fn code(message: &[Value]) -> Option<u64> {
    message.first().and_then(Value::as_u64)
}

/// The entry of a dict at a place of a message; null where there is none.
fn entry<'a>(message: &'a [Value], at: usize, key: &str) -> &'a Value {
    match message.get(at) {
        Some(Value::Dict(dict)) => &dict[key],
        _ => &Value::Null,
    }
}
