//! Connections that fail in every way at every octet, while others on the same router go on.
//!
//! A conversation with a message of every kind goes over a pipe that cuts, stalls, splits, delays
//! and corrupts, in virtual time; then over sockets, through a proxy that does so.

mod conversation;
mod sockets;
mod stage;

use std::time::Duration;

use tokio::time::Instant;
use wamp_transport_contract::{Chunks, Cut, Delay, Lane, Wire, in_virtual_time, pipe};

use self::conversation::{Conversation, Manner, Patience, converse};
use self::stage::{Kind, Stage};

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Nothing.
    None,
    /// The connection is cut when so many octets have gone that way.
    Cut(Way, u64, Cut),
    /// Nothing goes that way any more after so many octets.
    Stall(Way, u64),
    /// That direction ends after so many octets, and the other does not.
    HalfClose(Way, u64),
    /// The octet at this offset has other bits than it should have.
    Flip(Way, u64, u8),
    /// There is an octet too many at this offset.
    Insert(Way, u64, u8),
    /// The octet at this offset is missing.
    Remove(Way, u64),
    /// Octets are split, joined and late, at random.
    Shuffle(u64),
}

#[derive(Debug, Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
}

impl Way {
    fn lane(self, wire: &Wire) -> &Lane {
        match self {
            Self::ToServer => &wire.to_server,
            Self::ToClient => &wire.to_client,
        }
    }
}

impl Fault {
    fn apply(self, wire: &Wire) {
        match self {
            Self::None => {}
            Self::Cut(way, at, cut) => way.lane(wire).cut_after(at, cut),
            Self::Stall(way, at) => way.lane(wire).stall_after(at),
            Self::HalfClose(way, at) => way.lane(wire).half_close_after(at),
            Self::Flip(way, at, mask) => way.lane(wire).flip(at, mask),
            Self::Insert(way, at, octet) => way.lane(wire).insert(at, octet),
            Self::Remove(way, at) => way.lane(wire).remove(at),
            Self::Shuffle(seed) => {
                let max = 1 + seed as usize * 7 % 100;
                wire.chunks(Chunks::Random { max, seed });
                let max = Duration::from_millis(1 + seed * 13 % 200);
                wire.delay(Delay::Random { max, seed });
                wire.capacity(1 + seed as usize * 31 % 500);
            }
        }
    }
}

/// How long a connection may take to end, whatever has become of it: 30 seconds to be opened, or
/// an interval and a timeout of the heartbeat on either side, and then the times of closing.
const ENDS_WITHIN: Duration = Duration::from_secs(90);

/// How long an answer is waited for that a corrupted request may not have asked for.
const PATIENCE: Patience = Patience::For(Duration::from_secs(60));

/// Holds the conversation under a fault; when it is over nothing is left of it.
async fn play(stage: &mut Stage, kind: Kind, fault: Fault, patience: Patience) -> Conversation {
    println!("{kind:?}, {fault:?}");
    let (client, server, wire) = pipe();
    fault.apply(&wire);
    let begin = Instant::now();
    let serving = stage.serve(kind, server);
    let connecting = kind.connect(client, stage.times);
    let conversation = converse(connecting, manner(stage, patience));
    let (conversation, ()) = tokio::join!(conversation, stage.bystanders.round());
    serving.await.expect("serving does not panic");
    assert!(begin.elapsed() <= ENDS_WITHIN, "{:?}", begin.elapsed());
    stage.assert_empty().await;
    conversation
}

const fn manner(stage: &Stage, patience: Patience) -> Manner {
    Manner {
        connect: stage.times.connect,
        patience,
        number: 0,
    }
}

/// How many octets go each way, at most: ids have different lengths.
async fn measure(stage: &mut Stage, kind: Kind) -> [(Way, u64); 2] {
    let (client, server, wire) = pipe();
    let serving = stage.serve(kind, server);
    let connecting = kind.connect(client, stage.times);
    let conversation = converse(connecting, manner(stage, Patience::Endless)).await;
    conversation.assert_complete();
    serving.await.expect("serving does not panic");
    stage.assert_empty().await;
    [
        (Way::ToServer, wire.to_server.passed()),
        (Way::ToClient, wire.to_client.passed()),
    ]
}

/// Loses the connection at each octet, and checks what the session was told.
fn lose_at_each_octet(kind: Kind, fault: impl Fn(Way, u64) -> Fault) {
    in_virtual_time(async {
        let mut stage = Stage::new().await;
        for (way, octets) in measure(&mut stage, kind).await {
            for at in 0..=octets {
                let fault = fault(way, at);
                let conversation = play(&mut stage, kind, fault, Patience::Endless).await;
                conversation.assert_complete_or_lost();
            }
        }
        stage.bystanders.leave().await;
    });
}

/// Corrupts an octet at each `step`th offset. What comes of it depends on which octet it was; but
/// it comes to an end.
fn corrupt_octets(kind: Kind, step: usize, faults: &[fn(Way, u64) -> Fault]) {
    in_virtual_time(async {
        let mut stage = Stage::new().await;
        let mut complete = 0;
        for (way, octets) in measure(&mut stage, kind).await {
            for at in (0..=octets).step_by(step) {
                for fault in faults {
                    let fault = fault(way, at);
                    let conversation = play(&mut stage, kind, fault, PATIENCE).await;
                    complete += usize::from(conversation.failure().is_none());
                }
            }
        }
        println!("{complete} conversations were complete all the same");
        stage.bystanders.leave().await;
    });
}

/// A mask that is another one at each offset, and never none.
fn mask(at: u64) -> u8 {
    1 << (at * 5 % 8)
}

macro_rules! faults {
    ($($name:ident: $kind:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_connection_that_is_cut_at_any_octet_is_lost_for_its_session_alone() {
                lose_at_each_octet($kind, |way, at| Fault::Cut(way, at, Cut::Eof));
            }

            #[test]
            fn a_connection_that_is_reset_at_any_octet_is_lost_for_its_session_alone() {
                lose_at_each_octet($kind, |way, at| Fault::Cut(way, at, Cut::Reset));
            }

            #[test]
            fn a_connection_that_stalls_at_any_octet_is_lost_for_its_session_alone() {
                lose_at_each_octet($kind, Fault::Stall);
            }

            #[test]
            fn a_direction_that_ends_at_any_octet_is_lost_for_its_session_alone() {
                lose_at_each_octet($kind, Fault::HalfClose);
            }

            #[test]
            fn an_octet_that_is_flipped_spoils_its_session_at_most() {
                corrupt_octets($kind, 1, &[
                    |way, at| Fault::Flip(way, at, mask(at)),
                ]);
            }

            #[test]
            fn an_octet_too_many_or_too_few_spoils_its_session_at_most() {
                corrupt_octets($kind, 3, &[
                    |way, at| Fault::Insert(way, at, (at % 256) as u8),
                    Fault::Remove,
                ]);
            }

            #[test]
            fn octets_that_are_split_joined_and_late_change_nothing() {
                in_virtual_time(async {
                    let mut stage = Stage::new().await;
                    for seed in 0..40 {
                        let fault = Fault::Shuffle(seed);
                        let conversation = play(&mut stage, $kind, fault, Patience::Endless).await;
                        conversation.assert_complete();
                    }
                    let conversation =
                        play(&mut stage, $kind, Fault::None, Patience::Endless).await;
                    conversation.assert_complete();
                    stage.bystanders.leave().await;
                });
            }
        }
    )*};
}

faults! {
    rawsocket_json: Kind::RawSocket("json");
    websocket_cbor_batched: Kind::WebSocket("cbor.batched");
}
