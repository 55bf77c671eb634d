//! Clients that send octets which no client sends, while others go on as if nothing were.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use wamp::core::OutboxLimits;
use wamp::{AcceptOptions, ConnectionInfo, Realm, Router, Session};

use crate::world::{World, bounded};

/// Two sessions that call and publish without end: no result and no event may be lost.
struct Bystanders {
    stop: Arc<AtomicBool>,
    tasks: (JoinHandle<u64>, JoinHandle<u64>),
}

impl Bystanders {
    async fn start(world: &World) -> Self {
        let (one, two) = (world.session().await, world.session().await);
        let registered = one.register("com.bystander.add", |x: u64| async move { Ok(x + 1) });
        let registration = registered.await.expect("it is open");
        let mut events = one
            .subscribe("com.bystander.events")
            .await
            .expect("it is open");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let calling = tokio::spawn(async move {
            let mut n = 0;
            while !stopped.load(Relaxed) {
                let sum = two.call("com.bystander.add").args((n,)).returns::<u64>();
                assert_eq!(bounded(sum.into_future()).await.expect("it answers"), n + 1);
                publish(&two, n).await;
                n += 1;
            }
            publish(&two, u64::MAX).await;
            n
        });
        let listening = tokio::spawn(async move {
            let _registration = registration;
            let mut expected = 0;
            while let Some(event) = bounded(events.next()).await {
                let (n,): (u64,) = event.args().expect("a number");
                if n == u64::MAX {
                    break;
                }
                assert_eq!(n, expected, "an event is lost");
                expected += 1;
            }
            drop(one);
            expected
        });
        Self {
            stop,
            tasks: (calling, listening),
        }
    }

    async fn stop(self) {
        self.stop.store(true, Relaxed);
        let (calls, events) = self.tasks;
        let (calls, events) = (
            bounded(calls).await.expect("no call fails"),
            bounded(events).await.expect("no event is lost"),
        );
        assert!(calls > 0, "they were at work");
        assert_eq!(calls, events);
    }
}

async fn publish(session: &Session, n: u64) {
    let published = session
        .publish("com.bystander.events")
        .args((n,))
        .acknowledge();
    bounded(published.into_future())
        .await
        .expect("it is acknowledged");
}

const REQUEST: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n";

const HELLO: &str = r#"[1,"realm1",{"roles":{"caller":{},"callee":{},"publisher":{}}}]"#;

/// What an honest client would say; the ids of the answers are its own guess.
const TALK: [&str; 9] = [
    r#"[32,1,{},"com.example.t"]"#,
    r#"[64,2,{},"com.example.p"]"#,
    r#"[48,3,{"enc_algo":"x_own"},"com.example.p","AAEC"]"#,
    r#"[16,4,{"exclude_me":false,"acknowledge":true,"exclude":[1,2]},"com.example.t",[1],{"a":2}]"#,
    r#"[48,5,{},"com.example.p",[[],{"deep":[[[1.5e3]]]},"\u00e4\ud83d\ude00"]]"#,
    r#"[70,1,{},[null,true]]"#,
    r#"[8,68,2,{},"com.example.error",["why"]]"#,
    r#"[66,6,1]"#,
    r#"[6,{},"wamp.close.normal"]"#,
];

/// A WebSocket frame of a client, masked with zeros.
fn frame(first: u8, octets: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(octets.len()) {
        Ok(len @ 0..=125) => frame.push(0x80 | len),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((octets.len() as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(octets);
    frame
}

fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

/// Sends octets, and perhaps waits until the router has closed the connection.
async fn throw(world: &World, octets: &[u8], waits: bool) {
    let mut stream = TcpStream::connect(world.address())
        .await
        .expect("it listens");
    // The router may be done with it before it has everything.
    let _ = stream.write_all(octets).await;
    if waits {
        let _ = stream.shutdown().await;
        let _ = bounded(stream.read_to_end(&mut Vec::new())).await;
    }
}

/// Numbers that are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn spoil(&mut self, octets: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(octets.len());
            match self.below(5) {
                0 => octets.truncate(at),
                1 => octets.insert(at, self.below(256) as u8),
                2 => octets.extend_from_within(at..),
                _ if octets.is_empty() => octets.push(b'['),
                3 => octets[at] ^= 1 << self.below(8),
                _ => drop(octets.remove(at)),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spoiled_messages_end_their_own_session_and_no_other() {
    let world = World::new().await;
    let bystanders = Bystanders::start(&world).await;
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..300 {
        let mut octets = [REQUEST.as_bytes(), &text(HELLO)].concat();
        for message in &TALK[..=numbers.below(TALK.len())] {
            octets.extend(text(message));
        }
        let mut message = TALK[numbers.below(TALK.len())].as_bytes().to_vec();
        numbers.spoil(&mut message);
        // Most spoil the message, some the frame around it too.
        let mut last = frame(0x81, &message);
        if round % 5 == 0 {
            numbers.spoil(&mut last);
        }
        octets.extend(last);
        throw(&world, &octets, true).await;
    }
    bystanders.stop().await;
    bounded(world.settle(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_cut_at_any_octet_leaves_nothing_behind() {
    let world = World::new().await;
    let bystanders = Bystanders::start(&world).await;
    let mut octets = [REQUEST.as_bytes(), &text(HELLO)].concat();
    for message in TALK {
        octets.extend(text(message));
    }
    octets.extend(frame(0x89, b"ping"));
    octets.extend(frame(0x88, &1000_u16.to_be_bytes()));
    for end in 0..octets.len() {
        throw(&world, &octets[..end], end % 2 == 0).await;
    }
    bystanders.stop().await;
    bounded(world.settle(0)).await;
}

#[tokio::test]
async fn headers_and_batches_that_would_fill_the_memory_are_refused() {
    let world = World::new().await;
    // Options of a million empty lists, and as many roles, would take a hundred times their length.
    let bombs = [
        format!(r#"[16,1,{{"x_own":[{}0]}},"com.a"]"#, "[],".repeat(20_000)),
        format!(r#"[16,1,{{"x_own":[{}0]}},"com.a"]"#, "[],".repeat(70_000)),
    ];
    let expected = ["goodbye_and_out", "protocol_violation"];
    for (bomb, expected) in bombs.iter().zip(expected) {
        let (start, rest) = bomb.split_at(60_000);
        let mut octets = [REQUEST.as_bytes(), &text(HELLO)].concat();
        octets.extend(frame(0x01, start.as_bytes()));
        for part in rest.as_bytes().chunks(60_000) {
            octets.extend(frame(0x00, part));
        }
        octets.extend(frame(0x80, b""));
        octets.extend(text(TALK[8]));
        let mut stream = TcpStream::connect(world.address())
            .await
            .expect("it listens");
        stream.write_all(&octets).await.expect("it reads");
        stream.shutdown().await.expect("it is open");
        let mut answer = Vec::new();
        let _ = bounded(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(expected), "{answer}");
    }
    bounded(world.settle(0)).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_told_so_when_it_does() {
    let mut limits = OutboxLimits::default();
    limits.mark = 1 << 20;
    let world = World::with_outboxes(limits).await;
    let mut octets = [REQUEST.as_bytes(), &text(HELLO)].concat();
    octets.extend(text(r#"[32,1,{},"com.example.t"]"#));
    let mut stream = TcpStream::connect(world.address())
        .await
        .expect("it listens");
    stream.write_all(&octets).await.expect("it reads");
    while world.router.counts("realm1").map(|on| on.subscriptions) != Some(1) {
        tokio::task::yield_now().await;
    }
    let publisher = world.session().await;
    let long = "x".repeat(64 << 10);
    while world.router.session_count("realm1") == Some(2) {
        let publishing = publisher.publish("com.example.t").args((&long,));
        bounded(publishing.acknowledge().into_future())
            .await
            .expect("the others are not held up");
    }
    let mut answer = Vec::new();
    let told = b"wamp.error.too_slow";
    while !answer.windows(told.len()).any(|part| part == told) {
        // The rest of what was read is events.
        answer.drain(..answer.len().saturating_sub(told.len()));
        let read = bounded(stream.read_buf(&mut answer)).await;
        assert_ne!(read.expect("it is not reset"), 0, "it was not told");
    }
}

/// What is sent in vain, faster than it is read, must not keep the clock from being looked at.
#[tokio::test]
async fn who_floods_the_router_before_a_hello_is_given_up_in_time() {
    let pong = (REQUEST.as_bytes().to_vec(), frame(0x8a, &[b'x'; 125]));
    let raw_pong = (
        vec![0x7f, 0xf1, 0, 0],
        [&[2, 0, 0, 125], &[b'x'; 125][..]].concat(),
    );
    for (opening, octets) in [pong, raw_pong] {
        let times = Duration::from_millis(50);
        let router = Router::builder().realm(Realm::new("realm1"));
        let router = router
            .handshake_timeout(times)
            .closing_timeout(times)
            .build();
        // So much that the router never comes to the end of it.
        let (mut client, stream) = tokio::io::duplex(8 << 20);
        client.write_all(&opening).await.expect("there is room");
        let flooding = tokio::spawn(async move {
            let many = octets.repeat((1 << 20) / octets.len());
            while client.write_all(&many).await.is_ok() {}
        });
        let serving = tokio::spawn(async move {
            let (info, options) = (ConnectionInfo::new("pipe"), AcceptOptions::default());
            router.accept_stream(stream, info, &options).await
        });
        let served = bounded(serving).await.expect("it does not panic");
        served.expect("the handshake is one");
        bounded(flooding).await.expect("it does not panic");
    }
}
