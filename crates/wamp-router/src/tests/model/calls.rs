//! Remote procedure calls in the model.

use wamp_messages::message::{Call, Error, Register, Unregister, Yield};
use wamp_messages::{InvokePolicy, RequestType, error_uri};

use super::expected::{Choice, Expected, Prediction};
use super::rules::{error_details, faults_of_pattern, invocation_details, is_uri, result_details};
use super::{Model, PendingCall, Registration, Scope, Session};
use crate::limit_uri;

impl Model {
    pub(super) fn register(&mut self, from: Session, message: &Register) -> Prediction {
        let request = message.request.as_u64();
        let procedure = message.procedure.as_str();
        let mut errors = faults_of_pattern(procedure, message.options.match_policy.as_ref());
        match message.options.invoke.as_ref().map(InvokePolicy::as_str) {
            None | Some("single") => {}
            Some("first" | "last" | "roundrobin" | "random") => {
                errors.push(error_uri::OPTION_NOT_ALLOWED);
            }
            Some(_) => errors.push(error_uri::INVALID_ARGUMENT),
        }
        errors.extend(self.faults_of_own(from, "register", procedure));
        if errors.is_empty() {
            // Which of the two is told does not matter.
            if self
                .registrations
                .iter()
                .any(|known| known.procedure == procedure)
            {
                errors.push(error_uri::PROCEDURE_ALREADY_EXISTS);
            }
            let held = self
                .registrations
                .iter()
                .filter(|held| held.session == from)
                .count();
            if held >= self.limits.registrations {
                errors.push(limit_uri::TOO_MANY_REGISTRATIONS);
            }
        }
        if !errors.is_empty() {
            return Prediction::refused(from, RequestType::REGISTER, request, errors);
        }
        let symbol = self.symbol();
        let registration = Choice::new(symbol, Scope::Registration, procedure);
        let procedure = procedure.to_owned();
        self.registrations.push(Registration {
            session: from,
            procedure,
            symbol,
        });
        Prediction::one(
            from,
            Expected::Registered {
                request,
                registration,
            },
        )
    }

    pub(super) fn unregister(&mut self, from: Session, message: &Unregister) -> Prediction {
        let request = message.request.as_u64();
        let id = Some(message.registration.as_u64());
        let held = self.registrations.iter().position(|registration| {
            registration.session == from && self.id_of(registration.symbol) == id
        });
        match held {
            Some(held) => {
                self.registrations.remove(held);
                Prediction::one(from, Expected::Unregistered { request })
            }
            None => {
                let error = vec![error_uri::NO_SUCH_REGISTRATION];
                Prediction::refused(from, RequestType::UNREGISTER, request, error)
            }
        }
    }

    pub(super) fn call(&mut self, from: Session, message: &Call) -> Prediction {
        let request = message.request.as_u64();
        let procedure = message.procedure.as_str();
        let refused = |errors| Prediction::refused(from, RequestType::CALL, request, errors);
        if !is_uri(procedure) {
            return refused(vec![error_uri::INVALID_URI]);
        }
        if !self.may(from, "call", procedure) {
            return refused(vec![error_uri::NOT_AUTHORIZED]);
        }
        let registered = self
            .registrations
            .iter()
            .find(|registration| registration.procedure == procedure);
        let Some(registration) = registered else {
            return refused(vec![error_uri::NO_SUCH_PROCEDURE]);
        };
        let mut errors = Vec::new();
        if self.calls.iter().filter(|call| call.caller == from).count() >= self.limits.calls {
            errors.push(limit_uri::TOO_MANY_CALLS);
        }
        let invoked = self
            .calls
            .iter()
            .filter(|call| call.callee == registration.session);
        if invoked.count() >= self.limits.invocations {
            errors.push(limit_uri::TOO_MANY_INVOCATIONS);
        }
        if !errors.is_empty() {
            return refused(errors);
        }
        let callee = registration.session;
        self.members[callee].invocations += 1;
        let invocation = self.members[callee].invocations;
        self.calls.push(PendingCall {
            caller: from,
            request,
            callee,
            invocation,
        });
        let expected = Expected::Invocation {
            request: invocation,
            registration: Choice::new(registration.symbol, Scope::Registration, procedure),
            details: invocation_details(message),
            payload: message.payload.clone(),
        };
        Prediction::one(callee, expected)
    }

    pub(super) fn answer_with_yield(&mut self, from: Session, message: &Yield) -> Prediction {
        let invocation = (from, message.request.as_u64());
        // A part, to a caller who was not asked whether he wants parts, is no answer.
        if message.options.progress == Some(true)
            && self.pending_invocations().contains(&invocation)
        {
            return self.violation(from);
        }
        self.answer(from, message.request.as_u64(), |request| Expected::Result {
            request,
            details: result_details(message),
            payload: message.payload.clone(),
        })
    }

    pub(super) fn answer_with_error(&mut self, from: Session, message: &Error) -> Prediction {
        assert_eq!(
            message.request_type,
            RequestType::INVOCATION,
            "a client answers nothing else"
        );
        self.answer(from, message.request.as_u64(), |request| Expected::Failed {
            request,
            details: error_details(message),
            error: message.error.as_str().to_owned(),
            payload: message.payload.clone(),
        })
    }

    fn answer(
        &mut self,
        from: Session,
        invocation: u64,
        expected: impl FnOnce(u64) -> Expected,
    ) -> Prediction {
        // "Receiving YIELD message with invalid INVOCATION.Request"
        if invocation == 0 || invocation > self.members[from].invocations {
            return self.violation(from);
        }
        match self.take_call(from, invocation) {
            Some(call) => Prediction::one(call.caller, expected(call.request)),
            None => Prediction::default(),
        }
    }

    pub(super) fn take_call(&mut self, callee: Session, invocation: u64) -> Option<PendingCall> {
        let is_it = |call: &PendingCall| call.callee == callee && call.invocation == invocation;
        let position = self.calls.iter().position(is_it)?;
        Some(self.calls.remove(position))
    }
}
