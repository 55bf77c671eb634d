//! Whatever the network does to octets: what arrived whole is received, and nobody hangs.

use std::time::Duration;

use tokio::time::Instant;
use wamp_core::{CloseReason, ReceiveError};
use wamp_messages::Message;

use super::patience::CLOSES_WITHIN;
use super::{assert_gives_nothing, assert_over};
use crate::end::End;
use crate::messages::{number, numbered, text};
use crate::numbers::Numbers;
use crate::pipe::{Chunks, Cut, Delay, Lane, Wire, pipe};
use crate::subject::{Options, StreamSubject};

/// Both ends over a pipe, with the lane that ours writes to and the one that it reads from.
pub(super) struct Line {
    pub(super) ours: End,
    pub(super) theirs: End,
    pub(super) out: Lane,
    pub(super) back: Lane,
}

impl Line {
    /// Opens both ends over a wire that was prepared.
    pub(super) async fn open(
        subject: &impl StreamSubject,
        options: &Options,
        ours: Side,
        prepare: impl FnOnce(&Wire),
    ) -> Self {
        let (client, server, wire) = pipe();
        prepare(&wire);
        let ends = subject.open_over(client, server, options).await;
        match ours {
            Side::Client => Self {
                ours: ends.client,
                theirs: ends.server,
                out: wire.to_server,
                back: wire.to_client,
            },
            Side::Server => Self {
                ours: ends.server,
                theirs: ends.client,
                out: wire.to_client,
                back: wire.to_server,
            },
        }
    }

    async fn plain(subject: &impl StreamSubject, ours: Side) -> Self {
        Self::open(subject, &Options::default(), ours, |_| {}).await
    }
}

/// Which end is ours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Client,
    Server,
}

pub(super) const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// What is said over a line that goes wrong.
pub(super) fn conversation(end: &mut End) -> [Message; 3] {
    let format = end.transport().format();
    [numbered(1), text(&format, 20), numbered(300)]
}

/// Where each message of the conversation ends, in octets, and where closing does.
async fn measure(subject: &impl StreamSubject, side: Side) -> (Vec<u64>, u64) {
    let mut line = Line::plain(subject, side).await;
    let before = line.out.passed();
    let mut ends = Vec::new();
    for message in conversation(&mut line.ours) {
        line.ours.tell(message).await.expect("the line works");
        ends.push(line.out.passed() - before);
    }
    let hearing = async {
        line.theirs.receive_all().await;
        drop(line.theirs);
    };
    let normal = CloseReason::Normal;
    let (closed, ()) = tokio::join!(line.ours.close(&normal), hearing);
    closed.expect("the line works");
    (ends, line.out.passed() - before)
}

/// Says what there is to be said as far as that goes, and closes.
async fn say(ours: &mut End) {
    for message in conversation(ours) {
        if ours.tell(message).await.is_err() {
            break;
        }
    }
    let _ = ours.close(&CloseReason::Normal).await;
    assert_over(ours);
}

/// Octets may come one at a time, the handshake included, and each of them after a pause.
///
/// TCP promises nothing about where it splits.
pub async fn octets_may_come_one_at_a_time(subject: &impl StreamSubject) {
    for side in SIDES {
        let prepare = |wire: &Wire| wire.chunks(Chunks::UpTo(1));
        let mut line = Line::open(subject, &Options::default(), side, prepare).await;
        // Handshakes may rely on some room, since both sides write in them before they read.
        for lane in [&line.out, &line.back] {
            lane.capacity(1);
        }
        exchange(&mut line, 5).await;
    }
}

/// Receiving can be given up after each octet, and nothing is lost.
///
/// Whoever polls for a message may have found something else to do.
pub async fn receiving_can_be_given_up_after_each_octet(subject: &impl StreamSubject) {
    for side in SIDES {
        let prepare = |wire: &Wire| wire.chunks(Chunks::UpTo(1));
        let mut line = Line::open(subject, &Options::default(), side, prepare).await;
        for message in conversation(&mut line.ours) {
            let receiving = async {
                loop {
                    tokio::select! {
                        biased;
                        received = line.theirs.receive() => break received,
                        () = tokio::task::yield_now() => {}
                    }
                }
            };
            let (told, received) = tokio::join!(line.ours.tell(message.clone()), receiving);
            told.expect("the line works");
            assert_eq!(received.expect("it was sent"), message);
        }
    }
}

/// However octets are split, joined and delayed, and however little is under way at once: messages
/// arrive whole and in order, and closing is in order.
pub async fn octets_may_be_split_joined_and_late(subject: &impl StreamSubject) {
    for seed in 0..20 {
        for side in SIDES {
            println!("{side:?} is ours, the seed is {seed}");
            let prepare = |wire: &Wire| {
                let mut numbers = Numbers::new(seed);
                let max = 1 + numbers.below(60);
                wire.chunks(Chunks::Random { max, seed });
                let max = Duration::from_millis(1 + numbers.below(100) as u64);
                wire.delay(Delay::Random { max, seed });
                // Not so little that a handshake has no room, or no time.
                wire.capacity(64 + numbers.below(300));
            };
            let mut line = Line::open(subject, &Options::default(), side, prepare).await;
            exchange(&mut line, 10).await;
        }
    }
}

/// Sends messages both ways, and closes in order.
async fn exchange(line: &mut Line, messages: u64) {
    let Line { ours, theirs, .. } = line;
    for round in 1..=messages {
        let long = text(&ours.transport().format(), 300);
        let speak = async |end: &mut End| {
            end.send(numbered(round)).await.expect("the line works");
            end.send(long.clone()).await.expect("the line works");
            end.flush().await.expect("the line works");
        };
        let hear = async |end: &mut End| {
            assert_eq!(number(&end.receive().await.expect("it was sent")), round);
            assert_eq!(end.receive().await.expect("it was sent"), long);
        };
        tokio::join!(speak(ours), hear(theirs));
        tokio::join!(speak(theirs), hear(ours));
    }
    let normal = CloseReason::Normal;
    let hearing = async {
        let heard = theirs.receive().await;
        let _ = theirs.close(&normal).await;
        heard
    };
    let (closed, heard) = tokio::join!(ours.close(&normal), hearing);
    let error = heard.expect_err("nothing was sent");
    assert!(matches!(error, ReceiveError::Closed), "{error}");
    closed.expect("the line works");
}

/// A connection that is cut at any octet, by its end or by a reset: every message that has arrived
/// whole is received, then both sides are told, and nobody hangs. A message that was cut is a loss
/// and no close in order.
pub async fn a_connection_may_be_cut_at_any_octet(subject: &impl StreamSubject) {
    for side in SIDES {
        let (ends, total) = measure(subject, side).await;
        for at in 0..=total {
            for cut in [Cut::Eof, Cut::Reset] {
                println!("{side:?} is ours, {cut:?} after {at} of {total} octets");
                let mut line = Line::plain(subject, side).await;
                line.out.cut_after(at, cut);
                let begin = Instant::now();
                let sent = conversation(&mut line.ours);
                let ((), (received, error)) =
                    tokio::join!(say(&mut line.ours), line.theirs.receive_all());
                let arrived = ends.iter().filter(|end| **end <= at).count();
                assert_eq!(received, sent[..arrived]);
                let is_within_message = at < ends[2] && at != 0 && !ends.contains(&at);
                if is_within_message || (cut == Cut::Reset && at <= ends[2]) {
                    assert!(matches!(error, ReceiveError::Lost(_)), "{error}");
                }
                assert_gives_nothing(&mut line.theirs);
                let _ = line.theirs.close(&CloseReason::Normal).await;
                assert_over(&mut line.theirs);
                assert!(begin.elapsed() <= CLOSES_WITHIN);
            }
        }
    }
}

/// A connection over which nothing comes through any more, from any octet on: what had arrived whole
/// is received, and closing ends on both sides within [`CLOSES_WITHIN`].
pub async fn a_connection_may_stall_at_any_octet(subject: &impl StreamSubject) {
    for side in SIDES {
        let (ends, total) = measure(subject, side).await;
        for at in 0..=total {
            println!("{side:?} is ours, nothing comes through after {at} of {total} octets");
            let mut line = Line::plain(subject, side).await;
            line.out.stall_after(at);
            let sent = conversation(&mut line.ours);
            let saying = async {
                let begin = Instant::now();
                say(&mut line.ours).await;
                assert!(begin.elapsed() <= CLOSES_WITHIN);
                drop(line.ours);
            };
            let mut received = Vec::new();
            let hearing = async {
                while let Ok(message) = line.theirs.receive().await {
                    received.push(message);
                }
            };
            let a_minute = Duration::from_secs(60);
            let hearing = tokio::time::timeout(a_minute, hearing);
            let ((), _) = tokio::join!(saying, hearing);
            let arrived = ends.iter().filter(|end| **end <= at).count();
            assert_eq!(received, sent[..arrived]);
            let begin = Instant::now();
            let _ = line.theirs.close(&CloseReason::Normal).await;
            assert!(begin.elapsed() <= CLOSES_WITHIN);
        }
    }
}

/// Any octet may be another one, missing, or one too many: what came before it is right, what
/// comes after may be anything, and nobody panics or hangs. Where it makes of a message what is
/// none, that is all: an ABORT can be sent that says so.
pub async fn any_octet_may_be_corrupted(subject: &impl StreamSubject) {
    let mut numbers = Numbers::new(5);
    for side in SIDES {
        let (ends, total) = measure(subject, side).await;
        for at in 0..total {
            let octet = numbers.below(256) as u8;
            let changes: [&dyn Fn(&Lane); 4] = [
                &|out| out.flip(at, 1 << (octet % 8)),
                &|out| out.flip(at, octet),
                &|out| out.insert(at, octet),
                &|out| out.remove(at),
            ];
            for (change, make) in changes.iter().enumerate() {
                println!("{side:?} is ours, change {change} with {octet} at {at} of {total}");
                let mut line = Line::plain(subject, side).await;
                make(&line.out);
                let begin = Instant::now();
                let sent = conversation(&mut line.ours);
                let saying = async {
                    say(&mut line.ours).await;
                    drop(line.ours);
                };
                let ((), (received, error)) = tokio::join!(saying, line.theirs.receive_all());
                // TLS forgets what it has read when it finds the next record spoiled.
                let arrived = ends.iter().filter(|end| **end <= at).count();
                let arrived = arrived.min(received.len());
                assert_eq!(received[..arrived], sent[..arrived]);
                if let ReceiveError::Decode(_) = error {
                    let told = line.theirs.send(numbered(1)).await;
                    told.expect("an ABORT can still be sent");
                } else {
                    assert_gives_nothing(&mut line.theirs);
                }
                let _ = line.theirs.close(&CloseReason::Normal).await;
                assert!(begin.elapsed() <= 2 * CLOSES_WITHIN);
            }
        }
    }
}

/// A peer that has ended its direction is gone, though it might still read: receiving is told, and
/// closing ends.
///
/// No message can come any more, so that no session can go on.
pub async fn a_direction_that_has_ended_ends_the_transport(subject: &impl StreamSubject) {
    for side in SIDES {
        let mut line = Line::plain(subject, side).await;
        line.back.half_close_after(0);
        let begin = Instant::now();
        line.ours.receive_all().await;
        let _ = line.ours.close(&CloseReason::Normal).await;
        drop(line.ours);
        line.theirs.receive_all().await;
        let _ = line.theirs.close(&CloseReason::Normal).await;
        assert!(begin.elapsed() <= 2 * CLOSES_WITHIN);
    }
}
