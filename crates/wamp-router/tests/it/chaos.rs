//! Clients that publish, stall, read, leave and are killed, in whatever order.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use wamp_messages::Message;
use wamp_router::{Router, SlowConsumers, limit_uri};

use crate::client::{REALM, goodbye};
use crate::gate::{Gated, long, number, router};

const CLIENTS: usize = 6;
const STEPS: usize = 400;
/// Every publisher has its own thousands.
const SHARE: u64 = 10_000;

/// A generator of numbers that do not repeat soon (splitmix64), the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides).try_into().unwrap()
    }
}

struct Player {
    gated: Gated,
    serial: u64,
    published: u64,
    /// The last number that was seen of each publisher.
    seen: HashMap<u64, u64>,
}

struct Game {
    router: Router,
    policy: SlowConsumers,
    players: Vec<Player>,
    serial: u64,
    /// What was seen: events, and players that were too slow.
    events: usize,
    slow: u64,
}

impl Game {
    async fn join(&mut self) -> Player {
        let mut gated = Gated::join(&self.router).await;
        gated.client.subscribe(1, "com.a").await;
        self.serial += 1;
        Player {
            gated,
            serial: self.serial,
            published: 0,
            seen: HashMap::new(),
        }
    }

    async fn replace(&mut self, at: usize) -> Player {
        let player = self.join().await;
        std::mem::replace(&mut self.players[at], player)
    }

    async fn step(&mut self, dice: &mut Dice) {
        let at = dice.roll(CLIENTS as u64);
        if self.players[at].gated.serving.is_finished() {
            self.read(at).await;
        }
        let player = &mut self.players[at];
        match dice.roll(20) {
            0..9 => {
                player.published += 1;
                let mut message = long(SHARE * player.serial + player.published);
                message.options.acknowledge = None;
                message.options.exclude_me = Some(dice.roll(2) == 0);
                // A publisher that is held up goes on when those who hold it up are given up.
                let sent = timeout(Duration::from_secs(60), player.gated.client.send(message));
                sent.await.expect("it is not held up for ever");
            }
            9..12 => player.gated.gate.close(),
            12 => player.gated.gate.open(),
            13..15 => player.gated.gate.let_pass(dice.roll(6)),
            15 => sleep(Duration::from_secs(dice.roll(3) as u64)).await,
            16 => {
                let left = self.replace(at).await;
                left.gated.serving.abort();
            }
            17 => {
                player.gated.client.send(goodbye()).await;
                self.replace(at).await;
            }
            _ => self.read(at).await,
        }
    }

    /// Reads what is there.
    async fn read(&mut self, at: usize) {
        let player = &mut self.players[at];
        let moment = Duration::from_millis(1);
        while let Ok(message) = timeout(moment, player.gated.client.receive()).await {
            let Some(number) = number(&message) else {
                let Message::Abort(abort) = message else {
                    panic!("{message:?}");
                };
                assert_eq!(abort.reason, limit_uri::TOO_SLOW);
                self.slow += 1;
                self.replace(at).await;
                return;
            };
            self.events += 1;
            let last = player.seen.insert(number / SHARE, number);
            match last {
                Some(last) if self.policy == SlowConsumers::Drop => assert!(number > last),
                // Its own events come only if it does not exclude itself.
                Some(last) if number / SHARE == player.serial => assert!(number > last),
                Some(last) => assert_eq!(number, last + 1),
                None => {}
            }
        }
    }
}

async fn play(policy: SlowConsumers, seed: u64) -> (usize, u64) {
    let mut game = Game {
        router: router(policy, 2),
        policy,
        players: Vec::new(),
        serial: 0,
        events: 0,
        slow: 0,
    };
    for _ in 0..CLIENTS {
        let player = game.join().await;
        game.players.push(player);
    }
    let mut dice = Dice(seed);
    for _ in 0..STEPS {
        game.step(&mut dice).await;
    }
    for player in &game.players {
        player.gated.gate.open();
    }
    for at in 0..CLIENTS {
        game.read(at).await;
    }
    let counts = game.router.counts(REALM).unwrap();
    assert!(counts.slow_sessions >= game.slow, "{counts:?}");
    let (drops, blocks) = match policy {
        SlowConsumers::Drop => (true, false),
        SlowConsumers::Block { .. } => (false, true),
        _ => (false, false),
    };
    assert_eq!(counts.dropped_events > 0, drops, "{counts:?}");
    assert_eq!(counts.held_publishers > 0, blocks, "{counts:?}");
    game.router.shutdown(Duration::from_secs(1)).await;
    let counts = game.router.counts(REALM).unwrap();
    let left = (counts.sessions, counts.subscriptions, counts.registrations);
    assert_eq!(left, (0, 0, 0));
    (game.events, game.slow)
}

/// Plays some games, and tells how many events came and how many players were too slow.
async fn play_all(policy: SlowConsumers) -> (usize, u64) {
    let (mut events, mut slow) = (0, 0);
    for seed in 0..20 {
        let played = play(policy, seed).await;
        events += played.0;
        slow += played.1;
    }
    (events, slow)
}

#[tokio::test(start_paused = true)]
async fn the_order_holds_where_slow_sessions_are_disconnected() {
    let (events, slow) = play_all(SlowConsumers::Disconnect).await;
    assert!(events > 1_000 && slow > 10, "{events} {slow}");
}

#[tokio::test(start_paused = true)]
async fn the_order_holds_where_slow_sessions_lose_events() {
    let (events, slow) = play_all(SlowConsumers::Drop).await;
    assert!(events > 1_000 && slow == 0, "{events} {slow}");
}

#[tokio::test(start_paused = true)]
async fn the_order_holds_where_publishers_wait() {
    let (events, slow) = play_all(SlowConsumers::block()).await;
    assert!(events > 1_000 && slow > 10, "{events} {slow}");
}
