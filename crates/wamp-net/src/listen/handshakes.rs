//! The handshakes that are not finished: how many there are, and which is the oldest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::HandshakeError;
use super::saturation::Saturation;

/// As many places as there may be handshakes.
///
/// A newcomer who finds none ends the oldest handshake, and waits until that has left its place:
/// so there are never more than there may be, also where nobody listens to [`Place::ended`].
#[derive(Debug)]
pub(super) struct Handshakes {
    limit: usize,
    places: Arc<Semaphore>,
    unfinished: Mutex<Unfinished>,
    saturation: Saturation,
}

#[derive(Debug, Default)]
struct Unfinished {
    next: u64,
    /// In the order in which they began. Whose sender is dropped has ended.
    by_number: BTreeMap<u64, watch::Sender<()>>,
}

impl Handshakes {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            limit,
            places: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            unfinished: Mutex::default(),
            saturation: Saturation::default(),
        }
    }

    /// Takes a place. A caller that stopped waiting for one hands in the same `made_room` when it
    /// comes back, so that it ends no second handshake. `displaces` is called if it ends one.
    pub(super) async fn place(
        self: &Arc<Self>,
        made_room: &mut bool,
        displaces: impl FnOnce(),
    ) -> Place {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok();
        let free = self.places.available_permits();
        if self.saturation.begins(permit.is_none(), free, self.limit) {
            tracing::warn!(
                limit = self.limit,
                "the limit of handshakes is reached; each new one ends the oldest"
            );
        }
        let permit = match permit {
            Some(permit) => Some(permit),
            None => {
                if !std::mem::replace(made_room, true) {
                    let oldest = self.lock().by_number.pop_first();
                    if oldest.is_some() {
                        displaces();
                    }
                }
                // It is an error only when the semaphore was closed, and nobody closes it.
                Arc::clone(&self.places).acquire_owned().await.ok()
            }
        };
        let (unfinished, ended) = watch::channel(());
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.by_number.insert(number, unfinished);
        drop(state);
        Place {
            number,
            ended,
            handshakes: Arc::clone(self),
            permit,
        }
    }

    /// How many there are.
    pub(super) fn unfinished(&self) -> usize {
        let places = self.limit.min(Semaphore::MAX_PERMITS);
        places.saturating_sub(self.places.available_permits())
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.places.available_permits()
    }

    fn lock(&self) -> MutexGuard<'_, Unfinished> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one handshake; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    ended: watch::Receiver<()>,
    handshakes: Arc<Handshakes>,
    #[expect(dead_code, reason = "kept for what happens when it is dropped")]
    permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Waits until the place is needed for a newer handshake.
    pub(super) async fn ended(&self) -> HandshakeError {
        // Nothing is ever sent: it returns when the sender is gone.
        while self.ended.clone().changed().await.is_ok() {}
        HandshakeError::Ended {
            limit: self.handshakes.limit,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.handshakes.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    /// Whether the future is ready without waiting for anybody.
    async fn is_ready<T>(future: impl Future<Output = T>) -> bool {
        tokio::select! {
            biased;
            _ = future => true,
            () = tokio::task::yield_now() => false,
        }
    }

    #[tokio::test]
    async fn a_newcomer_ends_the_oldest_and_waits_until_that_has_left() {
        let handshakes = Arc::new(Handshakes::new(2));
        let first = handshakes.place(&mut false, || {}).await;
        let second = handshakes.place(&mut false, || {}).await;
        assert!(!is_ready(first.ended()).await);

        let mut made_room = false;
        let mut third = pin!(handshakes.place(&mut made_room, || {}));
        assert!(!is_ready(third.as_mut()).await);
        assert!(is_ready(first.ended()).await);
        // Whoever asks once more is told once more.
        assert!(is_ready(first.ended()).await);
        assert!(!is_ready(second.ended()).await);
        drop(first);
        let third = third.await;
        assert!(!is_ready(second.ended()).await);
        assert!(!is_ready(third.ended()).await);
    }

    #[tokio::test]
    async fn a_limit_of_none_is_one() {
        let handshakes = Arc::new(Handshakes::new(0));
        assert!(is_ready(handshakes.place(&mut false, || {})).await);
    }

    #[tokio::test]
    async fn one_that_has_left_is_not_the_oldest() {
        let handshakes = Arc::new(Handshakes::new(2));
        let first = handshakes.place(&mut false, || {}).await;
        let second = handshakes.place(&mut false, || {}).await;
        drop(first);
        let _third = handshakes.place(&mut false, || {}).await;
        assert!(!is_ready(second.ended()).await);
        assert!(!is_ready(handshakes.place(&mut false, || {})).await);
        assert!(is_ready(second.ended()).await);
    }

    #[tokio::test]
    async fn a_newcomer_that_asks_again_ends_no_second_one() {
        let handshakes = Arc::new(Handshakes::new(2));
        let first = handshakes.place(&mut false, || {}).await;
        let second = handshakes.place(&mut false, || {}).await;
        let mut made_room = false;
        for _ in 0..3 {
            assert!(!is_ready(handshakes.place(&mut made_room, || {})).await);
        }
        assert!(is_ready(first.ended()).await);
        assert!(!is_ready(second.ended()).await);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_those_that_have_left() {
        let handshakes = Arc::new(Handshakes::new(1));
        for _ in 0..3 {
            drop(handshakes.place(&mut false, || {}).await);
        }
        assert!(handshakes.lock().by_number.is_empty());
        assert_eq!(handshakes.free(), 1);
    }
}
