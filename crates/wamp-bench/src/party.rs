//! Those who take part in a load: each owns its connection, and answers all that one read has
//! brought with one write.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use anyhow::Result;

use crate::wire::{Got, Wire};

/// How far a load has come. All who take part have the same one.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What was asked for, or published.
    pub(crate) asked: AtomicU64,
    /// What was answered, or has arrived.
    pub(crate) done: AtomicU64,
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
    /// Answers what comes, and counts it.
    Serve,
}

/// Somebody who takes part. It ends only by an error.
pub(crate) struct Party<W> {
    wire: W,
    part: Part,
    tally: Arc<Tally>,
    in_flight: u64,
    to_answer: VecDeque<u64>,
    unflushed: bool,
}

/// How much one takes, or a flood sends, before others get their turn.
const BUDGET: usize = 256;

impl<W: Wire> Party<W> {
    pub(crate) const fn new(wire: W, part: Part, tally: Arc<Tally>) -> Self {
        Self {
            wire,
            part,
            tally,
            in_flight: 0,
            to_answer: VecDeque::new(),
            unflushed: false,
        }
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
                    Part::Serve => false,
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
        let received = this.receive(cx)?;
        let sent = this.send(cx)?;
        if received || sent {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
