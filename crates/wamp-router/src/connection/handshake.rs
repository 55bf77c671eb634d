//! How a connection lets a client in: from its HELLO to its WELCOME, or to an ABORT.

use std::mem;
use std::sync::Arc;

use wamp_auth::{Accept, Candidate, Deny, Verdict};
use wamp_core::lifecycle::abort;
use wamp_core::{CloseReason, Transport, Violation};
use wamp_messages::message::{Abort, Authenticate, Hello, Welcome};
use wamp_messages::options::WelcomeDetails;
use wamp_messages::{Message, Roles, SessionId, UriRules, error_uri};

use super::pace::Pace;
use super::{Connection, Deadline, Membership, Phase};
use crate::realm::moment::Moment;
use crate::realm::reply::shorten;
use crate::realm::{Identity, announced};
use crate::running::RunningRealm;

/// A session that wants to be.
pub(super) struct Candidacy {
    realm: Arc<RunningRealm>,
    session: SessionId,
    roles: Roles,
    /// When its HELLO came.
    since: Moment,
}

impl<T: Transport> Connection<T> {
    pub(super) fn handle_hello(&mut self, hello: Hello) {
        let hello = Message::from(hello);
        if let Err(invalid) = hello.validate(UriRules::LOOSE) {
            // Another HELLO of the same client would be no better.
            let text = invalid.to_string();
            let reason = CloseReason::Protocol(shorten(&text).to_owned());
            return self.refuse(abort(invalid.uri(), text), reason);
        }
        let Message::Hello(Hello { realm, details }) = hello else {
            return;
        };
        let Some(realm) = self.router.realm(realm.as_ref()) else {
            let text = match realm {
                Some(realm) => format!("there is no realm {realm:?}"),
                None => "there is no default realm: HELLO must name one".to_owned(),
            };
            return self.refuse(abort(error_uri::NO_SUCH_REALM, text), CloseReason::Normal);
        };
        let methods = details.authmethods.as_deref().unwrap_or_default();
        let or_anonymous = methods.is_empty().then_some(wamp_auth::ANONYMOUS);
        let offered = methods.iter().map(String::as_str).chain(or_anonymous);
        let Some(authenticator) = realm.authenticator(offered) else {
            let text = format!("none of the methods {methods:?} is possible on this realm");
            return self.refuse(
                abort(error_uri::NO_MATCHING_AUTH_METHOD, text),
                CloseReason::Normal,
            );
        };
        let session = SessionId::from_random_bits(rand::random());
        let candidate = Candidate::new(&realm.name, session)
            .with_authid(details.authid.as_deref())
            .with_authrole(details.authrole.as_deref())
            .with_authextra(details.authextra.as_ref());
        // What it tells in the log is of this connection.
        let verdict = self
            .span
            .in_scope(|| authenticator.authenticate(&candidate));
        let candidacy = Candidacy {
            realm,
            session,
            // What stays as long as the session is not as long as the client likes.
            roles: details.roles.unwrap_or_default().known(),
            since: self.now(),
        };
        self.deadline = Some(Deadline::After(self.router.settings.handshake_timeout));
        self.judge(candidacy, verdict);
    }

    pub(super) fn handle_authenticate(&mut self, answer: &Authenticate) {
        let idle = Phase::Idle { is_new: false };
        let Phase::Authenticating(candidacy, exchange) = mem::replace(&mut self.phase, idle) else {
            let text = "AUTHENTICATE answers a CHALLENGE, and there was none";
            return self.violate(&Violation(text.to_owned()));
        };
        let verdict = self.span.in_scope(|| exchange.verify(answer));
        self.judge(candidacy, verdict);
    }

    fn judge(&mut self, candidacy: Candidacy, verdict: Verdict) {
        match verdict {
            Verdict::Accept(accept) => self.welcome(candidacy, accept),
            Verdict::Challenge(challenge, exchange) => {
                self.send(challenge.into(), None);
                self.phase = Phase::Authenticating(candidacy, exchange);
            }
            Verdict::Deny(Deny {
                reason, message, ..
            }) => {
                let mut refusal = abort(error_uri::NOT_AUTHORIZED, message);
                refusal.reason = reason;
                self.refuse(refusal, CloseReason::Normal);
            }
            // A verdict that this version does not know lets nobody in.
            _ => {
                let text = "the authenticator's verdict is not understood";
                self.refuse(
                    abort(error_uri::AUTHENTICATION_FAILED, text),
                    CloseReason::Normal,
                );
            }
        }
    }

    fn welcome(&mut self, candidacy: Candidacy, accept: Accept) {
        let Candidacy {
            realm,
            session,
            roles,
            since,
        } = candidacy;
        // It may have been closed since HELLO. What closes it from here on wakes this task.
        if realm.is_closed() {
            let text = format!("there is no realm {:?} any more", realm.name);
            return self.refuse(abort(error_uri::NO_SUCH_REALM, text), CloseReason::Normal);
        }
        if !realm.has_role(&accept.authrole) {
            let text = format!("there is no role {:?} on this realm", accept.authrole);
            return self.refuse(abort(error_uri::NO_SUCH_ROLE, text), CloseReason::Normal);
        }
        let span = tracing::info_span!(
            parent: &self.span, "session", id = %session, realm = %realm.name
        );
        tracing::debug!(
            parent: &span,
            authid = accept.authid,
            authrole = accept.authrole,
            authmethod = accept.authmethod,
            "a session joins"
        );
        let identity = Identity {
            session,
            authid: accept.authid.clone(),
            authrole: accept.authrole.clone(),
            roles,
        };
        let mut details = WelcomeDetails::default();
        details.realm = Some(realm.name.clone());
        details.authid = Some(accept.authid);
        details.authrole = Some(accept.authrole);
        details.authmethod = Some(accept.authmethod);
        details.authprovider = Some(accept.authprovider);
        details.authextra = accept.authextra;
        details.roles = Some(announced());
        details.agent = Some(self.router.settings.agent.clone());
        let details = Box::new(details);
        let welcome = Message::from(Welcome { session, details });
        self.lifecycle.handle_sent(&welcome);
        let before = self.outbox.put();
        // Where nobody is challenged all of it was in this turn.
        let took = self.router.clock.now().since(since);
        let peer = realm.join(identity, &self.outbox, welcome, took, &mut self.touched);
        self.pace = Pace::new(&realm);
        self.phase = Phase::Open(Membership {
            realm,
            peer,
            outer: mem::replace(&mut self.span, span),
            before,
        });
        self.deadline = None;
        if let Some(callback) = self.on_open.take() {
            callback();
        }
    }

    /// Does not let the client in.
    pub(super) fn refuse(&mut self, refusal: Abort, reason: CloseReason) {
        let details = refusal.details.message.as_deref().unwrap_or_default();
        tracing::info!(
            parent: &self.span,
            reason = %refusal.reason,
            details = shorten(details),
            "a client was refused"
        );
        self.end_with(refusal, None, reason);
    }
}
