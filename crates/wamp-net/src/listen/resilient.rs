//! Accepting that goes on after errors, without spinning.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;

/// Accepts the next connection, whatever goes wrong before.
pub(super) async fn accept<A: Accept>(socket: &A) -> A::Connection {
    let mut backoff = Backoff::default();
    loop {
        match poll_fn(|cx| socket.poll_accept(cx)).await {
            Ok(connection) => return connection,
            Err(error) => match backoff.after(&error) {
                None => tracing::debug!(%error, "a connection was gone before it was accepted"),
                Some(wait) => {
                    tracing::warn!(%error, ?wait, "no connection can be accepted; trying again");
                    sleep(wait).await;
                }
            },
        }
    }
}

/// What accepts, so that tests can script its errors.
pub(super) trait Accept {
    type Connection;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Self::Connection>>;
}

/// How long to wait after an error.
#[derive(Debug, Default)]
struct Backoff {
    /// Errors of connections that came without a pause.
    passed_over: u32,
    wait: Duration,
}

impl Backoff {
    /// An error that is one connection's own costs nothing, unless there is no end to them. Any
    /// other one (no file descriptors, no memory) lasts, and would be reported again at once.
    fn after(&mut self, error: &io::Error) -> Option<Duration> {
        let own = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        );
        if own && self.passed_over < PASSED_OVER {
            self.passed_over += 1;
            return None;
        }
        self.wait = (self.wait * 2).clamp(SHORTEST, LONGEST);
        Some(self.wait)
    }
}

const PASSED_OVER: u32 = 64;
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::Instant;

    use super::*;

    /// Fails with the errors of a script, then accepts.
    struct Scripted {
        errors: RefCell<Vec<io::Error>>,
        calls: Cell<usize>,
    }

    impl Accept for Scripted {
        type Connection = ();

        fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.calls.set(self.calls.get() + 1);
            Poll::Ready(self.errors.borrow_mut().pop().map_or(Ok(()), Err))
        }
    }

    async fn run(count: usize, error: impl Fn() -> io::Error) -> (Duration, usize) {
        let begin = Instant::now();
        let socket = Scripted {
            errors: RefCell::new((0..count).map(|_| error()).collect()),
            calls: Cell::new(0),
        };
        accept(&socket).await;
        (begin.elapsed(), socket.calls.get())
    }

    /// `EMFILE`, the process has too many open files.
    fn no_descriptors() -> io::Error {
        io::Error::from_raw_os_error(24)
    }

    #[tokio::test(start_paused = true)]
    async fn without_file_descriptors_it_waits_longer_and_longer_up_to_a_second() {
        let (took, calls) = run(10, no_descriptors).await;
        // 10, 20, 40, .. 640 ms, then 1 s three times.
        assert!(took >= Duration::from_millis(4_270), "{took:?}");
        assert_eq!(calls, 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_gone_is_passed_over_at_once() {
        let (took, calls) = run(3, || io::ErrorKind::ConnectionAborted.into()).await;
        assert_eq!((took, calls), (Duration::ZERO, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_are_gone_without_end_do_not_make_it_spin() {
        let (took, _) = run(66, || io::ErrorKind::ConnectionAborted.into()).await;
        assert!(took >= Duration::from_millis(30), "{took:?}");
    }
}
