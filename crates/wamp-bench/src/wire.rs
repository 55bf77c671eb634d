//! What a load speaks: WAMP to a router, or bare frames to the programs of the limit.

mod raw;
mod wamp;

use std::task::{Context, Poll};

use anyhow::Result;

pub(crate) use self::raw::{READ, RawWire, WRITE};
pub(crate) use self::wamp::{Asks, WampWire, join, message_len};

/// What has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// Something to be answered, by what it is known.
    Request(u64),
    /// The answer to a request, or an event.
    Answer,
}

/// One connection of the load. All that waits is written at once, when it is flushed.
pub(crate) trait Wire: Send + 'static {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Got>>;

    /// Waits until there is room to send.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>>;

    /// Sends the next request, or the next event.
    fn ask(&mut self) -> Result<()>;

    /// Answers a request.
    fn answer(&mut self, request: u64) -> Result<()>;

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>>;
}
