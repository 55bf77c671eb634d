//! The one deadline that all stages of dialling share.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// When dialling is to be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// `None` where it is so far away that there is no such instant.
    at: Option<Instant>,
    after: Duration,
}

impl Deadline {
    /// A deadline that is `after` from now.
    pub(crate) fn after(after: Duration) -> Self {
        Self {
            at: Instant::now().checked_add(after),
            after,
        }
    }

    /// Awaits a stage; where it is not over in time, the error is made of the time that there was.
    pub(crate) async fn limit<T, E>(
        &self,
        stage: impl Future<Output = Result<T, E>>,
        timed_out: impl FnOnce(Duration) -> E,
    ) -> Result<T, E> {
        let Some(at) = self.at else {
            return stage.await;
        };
        match timeout_at(at, stage).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(self.after)),
        }
    }
}
