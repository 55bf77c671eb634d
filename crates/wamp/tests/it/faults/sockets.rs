//! The same over TCP, through a proxy that does to real connections what the pipe does.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wamp_transport_contract::{Cut, in_real_time};

use super::conversation::{Conversation, Manner, Patience, converse};
use super::stage::{Kind, Stage, Times};
use super::{Fault, Way, mask};

/// What the proxy does to one direction.
#[derive(Debug, Clone, Copy)]
struct Course {
    fault: Option<(u64, Harm)>,
    /// What decides how much is passed on at once.
    seed: u64,
}

#[derive(Debug, Clone, Copy)]
enum Harm {
    Cut(Cut),
    Flip(u8),
    HalfClose,
    Insert(u8),
    Remove,
    Stall,
}

/// How the proxy ended with one direction.
enum End {
    Closed,
    Cut,
}

fn courses(fault: Fault, seed: u64) -> [Course; 2] {
    let plain = Course { fault: None, seed };
    let (way, at, harm) = match fault {
        Fault::None | Fault::Shuffle(_) => return [plain; 2],
        Fault::Cut(way, at, cut) => (way, at, Harm::Cut(cut)),
        Fault::Stall(way, at) => (way, at, Harm::Stall),
        Fault::HalfClose(way, at) => (way, at, Harm::HalfClose),
        Fault::Flip(way, at, mask) => (way, at, Harm::Flip(mask)),
        Fault::Insert(way, at, octet) => (way, at, Harm::Insert(octet)),
        Fault::Remove(way, at) => (way, at, Harm::Remove),
    };
    let harmed = Course {
        fault: Some((at, harm)),
        seed,
    };
    match way {
        Way::ToServer => [harmed, plain],
        Way::ToClient => [plain, harmed],
    }
}

/// A connection with a proxy in its middle: both of its ends.
async fn connection([to_server, to_client]: [Course; 2]) -> (TcpStream, TcpStream) {
    let (client, left) = sockets().await;
    let (right, server) = sockets().await;
    tokio::spawn(async move {
        let (left_in, left_out) = left.into_split();
        let (right_in, right_out) = right.into_split();
        let forth = carry(left_in, right_out, to_server);
        let back = carry(right_in, left_out, to_client);
        tokio::pin!(forth, back);
        // A direction that ends leaves the other; a cut ends both: the sockets are dropped.
        let (end, rest) = tokio::select! {
            end = &mut forth => (end, back),
            end = &mut back => (end, forth),
        };
        if let End::Closed = end {
            rest.await;
        }
    });
    (client, server)
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let connecting = TcpStream::connect(address);
    let (connected, accepted) = tokio::join!(connecting, listener.accept());
    let (connected, (accepted, _)) = (
        connected.expect("it listens"),
        accepted.expect("it is called"),
    );
    for socket in [&connected, &accepted] {
        socket.set_nodelay(true).expect("it is open");
    }
    (connected, accepted)
}

/// Passes on what comes, until it ends or the connection is cut.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, course: Course) -> End {
    let Course { fault, mut seed } = course;
    let mut passed = 0;
    let mut buffer = [0; 4096];
    loop {
        if let Some((at, harm)) = fault
            && passed == at
        {
            match harm {
                Harm::Cut(cut) => {
                    if cut == Cut::Reset {
                        let sockets = [from.as_ref(), to.as_ref()];
                        for socket in sockets {
                            socket.set_zero_linger().expect("it is open");
                        }
                    }
                    return End::Cut;
                }
                Harm::HalfClose => {
                    let _ = to.shutdown().await;
                    return End::Closed;
                }
                Harm::Stall => std::future::pending().await,
                Harm::Flip(_) | Harm::Insert(_) | Harm::Remove => {}
            }
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut most = 1 + (seed >> 33) as usize % 700;
        if let Some((at, _)) = fault
            && at > passed
        {
            most = most.min(usize::try_from(at - passed).expect("it is not far"));
        }
        let read = match from.read(&mut buffer[..most]).await {
            Ok(0) | Err(_) => {
                let _ = to.shutdown().await;
                return End::Closed;
            }
            Ok(read) => read,
        };
        let mut octets = buffer[..read].to_vec();
        match fault {
            Some((at, Harm::Flip(mask))) if at == passed => octets[0] ^= mask,
            Some((at, Harm::Insert(octet))) if at == passed => octets.insert(0, octet),
            Some((at, Harm::Remove)) if at == passed => drop(octets.remove(0)),
            _ => {}
        }
        passed += read as u64;
        if to.write_all(&octets).await.is_err() {
            return End::Closed;
        }
    }
}

/// Holds a conversation under each fault, all at once.
async fn play_all(
    stage: &mut Stage,
    kind: Kind,
    faults: Vec<Fault>,
    patience: Patience,
) -> Vec<(Fault, Conversation)> {
    let mut conversations = JoinSet::new();
    let mut serving = Vec::new();
    for (seed, fault) in (1..).zip(faults) {
        let (client, server) = connection(courses(fault, seed as u64)).await;
        serving.push(stage.serve(kind, server));
        let connecting = kind.connect(client, stage.times);
        let manner = Manner {
            connect: stage.times.connect,
            patience,
            number: seed,
        };
        conversations.spawn(async move {
            let conversation = converse(connecting, manner).await;
            (fault, conversation)
        });
    }
    let (played, ()) = tokio::join!(conversations.join_all(), stage.bystanders.round());
    for serving in serving {
        serving.await.expect("serving does not panic");
    }
    stage.assert_empty().await;
    played
}

/// About how many octets go each way.
const OCTETS: u64 = 1000;

fn sampled(step: usize, fault: impl Fn(Way, u64) -> Fault) -> Vec<Fault> {
    let offsets = (0..=OCTETS).step_by(step);
    let ways = [Way::ToServer, Way::ToClient];
    offsets
        .flat_map(|at| ways.map(|way| fault(way, at)))
        .collect()
}

fn lose(kind: Kind, times: Times, fault: impl Fn(Way, u64) -> Fault) {
    in_real_time(async {
        let mut stage = Stage::with_times(times).await;
        let faults = sampled(61, fault);
        let played = play_all(&mut stage, kind, faults, Patience::Endless).await;
        for (fault, conversation) in played {
            println!("{kind:?}, {fault:?}");
            conversation.assert_complete_or_lost();
        }
        stage.bystanders.leave().await;
    });
}

macro_rules! faults_of_sockets {
    ($($name:ident: $kind:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_proxy_that_splits_and_joins_changes_nothing() {
                in_real_time(async {
                    let mut stage = Stage::new().await;
                    let faults = vec![Fault::None; 10];
                    let played = play_all(&mut stage, $kind, faults, Patience::Endless).await;
                    played.iter().for_each(|(_, conversation)| conversation.assert_complete());
                    stage.bystanders.leave().await;
                });
            }

            #[test]
            fn a_socket_that_is_closed_is_lost_for_its_session_alone() {
                lose($kind, Times::default(), |way, at| Fault::Cut(way, at, Cut::Eof));
            }

            #[test]
            fn a_socket_that_is_reset_is_lost_for_its_session_alone() {
                lose($kind, Times::default(), |way, at| Fault::Cut(way, at, Cut::Reset));
            }

            #[test]
            fn a_socket_that_is_closed_one_way_is_lost_for_its_session_alone() {
                lose($kind, Times::default(), Fault::HalfClose);
            }

            #[test]
            fn a_socket_that_stalls_is_lost_for_its_session_alone() {
                lose($kind, Times::short(), Fault::Stall);
            }

            #[test]
            fn an_octet_that_a_socket_spoils_spoils_its_session_at_most() {
                in_real_time(async {
                    let mut stage = Stage::with_times(Times::short()).await;
                    let mut faults = sampled(37, |way, at| Fault::Flip(way, at, mask(at)));
                    faults.extend(sampled(97, |way, at| Fault::Insert(way, at, b'x')));
                    faults.extend(sampled(97, Fault::Remove));
                    let patience = Patience::For(Duration::from_secs(3));
                    play_all(&mut stage, $kind, faults, patience).await;
                    stage.bystanders.leave().await;
                });
            }
        }
    )*};
}

faults_of_sockets! {
    rawsocket_json: Kind::RawSocket("json");
    websocket_cbor: Kind::WebSocket("cbor");
}
