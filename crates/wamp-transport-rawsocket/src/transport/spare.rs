//! Long buffers that are used again.
//!
//! Allocators give long buffers back to the system, and get them again page by page, each of them
//! cleared: for a message of 64 KiB that takes longer than to copy it. So a few of those that
//! payloads were read into are kept for the next ones, by all connections together.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// An empty buffer for so many octets; not much longer, as a payload may be kept for long.
pub(super) fn buffer(len: usize) -> Vec<u8> {
    if len >= LONG
        && let Some(spare) = lock().take(len)
    {
        return spare;
    }
    Vec::with_capacity(len)
}

/// Shares what was read into a buffer, which is spare when nobody has it any more.
pub(super) fn share(octets: Vec<u8>) -> Bytes {
    if !(LONG..=LONGEST).contains(&octets.capacity()) {
        return octets.into();
    }
    Bytes::from_owner(Lent(octets))
}

/// From how many octets a buffer is used again.
const LONG: usize = 16 << 10;

/// Up to how many octets: a longer payload does not get its buffer at once, but as it comes.
pub(super) const LONGEST: usize = 128 << 10;

/// How many octets are kept by all connections together.
const KEPT: usize = 4 << 20;

struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let outdated = lock().put(mem::take(&mut self.0));
        drop(outdated);
    }
}

static SPARES: Mutex<Spares> = Mutex::new(Spares {
    buffers: VecDeque::new(),
    octets: 0,
});

fn lock() -> MutexGuard<'static, Spares> {
    SPARES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Spares {
    /// The one used last comes last.
    buffers: VecDeque<Vec<u8>>,
    octets: usize,
}

impl Spares {
    fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        let fits = |buffer: &Vec<u8>| (len..=len + len / 8).contains(&buffer.capacity());
        let at = self.buffers.iter().rposition(fits)?;
        let spare = self.buffers.remove(at)?;
        self.octets -= spare.capacity();
        Some(spare)
    }

    /// Takes a buffer back. Returns those that are not kept any more, to be freed without the lock.
    fn put(&mut self, mut buffer: Vec<u8>) -> Vec<Vec<u8>> {
        buffer.clear();
        self.octets += buffer.capacity();
        self.buffers.push_back(buffer);
        let mut outdated = Vec::new();
        while self.octets > KEPT
            && let Some(oldest) = self.buffers.pop_front()
        {
            self.octets -= oldest.capacity();
            outdated.push(oldest);
        }
        outdated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spares() -> Spares {
        Spares {
            buffers: VecDeque::new(),
            octets: 0,
        }
    }

    #[test]
    fn a_buffer_is_used_again_for_what_is_about_as_long() {
        let mut spares = spares();
        assert!(spares.put(vec![1; 100_000]).is_empty());
        assert!(spares.take(100_001).is_none());
        assert!(spares.take(80_000).is_none());
        let spare = spares.take(95_000).unwrap();
        assert!(spare.is_empty());
        assert_eq!(spare.capacity(), 100_000);
        assert!(spares.take(95_000).is_none());
        assert_eq!(spares.octets, 0);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut spares = spares();
        let third = KEPT / 3;
        for more in 0..3 {
            assert!(spares.put(Vec::with_capacity(third - more)).is_empty());
        }
        let outdated = spares.put(Vec::with_capacity(third));
        assert_eq!(outdated.len(), 1);
        let outdated = spares.put(Vec::with_capacity(KEPT + 1));
        assert_eq!(outdated.len(), 4);
        assert_eq!((spares.octets, spares.buffers.len()), (0, 0));
    }
}
