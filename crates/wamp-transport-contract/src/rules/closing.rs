//! A transport ends, in order or not, and both sides learn it.

use std::task::Poll;

use wamp_core::{CloseReason, ReceiveError, TransportError};

use super::{assert_gives_nothing, assert_over, assert_takes_nothing, each_way, fill, is_lost};
use crate::end::End;
use crate::messages::numbered;
use crate::subject::{Options, Subject};

/// After the peer has closed in order, receiving says `Closed`, and keeps to it, until this side has
/// closed, too.
///
/// Whoever reads an error has handled everything before it, and may forget the peer. Whether
/// something can still be sent until then is open: a peer that has closed only its own direction
/// may hear the last answers.
pub async fn a_peer_that_closes_in_order_is_told_as_closed(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let receiving = async {
            let error = ours.receive().await.expect_err("nothing was sent");
            assert!(matches!(error, ReceiveError::Closed), "{error}");
            assert_gives_nothing(&mut ours);
            assert_gives_nothing(&mut ours);
            let _ = ours.close(&CloseReason::Normal).await;
            assert_over(&mut ours);
        };
        let normal = CloseReason::Normal;
        let (closed, ()) = tokio::join!(theirs.close(&normal), receiving);
        closed.expect("the peer plays along");
    })
    .await;
}

/// After closing, a transport takes nothing, gives nothing, and waits for nothing; closing it again
/// changes nothing.
///
/// The task of a session that has ended may have messages left, which are dropped.
pub async fn a_closed_transport_takes_and_gives_nothing(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let normal = CloseReason::Normal;
        let closing = async {
            ours.close(&normal).await.expect("the peer plays along");
            assert_over(&mut ours);
            let again = ours.once(|transport, cx| transport.poll_close(cx, &normal));
            assert!(again.is_some_and(|closed| closed.is_ok()));
            assert_over(&mut ours);
        };
        let ending = async {
            theirs.receive_all().await;
            drop(theirs);
        };
        tokio::join!(closing, ending);
    })
    .await;
}

/// As soon as closing has begun, nothing can be sent any more, and what still arrives is dropped.
///
/// The reason for closing was the last word.
pub async fn nothing_is_sent_or_received_once_closing_has_begun(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        theirs.tell(numbered(1)).await.expect("there is room");
        let normal = CloseReason::Normal;
        let begun = ours.once(|transport, cx| transport.poll_close(cx, &normal));
        let message = numbered(2).into();
        let sent = ours.transport().send(&message);
        assert!(is_lost(&sent), "it takes a message: {sent:?}");
        let (received, _) = tokio::join!(
            async {
                if begun.is_none() {
                    ours.close(&normal).await.expect("the peer plays along");
                }
                ours.receive().await
            },
            async {
                // Whether the peer can still send depends on whether it has heard.
                let _ = theirs.tell(numbered(3)).await;
                let all = theirs.receive_all().await;
                drop(theirs);
                all
            }
        );
        assert!(received.is_err(), "{received:?}");
    })
    .await;
}

/// The reason of the first close counts.
///
/// Whoever closes because of a violation may be told to close for another reason while that goes on.
pub async fn the_reason_of_the_first_close_counts(subject: &impl Subject) {
    let told = async |first: &CloseReason, second: &CloseReason| {
        let mut ends = subject.open(&Options::default()).await;
        let begun = ends
            .client
            .once(|transport, cx| transport.poll_close(cx, first));
        let closing = async {
            if begun.is_none() {
                // Closed it is, in order or not: what the other side is told is the point.
                let _ = ends.client.close(second).await;
            }
        };
        let hearing = async {
            let (_, error) = ends.server.receive_all().await;
            drop(ends.server);
            format!("{error:?}")
        };
        tokio::join!(closing, hearing).1
    };
    let reasons = [
        CloseReason::Normal,
        CloseReason::Internal("why".to_owned()),
        CloseReason::Protocol("because".to_owned()),
    ];
    for first in &reasons {
        let alone = told(first, first).await;
        for second in &reasons {
            assert_eq!(told(first, second).await, alone, "{first:?}, {second:?}");
        }
    }
}

/// Both sides may close at once.
///
/// A router that shuts down and a client that leaves do not agree who begins.
pub async fn both_sides_may_close_at_once(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let close = async |end: &mut End| {
            let closed = end.close(&CloseReason::Normal).await;
            closed.expect("both want it");
        };
        let (first, second) = (close(&mut ours), async {
            close(&mut theirs).await;
            drop(theirs);
        });
        tokio::join!(first, second);
    })
    .await;
}

/// A peer that has said something and closed is heard to the end, even by somebody who tries to
/// send first.
///
/// The pump sends in the same poll in which it has received. Were that an error before the last
/// message was received, the session would not know why it has ended.
pub async fn a_last_word_is_heard_by_who_sends_first(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        theirs.tell(numbered(1)).await.expect("there is room");
        let normal = CloseReason::Normal;
        // It may wait for our answer, or be over already and gone.
        let begun = theirs.once(|transport, cx| transport.poll_close(cx, &normal));
        let closing = async {
            if begun.is_none() {
                theirs.close(&normal).await.expect("the peer plays along");
            }
            drop(theirs);
        };
        let hearing = async {
            tokio::task::yield_now().await;
            let ready = ours.once(|transport, cx| transport.poll_ready(cx));
            match ready {
                Some(Ok(())) => {
                    let message = numbered(2).into();
                    let sent = ours.transport().send(&message);
                    sent.expect("receiving tells first that the peer has closed");
                }
                Some(Err(error)) => {
                    panic!("receiving tells first that the peer has closed: {error}")
                }
                None => {}
            }
            assert_eq!(ours.receive().await.expect("it was sent"), numbered(1));
            let error = ours.receive().await.expect_err("there is no more");
            assert!(matches!(error, ReceiveError::Closed), "{error}");
            drop(ours);
        };
        tokio::join!(closing, hearing);
    })
    .await;
}

/// Aborting is immediate, and may be repeated: nothing is sent, nothing comes, nothing waits.
///
/// It is what is left when a peer does not behave, and it is called without a future that could
/// wait.
pub async fn aborting_is_immediate_and_may_be_repeated(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        theirs.tell(numbered(1)).await.expect("there is room");
        for _ in 0..2 {
            ours.transport().abort();
            let received = ours.once(|transport, cx| transport.poll_receive(cx));
            assert!(
                matches!(received, Some(Err(ReceiveError::Lost(_)))),
                "{received:?}"
            );
            assert_takes_nothing(&mut ours);
            let closed = ours.once(|transport, cx| transport.poll_close(cx, &CloseReason::Normal));
            closed.expect("there is nothing to wait for").ok();
        }
    })
    .await;
}

/// The peer of one who aborts learns it, after what was sent before, if that arrives.
///
/// The session of a client that is destroyed is taken out of its realm when its connection ends.
pub async fn the_peer_of_who_aborts_learns_it(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        ours.tell(numbered(1)).await.expect("there is room");
        ours.transport().abort();
        let (received, _) = theirs.receive_all().await;
        assert!(received.len() <= 1);
        assert_gives_nothing(&mut theirs);
    })
    .await;
}

/// The peer of one who is dropped learns it.
///
/// A task may be dropped, and a process end, at any time.
pub async fn the_peer_of_who_is_dropped_learns_it(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        ours.tell(numbered(1)).await.expect("there is room");
        drop(ours);
        let (received, _) = theirs.receive_all().await;
        assert_eq!(received, [numbered(1)]);
        assert_gives_nothing(&mut theirs);
        // Closing what has no other end, ends.
        let _ = theirs.close(&CloseReason::Normal).await;
    })
    .await;
}

/// Aborting ends a close that is under way.
///
/// The driver gives the closing handshake some time, and then aborts.
pub async fn aborting_ends_a_close_under_way(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        fill(&mut ours, std::task::Waker::noop());
        let normal = CloseReason::Normal;
        let _ = ours.once(|transport, cx| transport.poll_close(cx, &normal));
        ours.transport().abort();
        let closed = ours.once(|transport, cx| transport.poll_close(cx, &normal));
        closed.expect("there is nothing to wait for").ok();
        assert_over(&mut ours);
        theirs.receive_all().await;
    })
    .await;
}

/// After the peer was lost, closing ends at once, and says either.
///
/// The task of a connection closes it whatever has happened.
pub async fn closing_what_is_lost_ends_at_once(subject: &impl Subject) {
    each_way(subject, async |mut ours, theirs| {
        drop(theirs);
        ours.receive_all().await;
        let closed = std::future::poll_fn(|cx| {
            let closed = ours.transport().poll_close(cx, &CloseReason::Normal);
            Poll::Ready(matches!(
                closed,
                Poll::Ready(Ok(()) | Err(TransportError::Closed | _))
            ))
        });
        assert!(closed.await, "it waits for a peer that is gone");
    })
    .await;
}
