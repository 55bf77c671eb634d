//! When a connection reads, and when it leaves what comes in the socket.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wamp_core::{CloseReason, ReceiveError, TokenBucket, Transport, Violation};

use super::{Connection, Phase};
use crate::running::{Flooded, RunningRealm};
use crate::slow_consumers::SlowConsumers;

/// How many messages a connection takes before it lets others run.
const BUDGET: usize = 64;

/// How fast a connection reads what its session says.
///
/// It waits for slow sessions that a message of its own took above their marks, and when more comes
/// than the session may send; with one timer, because it waits for one thing at a time.
#[derive(Default)]
pub(super) struct Pace {
    bucket: Option<TokenBucket>,
    /// How long slow sessions are waited for.
    at_most: Duration,
    /// Those that are waited for, one after the other, from the last to the first.
    flooded: Flooded,
    /// By what the one that is being waited for knows this task.
    waker: Option<Waker>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// The pace of a session of a realm.
    pub(super) fn new(realm: &RunningRealm) -> Self {
        let mut pace = Self::default();
        pace.bucket = realm.rate.map(TokenBucket::new);
        if let SlowConsumers::Block { at_most } = realm.slow_consumers {
            pace.at_most = at_most;
        }
        pace
    }

    /// Waits until the next message is to be read. Whoever took too long until then is given up.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_ebb(cx));
        let Some(bucket) = &self.bucket else {
            return Poll::Ready(());
        };
        if let Some(next) = bucket.next_at(Instant::now().into_std()) {
            let next = Instant::from_std(next);
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(sleep_until(next)));
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(())
    }

    /// Counts a message that was read.
    fn count(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(Instant::now().into_std());
        }
    }

    /// Waits for those whom a message took above their marks, before the next one is read.
    fn hold_for(&mut self, flooded: Flooded) {
        self.flooded = flooded;
        self.timer = Some(Box::pin(sleep(self.at_most)));
    }

    fn poll_ebb(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.flooded.is_empty() {
            return Poll::Ready(());
        }
        let known = self.waker.as_ref();
        if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.forget_waker();
            self.waker = Some(cx.waker().clone());
        }
        while let Some((outbox, flood)) = self.flooded.last() {
            if outbox.poll_ebb(cx, *flood).is_pending() {
                if let Some(timer) = &mut self.timer {
                    ready!(timer.as_mut().poll(cx));
                }
                // It, and all that are left, have had their time.
                for (outbox, flood) in mem::take(&mut self.flooded) {
                    outbox.overflow(flood);
                }
                break;
            }
            self.flooded.pop();
        }
        self.waker = None;
        self.timer = None;
        Poll::Ready(())
    }

    /// Takes this task's waker back from where it waits.
    fn forget_waker(&mut self) {
        if let (Some((outbox, _)), Some(waker)) = (self.flooded.last(), self.waker.take()) {
            outbox.forget(&waker);
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.forget_waker();
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

impl<T: Transport> Connection<T> {
    /// Takes what the client sent, up to a budget. Returns whether more may be there already.
    ///
    /// While it waits the transport is not polled for messages, so that neither its heartbeat nor
    /// what it has received goes on.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BUDGET {
            if matches!(
                self.phase,
                Phase::Closing(_) | Phase::Ending(_) | Phase::Closed
            ) {
                return false;
            }
            if self.pace.poll_ready(cx).is_pending() {
                return false;
            }
            let Poll::Ready(received) = self.pump.poll_receive(cx) else {
                return false;
            };
            self.pace.count();
            match received {
                Ok(message) => self.handle(message),
                Err(ReceiveError::Decode(error)) => self.violate(&Violation(error.to_string())),
                Err(ReceiveError::Closed) => {
                    self.leave();
                    self.close(CloseReason::Normal);
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection was lost");
                    self.destroy();
                }
            }
            if !self.touched.flooded.is_empty() {
                let flooded = mem::take(&mut self.touched.flooded);
                self.pace.hold_for(flooded);
            }
        }
        true
    }
}
