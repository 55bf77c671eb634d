//! The limit of length is what it says.

use std::task::{Context, Poll, Waker};

use wamp_core::{Outgoing, SendError, Undeliverable};

use super::{each_way_with, is_lost};
use crate::end::End;
use crate::messages::{numbered, text};
use crate::subject::{EndOptions, Options, Subject};

const SMALL: usize = 1 << 12;
const LARGE: usize = 1 << 14;

fn options(client: usize, server: usize) -> Options {
    Options {
        client: EndOptions::default().max_len(client),
        server: EndOptions::default().max_len(server),
    }
}

/// Messages of the length that `max_len` says, and one octet shorter, arrive; one that is an octet
/// longer comes back as too long, with both lengths, and hurts no other.
///
/// A session measures its arguments against `max_len` before it takes a request id. The router
/// tells the sender of what comes back; had the connection been lost, it would be that of somebody
/// who has done nothing.
pub async fn messages_arrive_up_to_the_limit_and_longer_ones_come_back(subject: &impl Subject) {
    each_way_with(
        subject,
        &options(LARGE, LARGE),
        async |mut ours, mut theirs| {
            let max = ours.transport().max_len().expect("it has a limit");
            assert!(max <= LARGE, "the limit is {max}, not {LARGE}");
            let longest = longest_text(&mut ours, max);
            let format = ours.transport().format();
            for (number, len) in (1..).zip([longest - 1, longest, longest + 1]) {
                ours.send(numbered(number)).await.expect("it is short");
                let message = text(&format, len);
                let sent = ours.send(message.clone()).await;
                let (flushed, received) = tokio::join!(ours.flush(), theirs.receive());
                flushed.expect("the peer reads");
                assert_eq!(received.expect("it was sent"), numbered(number));
                if len <= longest {
                    sent.expect("it is not too long");
                    assert_eq!(theirs.receive().await.expect("it was sent"), message);
                } else {
                    match sent {
                        Err(SendError::Undeliverable(Undeliverable::TooLong {
                            len,
                            max: told,
                        })) => {
                            assert_eq!((len, told), (max + 1, max));
                        }
                        other => panic!("it is one octet too long: {other:?}"),
                    }
                }
            }
            let (told, received) = tokio::join!(ours.tell(numbered(9)), theirs.receive());
            told.expect("others can be sent");
            assert_eq!(received.expect("it was sent"), numbered(9));
        },
    )
    .await;
}

/// How long the text in a message may be so that the whole has `max` octets: found by one that
/// comes back.
fn longest_text(ours: &mut End, max: usize) -> usize {
    let ready = ours.once(|transport, cx| transport.poll_ready(cx));
    ready.expect("it is new").expect("it is new");
    let message = text(&ours.transport().format(), max).into();
    match ours.transport().send(&message) {
        Err(SendError::Undeliverable(Undeliverable::TooLong { len, .. })) => max - (len - max),
        other => panic!("a text of as many octets as the message may have is too long: {other:?}"),
    }
}

/// A peer that accepts less than we would send is never sent too much without consequence: the
/// message comes back, or the peer ends the connection, and both sides learn it.
///
/// It is never delivered, and never just missing.
pub async fn a_message_that_the_peer_finds_too_long_is_not_just_missing(subject: &impl Subject) {
    each_way_with(
        subject,
        &options(LARGE, SMALL),
        async |mut ours, mut theirs| {
            let long = text(&ours.transport().format(), SMALL + 1);
            match ours.send(long).await {
                Err(SendError::Undeliverable(Undeliverable::TooLong { max, .. })) => {
                    assert_eq!(max, SMALL, "the peer has said how much it accepts");
                    let (told, received) = tokio::join!(ours.tell(numbered(1)), theirs.receive());
                    told.expect("others can be sent");
                    assert_eq!(received.expect("it was sent"), numbered(1));
                }
                Ok(()) => {
                    let sending = async {
                        let _ = ours.flush().await;
                        let error = ours.receive().await.expect_err("nothing was sent");
                        drop(ours);
                        error
                    };
                    let receiving = async {
                        let error = theirs.receive().await.expect_err("it is too long");
                        drop(theirs);
                        error
                    };
                    let (ours, theirs) = tokio::join!(sending, receiving);
                    println!("ours: {ours}; theirs: {theirs}");
                }
                Err(other) => panic!("{other}"),
            }
        },
    )
    .await;
}

/// When a transport is ready it takes a message of any length up to the limit.
///
/// The pump hands over what comes next in the outbox: a message that finds no room then would be
/// lost.
pub async fn a_transport_that_is_ready_takes_the_longest_message(subject: &impl Subject) {
    each_way_with(subject, &options(LARGE, LARGE), async |mut ours, theirs| {
        let max = ours.transport().max_len().expect("it has a limit");
        let longest = longest_text(&mut ours, max);
        let format = ours.transport().format();
        let messages = [Outgoing::from(numbered(1)), text(&format, longest).into()];
        let cx = &mut Context::from_waker(Waker::noop());
        for message in messages.iter().cycle().take(2 * super::MOST_HELD / LARGE) {
            match ours.transport().poll_ready(cx) {
                Poll::Ready(ready) => ready.expect("the peer is there"),
                Poll::Pending => break,
            }
            let sent = ours.transport().send(message);
            assert!(!is_lost(&sent), "{sent:?}");
            sent.expect("it is not too long");
        }
        assert!(
            ours.transport().poll_ready(cx).is_pending(),
            "there is no end to what it takes"
        );
        drop(theirs);
    })
    .await;
}
