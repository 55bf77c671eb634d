//! What is sent arrives, as it was and in order.

use std::task::{Context, Poll};

use wamp_core::{CloseReason, Octets, Outgoing, SendError, SharedMessage, Undeliverable};
use wamp_messages::{Format, Payload, Value, args};
use wamp_serializers::decode_args;

use super::{Bell, each_way};
use crate::end::End;
use crate::messages::{encode, event, messages, number, numbered, payloads, values};
use crate::subject::{Options, Subject};

/// Messages arrive in the order in which they were sent, in both directions at once.
///
/// The protocol is in order: an EVENT behind SUBSCRIBED, an ERROR behind its CALL. Nothing above a
/// transport puts messages in order again.
pub async fn messages_arrive_in_the_order_in_which_they_were_sent(subject: &impl Subject) {
    const MESSAGES: u64 = 1000;
    let mut ends = subject.open(&Options::default()).await;
    let talk = async |end: &mut End| {
        let (mut sent, mut received, mut is_flushed) = (0, 0, false);
        std::future::poll_fn(|cx| {
            while received < MESSAGES
                && let Poll::Ready(message) = end.transport().poll_receive(cx)
            {
                assert_eq!(number(&message.expect("the peer is there")), received);
                received += 1;
            }
            while sent < MESSAGES
                && let Poll::Ready(ready) = end.transport().poll_ready(cx)
            {
                ready.expect("the peer is there");
                let message = numbered(sent).into();
                end.transport().send(&message).expect("it is ready");
                sent += 1;
                // Now one message to a flush, now many.
                if sent % 7 < 3 {
                    break;
                }
            }
            if let Poll::Ready(flushed) = end.transport().poll_flush(cx) {
                flushed.expect("the peer is there");
                is_flushed = sent == MESSAGES;
                if !is_flushed {
                    cx.waker().wake_by_ref();
                }
            }
            if is_flushed && received == MESSAGES {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    };
    tokio::join!(talk(&mut ends.client), talk(&mut ends.server));
}

/// Every kind of message arrives as it was sent, with every form of payload: none, arguments,
/// keyword arguments, both, long ones, opaque ones; alone, and shared with other transports.
///
/// A router passes payloads on untouched, and so must what is below it. Messages that only the
/// other side may send are no concern of a transport.
pub async fn every_kind_of_message_arrives_as_it_was_sent(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let format = ours.transport().format();
        for message in messages(&payloads(&format)) {
            let shared = SharedMessage::new(message.clone());
            let ways = [
                Outgoing::One(message.clone()),
                Outgoing::Shared(shared.clone()),
                Outgoing::Shared(shared),
            ];
            for way in ways {
                let (told, received) = tokio::join!(ours.tell(way), theirs.receive());
                told.expect("it is a message of this format");
                assert_eq!(received.expect("it was sent"), message);
            }
        }
    })
    .await;
}

/// A payload in another format arrives with the same values.
///
/// The router hands every connection the payload as its sender wrote it.
pub async fn a_payload_of_another_format_arrives_with_the_same_values(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        for format in [Format::Json, Format::MsgPack, Format::Cbor] {
            let message = event(encode(&format, &values(), &Default::default()));
            let (told, received) = tokio::join!(ours.tell(message), theirs.receive());
            told.expect("every format has a form for it");
            let received = received.expect("it was sent");
            let arrived: Vec<Value> =
                decode_args(received.payload().expect("it has one")).expect("they are values");
            assert_eq!(arrived, values());
        }
    })
    .await;
}

/// A message that has no form in the format of the transport comes back as undeliverable, and
/// those before and after it arrive.
///
/// The router hands connections what others have sent: NaN, for which JSON has no form. The pump
/// gives it back to broker or dealer, and goes on.
pub async fn a_message_without_a_form_hurts_no_other(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let odd = event(encode(&Format::Cbor, &args![f64::NAN], &Default::default()));
        ours.send(numbered(1)).await.expect("the peer is there");
        let is_sent = match ours.send(odd).await {
            Ok(()) => true,
            Err(SendError::Undeliverable(Undeliverable::Encode(_))) => false,
            Err(other) => panic!("it is undeliverable, or it is sent: {other}"),
        };
        let (told, first) = tokio::join!(ours.tell(numbered(2)), theirs.receive());
        told.expect("others can be sent");
        assert_eq!(first.expect("it was sent"), numbered(1));
        if is_sent {
            let odd = theirs.receive().await.expect("it was sent");
            assert!(odd.payload().is_some_and(|payload| !payload.is_empty()));
        }
        assert_eq!(theirs.receive().await.expect("it was sent"), numbered(2));
    })
    .await;
}

/// What was flushed arrives without anything more being done with the sender.
///
/// The pump flushes once for all that waits, and then waits for other things.
pub async fn what_was_flushed_needs_no_further_push(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        for round in 0..10 {
            for message in 0..round {
                ours.send(numbered(message)).await.expect("there is room");
            }
            ours.flush().await.expect("the peer is there");
            for message in 0..round {
                let received = theirs.receive().await.expect("it was flushed");
                assert_eq!(number(&received), message);
            }
        }
    })
    .await;
}

/// Messages that have arrived are returned one after the other, without waiting.
///
/// Driver and connection handle what there is before they send: many messages cost one write. And
/// they sleep as soon as there is nothing: what is buffered above the stream wakes nobody.
pub async fn messages_that_are_buffered_are_returned_without_waiting(subject: &impl Subject) {
    const MESSAGES: u64 = 50;
    each_way(subject, async |mut ours, mut theirs| {
        for message in 0..MESSAGES {
            ours.send(numbered(message)).await.expect("there is room");
        }
        ours.flush().await.expect("the peer is there");
        theirs.receive().await.expect("it was flushed");
        for message in 1..MESSAGES {
            let received = theirs.once(|transport, cx| transport.poll_receive(cx));
            let received = received.expect("it is buffered, or should be");
            assert_eq!(number(&received.expect("it was flushed")), message);
        }
    })
    .await;
}

/// Whoever receives can stop at any poll, and loses nothing.
///
/// The session's owner waits for many things at once, and whatever comes first ends the waiting.
pub async fn receiving_can_be_given_up_at_any_poll_without_loss(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        for message in 0..20 {
            let long = encode(&Format::Cbor, &args!["x".repeat(5000)], &Default::default());
            ours.send(event(long)).await.expect("there is room");
            ours.send(numbered(message)).await.expect("there is room");
            let receiving = async {
                let mut received = Vec::new();
                while received.len() < 2 {
                    tokio::select! {
                        biased;
                        message = theirs.receive() => received.push(message.expect("it was sent")),
                        () = tokio::task::yield_now() => {}
                    }
                }
                received
            };
            let (flushed, received) = tokio::join!(ours.flush(), receiving);
            flushed.expect("the peer is there");
            assert_eq!(received[0].payload().map_or(0, Payload::elements), 1);
            assert_eq!(number(&received[1]), message);
        }
    })
    .await;
}

/// A message wakes whoever polled last for one.
///
/// A transport moves from task to task: it is opened by one, and driven by another.
pub async fn a_message_wakes_whoever_polled_last(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        let (_, first) = Bell::new();
        let (bell, second) = Bell::new();
        for waker in [first, second] {
            let cx = &mut Context::from_waker(&waker);
            assert!(ours.transport().poll_receive(cx).is_pending());
        }
        theirs.tell(numbered(1)).await.expect("the peer is there");
        bell.rung().await;
        assert_eq!(ours.receive().await.expect("it was sent"), numbered(1));
    })
    .await;
}

/// What was handed over before closing arrives before the peer hears of it, flushed or not.
///
/// The last message is the one that says why: ABORT, or the answer to GOODBYE.
pub async fn what_was_sent_before_closing_arrives(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        for message in 0..10 {
            ours.tell(numbered(message)).await.expect("there is room");
        }
        for message in 10..20 {
            ours.send(numbered(message)).await.expect("there is room");
        }
        let closing = ours.close(&CloseReason::Normal);
        let receiving = async {
            let all = theirs.receive_all().await;
            drop(theirs);
            all
        };
        let (closed, (received, _)) = tokio::join!(closing, receiving);
        closed.expect("the peer plays along");
        let received: Vec<u64> = received.iter().map(number).collect();
        assert_eq!(received, Vec::from_iter(0..20));
    })
    .await;
}

/// A transport says what it is, and in which format payloads are best handed to it.
///
/// The session writes its payloads in that format, and shows the rest to its user.
pub async fn it_says_what_it_is(subject: &impl Subject) {
    each_way(subject, async |mut ours, mut theirs| {
        for end in [&mut ours, &mut theirs] {
            let format = end.transport().format();
            let info = end.transport().info();
            assert_ne!(info.transport, "", "the kind of transport is named");
            let name = info.serializer.trim_end_matches(".batched");
            assert_eq!(name, format.name(), "its serializer has its format");
        }
        assert_eq!(ours.transport().format(), theirs.transport().format());
        let name = |end: &mut End| end.transport().info().transport;
        assert_eq!(name(&mut ours), name(&mut theirs));
    })
    .await;
}

/// If octets are counted, both ends count the same ones, they never become fewer, and they are
/// still told when the transport has ended.
///
/// Whoever runs a router watches them.
pub async fn octets_are_counted_alike_on_both_sides(subject: &impl Subject) {
    const LEN: u64 = 5000;
    each_way(subject, async |mut ours, mut theirs| {
        let before = ours.transport().octets();
        for message in 0..10 {
            let long = "x".repeat(LEN as usize);
            let long = encode(
                &ours.transport().format(),
                &args![long],
                &Default::default(),
            );
            let telling = async {
                ours.send(event(long)).await.expect("there is room");
                ours.tell(numbered(message)).await.expect("there is room");
            };
            let receiving = async {
                theirs.receive().await.expect("it was flushed");
                theirs.receive().await.expect("it was flushed");
            };
            tokio::join!(telling, receiving);
        }
        let (here, there) = (ours.transport().octets(), theirs.transport().octets());
        assert_eq!(here.sent, there.received, "what was sent was received");
        assert_eq!(there.sent, here.received, "and in the other direction");
        assert_eq!(here.received, before.received, "the other end said nothing");
        let is_counted = here != Octets::default();
        if is_counted {
            let sent = here.sent - before.sent;
            assert!((10 * LEN..11 * LEN).contains(&sent), "{sent} octets");
        }
        ours.transport().abort();
        assert_eq!(
            ours.transport().octets(),
            here,
            "it is told when all is over"
        );
    })
    .await;
}
