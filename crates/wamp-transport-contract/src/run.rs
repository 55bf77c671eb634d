//! How tests are run: within a bound of time, and with every panic seen.

use std::cell::Cell;
use std::future::Future;
use std::panic;
use std::sync::Once;
use std::time::Duration;

use tokio::runtime::Builder;

/// Runs a test in virtual time: as soon as nothing can happen any more, the clock moves on to
/// what happens next.
///
/// # Panics
///
/// The test panics, or any of the tasks that it has spawned; or it hangs, that is, it has not ended
/// after a year of virtual time.
pub fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    run(test, true, Duration::from_secs(365 * 24 * 3600))
}

/// Runs a test by the clock of this machine, as real sockets need it.
///
/// # Panics
///
/// The test panics, or any of the tasks that it has spawned; or it has not ended after two minutes.
pub fn in_real_time<T>(test: impl Future<Output = T>) -> T {
    run(test, false, Duration::from_secs(120))
}

fn run<T>(test: impl Future<Output = T>, paused: bool, bound: Duration) -> T {
    count_panics();
    let before = PANICS.get();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .expect("a runtime can be made");
    let ended = runtime.block_on(async { tokio::time::timeout(bound, test).await });
    // Tasks that are left are dropped here, and may panic, too.
    drop(runtime);
    let value = ended.unwrap_or_else(|_| panic!("the test hangs: it has not ended in {bound:?}"));
    let panics = PANICS.get() - before;
    assert_eq!(panics, 0, "tasks of the test have panicked");
    value
}

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Counts panics from now on, each for its thread: that of a test runs all of its tasks.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            report(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "tasks of the test have panicked")]
    fn a_panic_in_a_task_is_one_of_the_test() {
        in_virtual_time(async {
            let task = tokio::spawn(async { panic!("out of cheese") });
            assert!(task.await.is_err());
        });
    }

    #[test]
    #[should_panic(expected = "the test hangs")]
    fn a_test_that_hangs_ends() {
        in_virtual_time(std::future::pending::<()>());
    }

    #[test]
    fn a_caught_panic_of_an_earlier_test_does_not_count() {
        let _ = panic::catch_unwind(|| in_virtual_time(async { panic!("earlier") }));
        assert_eq!(in_virtual_time(async { 5 }), 5);
    }
}
