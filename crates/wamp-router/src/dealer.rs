//! The dealer: who answers which calls.
//!
//! Specification: Basic Profile, "Remote Procedure Calls" and "Ordering Guarantees".

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use wamp_core::{Undeliverable, Violation};
use wamp_messages::message::{
    Call as CallMessage, Error, Invocation as InvocationMessage, Register, Registered,
    Result as ResultMessage, Unregister, Unregistered, Yield,
};
use wamp_messages::options::{ErrorDetails, InvocationDetails, ResultDetails, Sparse};
use wamp_messages::{InvokePolicy, RegistrationId, RequestId, RequestType, Uri, error_uri};

use crate::broker::exact_only;
use crate::config::SessionLimits;
use crate::limit_uri;
use crate::realm::arena::{Arena, Key};
use crate::realm::index::Index;
use crate::realm::moment::Moment;
use crate::realm::reply::{self, Refusal, pass_on_encoding};
use crate::realm::{Change, Counted, Outcome, Peer, Session, Sessions, Sink};

/// The registrations of a realm.
///
/// A pending call stands in two places, and leaves both at once: with its caller, as a [`Call`],
/// and with its callee, as an [`Invocation`]. So nobody finds a call that is not his.
#[derive(Debug, Default)]
pub(crate) struct Dealer {
    registrations: Arena<Registration>,
    ids: HashMap<RegistrationId, Key>,
    procedures: Index,
    last_id: Option<RegistrationId>,
}

#[derive(Debug)]
struct Registration {
    id: RegistrationId,
    procedure: Uri,
    callee: Peer,
}

/// A call that a session has made: where it is being answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    callee: Peer,
    invocation: RequestId,
}

/// A call that a session is to answer: whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation {
    caller: Peer,
    call: RequestId,
    since: Moment,
}

impl Dealer {
    pub(crate) fn register(
        &mut self,
        sessions: &mut Sessions,
        peer: Peer,
        register: &Register,
        limits: &SessionLimits,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        exact_only(register.options.match_policy.as_ref())?;
        if let Some(invoke) = &register.options.invoke
            && *invoke != InvokePolicy::SINGLE
        {
            let text = format!("invoke is {invoke}, and this router has only single");
            return Err(Refusal::new(error_uri::OPTION_NOT_ALLOWED, text));
        }
        let Some(session) = sessions.find_mut(peer) else {
            return Ok(());
        };
        if self.procedures.of(&register.procedure).is_some() {
            let text = format!("{:?} is registered already", register.procedure);
            return Err(Refusal::new(error_uri::PROCEDURE_ALREADY_EXISTS, text));
        }
        if session.registrations.len() >= limits.registrations {
            let text = format!("a session may have {} registrations", limits.registrations);
            return Err(Refusal::new(limit_uri::TOO_MANY_REGISTRATIONS, text));
        }
        let registration = self.last_id.unwrap_or(RegistrationId::ZERO).next();
        self.last_id = Some(registration);
        let procedure = register.procedure.detached();
        let key = self.registrations.insert(Registration {
            id: registration,
            procedure: procedure.clone(),
            callee: peer,
        });
        self.ids.insert(registration, key);
        self.procedures.insert(procedure, key);
        session.registrations.insert(key);
        let registered = Registered {
            request: register.request,
            registration,
        };
        sink.send(peer, registered.into());
        sink.note(Change::Registered {
            peer,
            registration,
            is_first: true,
        });
        Ok(())
    }

    /// Ends a registration; what was called before is still answered.
    pub(crate) fn unregister(
        &mut self,
        sessions: &mut Sessions,
        peer: Peer,
        unregister: &Unregister,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let key = self.ids.get(&unregister.registration).copied();
        let session = sessions.find_mut(peer);
        let Some((key, session)) = key
            .zip(session)
            .filter(|(key, session)| session.registrations.contains(key))
        else {
            let text = format!(
                "the session has no registration {}",
                unregister.registration
            );
            return Err(Refusal::new(error_uri::NO_SUCH_REGISTRATION, text));
        };
        session.registrations.remove(&key);
        let unregistered = Unregistered {
            request: unregister.request,
            details: None,
        };
        sink.send(peer, unregistered.into());
        self.remove(key, peer, sink);
        Ok(())
    }

    pub(crate) fn call(
        &mut self,
        sessions: &mut Sessions,
        peer: Peer,
        call: &mut CallMessage,
        limits: &SessionLimits,
        now: Moment,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let best = self.procedures.best(&call.procedure);
        let Some(registration) = best.and_then(|key| self.registrations.get(key)) else {
            let text = format!("no procedure {:?} is registered", call.procedure);
            return Err(Refusal::new(error_uri::NO_SUCH_PROCEDURE, text));
        };
        let waiting = sessions.find(peer).map_or(0, |caller| caller.calls.len());
        if waiting >= limits.calls {
            let text = format!("a session may have {} calls waiting", limits.calls);
            return Err(Refusal::new(limit_uri::TOO_MANY_CALLS, text));
        }
        let callee = registration.callee;
        let Some(session) = sessions.find_mut(callee) else {
            return Ok(());
        };
        if session.invocations.len() >= limits.invocations {
            let text = format!(
                "the callee has {} invocations to answer already",
                limits.invocations
            );
            return Err(Refusal::new(limit_uri::TOO_MANY_INVOCATIONS, text));
        }
        let invocation = session.last_invocation.next();
        session.last_invocation = invocation;
        let answers = Invocation {
            caller: peer,
            call: call.request,
            since: now,
        };
        session.invocations.insert(invocation, answers);
        if let Some(caller) = sessions.find_mut(peer) {
            let call_made = Call { callee, invocation };
            caller.calls.insert(call.request, call_made);
        }
        let mut details: Sparse<InvocationDetails> = Sparse::empty();
        if let Some(hash) = &call.options.transaction_hash {
            details.transaction_hash = Some(hash.clone());
        }
        pass_on_encoding!(call.options => details);
        let message = InvocationMessage {
            request: invocation,
            registration: registration.id,
            details,
            payload: mem::take(&mut call.payload),
        };
        sink.send(callee, message.into());
        sink.count(Counted::Called);
        Ok(())
    }

    pub(crate) fn handle_yield(
        sessions: &mut Sessions,
        peer: Peer,
        answer: &mut Yield,
        now: Moment,
        sink: &mut impl Sink,
    ) -> Result<(), Violation> {
        let Some(invocation) = find_invocation(sessions, peer, answer.request)? else {
            return Ok(());
        };
        // No INVOCATION asks for it: the feature is not announced. A part of a result must not be
        // taken for the whole of it.
        if answer.options.progress == Some(true) {
            let id = answer.request;
            return Err(Violation(format!(
                "YIELD {id} is progressive, and its INVOCATION did not ask for that"
            )));
        }
        settle(sessions, peer, answer.request, invocation);
        let mut details: Sparse<ResultDetails> = Sparse::empty();
        pass_on_encoding!(answer.options => details);
        let result = ResultMessage {
            request: invocation.call,
            details,
            payload: mem::take(&mut answer.payload),
        };
        sink.send(invocation.caller, result.into());
        let after = now.since(invocation.since);
        sink.count(Counted::Answered(Outcome::Result, after));
        Ok(())
    }

    pub(crate) fn handle_error(
        sessions: &mut Sessions,
        peer: Peer,
        answer: &mut Error,
        now: Moment,
        sink: &mut impl Sink,
    ) -> Result<(), Violation> {
        let Some(invocation) = find_invocation(sessions, peer, answer.request)? else {
            return Ok(());
        };
        settle(sessions, peer, answer.request, invocation);
        let mut details: Sparse<ErrorDetails> = Sparse::empty();
        pass_on_encoding!(answer.details => details);
        let error = Error {
            request_type: RequestType::CALL,
            request: invocation.call,
            details,
            error: answer.error.clone(),
            payload: mem::take(&mut answer.payload),
        };
        sink.send(invocation.caller, error.into());
        let after = now.since(invocation.since);
        sink.count(Counted::Answered(Outcome::Error, after));
        Ok(())
    }

    /// Answers in the place of a callee that an INVOCATION cannot be sent to.
    pub(crate) fn handle_undeliverable(
        sessions: &mut Sessions,
        callee: Peer,
        request: RequestId,
        why: &Undeliverable,
        sink: &mut impl Sink,
    ) {
        let Ok(Some(invocation)) = find_invocation(sessions, callee, request) else {
            return;
        };
        settle(sessions, callee, request, invocation);
        let text = format!("the call cannot be sent to its callee: {why}");
        let error = reply::error(RequestType::CALL, invocation.call, why.uri(), &text);
        sink.send(invocation.caller, error.into());
        count_given_up(Outcome::Undeliverable, sink);
    }

    /// Takes everything of a session away, which is gone already: its callers are told, and what it
    /// called itself is forgotten.
    pub(crate) fn handle_leave(
        &mut self,
        sessions: &mut Sessions,
        peer: Peer,
        session: &Session,
        sink: &mut impl Sink,
    ) {
        for &key in &session.registrations {
            self.remove(key, peer, sink);
        }
        for &Invocation { caller, call, .. } in session.invocations.values() {
            count_given_up(Outcome::Canceled, sink);
            let known = sessions.find_mut(caller);
            // It may have called itself, and is gone then too.
            if known.is_some_and(|caller| caller.calls.remove(&call).is_some()) {
                let text = "the callee left before it answered";
                let error = reply::error(RequestType::CALL, call, error_uri::CANCELED, text);
                sink.send(caller, error.into());
            }
        }
        for Call { callee, invocation } in session.calls.values() {
            // Those that it had to answer itself are counted already.
            if let Some(callee) = sessions.find_mut(*callee)
                && callee.invocations.remove(invocation).is_some()
            {
                count_given_up(Outcome::Abandoned, sink);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.registrations.is_empty() && self.ids.is_empty() && self.procedures.is_empty()
    }

    fn remove(&mut self, key: Key, peer: Peer, sink: &mut impl Sink) {
        if let Some(Registration { id, procedure, .. }) = self.registrations.remove(key) {
            self.ids.remove(&id);
            self.procedures.remove(&procedure);
            sink.note(Change::Unregistered {
                peer,
                registration: id,
                is_last: true,
            });
        }
    }
}

/// The pending call that a callee answers, by the id that the callee knows it by.
///
/// There is none where the answer is late: the call was forgotten with its caller, or answered
/// before. An id that the callee was never sent is a violation.
fn find_invocation(
    sessions: &Sessions,
    callee: Peer,
    request: RequestId,
) -> Result<Option<Invocation>, Violation> {
    let Some(session) = sessions.find(callee) else {
        return Ok(None);
    };
    if request.is_zero() || request > session.last_invocation {
        return Err(Violation(format!(
            "the invocation {request} is answered, and there was none of this id"
        )));
    }
    Ok(session.invocations.get(&request).copied())
}

/// Counts a call that its callee has not answered, and will not.
fn count_given_up(outcome: Outcome, sink: &mut impl Sink) {
    sink.count(Counted::Answered(outcome, Duration::ZERO));
}

/// Takes a pending call out of both of its places.
fn settle(sessions: &mut Sessions, callee: Peer, request: RequestId, invocation: Invocation) {
    if let Some(callee) = sessions.find_mut(callee) {
        callee.invocations.remove(&request);
    }
    if let Some(caller) = sessions.find_mut(invocation.caller) {
        caller.calls.remove(&invocation.call);
    }
}

#[cfg(test)]
mod tests;
