//! Both directions flow by themselves, and what is not read is not held without bound.

use std::task::{Context, Poll};

use wamp_core::{CloseReason, Outgoing, SharedMessage};

use super::{Bell, each_way, fill};
use crate::end::End;
use crate::messages::{event, numbered, text};
use crate::subject::{Options, Subject};

/// A hundred megabytes each way, while for a while nobody reads: each side is soon not ready, and
/// as soon as both read, all of it arrives.
///
/// The bounds of the outboxes are the only ones for a client that does not read: below them there
/// must be one, too. And a connection that stopped reading while its own writes wait would wait
/// for ever for a peer that does the same.
pub async fn a_hundred_megabytes_each_way_wait_and_then_pass(subject: &impl Subject) {
    let mut ends = subject.open(&Options::default()).await;
    let format = ends.client.transport().format();
    let message = Outgoing::Shared(SharedMessage::new(text(&format, LEN)));
    let waker = std::task::Waker::noop();
    let first = [fill(&mut ends.client, waker), fill(&mut ends.server, waker)];
    let [to_server, to_client] = first;
    let run = async |end: End, expected: usize| {
        let mut half = Half {
            end,
            message: message.clone(),
            sent: 0,
            is_flushed: false,
            received: 0,
            expected: expected + MESSAGES * LEN,
        };
        std::future::poll_fn(|cx| half.poll(cx)).await;
        half.end
    };
    // Each is kept until the other is done, too.
    drop(tokio::join!(
        run(ends.client, to_client),
        run(ends.server, to_server)
    ));
}

const MESSAGES: usize = 100;
const LEN: usize = 1 << 20;

/// One end, polled as the driver of a session polls it: both directions at every wake.
struct Half {
    end: End,
    message: Outgoing,
    sent: usize,
    is_flushed: bool,
    received: usize,
    expected: usize,
}

impl Half {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let transport = self.end.transport();
        while self.received < self.expected
            && let Poll::Ready(message) = transport.poll_receive(cx)
        {
            let message = message.expect("the peer is there");
            let len = message.payload().map_or(0, wamp_messages::Payload::len);
            // Beside the text there is what the format puts around it.
            self.received += len - len % LEN;
        }
        while self.sent < MESSAGES
            && let Poll::Ready(ready) = transport.poll_ready(cx)
        {
            ready.expect("the peer is there");
            transport.send(&self.message).expect("it is ready");
            self.sent += 1;
        }
        if let Poll::Ready(flushed) = transport.poll_flush(cx) {
            flushed.expect("the peer is there");
            self.is_flushed = self.sent == MESSAGES;
        }
        if self.is_flushed && self.received == self.expected {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// A peer that reads nothing is still heard: sending that waits does not stop receiving, and whoever
/// receives is woken.
///
/// The connection of a slow client must see its GOODBYE, and that it is gone.
pub async fn sending_that_waits_does_not_stop_receiving(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let (bell, receiver) = Bell::new();
        let cx = &mut Context::from_waker(&receiver);
        assert!(ours.transport().poll_receive(cx).is_pending());
        let (_, sender) = Bell::new();
        fill(&mut ours, &sender);
        theirs.tell(numbered(1)).await.expect("the peer is there");
        bell.rung().await;
        assert_eq!(ours.receive().await.expect("it was sent"), numbered(1));
    })
    .await;
}

/// When there is room again, whoever waits to send is woken, whatever receiving waits for.
///
/// The pump takes no more from the outbox until then, and nothing else wakes it.
pub async fn room_wakes_whoever_waits_to_send(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let (bell, sender) = Bell::new();
        let taken = fill(&mut ours, &sender);
        let (_, receiver) = Bell::new();
        let cx = &mut Context::from_waker(&receiver);
        assert!(ours.transport().poll_receive(cx).is_pending());
        // Now and then, as the waker of a task may be called for nothing.
        let reading = async {
            loop {
                theirs.receive().await.expect("it was sent");
            }
        };
        let sending = async {
            loop {
                bell.rung().await;
                let cx = &mut Context::from_waker(&sender);
                let transport = ours.transport();
                if transport.poll_flush(cx).is_ready() && transport.poll_ready(cx).is_ready() {
                    break;
                }
            }
        };
        assert_ne!(taken, 0, "it takes something though nobody reads");
        tokio::select! {
            () = sending => {}
            () = reading => {}
        }
    })
    .await;
}

/// Sending is told when the peer is gone, even while it waits for room, by an error of sending or
/// by one of receiving.
///
/// Whoever drives a transport polls both, so that one of them is enough; without either the
/// session would never end.
pub async fn who_waits_for_room_learns_that_the_peer_is_gone(subject: &impl Subject) {
    each_way(subject, async |mut ours, theirs| {
        fill(&mut ours, std::task::Waker::noop());
        drop(theirs);
        until_over(&mut ours).await;
    })
    .await;
}

/// A peer that closes while it is sent much is heard to be closing, and its own closing ends.
///
/// A client may close at any moment, in the middle of a long event, too.
pub async fn a_peer_may_close_while_it_is_sent_much(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        fill(&mut ours, std::task::Waker::noop());
        let closing = async {
            // In time or by force, but it ends.
            let _ = theirs.close(&CloseReason::Normal).await;
            drop(theirs);
        };
        let ending = async {
            until_over(&mut ours).await;
            drop(ours);
        };
        tokio::join!(closing, ending);
    })
    .await;
}

/// Drives an end, both directions, until either has an error.
async fn until_over(end: &mut End) {
    std::future::poll_fn(|cx| {
        let transport = end.transport();
        while let Poll::Ready(received) = transport.poll_receive(cx) {
            if received.is_err() {
                return Poll::Ready(());
            }
        }
        let failed = matches!(transport.poll_flush(cx), Poll::Ready(Err(_)))
            || matches!(transport.poll_ready(cx), Poll::Ready(Err(_)));
        if failed {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// A long message does not stand in the way of the other direction: while it is being written, the
/// other direction is read.
///
/// The reader of a long result may be a caller in the next moment.
pub async fn a_long_message_leaves_the_other_direction_free(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let format = ours.transport().format();
        let long = text(&format, 4 << 20);
        ours.send(long.clone()).await.expect("there is room");
        // The peer takes nothing of it yet.
        let _ = ours.once(|transport, cx| transport.poll_flush(cx));
        theirs
            .send(event(Default::default()))
            .await
            .expect("there is room");
        let flushing = async { theirs.flush().await.expect("the peer is there") };
        let (received, ()) = tokio::join!(ours.receive(), flushing);
        assert_eq!(received.expect("it was sent"), event(Default::default()));
        let (flushed, received) = tokio::join!(ours.flush(), theirs.receive());
        flushed.expect("the peer reads");
        assert_eq!(received.expect("it was sent"), long);
    })
    .await;
}
