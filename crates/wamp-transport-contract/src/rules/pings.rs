//! A peer that is gone without a word is noticed, and one that is not stays.

use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;
use wamp_core::{ReceiveError, TransportError};

use super::fill;
use super::streams::{Line, SIDES, conversation};
use crate::end::End;
use crate::messages::numbered;
use crate::subject::{EndOptions, Options, Pings, StreamSubject};

const PINGS: Pings = Pings {
    interval: Duration::from_secs(20),
    timeout: Duration::from_secs(7),
};

/// How long a silent peer may stay: a ping may wait for one interval more, when something came just
/// after the one before.
const LOST_WITHIN: Duration = Duration::from_secs(20 + 20 + 7 + 1);

fn options() -> Options {
    Options::both(EndOptions::default().pings(PINGS))
}

/// A peer that gives no sign of life is lost by the time that two intervals and the timeout are over,
/// and not before the timeout is.
///
/// A machine that is switched off sends no end of its streams: its session would stay for ever, and
/// calls to it would wait.
pub async fn a_peer_that_gives_no_sign_of_life_is_lost(subject: &impl StreamSubject) {
    for side in SIDES {
        let mut line = Line::open(subject, &options(), side, |_| {}).await;
        line.back.stall_after(0);
        let begin = Instant::now();
        assert_timed_out(&mut line.ours).await;
        assert!(begin.elapsed() >= PINGS.timeout);
        assert!(begin.elapsed() <= LOST_WITHIN);
    }
}

/// The same from any octet on: what had arrived whole is received before.
pub async fn a_peer_that_falls_silent_at_any_octet_is_lost(subject: &impl StreamSubject) {
    for side in SIDES {
        for at in 0..40 {
            let mut line = Line::open(subject, &options(), side, |_| {}).await;
            line.back.stall_after(at);
            let begin = Instant::now();
            for message in conversation(&mut line.theirs) {
                line.theirs.tell(message).await.expect("it is not told");
            }
            while let Ok(message) = line.ours.receive().await {
                assert!(conversation(&mut line.theirs).contains(&message));
            }
            assert_timed_out(&mut line.ours).await;
            assert!(begin.elapsed() <= LOST_WITHIN);
        }
    }
}

/// A peer that takes nothing either is lost, though the ping cannot even be written.
pub async fn a_peer_that_takes_nothing_is_lost_too(subject: &impl StreamSubject) {
    for side in SIDES {
        let mut line = Line::open(subject, &options(), side, |_| {}).await;
        for lane in [&line.out, &line.back] {
            lane.stall_after(0);
        }
        fill(&mut line.ours, Waker::noop());
        let begin = Instant::now();
        assert_timed_out(&mut line.ours).await;
        // The octets that the line itself took looked like progress, once.
        assert!(begin.elapsed() <= LOST_WITHIN + PINGS.timeout);
    }
}

/// Two idle ends keep each other alive, for hours, over a line that is slow, too.
pub async fn two_idle_ends_keep_each_other_alive(subject: &impl StreamSubject) {
    for side in SIDES {
        for delay in [0, 3] {
            let prepare = |wire: &crate::pipe::Wire| {
                wire.delay(crate::pipe::Delay::Fixed(Duration::from_secs(delay)));
            };
            let mut line = Line::open(subject, &options(), side, prepare).await;
            tokio::select! {
                received = line.ours.receive() => panic!("{received:?}"),
                received = line.theirs.receive() => panic!("{received:?}"),
                () = tokio::time::sleep(Duration::from_secs(3 * 3600)) => {}
            }
            let (told, received) = tokio::join!(line.ours.tell(numbered(1)), line.theirs.receive());
            told.expect("the peer is there");
            assert_eq!(received.expect("it was sent"), numbered(1));
        }
    }
}

/// The time in which nobody listens is not held against the peer: what has come meanwhile is read
/// first, and is its answer.
///
/// A connection stops listening for a while when those that it feeds are too slow.
pub async fn a_peer_that_nobody_listened_to_is_not_lost(subject: &impl StreamSubject) {
    for side in SIDES {
        let mut line = Line::open(subject, &options(), side, |_| {}).await;
        // Until our ping is out, and not yet answered.
        let soon = PINGS.interval + Duration::from_secs(1);
        let listening = tokio::time::timeout(soon, line.ours.receive());
        assert!(listening.await.is_err(), "nothing was sent");
        line.theirs.tell(numbered(1)).await.expect("there is room");
        tokio::time::sleep(10 * (PINGS.interval + PINGS.timeout)).await;
        assert_eq!(line.ours.receive().await.expect("it was sent"), numbered(1));
        // The other one has not listened either, and hears us now.
        let (told, received) = tokio::join!(line.ours.tell(numbered(2)), line.theirs.receive());
        told.expect("the peer is there");
        assert_eq!(received.expect("it was sent"), numbered(2));
        tokio::select! {
            received = line.ours.receive() => panic!("{received:?}"),
            received = line.theirs.receive() => panic!("{received:?}"),
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
    }
}

/// Pings do not get between the octets of messages.
pub async fn messages_pass_between_pings(subject: &impl StreamSubject) {
    for side in SIDES {
        let mut line = Line::open(subject, &options(), side, |_| {}).await;
        for round in 0..30 {
            let waiting = async {
                tokio::select! {
                    received = line.theirs.receive() => panic!("{received:?}"),
                    () = tokio::time::sleep(Duration::from_secs(9)) => {}
                }
            };
            tokio::select! {
                received = line.ours.receive() => panic!("{received:?}"),
                () = waiting => {}
            }
            let (told, received) =
                tokio::join!(line.ours.tell(numbered(round)), line.theirs.receive());
            told.expect("the peer is there");
            assert_eq!(received.expect("it was sent"), numbered(round));
        }
    }
}

async fn assert_timed_out(end: &mut End) {
    let error = end.receive().await.expect_err("nothing comes");
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::TimedOut(_))),
        "{error}"
    );
}
