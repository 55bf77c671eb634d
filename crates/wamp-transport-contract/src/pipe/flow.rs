//! One direction of a pipe: the octets that are under way, and what is to happen to them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::{Chunks, Cut, Delay};
use crate::numbers::Numbers;

#[derive(Debug)]
pub(super) struct Flow {
    /// Octets, and when they arrive; `None` is at once.
    queue: VecDeque<(Option<Instant>, BytesMut)>,
    /// How many octets are held, those that are stalled included.
    held: usize,
    capacity: usize,
    chunks: Chunks,
    sizes: Numbers,
    delay: Delay,
    delays: Numbers,
    /// When the last octet arrives that is under way.
    last: Option<Instant>,
    /// How many octets were written.
    passed: u64,
    /// What becomes of single octets.
    plan: BTreeMap<u64, Vec<Change>>,
    stop: Option<(u64, Stop)>,
    is_stalled: bool,
    /// What the reader finds behind the last octet.
    ended: Option<Ended>,
    /// What the writer is told.
    refusal: Option<io::ErrorKind>,
    reader: Side,
    writer: Side,
    record: Option<BytesMut>,
}

/// Who reads or who writes.
#[derive(Debug, Default)]
struct Side {
    waker: Option<Waker>,
    /// Whether the next read or write waits, because this one was a chunk.
    rests: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Flip(u8),
    Insert(u8),
    Remove,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    Cut(Cut),
    HalfClose,
    Stall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Eof,
    Reset,
}

/// What a reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Front {
    Arrived,
    Arrives(Instant),
    Ended(Ended),
    Nothing,
    Rests,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            held: 0,
            capacity: 64 << 10,
            chunks: Chunks::Whole,
            sizes: Numbers::new(0),
            delay: Delay::None,
            delays: Numbers::new(0),
            last: None,
            passed: 0,
            plan: BTreeMap::new(),
            stop: None,
            is_stalled: false,
            ended: None,
            refusal: None,
            reader: Side::default(),
            writer: Side::default(),
            record: None,
        }
    }
}

impl Flow {
    pub(super) const fn set_chunks(&mut self, chunks: Chunks) {
        if let Chunks::Random { seed, .. } = chunks {
            self.sizes = Numbers::new(seed);
        }
        self.chunks = chunks;
    }

    pub(super) const fn set_delay(&mut self, delay: Delay) {
        if let Delay::Random { seed, .. } = delay {
            self.delays = Numbers::new(seed);
        }
        self.delay = delay;
    }

    pub(super) const fn set_capacity(&mut self, octets: usize) {
        self.capacity = octets;
    }

    pub(super) const fn stop_after(&mut self, octets: u64, stop: Stop) {
        self.stop = Some((self.passed.saturating_add(octets), stop));
    }

    pub(super) fn plan(&mut self, at: u64, change: Change) {
        let at = self.passed.saturating_add(at);
        self.plan.entry(at).or_default().push(change);
    }

    pub(super) const fn passed(&self) -> u64 {
        self.passed
    }

    pub(super) fn record(&mut self) {
        self.record = Some(BytesMut::new());
    }

    pub(super) fn recorded(&self) -> Bytes {
        self.record.clone().unwrap_or_default().freeze()
    }

    /// What is to be done now that so many octets have passed.
    pub(super) fn due_stop(&mut self) -> Option<Stop> {
        let (at, stop) = self.stop?;
        (self.passed >= at).then(|| {
            self.stop = None;
            stop
        })
    }

    pub(super) const fn stall(&mut self) {
        self.is_stalled = true;
    }

    /// Ends it for both sides; what ended it first counts.
    pub(super) fn end(&mut self, ended: Ended, refusal: io::ErrorKind) {
        self.ended.get_or_insert(ended);
        self.refusal.get_or_insert(refusal);
    }

    /// Nobody reads any more.
    pub(super) fn forsake(&mut self) {
        self.queue.clear();
        self.held = 0;
        self.refusal.get_or_insert(io::ErrorKind::BrokenPipe);
    }

    /// Those who may find something else than before.
    pub(super) const fn wakers(&mut self) -> [Option<Waker>; 2] {
        [self.reader.waker.take(), self.writer.waker.take()]
    }

    /// Who waits for octets.
    pub(super) const fn reader(&mut self) -> Option<Waker> {
        self.reader.waker.take()
    }

    pub(super) fn set_reader(&mut self, cx: &Context<'_>) {
        self.reader.waker = Some(cx.waker().clone());
    }

    pub(super) fn front(&mut self, now: Instant) -> Front {
        match self.queue.front() {
            Some(_) if std::mem::take(&mut self.reader.rests) => Front::Rests,
            Some((Some(at), _)) if *at > now => Front::Arrives(*at),
            Some(_) => Front::Arrived,
            // Whoever stalls does not tell that it ends.
            None if self.is_stalled => Front::Nothing,
            None => self.ended.map_or(Front::Nothing, Front::Ended),
        }
    }

    /// Reads what has arrived, and returns who waited for room.
    pub(super) fn read(&mut self, now: Instant, buf: &mut ReadBuf<'_>) -> Option<Waker> {
        let mut left = self.chunk().min(buf.remaining());
        while left > 0
            && let Some((at, octets)) = self.queue.front_mut()
            && at.is_none_or(|at| at <= now)
        {
            let taken = octets.len().min(left);
            buf.put_slice(&octets[..taken]);
            octets.advance(taken);
            left -= taken;
            self.held = self.held.saturating_sub(taken);
            if octets.is_empty() {
                self.queue.pop_front();
            }
        }
        self.reader.rests = self.rests();
        self.writer.waker.take()
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &Context<'_>,
        now: Instant,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(refusal) = self.refusal {
            return Poll::Ready(Err(refusal.into()));
        }
        if octets.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if std::mem::take(&mut self.writer.rests) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = self.capacity.saturating_sub(self.held);
        if room == 0 {
            self.writer.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let until_stop = self.stop.map_or(u64::MAX, |(at, _)| at - self.passed);
        let until_stop = usize::try_from(until_stop).unwrap_or(usize::MAX);
        let len = octets.len().min(room).min(self.chunk()).min(until_stop);
        self.enter(now, &octets[..len]);
        self.writer.rests = self.rests();
        Poll::Ready(Ok(len))
    }

    fn enter(&mut self, now: Instant, octets: &[u8]) {
        if let Some(record) = &mut self.record {
            record.extend_from_slice(octets);
        }
        let end = self.passed + octets.len() as u64;
        let mut entering = BytesMut::with_capacity(octets.len());
        let mut rest = octets;
        while let Some(entry) = self.plan.first_entry()
            && *entry.key() < end
        {
            let (at, changes) = entry.remove_entry();
            let before = usize::try_from(at.saturating_sub(self.passed)).unwrap_or(usize::MAX);
            let (whole, from) = rest.split_at(before.min(rest.len()));
            entering.extend_from_slice(whole);
            self.passed += whole.len() as u64;
            let Some((octet, behind)) = from.split_first() else {
                break;
            };
            entering.extend_from_slice(&changed(*octet, &changes));
            self.passed += 1;
            rest = behind;
        }
        entering.extend_from_slice(rest);
        self.passed = end;
        self.held += entering.len();
        if !self.is_stalled && !entering.is_empty() {
            let at = self.arrival(now);
            match self.queue.back_mut() {
                Some((last, queued)) if *last == at => queued.extend_from_slice(&entering),
                _ => self.queue.push_back((at, entering)),
            }
        }
    }

    fn arrival(&mut self, now: Instant) -> Option<Instant> {
        let delay = match self.delay {
            Delay::None if self.last.is_none_or(|last| last <= now) => return None,
            Delay::None => return self.last,
            Delay::Fixed(delay) => delay,
            Delay::Random { max, .. } => max.mul_f64(self.delays.fraction()),
        };
        self.last = self.last.max(Some(now + delay));
        self.last
    }

    /// How many octets may pass at once.
    const fn chunk(&mut self) -> usize {
        match self.chunks {
            Chunks::Whole => usize::MAX,
            Chunks::UpTo(max) => max,
            Chunks::Random { max, .. } => 1 + self.sizes.below(max),
        }
    }

    const fn rests(&mut self) -> bool {
        match self.chunks {
            Chunks::Whole => false,
            Chunks::UpTo(_) => true,
            Chunks::Random { .. } => self.sizes.below(2) == 0,
        }
    }
}

fn changed(octet: u8, changes: &[Change]) -> Vec<u8> {
    let mut before = Vec::new();
    let mut kept = Some(octet);
    for change in changes {
        match change {
            Change::Flip(mask) => kept = kept.map(|octet| octet ^ mask),
            Change::Insert(octet) => before.push(*octet),
            Change::Remove => kept = None,
        }
    }
    before.extend(kept);
    before
}
