//! A connection: the one task between a transport and a realm.

mod ending;
mod handshake;
mod pace;

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::task::unconstrained;
use tokio::time::Sleep;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use wamp_auth::Exchange;
use wamp_core::lifecycle::abort;
use wamp_core::{
    CloseDetails, CloseReason, Lifecycle, Octets, Outbox, Outgoing, Pump, Pushed, Received, Side,
    Transport, Undeliverable, Violation,
};
use wamp_messages::{Message, error_uri};

use self::handshake::Candidacy;
use self::pace::Pace;
use crate::connections::{Carrier, Stage};
use crate::metrics::Ended;
use crate::realm::Peer;
use crate::realm::arena::Key;
use crate::realm::moment::Moment;
use crate::realm::reply::shorten;
use crate::router::Inner;
use crate::running::{RunningRealm, Touched};

/// A client that is being served: made by [`Router::accept`](crate::Router::accept).
///
/// It is the one task that owns the transport, and polls both directions at every wake. What it
/// reads it routes itself, into the outboxes of others; what waits in its own it sends.
#[must_use = "a connection does nothing unless it is polled"]
pub struct Connection<T: Transport> {
    router: Arc<Inner>,
    key: Key,
    /// The waker that the router knows this task by.
    waker: Option<Waker>,
    /// What the router wanted of its connections when this one last heeded it.
    stage: Stage,
    pump: Pump<T>,
    outbox: Arc<Outbox>,
    lifecycle: Lifecycle,
    phase: Phase,
    deadline: Option<Deadline>,
    /// When it reads on.
    pace: Pace,
    /// Other connections that have been given something.
    touched: Touched,
    /// The moment of this turn, once something has come in it.
    now: Option<Moment>,
    carrier: Arc<Carrier>,
    /// What has crossed the connection and is counted.
    octets: Octets,
    /// What its lines in the log stand in: the connection, and the session if there is one.
    span: Span,
    on_open: Option<Box<dyn FnOnce() + Send>>,
}

/// What the connection is at.
///
/// ```text
///  Idle ──HELLO──▶ Authenticating ──▶ Open ──GOODBYE──▶ Idle
///   │                   │              │
///   └───────────────────┴──────────────┴──▶ Leaving ──▶ Closing ──▶ Ending ──▶ Closed
/// ```
enum Phase {
    /// There is no session. `is_new` if there never was one.
    Idle { is_new: bool },
    /// A CHALLENGE was sent.
    Authenticating(Candidacy, Box<dyn Exchange>),
    /// A session is open.
    Open(Membership),
    /// The session has ended here, and the client is told by a GOODBYE that it has to answer.
    Leaving,
    /// What waits is sent; then the transport is closed.
    Closing(CloseReason),
    /// The transport is being closed, and takes nothing any more.
    Ending(CloseReason),
    /// It is over.
    Closed,
}

/// A session that is.
struct Membership {
    realm: Arc<RunningRealm>,
    peer: Peer,
    /// The span of the connection, which comes back when the session is over.
    outer: Span,
    /// How many messages were put into the outbox before those of this session.
    before: u64,
}

/// When the phase has lasted too long. The clock is first looked at when the task runs.
enum Deadline {
    After(Duration),
    At(Pin<Box<Sleep>>),
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(router: Arc<Inner>, transport: T) -> Self {
        let handshake = router.settings.handshake_timeout;
        let info = transport.info();
        let carrier = router.connections.carrier(info.transport);
        let span = tracing::info_span!(
            parent: None,
            "connection",
            id = router.connections.number(),
            transport = info.transport,
            serializer = info.serializer,
            peer = info.peer_addr.map(tracing::field::display),
        );
        Self {
            key: router.connections.add(),
            waker: None,
            stage: Stage::Serving,
            pump: Pump::new(transport),
            outbox: Arc::new(Outbox::new(router.settings.outbox)),
            lifecycle: Lifecycle::new(Side::Router),
            phase: Phase::Idle { is_new: true },
            deadline: Some(Deadline::After(handshake)),
            pace: Pace::default(),
            touched: Touched::default(),
            now: None,
            carrier,
            octets: Octets::default(),
            span,
            on_open: None,
            router,
        }
    }

    /// Calls back when the client has opened its first session; until then whoever listens may want
    /// to count it among the handshakes. It must not block.
    pub fn on_open(mut self, callback: impl FnOnce() + Send + 'static) -> Self {
        self.on_open = Some(Box::new(callback));
        self
    }

    /// Does what the router wants of all its connections.
    fn heed_stage(&mut self, cx: &Context<'_>) {
        let known = self.waker.as_ref();
        if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            let connections = &self.router.connections;
            connections.set_waker(self.key, cx.waker().clone());
            self.outbox.set_watcher(cx.waker().clone());
        }
        if let Phase::Open(Membership { realm, .. }) = &self.phase
            && realm.is_closed()
        {
            let patience = Deadline::After(self.router.settings.closing_timeout);
            self.dismiss(
                Ended::RealmClosed,
                error_uri::CLOSE_REALM,
                "the realm is closed",
                Some(patience),
            );
        }
        let stage = self.router.connections.stage();
        if stage == self.stage {
            return;
        }
        self.stage = stage;
        match (stage, &self.phase) {
            (Stage::Serving, _)
            | (
                Stage::Closing,
                Phase::Leaving | Phase::Closing(_) | Phase::Ending(_) | Phase::Closed,
            ) => {}
            // Whoever shuts down says how long an answer may take.
            (Stage::Closing, Phase::Open(_)) => {
                let text = "the router shuts down";
                self.dismiss(Ended::Shutdown, error_uri::SYSTEM_SHUTDOWN, text, None);
            }
            // Who comes when all is over is told so too.
            (Stage::Closing, _) | (Stage::Ending, Phase::Idle { is_new: true }) => {
                let refusal = abort(error_uri::SYSTEM_SHUTDOWN, "the router shuts down");
                self.end_with(refusal, None, CloseReason::GoingAway);
            }
            (Stage::Ending, _) => self.destroy(Ended::Shutdown),
        }
    }

    /// Sends what waits, and closes the transport if that is all.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.outbox.has_overflowed() && !matches!(self.phase, Phase::Closed) {
            self.give_up();
        }
        loop {
            match &self.phase {
                Phase::Closed => return Poll::Ready(()),
                Phase::Ending(reason) => {
                    if let Err(error) = ready!(self.pump.poll_close(cx, reason)) {
                        tracing::debug!(%error, "a connection was lost while it was closed");
                    }
                    self.phase = Phase::Closed;
                    continue;
                }
                _ => {}
            }
            let mut returned: SmallVec<[(u64, Outgoing, Undeliverable); 1]> = SmallVec::new();
            let sent = self.pump.poll_send(cx, &self.outbox, |message, why| {
                returned.push((self.outbox.taken(), message, why));
            });
            let is_settled = returned.is_empty();
            if let Phase::Open(Membership {
                realm,
                peer,
                before,
                ..
            }) = &self.phase
            {
                // What an earlier session of this connection was to be sent has nobody to be told:
                // its ids mean something else by now.
                for (_, message, why) in returned.iter().filter(|(place, ..)| place > before) {
                    realm.undeliverable(*peer, message, why, &mut self.touched);
                }
            }
            match sent {
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "a connection was lost");
                    self.destroy(Ended::Lost);
                }
                // What came back may have left something else to send.
                _ if !is_settled => {}
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {
                    let Phase::Closing(reason) = &self.phase else {
                        return Poll::Pending;
                    };
                    self.phase = Phase::Ending(reason.clone());
                }
            }
        }
    }

    /// Looks at the clock, if the phase may not last for ever. Returns whether something was done.
    fn heed_deadline(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = &mut self.deadline else {
            return false;
        };
        if let Deadline::After(duration) = *deadline {
            *deadline = Deadline::At(Box::pin(tokio::time::sleep(duration)));
        }
        let Deadline::At(sleep) = deadline else {
            return false;
        };
        // Who has read all that tokio lets a task do at once would be told that it is never late.
        if pin!(unconstrained(sleep.as_mut())).poll(cx).is_pending() {
            return false;
        }
        self.deadline = None;
        match &self.phase {
            Phase::Idle { is_new: true } => {
                let refusal = abort(error_uri::TIMEOUT, "no HELLO came in time");
                self.refuse(refusal, CloseReason::Normal);
            }
            Phase::Idle { is_new: false } => self.close(CloseReason::Normal),
            Phase::Authenticating(..) => {
                let text = "no AUTHENTICATE came in time";
                let refusal = abort(error_uri::AUTHENTICATION_FAILED, text);
                self.refuse(refusal, CloseReason::Normal);
            }
            Phase::Leaving => self.close(CloseReason::GoingAway),
            Phase::Open(_) => return false,
            Phase::Closing(_) | Phase::Ending(_) | Phase::Closed => self.destroy(Ended::Lost),
        }
        true
    }

    fn handle(&mut self, message: Message) {
        let (code, kind) = (message.code(), message.name());
        match self.lifecycle.handle_received(message) {
            // The realm counts it, under the lock that it takes anyway.
            Ok(Received::Session(message)) => {
                let now = self.now();
                let Phase::Open(Membership { realm, peer, .. }) = &self.phase else {
                    return;
                };
                if let Err(violation) = realm.handle(*peer, message, now, &mut self.touched) {
                    self.violate(&violation);
                }
            }
            received => {
                match &self.phase {
                    Phase::Open(Membership { realm, .. }) => realm.count_received(code),
                    _ => self.router.connections.outside.count_received(kind),
                }
                self.handle_beside_session(received);
            }
        }
    }

    /// Takes what opens and ends a session, and what must not come.
    fn handle_beside_session(&mut self, received: Result<Received, Violation>) {
        match received {
            Ok(Received::Hello(hello)) => self.handle_hello(hello),
            Ok(Received::Authenticate(answer)) => self.handle_authenticate(&answer),
            Ok(Received::Goodbye(details, reply)) => {
                log_reason(&details, "a session was left");
                let realm = self.leave(Ended::Goodbye);
                let Some(reply) = reply else {
                    self.close(CloseReason::GoingAway);
                    return;
                };
                self.send(reply.into(), realm.as_deref());
                self.phase = Phase::Idle { is_new: false };
                self.deadline = Some(Deadline::After(self.router.settings.handshake_timeout));
            }
            Ok(Received::Abort(details)) => {
                log_reason(&details, "a session was aborted by its client");
                self.leave(Ended::Aborted);
                self.close(CloseReason::Normal);
            }
            Ok(Received::Ignored) => {}
            Ok(other) => {
                let text = format!("a client must not send {other:?}");
                self.violate(&Violation(text));
            }
            Err(violation) => self.violate(&violation),
        }
    }

    /// Sends a message that is no answer of the realm, to a session that was one of the realm, or to
    /// none. The outbox is looked at again in this poll, or the task is woken, so the waker of this
    /// very connection is not needed.
    fn send(&mut self, message: Message, realm: Option<&RunningRealm>) {
        self.lifecycle.handle_sent(&message);
        let (code, kind) = (message.code(), message.name());
        if let Pushed::Entered(_) = self.outbox.push(message.into()) {
            match realm {
                Some(realm) => realm.count_sent(code),
                None => self.router.connections.outside.count_sent(kind),
            }
        }
    }

    /// The moment of this turn. The clock is looked at once for all that comes in it.
    fn now(&mut self) -> Moment {
        *self.now.get_or_insert_with(|| self.router.clock.now())
    }

    /// Counts what has crossed the connection since it was last counted.
    fn count_octets(&mut self) {
        let Octets { received, sent } = self.pump.octets();
        self.carrier.add(Octets {
            received: received.saturating_sub(self.octets.received),
            sent: sent.saturating_sub(self.octets.sent),
        });
        self.octets = Octets { received, sent };
    }
}

/// Logs why a client ends its session. Its words are quoted in the log, where they might pass for
/// lines of it, and cut short.
fn log_reason(details: &CloseDetails, what: &'static str) {
    tracing::debug!(
        reason = shorten(details.reason.as_str()),
        details = details.message.as_deref().map(shorten),
        "{what}"
    );
}

/// Whether anybody is told of every turn of a connection. To enter its span costs, in each turn; the
/// few lines that are told otherwise name it themselves.
fn is_in_detail() -> bool {
    LevelFilter::current() >= LevelFilter::DEBUG
}

/// Nothing in it is pinned: transports are polled by `&mut`.
impl<T: Transport> Unpin for Connection<T> {}

impl<T: Transport> Future for Connection<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let span = is_in_detail().then(|| this.span.clone());
        let _entered = span.as_ref().map(Span::enter);
        this.now = None;
        this.heed_stage(cx);
        let has_more = this.poll_receive(cx);
        // The others may begin while this one sends.
        this.touched.wake(Some(cx.waker()));
        let ended = this.poll_send(cx);
        this.touched.wake(Some(cx.waker()));
        this.count_octets();
        if ended.is_ready() {
            return ended;
        }
        if this.heed_deadline(cx) || has_more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<T: Transport> Drop for Connection<T> {
    fn drop(&mut self) {
        self.leave(Ended::Lost);
        self.count_octets();
        self.carrier.count_closed();
        self.outbox.close();
        self.touched.wake(None);
        self.router.connections.remove(self.key);
    }
}

impl<T: Transport> fmt::Debug for Connection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("info", self.pump.info())
            .finish_non_exhaustive()
    }
}
