//! A realm that is being served: its routing behind its lock, with the outboxes of its sessions.

mod counts;
mod delivery;
mod lock;
mod metrics;

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use wamp_auth::RouterAuthenticator;
use wamp_core::{Outbox, Outgoing, Rate, Undeliverable, Violation};
use wamp_messages::{Message, Uri};

use self::counts::Counts;
pub use self::counts::RealmCounts;
use self::delivery::{Delivery, Loss, Losses, Seat};
pub(crate) use self::delivery::{Flooded, Touched};
use self::lock::Work;
use crate::config::Realm;
use crate::metrics::Ended;
use crate::realm::moment::Moment;
use crate::realm::{Identity, Peer, Routing, Sink};
use crate::slow_consumers::SlowConsumers;

/// A realm, shared by the connections of its sessions.
///
/// Its one lock covers sessions, broker, dealer and admission to all outboxes, so that messages
/// reach each session in their true order. While it is held nothing is waited for, no payload is
/// touched, no user's code runs, and nobody is woken.
pub(crate) struct RunningRealm {
    pub(crate) name: Uri,
    is_closed: AtomicBool,
    /// How often a session was not read for a while because of its rate.
    held_readers: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// How many messages its sessions may send.
    rate: Option<Rate>,
    slow_consumers: SlowConsumers,
    authenticators: Authenticators,
    routing: Routing,
    counts: Counts,
    /// The seat of each session, by the index of its peer.
    seats: Vec<Option<Seat>>,
}

/// The lock, while something is done with the routing.
struct Turn<'a> {
    state: MutexGuard<'a, State>,
    work: Work,
    /// Since when it is held, if that is measured.
    since: Option<Instant>,
}

type Authenticators = Arc<[Arc<dyn RouterAuthenticator>]>;

impl RunningRealm {
    pub(crate) fn new(realm: Realm) -> Self {
        let realm = realm.completed();
        let config = realm.to_config();
        Self {
            name: realm.name,
            is_closed: AtomicBool::new(false),
            held_readers: AtomicU64::new(0),
            state: Mutex::new(State {
                rate: config.limits.rate,
                slow_consumers: realm.slow_consumers,
                authenticators: realm.authenticators.into(),
                routing: Routing::new(config, Box::new(rand::random::<u64>)),
                counts: Counts::default(),
                seats: Vec::new(),
            }),
        }
    }

    /// Goes on as the realm is described now.
    pub(crate) fn change(&self, realm: Realm) {
        let realm = realm.completed();
        let config = realm.to_config();
        let authenticators = realm.authenticators.into();
        let mut state = self.lock();
        state.rate = config.limits.rate;
        state.slow_consumers = realm.slow_consumers;
        // What was said before is a user's code, and not to be dropped under the lock.
        let _before = mem::replace(&mut state.authenticators, authenticators);
        state.routing.change(config);
        drop(state);
    }

    /// Lets nobody in any more. Those who are in look themselves, when they are woken.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// The first of the methods, in the client's order, that is possible here.
    pub(crate) fn authenticator<'a>(
        &self,
        mut methods: impl Iterator<Item = &'a str>,
    ) -> Option<Arc<dyn RouterAuthenticator>> {
        let known = Arc::clone(&self.lock().authenticators);
        let known = |method: &str| {
            let mut authenticators = known.iter();
            authenticators.find(|authenticator| authenticator.method() == method)
        };
        methods.find_map(known).map(Arc::clone)
    }

    /// How many messages a session that is opened now may send.
    pub(crate) fn rate(&self) -> Option<Rate> {
        self.lock().rate
    }

    pub(crate) fn has_role(&self, authrole: &str) -> bool {
        self.lock().routing.has_role(authrole)
    }

    /// Lets a session in, so long after its HELLO; `welcome` is the first message in its outbox.
    pub(crate) fn join(
        &self,
        identity: Identity,
        outbox: &Arc<Outbox>,
        welcome: Message,
        took: Duration,
        touched: &mut Touched,
    ) -> Peer {
        let seat = Seat {
            session: identity.session,
            outbox: Arc::clone(outbox),
            lost: 0,
        };
        let mut turn = self.begin(Work::Other);
        let state = &mut *turn.state;
        let peer = state.routing.join(identity);
        state.counts.count_opened(took);
        if state.seats.len() <= peer.index() {
            state.seats.resize_with(peer.index() + 1, || None);
        }
        if let Some(place) = state.seats.get_mut(peer.index()) {
            *place = Some(seat);
        }
        self.deliver(turn, Losses::new(), touched, |_, sink| {
            sink.send(peer, welcome.into());
        });
        peer
    }

    pub(crate) fn handle(
        &self,
        peer: Peer,
        mut message: Message,
        now: Moment,
        touched: &mut Touched,
    ) -> Result<(), Violation> {
        let turn = self.begin(Work::of(&message));
        // What is passed on is taken out of the message. What is left of it, which may be the last
        // to hold a long frame, is dropped when the lock is released.
        self.deliver(turn, Losses::new(), touched, |routing, sink| {
            sink.counts.received.count(&message);
            let handled = routing.handle(peer, &mut message, now, sink);
            if !sink.touched.flooded.is_empty() {
                sink.counts.held_publishers += 1;
            }
            handled
        })
    }

    pub(crate) fn undeliverable(
        &self,
        peer: Peer,
        message: &Outgoing,
        why: &Undeliverable,
        touched: &mut Touched,
    ) {
        let turn = self.begin(Work::Other);
        self.deliver(turn, Losses::new(), touched, |routing, sink| {
            sink.counts.undeliverable.count(message.message());
            routing.undeliverable(peer, message, why, sink);
        });
    }

    /// Takes a session out, and says how it ended.
    pub(crate) fn leave(&self, peer: Peer, ended: Ended, touched: &mut Touched) {
        let mut turn = self.begin(Work::Other);
        let state = &mut *turn.state;
        state.counts.count_ended(ended);
        let seat = state.seats.get_mut(peer.index()).and_then(Option::take);
        let losses = seat.as_ref().and_then(Loss::ended).into_iter().collect();
        self.deliver(turn, losses, touched, |routing, sink| {
            routing.leave(peer, sink);
        });
        // Who has left is waited for no more, though its connection may have much to send yet.
        if let Some(seat) = seat {
            seat.outbox.release();
        }
    }

    /// Counts a message of a session that its connection has handled.
    pub(crate) fn count_received(&self, code: u64) {
        self.lock().counts.received.count_code(code);
    }

    /// Counts the last message to a session, which its connection sends.
    pub(crate) fn count_sent(&self, code: u64) {
        self.lock().counts.sent.count_code(code);
    }

    /// Takes note that a session is not read until it may send again.
    pub(crate) fn count_held_reader(&self) {
        self.held_readers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn slow_consumers(&self) -> SlowConsumers {
        self.lock().slow_consumers
    }

    pub(crate) fn session_count(&self) -> usize {
        self.lock().routing.session_count()
    }

    pub(crate) fn undelivered_events(&self) -> u64 {
        self.lock().routing.undelivered_events()
    }

    pub(crate) fn counts(&self) -> RealmCounts {
        let state = self.lock();
        let held_readers = self.held_readers.load(Ordering::Relaxed);
        state.counts.together_with(&state.routing, held_readers)
    }

    /// Whether nothing is left of any session.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.routing.is_empty() && state.seats.iter().all(Option::is_none)
    }

    /// Does something with the routing, and tells of what was lost over it.
    fn deliver<R>(
        &self,
        turn: Turn<'_>,
        mut losses: Losses,
        touched: &mut Touched,
        work: impl FnOnce(&mut Routing, &mut Delivery<'_>) -> R,
    ) -> R {
        let Turn {
            mut state,
            work: kind,
            since,
        } = turn;
        let State {
            routing,
            counts,
            seats,
            slow_consumers,
            ..
        } = &mut *state;
        let mut delivery = Delivery {
            seats,
            policy: *slow_consumers,
            counts,
            touched,
            losses: &mut losses,
            tells_of_losses: false,
        };
        let done = work(routing, &mut delivery);
        delivery.tell_losses(routing);
        if let Some(since) = since {
            counts.lock.end(kind, since);
        }
        drop(state);
        for loss in losses {
            loss.log(&self.name);
        }
        done
    }

    /// Takes the lock to do something with the routing.
    fn begin(&self, work: Work) -> Turn<'_> {
        let mut state = self.lock();
        let since = state.counts.lock.begin(work);
        Turn { state, work, since }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            Err(TryLockError::WouldBlock) => self.wait_for_lock(),
        }
    }

    /// Takes a lock that is not free. Only then is the clock looked at.
    #[cold]
    fn wait_for_lock(&self) -> MutexGuard<'_, State> {
        let since = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts.lock.count_waited(since.elapsed());
        state
    }
}

impl fmt::Debug for RunningRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningRealm")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
