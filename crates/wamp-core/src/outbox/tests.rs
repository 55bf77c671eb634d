//! Rules of the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use wamp_messages::message::{Event, EventReceived};
use wamp_messages::{Payload, PublicationId, SubscriptionId};

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn event(len: usize) -> Outgoing {
    Outgoing::from(Event {
        subscription: SubscriptionId::ZERO,
        publication: PublicationId::ZERO,
        details: Default::default(),
        payload: Payload::opaque(vec![0; len].into()),
    })
}

fn acknowledgement() -> Outgoing {
    Outgoing::from(EventReceived {
        publication: PublicationId::ZERO,
    })
}

#[test]
fn the_connection_is_woken_once_for_many_messages() {
    let outbox = Outbox::new(OutboxLimits::default());
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    assert!(outbox.poll_pop(&Context::from_waker(&waker)).is_pending());
    assert!(outbox.push(acknowledgement()).into_waker().is_some());
    assert!(outbox.push(acknowledgement()).into_waker().is_none());
}

#[test]
fn events_stop_at_the_mark_and_answers_at_the_reserve() {
    let limits = OutboxLimits {
        mark: 1_000,
        reserve: 1_000,
    };
    let outbox = Outbox::new(limits);
    assert!(matches!(outbox.push(event(600)), Pushed::Entered(_)));
    for _ in 0..3 {
        assert!(matches!(outbox.push(acknowledgement()), Pushed::Entered(_)));
    }
    assert!(matches!(outbox.push(event(600)), Pushed::Overflowed(_)));
    assert!(outbox.has_overflowed() && outbox.is_closed());
    assert!(matches!(outbox.push(event(600)), Pushed::Closed));
}

#[test]
fn an_overflow_wakes_a_connection_that_looks_for_no_message() {
    let limits = OutboxLimits {
        mark: 1_000,
        reserve: 0,
    };
    let outbox = Outbox::new(limits);
    let count = Arc::new(Count::default());
    outbox.set_watcher(Waker::from(Arc::clone(&count)));
    assert!(outbox.push(event(600)).into_waker().is_none());
    outbox.push(event(600)).wake();
    assert!(outbox.has_overflowed());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_sender_waits_for_room_and_is_woken_when_there_is_some() {
    let outbox = Outbox::new(OutboxLimits {
        mark: 500,
        reserve: 500,
    });
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = Context::from_waker(&waker);
    outbox.push(event(400)).wake();
    assert!(outbox.poll_room(&cx).is_pending());
    assert!(outbox.poll_pop(&cx).is_ready());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(outbox.poll_room(&cx).is_ready());
}

#[test]
fn what_waits_in_a_closed_outbox_can_be_taken_out() {
    let outbox = Outbox::new(OutboxLimits::default());
    outbox.push(acknowledgement()).wake();
    outbox.close();
    assert!(matches!(outbox.push(acknowledgement()), Pushed::Closed));
    assert!(
        outbox
            .poll_pop(&Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

/// An outbox with a mark and a reserve of 1 000 octets each.
fn small() -> Outbox {
    Outbox::new(OutboxLimits::default().mark(1_000).reserve(1_000))
}

/// An event that is put in and takes the outbox above its mark.
fn flood(outbox: &Outbox) -> Flood {
    match outbox.push_or(event(600), AboveMark::Admit) {
        Pushed::Above(_, flood) => flood,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_that_is_dropped_leaves_the_outbox_as_it_is() {
    let outbox = small();
    outbox.push(event(600)).wake();
    let before = (outbox.weight(), outbox.put());
    let pushed = outbox.push_or(event(600), AboveMark::Drop);
    assert!(matches!(pushed, Pushed::Dropped));
    assert_eq!((outbox.weight(), outbox.put()), before);
    // What is no event has the reserve.
    for _ in 0..4 {
        let pushed = outbox.push_or(acknowledgement(), AboveMark::Drop);
        assert!(matches!(pushed, Pushed::Entered(_)));
    }
    let pushed = outbox.push_or(acknowledgement(), AboveMark::Drop);
    assert!(matches!(pushed, Pushed::Overflowed(_)));
}

#[test]
fn an_event_is_let_in_above_the_mark_until_the_reserve_is_used_up() {
    let outbox = small();
    outbox.push(event(600)).wake();
    flood(&outbox);
    let pushed = outbox.push_or(event(600), AboveMark::Admit);
    assert!(matches!(pushed, Pushed::Overflowed(_)), "{pushed:?}");
    assert!(outbox.has_overflowed());
}

#[test]
fn one_event_is_always_let_in() {
    for above in [AboveMark::Close, AboveMark::Drop, AboveMark::Admit] {
        let outbox = small();
        let pushed = outbox.push_or(event(1 << 20), above);
        assert!(matches!(pushed, Pushed::Above(..)), "{pushed:?}");
    }
}

#[test]
fn a_flood_ends_below_the_mark_though_the_outbox_fills_again() {
    let outbox = small();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = Context::from_waker(&waker);
    outbox.push(event(600)).wake();
    let first = flood(&outbox);
    assert!(outbox.poll_ebb(&cx, first).is_pending());
    assert!(outbox.poll_ebb(&cx, first).is_pending());
    assert!(outbox.poll_pop(&cx).is_ready());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    let second = flood(&outbox);
    assert!(outbox.poll_ebb(&cx, first).is_ready());
    assert!(outbox.poll_ebb(&cx, second).is_pending());
    outbox.overflow(first);
    assert!(!outbox.is_closed());
    outbox.overflow(second);
    assert!(outbox.has_overflowed() && outbox.is_closed());
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert!(outbox.poll_ebb(&cx, second).is_ready());
}

#[test]
fn who_waits_for_a_flood_is_released_when_the_outbox_is_given_up() {
    let endings: [fn(&Outbox); 2] = [Outbox::release, Outbox::close];
    for end in endings {
        let outbox = small();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        outbox.push(event(600)).wake();
        let flood = flood(&outbox);
        assert!(outbox.poll_ebb(&cx, flood).is_pending());
        end(&outbox);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(outbox.poll_ebb(&cx, flood).is_ready());
    }
}

#[test]
fn who_waits_no_more_leaves_nothing_behind() {
    let outbox = small();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    outbox.push(event(600)).wake();
    let flood = flood(&outbox);
    let cx = Context::from_waker(&waker);
    assert!(outbox.poll_ebb(&cx, flood).is_pending());
    assert_eq!(Arc::strong_count(&count), 3);
    outbox.forget(&waker);
    assert_eq!(Arc::strong_count(&count), 2);
    outbox.release();
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
}

#[test]
fn above_a_mark_of_zero_one_message_waits_at_a_time() {
    let outbox = Outbox::new(OutboxLimits::default().mark(0));
    let cx = Context::from_waker(Waker::noop());
    assert!(outbox.poll_room(&cx).is_ready());
    let flood = flood(&outbox);
    assert!(outbox.poll_room(&cx).is_pending());
    assert!(outbox.poll_ebb(&cx, flood).is_pending());
    assert!(outbox.poll_pop(&cx).is_ready());
    assert!(outbox.poll_room(&cx).is_ready());
    assert!(outbox.poll_ebb(&cx, flood).is_ready());
}

#[test]
fn a_flood_that_is_over_leaves_no_room_behind() {
    let outbox = Outbox::new(OutboxLimits::default());
    for _ in 0..10 * KEPT {
        assert!(matches!(outbox.push(acknowledgement()), Pushed::Entered(_)));
    }
    assert!(outbox.lock().queue.capacity() >= 10 * KEPT);
    let cx = Context::from_waker(Waker::noop());
    while outbox.poll_pop(&cx).is_ready() {}
    assert!(outbox.lock().queue.capacity() <= KEPT);
}
