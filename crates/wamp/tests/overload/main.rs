//! What happens when it is too much, over real sockets: the router is a process of its own.
//!
//! This program is both: without arguments it is the load, which starts itself again as the router
//! (`--router`) for each scenario. A scenario is a test; its name is the one of its function. Each
//! prints what it has measured of the router's memory, and fails where that is more than the limits
//! allow. It takes the names of scenarios, or parts of them, as arguments.

mod client;
mod crowd;
mod process;
mod router;
mod slow;

use std::env;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// One scenario: its name, and what it does.
type Scenario = (
    &'static str,
    fn() -> Pin<Box<dyn Future<Output = Result<()>>>>,
);

macro_rules! scenarios {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), || Box::pin($module::$name()))),*]
    };
}

const SCENARIOS: &[Scenario] = scenarios![
    slow::a_stalled_subscriber_is_disconnected_and_harms_nobody,
    slow::events_for_a_stalled_subscriber_are_dropped_and_counted,
    slow::publishers_wait_for_a_subscriber_that_is_slow,
    slow::publishers_do_not_wait_for_ever_for_one_that_is_stalled,
    slow::sessions_that_publish_to_each_other_from_their_handlers_go_on,
    crowd::one_stalled_among_a_thousand_does_not_slow_the_rest_under_disconnect,
    crowd::one_stalled_among_a_thousand_does_not_slow_the_rest_under_drop,
    crowd::a_thousand_handshakes_that_never_finish_do_not_keep_others_out,
    crowd::ten_thousand_idle_connections_are_held,
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--router") {
        return match router::run(words.get(1).map(String::as_str)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        };
    }
    // What runs tests of all kinds asks for their names first, and then for one of them.
    if words.iter().any(|word| word == "--list") {
        if !words.iter().any(|word| word == "--ignored") {
            SCENARIOS
                .iter()
                .for_each(|(name, _)| println!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen =
        |name: &str| filters.is_empty() || filters.iter().any(|word| name.contains(&***word));
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("there is no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for (name, scenario) in SCENARIOS.iter().filter(|(name, _)| chosen(name)) {
        println!("test {name} ...");
        let began = Instant::now();
        let outcome = runtime.block_on(async { tokio::time::timeout(PATIENCE, scenario()).await });
        let took = began.elapsed().as_secs_f64();
        match outcome {
            Ok(Ok(())) => {
                passed += 1;
                println!("test {name} ... ok ({took:.1} s)");
            }
            Ok(Err(error)) => {
                failed += 1;
                println!("test {name} ... FAILED ({took:.1} s)\n    {error:#}");
            }
            Err(_) => {
                failed += 1;
                println!("test {name} ... FAILED: it hangs");
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// After this a scenario hangs.
const PATIENCE: Duration = Duration::from_secs(180);
