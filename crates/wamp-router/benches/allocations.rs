//! Counts the allocations of a message that the router passes on, from the octets of one transport
//! to those of another: `cargo bench -p wamp-router --bench allocations`.
//!
//! What is counted is all that a connection does: decode, route, encode, and write into a buffer
//! that is there already, as that of a socket would be.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use wamp_core::{
    CloseReason, ConnectionInfo, Outgoing, ReceiveError, SendError, Transport, TransportError,
};
use wamp_messages::message::{Call, Hello, Publish, Register, Subscribe, Yield};
use wamp_messages::options::HelloDetails;
use wamp_messages::{Format, Message, Payload, RequestId, Role, Roles, Uri};
use wamp_router::{Connection, Realm, Router};
use wamp_serializers::{Serializer, encode_payload};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How many messages are measured, after as many that are not.
const MESSAGES: u64 = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime can be built");
    let _guard = runtime.enter();
    let _profiler = dhat::Profiler::builder().testing().build();
    println!("allocations per message passed on, 32 octets of payload");
    for serializer in [
        Serializer::cbor(),
        Serializer::msgpack(),
        Serializer::json(),
    ] {
        let (call, result) = calls(&serializer);
        println!(
            "{:>8}  CALL -> INVOCATION       {call:6.2}",
            serializer.name()
        );
        println!(
            "{:>8}  YIELD -> RESULT          {result:6.2}",
            serializer.name()
        );
        for subscribers in [1, 100] {
            let events = events(&serializer, subscribers);
            let name = serializer.name();
            println!("{name:>8}  PUBLISH -> EVENT x {subscribers:<5}  {events:6.2}");
        }
    }
}

fn calls(serializer: &Serializer) -> (f64, f64) {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let mut caller = Peer::join(&router, serializer);
    let mut callee = Peer::join(&router, serializer);
    let procedure = Uri::from_static("com.example.procedure");
    callee.say(Register {
        request: id(1),
        options: Default::default(),
        procedure: procedure.clone(),
    });
    let payload = payload(serializer);
    let (mut calls, mut results) = (0, 0);
    for n in 1..=2 * MESSAGES {
        let (procedure, payload) = (procedure.clone(), payload.clone());
        caller.hear(Call {
            request: id(n),
            options: Default::default(),
            procedure,
            payload: payload.clone(),
        });
        let call = allocations(|| {
            caller.run();
            callee.run();
        });
        callee.hear(Yield {
            request: id(n),
            options: Default::default(),
            payload,
        });
        let result = allocations(|| {
            callee.run();
            caller.run();
        });
        if n > MESSAGES {
            calls += call;
            results += result;
        }
    }
    assert_eq!(caller.sent(), 2 * MESSAGES + 1, "WELCOME, and every RESULT");
    (per_message(calls), per_message(results))
}

fn events(serializer: &Serializer, subscribers: usize) -> f64 {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let mut publisher = Peer::join(&router, serializer);
    let topic = Uri::from_static("com.example.topic");
    let mut peers: Vec<_> = (0..subscribers)
        .map(|_| Peer::join(&router, serializer))
        .collect();
    for peer in &mut peers {
        let (request, topic) = (id(1), topic.clone());
        peer.say(Subscribe {
            request,
            options: Default::default(),
            topic,
        });
    }
    let payload = payload(serializer);
    let mut events = 0;
    for n in 1..=2 * MESSAGES {
        let (topic, payload) = (topic.clone(), payload.clone());
        publisher.hear(Publish {
            request: id(n),
            options: Default::default(),
            topic,
            payload,
        });
        let event = allocations(|| {
            publisher.run();
            peers.iter_mut().for_each(Peer::run);
        });
        if n > MESSAGES {
            events += event;
        }
    }
    let every = 2 * MESSAGES + 2;
    assert!(
        peers.iter().all(|peer| peer.sent() == every),
        "WELCOME, SUBSCRIBED, and every EVENT"
    );
    per_message(events)
}

fn allocations(work: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    work();
    dhat::HeapStats::get().total_blocks - before
}

#[allow(clippy::cast_precision_loss, reason = "the counts are small")]
fn per_message(allocations: u64) -> f64 {
    allocations as f64 / MESSAGES as f64
}

fn id(id: u64) -> RequestId {
    RequestId::new(id).expect("an id")
}

fn payload(serializer: &Serializer) -> Payload {
    let text = "x".repeat(30);
    encode_payload(&serializer.format(), &(text,), &()).expect("it can be serialized")
}

/// A client, and the connection that serves it.
struct Peer {
    connection: Pin<Box<Connection<Octets>>>,
    wire: Arc<Mutex<Wire>>,
    serializer: Serializer,
}

impl Peer {
    fn join(router: &Router, serializer: &Serializer) -> Self {
        let wire = Arc::<Mutex<Wire>>::default();
        let transport = Octets {
            wire: Arc::clone(&wire),
            serializer: serializer.clone(),
            received: VecDeque::new(),
            written: BytesMut::with_capacity(1 << 16),
            info: ConnectionInfo::new("octets"),
        };
        let connection = Box::pin(router.accept(transport));
        let mut peer = Self {
            connection,
            wire,
            serializer: serializer.clone(),
        };
        let mut details = HelloDetails::default();
        let roles = [
            Role::Caller,
            Role::Callee,
            Role::Publisher,
            Role::Subscriber,
        ];
        let roles = roles
            .into_iter()
            .fold(Roles::none(), |roles, role| roles.with(role, []));
        details.roles = Some(roles);
        let realm = Some(Uri::from_static("realm1"));
        peer.say(Hello {
            realm,
            details: Box::new(details),
        });
        peer
    }

    /// Says something to the router, which is to take it later.
    fn hear(&mut self, message: impl Into<Message>) {
        let frame = self
            .serializer
            .encode(&message.into())
            .expect("it can be encoded");
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        wire.incoming.push_back(frame.to_bytes());
    }

    /// Says something to the router, which takes it at once.
    fn say(&mut self, message: impl Into<Message>) {
        self.hear(message);
        self.run();
    }

    /// Lets the connection run until there is nothing to do.
    fn run(&mut self) {
        let ended = self
            .connection
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(ended.is_pending(), "the connection goes on");
    }

    /// How many messages the router has sent.
    fn sent(&self) -> u64 {
        self.wire
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sent
    }
}

#[derive(Default)]
struct Wire {
    incoming: VecDeque<Bytes>,
    sent: u64,
}

/// A transport that decodes and encodes as one over a socket does.
struct Octets {
    wire: Arc<Mutex<Wire>>,
    serializer: Serializer,
    received: VecDeque<Message>,
    written: BytesMut,
    info: ConnectionInfo,
}

impl Octets {
    fn wire(&self) -> std::sync::MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Octets {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        loop {
            if let Some(message) = self.received.pop_front() {
                return Poll::Ready(Ok(message));
            }
            let Some(frame) = self.wire().incoming.pop_front() else {
                return Poll::Pending;
            };
            self.serializer.decode(frame, &mut self.received)?;
        }
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        message.append(&self.serializer, &mut self.written, usize::MAX)?;
        self.wire().sent += 1;
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.written.clear();
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}

    fn format(&self) -> Format {
        self.serializer.format()
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}
