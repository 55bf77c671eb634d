//! The contract, rule by rule. Each is a test, and its text says who relies on it.
//!
//! They are grouped by what a transport has:
//!
//! | set | of which transports | clock |
//! |---|---|---|
//! | [`delivery`], [`flow`], [`closing`] | all | any |
//! | [`patience`] | all | virtual |
//! | [`farewell`] | those whose peer can tell a close from a loss | any |
//! | [`limits`] | those with a limit of length | any |
//! | [`streams`] | those over a stream of octets | virtual |
//! | [`pings`] | those over a stream that send pings | virtual |
//!
//! A rule panics where it is broken.

pub mod closing;
pub mod delivery;
pub mod farewell;
pub mod flow;
pub mod limits;
pub mod patience;
pub mod pings;
pub mod streams;

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::Notify;
use wamp_core::{Outgoing, SendError, TransportError};

use crate::end::End;
use crate::messages::text;
use crate::subject::{Options, Subject};

/// Checks a rule with either end in the place of ours.
async fn each_way(subject: &impl Subject, check: impl AsyncFn(End, End)) {
    each_way_with(subject, &Options::default(), check).await;
}

/// The same under options of our end and of theirs.
async fn each_way_with(subject: &impl Subject, options: &Options, check: impl AsyncFn(End, End)) {
    println!("the client is ours");
    let ends = subject.open(options).await;
    check(ends.client, ends.server).await;
    println!("the server is ours");
    let ends = subject.open(&options.clone().swapped()).await;
    check(ends.server, ends.client).await;
}

/// Says whether it was woken.
#[derive(Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Bell {
    fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    async fn rung(&self) {
        self.0.notified().await;
    }
}

/// Sends messages until the transport takes no more, with a waker that stays with it; returns how
/// many octets it took.
fn fill(ours: &mut End, waker: &Waker) -> usize {
    const LEN: usize = 1 << 20;
    let cx = &mut Context::from_waker(waker);
    let transport = ours.transport();
    let message = Outgoing::from(text(&transport.format(), LEN));
    let mut taken = 0;
    loop {
        match transport.poll_ready(cx) {
            Poll::Ready(ready) => ready.expect("nothing is wrong"),
            // What it holds back may have room below.
            Poll::Pending => match transport.poll_flush(cx) {
                Poll::Ready(flushed) => {
                    flushed.expect("nothing is wrong");
                    if transport.poll_ready(cx).is_pending() {
                        return taken;
                    }
                }
                Poll::Pending => return taken,
            },
        }
        transport.send(&message).expect("it was ready");
        taken += LEN;
        assert!(
            taken <= MOST_HELD,
            "there is no end to what it takes though the peer reads nothing"
        );
    }
}

/// What a transport may hold at most for a peer that does not read, the buffers of the operating
/// system on both sides included.
const MOST_HELD: usize = 64 << 20;

/// Whether an error of sending says that the transport is no use any more.
fn is_lost(sent: &Result<(), SendError>) -> bool {
    matches!(sent, Err(SendError::Lost(_)))
}

/// Checks that a transport takes and gives nothing any more, and waits for nothing.
fn assert_over(end: &mut End) {
    assert_gives_nothing(end);
    assert_takes_nothing(end);
}

/// Checks that a transport gives nothing any more, and that receiving does not wait.
fn assert_gives_nothing(end: &mut End) {
    let received = end.once(|transport, cx| transport.poll_receive(cx));
    let received = received.expect("receiving does not wait for what cannot come");
    assert!(received.is_err(), "a message came after the end");
}

/// Checks that a transport takes nothing any more.
fn assert_takes_nothing(end: &mut End) {
    let ready: Option<Result<(), TransportError>> =
        end.once(|transport, cx| transport.poll_ready(cx));
    let ready = ready.expect("it does not wait for room that nobody makes");
    assert!(ready.is_err(), "it is ready for messages after the end");
    let message = text(&end.transport().format(), 1).into();
    let sent = end.transport().send(&message);
    assert!(is_lost(&sent), "it takes a message after the end: {sent:?}");
}
