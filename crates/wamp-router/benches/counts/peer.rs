//! A client whose octets cross no socket, for a router that does with them all that it ever does.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use wamp_core::{
    CloseReason, ConnectionInfo, Outgoing, ReceiveError, SendError, Transport, TransportError,
};
use wamp_messages::message::Hello;
use wamp_messages::options::HelloDetails;
use wamp_messages::{Format, Message, Role, Roles, Uri};
use wamp_router::{Connection, Router};
use wamp_serializers::{Serializer, shared_copy};

/// A client, and the connection that serves it.
pub(crate) struct Peer {
    connection: Pin<Box<Connection<Octets>>>,
    wire: Arc<Mutex<Wire>>,
    serializer: Serializer,
}

impl Peer {
    /// A client that has joined.
    pub(crate) fn join(router: &Router, serializer: &Serializer) -> Self {
        let mut peer = Self::connect(router, serializer);
        peer.say(hello());
        peer
    }

    /// A client that has said nothing yet.
    pub(crate) fn connect(router: &Router, serializer: &Serializer) -> Self {
        let wire = Arc::<Mutex<Wire>>::default();
        let transport = Octets {
            wire: Arc::clone(&wire),
            serializer: serializer.clone(),
            received: VecDeque::new(),
            written: BytesMut::with_capacity(1 << 16),
            info: ConnectionInfo::new("octets"),
        };
        Self {
            connection: Box::pin(router.accept(transport)),
            wire,
            serializer: serializer.clone(),
        }
    }

    /// Says something to the router, which is to take it later.
    pub(crate) fn hear(&mut self, message: impl Into<Message>) {
        let frame = self
            .serializer
            .encode(&message.into())
            .expect("it can be encoded");
        lock(&self.wire).incoming.push_back(frame.to_bytes());
    }

    /// Says something to the router, which takes it at once.
    pub(crate) fn say(&mut self, message: impl Into<Message>) {
        self.hear(message);
        self.run();
    }

    /// Lets the connection run until there is nothing to do.
    pub(crate) fn run(&mut self) {
        let ended = self
            .connection
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(ended.is_pending(), "the connection goes on");
    }

    /// How many messages the router has sent.
    pub(crate) fn sent(&self) -> u64 {
        lock(&self.wire).sent
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

impl Transport for Octets {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        loop {
            if let Some(message) = self.received.pop_front() {
                return Poll::Ready(Ok(message));
            }
            let Some(octets) = lock(&self.wire).incoming.pop_front() else {
                return Poll::Pending;
            };
            // The frame's own buffer, which is counted, too.
            let frame = shared_copy(&octets);
            self.serializer.decode(frame, &mut self.received)?;
        }
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        message.append(&self.serializer, &mut self.written, usize::MAX)?;
        lock(&self.wire).sent += 1;
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

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a client says first, of all roles.
pub(crate) fn hello() -> Hello {
    let roles = [
        Role::Caller,
        Role::Callee,
        Role::Publisher,
        Role::Subscriber,
    ];
    let roles = roles
        .into_iter()
        .fold(Roles::none(), |roles, role| roles.with(role, []));
    let mut details = HelloDetails::default();
    details.roles = Some(roles);
    Hello {
        realm: Some(Uri::from_static("realm1")),
        details: Box::new(details),
    }
}
