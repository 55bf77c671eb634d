//! Nothing is waited for longer than is said. These rules need virtual time.

use std::task::Waker;
use std::time::Duration;

use tokio::time::timeout;
use wamp_core::CloseReason;

use super::{assert_over, each_way, fill};
use crate::end::End;
use crate::messages::numbered;
use crate::subject::Subject;

/// How long closing may take, whatever the peer does. The driver of a session waits so long; the
/// connection of a router has a time of its own, and [`Connection::close`] has none: there the
/// transport alone bounds it.
///
/// [`Connection::close`]: https://docs.rs/wamp-session
pub const CLOSES_WITHIN: Duration = Duration::from_secs(10);

/// Closing ends within [`CLOSES_WITHIN`] though the peer does nothing.
pub async fn closing_ends_though_the_peer_does_nothing(subject: &impl Subject) {
    each_way(subject, async |mut ours, theirs| {
        closes_in_time(&mut ours).await;
        drop(theirs);
    })
    .await;
}

/// Closing ends within [`CLOSES_WITHIN`] though the peer has read nothing for long, and there is much
/// to be flushed.
pub async fn closing_ends_though_the_peer_reads_nothing(subject: &impl Subject) {
    each_way(subject, async |mut ours, theirs| {
        fill(&mut ours, Waker::noop());
        closes_in_time(&mut ours).await;
        drop(theirs);
    })
    .await;
}

/// Closing ends within [`CLOSES_WITHIN`] though the peer never stops sending.
pub async fn closing_ends_though_the_peer_does_not_stop_sending(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let sending = async {
            while theirs.tell(numbered(1)).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // It does not play along: it is just there.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = closes_in_time(&mut ours) => {}
            () = sending => {}
        }
    })
    .await;
}

async fn closes_in_time(end: &mut End) {
    let normal = CloseReason::Normal;
    // In order or not.
    let closed = timeout(CLOSES_WITHIN, end.close(&normal)).await;
    assert!(
        closed.is_ok(),
        "closing takes longer than {CLOSES_WITHIN:?}"
    );
    assert_over(end);
}

/// An idle connection stays.
///
/// A session may have nothing to say for days.
pub async fn an_idle_connection_stays(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        tokio::select! {
            received = ours.receive() => panic!("{received:?}"),
            received = theirs.receive() => panic!("{received:?}"),
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
        let (told, received) = tokio::join!(ours.tell(numbered(1)), theirs.receive());
        told.expect("the peer is there");
        assert_eq!(received.expect("it was sent"), numbered(1));
    })
    .await;
}
