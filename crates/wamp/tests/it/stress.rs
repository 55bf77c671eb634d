//! Many tasks that do everything at once, and break it off in the midst.

use std::collections::BTreeSet;
use std::future::{IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;

use wamp::{Router, Session};

use crate::world::{World, bounded};

const SESSIONS: u64 = 8;
const TASKS: u64 = 4;
const ROUNDS: u64 = 150;

/// A generator of numbers that do not repeat soon (splitmix64), the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Polls a future some times, with others in between, and drops it if it is not ready by then.
async fn break_off<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// What one task does with a session that others use as well.
async fn rounds(session: Session, seed: u64) {
    let mut dice = Dice(seed);
    for round in 0..ROUNDS {
        let name = dice.roll(3);
        let polls = dice.roll(6);
        let topic = format!("com.example.topic{name}");
        let procedure = format!("com.example.procedure{name}");
        match dice.roll(7) {
            0 => {
                let echoed = session.call(&procedure).args((round,)).returns::<u64>();
                // There may be no such procedure at this time, or no more.
                if let Ok(echoed) = echoed.await {
                    assert_eq!(echoed, round);
                }
            }
            1 => {
                let call = session.call(&procedure).args((round,));
                let _ = break_off(call.into_future(), polls).await;
            }
            2 => {
                let handler = |value: u64| async move {
                    tokio::task::yield_now().await;
                    Ok(value)
                };
                let register = session.register(&procedure, handler).into_future();
                if let Some(Ok(registration)) = break_off(register, polls * 20).await {
                    let _ = break_off(registration.unregister(), polls).await;
                }
            }
            3 => {
                let subscribe = session.subscribe(&topic).into_future();
                drop(break_off(subscribe, polls * 20).await);
            }
            4 => {
                let publish = session.publish(&topic).args((round,)).exclude_me(false);
                let _ = break_off(publish.acknowledge().into_future(), polls).await;
            }
            5 => {
                // Whatever the others do with the same topic: a stream that was granted gets what
                // is published from then on.
                let mut events = session.subscribe(&topic).await.expect("it is granted");
                let publish = session.publish(&topic).args((round,)).exclude_me(false);
                let published = publish.acknowledge().await.expect("it is accepted").id();
                while let Some(event) = events.next().await {
                    if event.details().publication == published {
                        break;
                    }
                }
                if dice.roll(2) == 0 {
                    events.unsubscribe().await.expect("the session is open");
                }
            }
            _ => {
                let handled =
                    session
                        .subscribe(&topic)
                        .handler(|value: u64, session: Session| async move {
                            drop((value, session));
                        });
                let handle = handled.await.expect("it is granted");
                let _ = break_off(handle.unsubscribe(), polls).await;
            }
        }
    }
}

/// Lets sessions run into each other; then each ends in one of the ways in which one can.
async fn collide(router: &Router, sessions: Vec<Session>) {
    let mut tasks = Vec::new();
    for (at, session) in (0..).zip(&sessions) {
        tasks.extend((0..TASKS).map(|task| {
            let seed = at * TASKS + task;
            tokio::spawn(rounds(session.clone(), seed))
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let ids: BTreeSet<_> = sessions.iter().map(Session::id).collect();
    assert_eq!(ids.len(), sessions.len());
    let mut leaving = Vec::new();
    for (at, session) in sessions.into_iter().enumerate() {
        // The rest is left with work to do.
        let busy = tokio::spawn(session.call("com.example.procedure0").into_future());
        match at % 3 {
            0 => drop(session),
            1 => leaving.push(tokio::spawn(session.leave().into_future())),
            _ => {
                let both = [session.leave(), session.leave()];
                leaving.extend(both.map(|leave| tokio::spawn(leave.into_future())));
                tokio::spawn(rounds_until_closed(session));
            }
        }
        leaving.push(tokio::spawn(async move {
            let _ = busy.await;
            Ok(wamp::CloseDetails::transport_lost("not told"))
        }));
    }
    for leave in leaving {
        // One of two that leave at once may find that it is done.
        let _ = leave.await.expect("no panic");
    }
    while router.session_count("realm1") != Some(0) {
        tokio::task::yield_now().await;
    }
}

fn assert_nothing_left(router: &Router) {
    let left = router.counts("realm1").expect("there is the realm");
    assert_eq!(
        (left.sessions, left.subscriptions, left.registrations),
        (0, 0, 0),
        "{left:?}"
    );
}

/// Asks for whatever until the session has ended.
async fn rounds_until_closed(session: Session) {
    while session.is_open() {
        let _ = break_off(session.call("com.example.procedure1").into_future(), 2).await;
        let _ = session.publish("com.example.topic0").await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_hangs_and_nothing_is_left_over_websocket() {
    bounded(async {
        let world = World::new().await;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(world.session().await);
        }
        collide(&world.router, sessions).await;
        assert_nothing_left(&world.router);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_hangs_and_nothing_is_left_in_memory() {
    bounded(async {
        let world = World::new().await;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            let session = world.router.session("realm1").await;
            sessions.push(session.expect("the realm is open"));
        }
        collide(&world.router, sessions).await;
        assert_nothing_left(&world.router);
    })
    .await;
}
