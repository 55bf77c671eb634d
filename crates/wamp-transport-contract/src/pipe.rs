//! A pipe of octets that does what it is told: splits, delays, cuts, stalls and corrupts.
//!
//! What it does is decided by what was said to it and by seeds, so that a run that failed fails
//! again. It keeps to tokio's clock: in paused time a delay takes none.

mod flow;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::pipe::flow::{Change, Ended, Flow, Front, Stop};

/// Makes a pipe: its two ends, and the wire between them, by which it is told what to do.
///
/// Told nothing, it carries all octets at once, and holds 64 KiB in each direction.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use wamp_transport_contract::{Cut, pipe};
///
/// let (mut client, mut server, wire) = pipe();
/// wire.to_server.flip(1, 0x20);
/// wire.to_server.cut_after(4, Cut::Eof);
/// client.write_all(b"wamp").await?;
/// let mut received = String::new();
/// server.read_to_string(&mut received).await?;
/// assert_eq!(received, "wAmp");
/// assert!(client.write_all(b"more").await.is_err());
/// # Ok(())
/// # }
/// ```
pub fn pipe() -> (Pipe, Pipe, Wire) {
    let both = Arc::new(Mutex::new([Flow::default(), Flow::default()]));
    let end = |way| Pipe {
        both: Arc::clone(&both),
        way,
        timer: None,
    };
    let lane = |way| Lane {
        both: Arc::clone(&both),
        way,
    };
    let wire = Wire {
        to_server: lane(TO_SERVER),
        to_client: lane(TO_CLIENT),
    };
    (end(TO_SERVER), end(TO_CLIENT), wire)
}

const TO_SERVER: usize = 0;
const TO_CLIENT: usize = 1;

type Both = Arc<Mutex<[Flow; 2]>>;

/// One end of a pipe.
#[derive(Debug)]
pub struct Pipe {
    both: Both,
    /// The direction that is written to; the other one is read from.
    way: usize,
    /// Wakes the reader when octets that are under way arrive.
    timer: Option<Pin<Box<Sleep>>>,
}

/// What lies between the two ends of a pipe.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "a pipe has two directions")]
pub struct Wire {
    /// The direction from the first end to the second.
    pub to_server: Lane,
    /// The direction from the second end to the first.
    pub to_client: Lane,
}

/// One direction of a pipe.
///
/// All offsets count octets that are written to it from the moment at which it is told: 0 is the
/// next one.
#[derive(Debug, Clone)]
pub struct Lane {
    both: Both,
    way: usize,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// Readers see the end of the stream, as when the process at the other end has died.
    Eof,
    /// Readers see `ConnectionReset`, as when its machine has.
    Reset,
}

/// How many octets pass in one read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Chunks {
    /// As many as there are, and as there is room for.
    #[default]
    Whole,
    /// At most so many; after each read or write the next one has to wait for a wake.
    UpTo(usize),
    /// From one to so many, at random; the next one has to wait as often as not.
    Random {
        /// The most.
        max: usize,
        /// What decides: the same numbers for the same seed.
        seed: u64,
    },
}

/// How long octets are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Delay {
    /// Not at all.
    #[default]
    None,
    /// So long.
    Fixed(Duration),
    /// At most so long, at random; octets do not overtake others.
    Random {
        /// The longest time.
        max: Duration,
        /// What decides: the same times for the same seed.
        seed: u64,
    },
}

impl Wire {
    /// Both directions.
    pub const fn lanes(&self) -> [&Lane; 2] {
        [&self.to_server, &self.to_client]
    }

    /// Splits and joins octets in both directions.
    pub fn chunks(&self, chunks: Chunks) {
        for lane in self.lanes() {
            lane.chunks(chunks);
        }
    }

    /// Delays octets in both directions.
    pub fn delay(&self, delay: Delay) {
        for lane in self.lanes() {
            lane.delay(delay);
        }
    }

    /// Bounds how many octets each direction holds.
    pub fn capacity(&self, octets: usize) {
        for lane in self.lanes() {
            lane.capacity(octets);
        }
    }

    /// Cuts the connection now.
    pub fn cut(&self, cut: Cut) {
        self.to_server.cut_after(0, cut);
    }

    /// Lets nothing more through, in either direction, from now on.
    pub fn stall(&self) {
        for lane in self.lanes() {
            lane.stall_after(0);
        }
    }
}

impl Lane {
    /// Splits and joins octets.
    pub fn chunks(&self, chunks: Chunks) {
        self.change(|flow| flow.set_chunks(chunks));
    }

    /// Delays octets that are written from now on.
    pub fn delay(&self, delay: Delay) {
        self.change(|flow| flow.set_delay(delay));
    }

    /// Bounds how many octets it holds, those that are stalled included.
    pub fn capacity(&self, octets: usize) {
        self.change(|flow| flow.set_capacity(octets));
    }

    /// Cuts the connection, in both directions, when so many octets have been written.
    ///
    /// What was written before can still be read; who writes then gets an error.
    pub fn cut_after(&self, octets: u64, cut: Cut) {
        self.stop_after(octets, Stop::Cut(cut));
    }

    /// Lets nothing through any more when so many octets have been written, and does not say so.
    pub fn stall_after(&self, octets: u64) {
        self.stop_after(octets, Stop::Stall);
    }

    /// Ends this direction, and not the other, when so many octets have been written.
    pub fn half_close_after(&self, octets: u64) {
        self.stop_after(octets, Stop::HalfClose);
    }

    /// Flips the bits of `mask` in the octet at an offset.
    pub fn flip(&self, at: u64, mask: u8) {
        self.change(|flow| flow.plan(at, Change::Flip(mask)));
    }

    /// Inserts an octet before the one at an offset.
    pub fn insert(&self, at: u64, octet: u8) {
        self.change(|flow| flow.plan(at, Change::Insert(octet)));
    }

    /// Removes the octet at an offset.
    pub fn remove(&self, at: u64) {
        self.change(|flow| flow.plan(at, Change::Remove));
    }

    /// How many octets were written to it so far.
    pub fn passed(&self) -> u64 {
        lock(&self.both)[self.way].passed()
    }

    /// Keeps what is written to it from now on, before it is corrupted.
    pub fn record(&self) {
        self.change(Flow::record);
    }

    /// What was kept since [`record`](Self::record).
    pub fn recorded(&self) -> Bytes {
        lock(&self.both)[self.way].recorded()
    }

    fn change(&self, change: impl FnOnce(&mut Flow)) {
        let wakers = {
            let flow = &mut lock(&self.both)[self.way];
            change(flow);
            flow.wakers()
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn stop_after(&self, octets: u64, stop: Stop) {
        let wakers = {
            let mut both = lock(&self.both);
            both[self.way].stop_after(octets, stop);
            heed_stop(&mut both, self.way);
            let [one, other] = &mut *both;
            [one.wakers(), other.wakers()]
        };
        let wakers = wakers.into_iter().flatten().flatten();
        wakers.for_each(Waker::wake);
    }
}

/// Does what is to be done when enough octets have been written. Returns whether it was.
fn heed_stop(both: &mut [Flow; 2], way: usize) -> bool {
    match both[way].due_stop() {
        None => return false,
        Some(Stop::Stall) => both[way].stall(),
        Some(Stop::HalfClose) => both[way].end(Ended::Eof, io::ErrorKind::BrokenPipe),
        Some(Stop::Cut(cut)) => {
            let (ended, refusal) = match cut {
                Cut::Eof => (Ended::Eof, io::ErrorKind::BrokenPipe),
                Cut::Reset => (Ended::Reset, io::ErrorKind::ConnectionReset),
            };
            for flow in both {
                flow.end(ended, refusal);
            }
        }
    }
    true
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut now = Instant::now();
        loop {
            let mut both = lock(&this.both);
            let flow = &mut both[1 - this.way];
            match flow.front(now) {
                Front::Nothing => {
                    flow.set_reader(cx);
                    return Poll::Pending;
                }
                Front::Ended(Ended::Eof) => return Poll::Ready(Ok(())),
                Front::Ended(Ended::Reset) => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Front::Rests => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Front::Arrived => {
                    let writer = flow.read(now, buf);
                    drop(both);
                    writer.into_iter().for_each(Waker::wake);
                    return Poll::Ready(Ok(()));
                }
                Front::Arrives(at) => {
                    flow.set_reader(cx);
                    drop(both);
                    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
                    timer.as_mut().reset(at);
                    if timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    // A timer is not as fine as the clock, and may be early by a little.
                    now = now.max(at);
                }
            }
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut both = lock(&self.both);
        let polled = both[self.way].poll_write(cx, Instant::now(), octets);
        if polled.is_pending() {
            return polled;
        }
        let reader = both[self.way].reader();
        // A task that both reads and writes is not woken by what it has written itself.
        let wakers = if heed_stop(&mut both, self.way) {
            let [one, other] = &mut *both;
            [one.wakers(), other.wakers()]
        } else {
            Default::default()
        };
        drop(both);
        let wakers = wakers.into_iter().flatten().flatten();
        reader.into_iter().chain(wakers).for_each(Waker::wake);
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wakers = {
            let flow = &mut lock(&self.both)[self.way];
            flow.end(Ended::Eof, io::ErrorKind::BrokenPipe);
            flow.wakers()
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let wakers = {
            let mut both = lock(&self.both);
            both[self.way].end(Ended::Eof, io::ErrorKind::BrokenPipe);
            both[1 - self.way].forsake();
            let [one, other] = &mut *both;
            [one.wakers(), other.wakers()]
        };
        let wakers = wakers.into_iter().flatten().flatten();
        wakers.for_each(Waker::wake);
    }
}

fn lock(both: &Both) -> MutexGuard<'_, [Flow; 2]> {
    both.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
