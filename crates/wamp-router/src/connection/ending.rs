//! How a session ends, and its connection.

use std::mem;
use std::sync::Arc;

use wamp_core::lifecycle::{abort, goodbye};
use wamp_core::{CloseReason, Outbox, Transport, Violation};
use wamp_messages::Uri;
use wamp_messages::message::Abort;

use super::pace::Pace;
use super::{Connection, Deadline, Membership, Phase};
use crate::limit_uri;
use crate::metrics::{Ended, known_reason};
use crate::realm::reply::shorten;
use crate::running::RunningRealm;
use crate::slow_consumers::SlowConsumers;

impl<T: Transport> Connection<T> {
    /// Ends the session, and tells the client, which has to answer until a deadline.
    pub(super) fn dismiss(
        &mut self,
        ended: Ended,
        reason: &'static str,
        text: &str,
        deadline: Option<Deadline>,
    ) {
        tracing::debug!(reason, "a session is ended");
        let realm = self.leave(ended);
        let goodbye = goodbye(Uri::from_static(reason), Some(text.to_owned()));
        self.send(goodbye.into(), realm.as_deref());
        self.phase = Phase::Leaving;
        self.deadline = deadline;
    }

    /// Ends the connection because the client broke the protocol.
    pub(super) fn violate(&mut self, violation: &Violation) {
        tracing::info!(
            parent: &self.span, %violation, "a client broke the protocol, and is disconnected"
        );
        let reason = CloseReason::Protocol(shorten(&violation.0).to_owned());
        self.abort(Ended::Violation, violation.to_abort(), reason);
    }

    /// Ends the connection because its client takes too little of what it is sent.
    ///
    /// The outbox that comes in place of the closed one takes only what is sent from here: no
    /// realm has it, so that it never overflows, and this happens once.
    pub(super) fn give_up(&mut self) {
        tracing::info!(
            parent: &self.span, "a client does not take what it is sent, and is disconnected"
        );
        let mut policy = SlowConsumers::default();
        if let Phase::Open(Membership { realm, .. }) = &self.phase {
            policy = realm.slow_consumers();
        }
        let realm = self.leave(Ended::TooSlow);
        let limits = self.router.settings.outbox;
        self.outbox = Arc::new(Outbox::new(limits));
        if let Some(waker) = &self.waker {
            self.outbox.set_watcher(waker.clone());
        }
        let exceeded = policy.exceeded(limits);
        let text = format!(
            "{exceeded} that the router keeps waited for this client; it was dropped. Read faster, \
             or ask for less at a time"
        );
        self.end_with(
            abort(limit_uri::TOO_SLOW, text),
            realm.as_deref(),
            CloseReason::Normal,
        );
    }

    /// Ends the session, if there is one, and the connection.
    pub(super) fn abort(&mut self, ended: Ended, abort: Abort, reason: CloseReason) {
        let realm = self.leave(ended);
        self.end_with(abort, realm.as_deref(), reason);
    }

    /// Ends the connection, and tells the client why, which had a session on the realm, or has none.
    pub(super) fn end_with(
        &mut self,
        mut abort: Abort,
        realm: Option<&RunningRealm>,
        reason: CloseReason,
    ) {
        if realm.is_none() {
            let outside = &self.router.connections.outside;
            outside.count_refused(known_reason(abort.reason.as_str()));
        }
        if let Some(message) = &mut abort.details.message {
            *message = shorten(message).to_owned();
        }
        self.send(abort.into(), realm);
        self.close(reason);
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.phase = Phase::Closing(reason);
        self.deadline = Some(Deadline::After(self.router.settings.closing_timeout));
    }

    /// Ends everything at once.
    pub(super) fn destroy(&mut self, ended: Ended) {
        self.leave(ended);
        self.pump.abort();
        self.phase = Phase::Closed;
        self.deadline = None;
    }

    /// Takes the session out of its realm, if there is one, and tells of which it was.
    pub(super) fn leave(&mut self, ended: Ended) -> Option<Arc<RunningRealm>> {
        if !matches!(self.phase, Phase::Open(_)) {
            return None;
        }
        let idle = Phase::Idle { is_new: false };
        let Phase::Open(membership) = mem::replace(&mut self.phase, idle) else {
            return None;
        };
        let Membership {
            realm, peer, outer, ..
        } = membership;
        realm.leave(peer, ended, &mut self.touched);
        // Who has left waits for nobody.
        self.touched.flooded.clear();
        self.pace = Pace::default();
        self.span = outer;
        Some(realm)
    }
}
