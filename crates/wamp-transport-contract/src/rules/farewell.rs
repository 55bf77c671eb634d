//! What peers are told apart by a transport with a closing handshake.

use wamp_core::{CloseReason, ReceiveError, TransportError};

use super::each_way;
use crate::messages::numbered;
use crate::subject::Subject;

/// A peer that aborts, or is gone without closing, is lost; one that closes is not.
///
/// A session over a transport that was lost may be opened again by itself; one that was closed in
/// order is not.
pub async fn one_who_is_gone_without_closing_is_lost(subject: &impl Subject) {
    for aborts in [true, false] {
        each_way(subject, async |mut ours, mut theirs| {
            ours.tell(numbered(1)).await.expect("the peer is there");
            if aborts {
                ours.transport().abort();
            }
            drop(ours);
            let (_, error) = theirs.receive_all().await;
            assert!(matches!(error, ReceiveError::Lost(_)), "{error}");
        })
        .await;
    }
}

/// A peer that closes because of us says why; who just goes away or is done does not complain.
///
/// The text ends up in the log, or in the error of a session: for most people it is the only hint.
pub async fn a_complaint_is_told(subject: &impl Subject) {
    let why = || "out of cheese".to_owned();
    let reasons = [
        (CloseReason::Normal, false),
        (CloseReason::GoingAway, false),
        (CloseReason::Protocol(why()), true),
        (CloseReason::InvalidData(why()), true),
        (CloseReason::TooLong(why()), true),
        (CloseReason::Internal(why()), true),
    ];
    for (reason, complains) in reasons {
        each_way(subject, async |mut ours, mut theirs| {
            let hearing = async {
                let (_, error) = theirs.receive_all().await;
                drop(theirs);
                error
            };
            let (closed, error) = tokio::join!(ours.close(&reason), hearing);
            closed.expect("the peer plays along");
            match error {
                ReceiveError::Closed => assert!(!complains, "{reason:?} is not told"),
                ReceiveError::Lost(TransportError::ClosedByPeer { reason: told, .. }) => {
                    assert!(complains, "{reason:?} is no complaint");
                    assert!(told.contains("out of cheese"), "{told}");
                }
                other => panic!("{reason:?} is told as {other:?}"),
            }
        })
        .await;
    }
}
