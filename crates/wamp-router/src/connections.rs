//! The connections of a router: to end them all, and to know when they are gone.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use crate::realm::arena::{Arena, Key};

/// What connections are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// To serve.
    Serving,
    /// To say GOODBYE, and to end when it is answered.
    Closing,
    /// To end.
    Ending,
}

/// Every connection that is there, with the waker of its task.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    wakers: Mutex<Arena<Option<Waker>>>,
    stage: AtomicU8,
    gone: Notify,
}

impl Connections {
    pub(crate) fn add(&self) -> Key {
        self.lock().insert(None)
    }

    pub(crate) fn remove(&self, key: Key) {
        let mut wakers = self.lock();
        wakers.remove(key);
        let is_empty = wakers.is_empty();
        drop(wakers);
        if is_empty {
            self.gone.notify_waiters();
        }
    }

    /// Tells which task is to be woken when the stage changes, or a realm is closed. Both are asked
    /// for afterwards.
    pub(crate) fn set_waker(&self, key: Key, waker: Waker) {
        if let Some(place) = self.lock().get_mut(key) {
            *place = Some(waker);
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Closing,
            _ => Stage::Ending,
        }
    }

    /// Enters a stage; there is no way back from it.
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        self.wake_all();
    }

    /// Wakes the task of every connection.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self.lock().values().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until there is no connection.
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.lock().is_empty() {
                return;
            }
            gone.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arena<Option<Waker>>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
