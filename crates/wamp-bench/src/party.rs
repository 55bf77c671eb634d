//! Those who take part in a load: each owns its connection, and answers all that one read has
//! brought with one write.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::wire::{Got, Wire};

/// How far a load has come. All who take part have the same one.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What was asked for, or published.
    pub(crate) asked: AtomicU64,
    /// What was answered, or has arrived.
    pub(crate) done: AtomicU64,
    /// Those who were disconnected, where that may happen.
    pub(crate) disconnected: AtomicU64,
    /// Nothing more is to be asked for.
    pub(crate) is_over: AtomicBool,
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Keeps so many requests unanswered.
    Ask { in_flight: u64 },
    /// Sends as much as is taken.
    Flood,
    /// Sends so much per second, as far as it is taken.
    Pace { per_second: u64 },
    /// Answers what comes, and counts it.
    Serve,
    /// The same, but takes nothing for [`STALL`] after each three times as long.
    ///
    /// It may be disconnected, which is counted.
    Stall,
}

/// How long somebody who stalls does so.
pub(crate) const STALL: Duration = Duration::from_millis(100);

/// Somebody who takes part. It ends only by an error.
pub(crate) struct Party<W> {
    wire: W,
    part: Part,
    tally: Arc<Tally>,
    in_flight: u64,
    to_answer: VecDeque<u64>,
    unflushed: bool,
    /// What wakes it, if time matters, and how often it has.
    clock: Option<Interval>,
    ticks: u64,
    /// Since when it sends.
    since: Option<Instant>,
    sent: u64,
    is_gone: bool,
}

/// How much one takes, or a flood sends, before others get their turn.
const BUDGET: usize = 256;

impl<W: Wire> Party<W> {
    pub(crate) fn new(wire: W, part: Part, tally: Arc<Tally>) -> Self {
        let clock = match part {
            Part::Pace { .. } => Some(Duration::from_millis(1)),
            Part::Stall => Some(STALL),
            Part::Ask { .. } | Part::Flood | Part::Serve => None,
        };
        let clock = clock.map(|period| {
            let mut clock = interval(period);
            clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
            clock
        });
        Self {
            wire,
            part,
            tally,
            in_flight: 0,
            to_answer: VecDeque::new(),
            unflushed: false,
            clock,
            ticks: 0,
            since: None,
            sent: 0,
            is_gone: false,
        }
    }

    /// Looks at the clock, and asks to be woken by it.
    fn look_at_clock(&mut self, cx: &mut Context<'_>) {
        if let Some(clock) = &mut self.clock {
            while clock.poll_tick(cx).is_ready() {
                self.ticks += 1;
            }
        }
    }

    /// Whether it is the time in which nothing is taken.
    fn stalls(&self) -> bool {
        self.part == Part::Stall && self.ticks.is_multiple_of(4)
    }

    /// Whether it is time to send one more.
    fn is_due(&mut self, per_second: u64) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        (self.sent as f64) < since.elapsed().as_secs_f64() * per_second as f64
    }

    /// Takes what has come. Returns whether there may be more.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let mut done = 0;
        let mut has_more = true;
        for _ in 0..BUDGET {
            let Poll::Ready(got) = self.wire.poll_receive(cx) else {
                has_more = false;
                break;
            };
            match got? {
                Got::Request(request) => self.to_answer.push_back(request),
                Got::Answer => {
                    self.in_flight = self.in_flight.saturating_sub(1);
                    done += 1;
                }
            }
        }
        if done > 0 {
            self.tally.done.fetch_add(done, Ordering::Relaxed);
        }
        Ok(has_more)
    }

    /// Sends what is to be sent, as far as it is taken. Returns whether there may be more.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let mut asked = 0;
        let mut has_more = true;
        for _ in 0..BUDGET {
            let wants_more = !self.tally.is_over.load(Ordering::Relaxed)
                && match self.part {
                    Part::Ask { in_flight } => self.in_flight < in_flight,
                    Part::Flood => true,
                    Part::Pace { per_second } => self.is_due(per_second),
                    Part::Serve | Part::Stall => false,
                };
            if self.to_answer.is_empty() && !wants_more {
                has_more = false;
                break;
            }
            if self.wire.poll_ready(cx)?.is_pending() {
                has_more = false;
                break;
            }
            match self.to_answer.pop_front() {
                Some(request) => self.wire.answer(request)?,
                None => {
                    self.wire.ask()?;
                    self.in_flight += 1;
                    self.sent += 1;
                    asked += 1;
                }
            }
            self.unflushed = true;
        }
        if asked > 0 {
            self.tally.asked.fetch_add(asked, Ordering::Relaxed);
        }
        if self.unflushed {
            self.unflushed = self.wire.poll_flush(cx)?.is_pending();
        }
        Ok(has_more)
    }
}

impl<W: Wire + Unpin> Future for Party<W> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.look_at_clock(cx);
        if this.is_gone || this.stalls() {
            return Poll::Pending;
        }
        let received = match this.receive(cx) {
            Err(_) if this.part == Part::Stall => {
                this.tally.disconnected.fetch_add(1, Ordering::Relaxed);
                this.is_gone = true;
                return Poll::Pending;
            }
            received => received?,
        };
        let sent = this.send(cx)?;
        if received || sent {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
