//! Runs checks one after the other, each with an eye on panics and on time.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{any, thread};

use crate::check::{Check, Failure, Outcome};
use crate::report::Report;

/// A check that takes longer hangs. The slowest of them takes two seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the checks and reports them. After one that hangs the others of its file do not run.
pub(crate) fn run(checks: Vec<Check>, report: &mut Report) {
    let names: Vec<_> = checks.iter().map(|check| check.name.clone()).collect();
    let (send, outcomes) = mpsc::channel();
    let worker = thread::spawn(move || {
        for check in checks {
            if send.send(caught(check)).is_err() {
                return;
            }
        }
    });
    for name in names {
        match outcomes.recv_timeout(LIMIT) {
            Ok(outcome) => report.add(&name, outcome),
            Err(RecvTimeoutError::Timeout) => {
                report.add(&name, Err(format!("it hangs, for {LIMIT:?} and on").into()));
                // The worker is left to itself: nothing can end it.
                return report.broken("the checks behind the one that hangs did not run");
            }
            Err(RecvTimeoutError::Disconnected) => {
                report.add(&name, Err("the thread of the checks is gone".into()));
            }
        }
    }
    // It has nothing left to do; what it could have panicked of was caught.
    let _ = worker.join();
}

/// Lets a check run; a panic is a failure like others.
fn caught(check: Check) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(check.run)).unwrap_or_else(|panic| Err(told(&*panic)))
}

fn told(panic: &(dyn any::Any + Send)) -> Failure {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "with no text",
    };
    format!("panic: {text}").into()
}

/// Panics are reported as failures, so the usual text is not printed as well.
pub(crate) fn keep_panics_quiet() {
    panic::set_hook(Box::new(|_| {}));
}
