//! Clients that read only when the test says so.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::JoinHandle;
use wamp_core::{
    CloseReason, ConnectionInfo, MemoryTransport, Outgoing, ReceiveError, SendError, Transport,
    TransportError,
};
use wamp_messages::message::Publish;
use wamp_messages::{Format, Message, SessionId};
use wamp_router::{Realm, Router, SlowConsumers};
use wamp_serializers::{decode_args, encode_payload};

use crate::client::{Client, REALM, hello, publish};

/// What an event of [`long`] weighs at most, and a bit more than half of it at least.
pub(crate) const WEIGHT: usize = 1_500;

/// A router whose realm has a policy, with room for so many events of [`long`] below the mark.
pub(crate) fn router(policy: SlowConsumers, mark: usize) -> Router {
    let limits = wamp_core::OutboxLimits::default();
    Router::builder()
        .realm(Realm::new(REALM).slow_consumers(policy))
        .outbox_limits(limits.mark(mark * WEIGHT).reserve(10 * WEIGHT))
        // Who is too slow is told so whenever he reads.
        .closing_timeout(Duration::from_secs(86_400))
        .build()
}

/// A publication to `com.a` that is acknowledged, and whose event weighs 1 200 octets or more.
pub(crate) fn long(request: u64) -> Publish {
    let mut message = publish(request, "com.a");
    let args = (request, "x".repeat(1_000));
    message.payload = encode_payload(&Format::Cbor, &args, &()).unwrap();
    message.options.acknowledge = Some(true);
    message
}

/// The number of a publication of [`long`] by its event.
pub(crate) fn number(message: &Message) -> Option<u64> {
    let Message::Event(event) = message else {
        return None;
    };
    let (number, _) = decode_args::<(u64, String)>(&event.payload).ok()?;
    Some(number)
}

/// What lets messages to a client pass, or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How many may pass; `None` is all.
    passes: Option<usize>,
    waker: Option<Waker>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.lock().passes = Some(0);
    }

    pub(crate) fn open(&self) {
        self.set(None);
    }

    /// Lets so many messages pass in all.
    pub(crate) fn let_pass(&self, messages: usize) {
        self.set(Some(messages));
    }

    fn set(&self, passes: Option<usize>) {
        let mut state = self.lock();
        state.passes = passes;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// A client behind a gate, and the task that serves it.
pub(crate) struct Gated {
    pub(crate) client: Client,
    pub(crate) gate: Gate,
    pub(crate) session: SessionId,
    pub(crate) serving: JoinHandle<()>,
}

impl Gated {
    /// Joins, with the gate open.
    pub(crate) async fn join(router: &Router) -> Self {
        let (transport, theirs) = MemoryTransport::pair(&Format::Cbor);
        let gate = Gate::default();
        let serving = tokio::spawn(router.accept(Narrow {
            transport,
            gate: gate.clone(),
        }));
        let mut client = Client::over(theirs);
        client.send(hello(Some(REALM))).await;
        let session = client.welcome().await.session;
        Self {
            client,
            gate,
            session,
            serving,
        }
    }

    /// Joins, subscribes to `com.a`, and closes the gate.
    pub(crate) async fn stalled(router: &Router) -> Self {
        let mut gated = Self::join(router).await;
        gated.client.subscribe(1, "com.a").await;
        gated.gate.close();
        gated
    }
}

/// The router's end of a transport, behind a gate.
#[derive(Debug)]
struct Narrow {
    transport: MemoryTransport,
    gate: Gate,
}

impl Transport for Narrow {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        self.transport.poll_receive(cx)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut state = self.gate.lock();
        if state.passes == Some(0) {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        self.transport.poll_ready(cx)
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        if let Some(passes) = &mut self.gate.lock().passes {
            *passes -= 1;
        }
        self.transport.send(message)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.transport.poll_flush(cx)
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        self.transport.poll_close(cx, reason)
    }

    fn abort(&mut self) {
        self.transport.abort();
    }

    fn format(&self) -> Format {
        self.transport.format()
    }

    fn info(&self) -> &ConnectionInfo {
        self.transport.info()
    }
}
