//! When a connection reads, and when it leaves what comes in the socket.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wamp_core::{CloseReason, ReceiveError, TokenBucket, Transport, TransportError, Violation};

use super::{Connection, Phase};
use crate::metrics::Ended;
use crate::running::{Flooded, RunningRealm};

/// How many messages a connection takes before it lets others run.
const BUDGET: usize = 64;

/// How fast a connection reads what its session says.
///
/// It waits for slow sessions that a message of its own took above their marks, and when more comes
/// than the session may send; with one timer, because it waits for one thing at a time.
#[derive(Default)]
pub(super) struct Pace {
    bucket: Option<TokenBucket>,
    /// Whether it waits because of the bucket, which is counted once.
    is_held: bool,
    /// Where it is counted.
    realm: Option<Arc<RunningRealm>>,
    /// Those that are waited for, one after the other, from the last to the first.
    flooded: Flooded,
    /// By what the one that is being waited for knows this task.
    waker: Option<Waker>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// The pace of a session of a realm.
    pub(super) fn new(realm: &Arc<RunningRealm>) -> Self {
        let mut pace = Self::default();
        if let Some(rate) = realm.rate() {
            pace.bucket = Some(TokenBucket::new(rate));
            pace.realm = Some(Arc::clone(realm));
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
            if timer.as_mut().poll(cx).is_pending() {
                if !mem::replace(&mut self.is_held, true)
                    && let Some(realm) = &self.realm
                {
                    realm.count_held_reader();
                }
                return Poll::Pending;
            }
        }
        self.is_held = false;
        Poll::Ready(())
    }

    /// Counts a message that was read.
    fn count(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(Instant::now().into_std());
        }
    }

    /// Waits for those whom a message took above their marks, before the next one is read.
    fn hold_for(&mut self, flooded: Flooded, at_most: Duration) {
        self.flooded = flooded;
        self.timer = Some(Box::pin(sleep(at_most)));
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
                    self.leave(Ended::Lost);
                    self.close(CloseReason::Normal);
                }
                Err(error) => {
                    if let ReceiveError::Lost(TransportError::TooLong { .. }) = error {
                        tracing::info!(
                            parent: &self.span,
                            %error,
                            "a client says too much at once, and is disconnected"
                        );
                        self.destroy(Ended::TooLong);
                    } else {
                        tracing::debug!(%error, "a connection was lost");
                        self.destroy(Ended::Lost);
                    }
                }
            }
            if !self.touched.flooded.is_empty() {
                let flooded = mem::take(&mut self.touched.flooded);
                self.pace.hold_for(flooded, self.touched.at_most);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use wamp_core::{AboveMark, Outbox, OutboxLimits, Pushed};
    use wamp_messages::message::Event;
    use wamp_messages::{Payload, PublicationId, SubscriptionId};

    use super::*;

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    /// An outbox with an event above its mark, twice.
    fn flooded() -> Flooded {
        let outbox = Arc::new(Outbox::new(OutboxLimits::default().mark(1)));
        let event = Event {
            subscription: SubscriptionId::ZERO,
            publication: PublicationId::ZERO,
            details: Default::default(),
            payload: Payload::empty(),
        };
        match outbox.push_or(event.into(), AboveMark::Admit) {
            Pushed::Above(_, flood) => [(Arc::clone(&outbox), flood), (outbox, flood)].into(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_leaves_no_waker_behind_whatever_becomes_of_it() {
        // It ends, or another task goes on with it before.
        let endings: [fn(Pace); 2] = [drop, |mut pace| {
            let other = pace.poll_ready(&mut Context::from_waker(Waker::noop()));
            assert!(other.is_pending());
        }];
        for end in endings {
            let flooded = flooded();
            let outbox = Arc::clone(&flooded[0].0);
            let mut pace = Pace::default();
            pace.hold_for(flooded, Duration::from_secs(1));
            let task = Arc::new(Nothing);
            let waker = Waker::from(Arc::clone(&task));
            for _ in 0..3 {
                let waits = pace.poll_ready(&mut Context::from_waker(&waker));
                assert!(waits.is_pending());
            }
            drop(waker);
            // The outbox, the timer, and the pace itself know the task.
            assert!(Arc::strong_count(&task) > 1);
            end(pace);
            assert_eq!(Arc::strong_count(&task), 1);
            assert!(!outbox.is_closed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_waited_for_in_vain_is_given_up() {
        let flooded = flooded();
        let outbox = Arc::clone(&flooded[0].0);
        let mut pace = Pace::default();
        pace.hold_for(flooded, Duration::from_secs(1));
        let begin = Instant::now();
        std::future::poll_fn(|cx| pace.poll_ready(cx)).await;
        assert_eq!(begin.elapsed().as_secs(), 1);
        assert!(outbox.has_overflowed());
    }
}
