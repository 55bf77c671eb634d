//! The driver: the one task of a session, which owns its transport.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep, timeout};
use wamp_core::client::{Delivery, Pending};
use wamp_core::{
    CloseDetails, CloseReason, Outgoing, Pump, ReceiveError, Received, Transport, Violation,
};
use wamp_messages::{Message, message};

use crate::connect::Connection;
use crate::error::ApplicationError;
use crate::executor::{self, Job};
use crate::observer::UserError;
use crate::session::{Refused, Session, Shared, State, Waiting};

/// How many messages are handled before others get a turn.
const BUDGET: usize = 64;

/// How long the router may take to answer GOODBYE, and the transport to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Owns a transport and drives the session over it, until one of them ends.
pub(crate) struct Driver<T> {
    pump: Pump<T>,
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    leaving: Option<Pin<Box<Sleep>>>,
}

/// How a session ended.
struct End {
    details: CloseDetails,
    transport: AfterEnd,
}

/// What becomes of the transport of a session that has ended.
enum AfterEnd {
    /// It is closed in order.
    Close(CloseReason),
    /// It is lost already, or not worth closing.
    Abort,
}

impl<T: Transport> Driver<T> {
    /// Spawns the tasks of a session that was just opened.
    pub(crate) fn spawn(transport: T, shared: Arc<Shared>) {
        let (jobs, queue) = mpsc::channel(shared.limits.backlog.max(1));
        tokio::spawn(executor::run(Arc::clone(&shared), queue));
        let driver = Self {
            pump: Pump::new(transport),
            shared,
            jobs,
            leaving: None,
        };
        tokio::spawn(driver.run());
    }

    async fn run(mut self) {
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        tracing::debug!(session = %self.shared.details.session, reason = %end.details, "session ended");
        let detach = self.shared.lock().detach.take();
        self.shared.end(&end.details);
        let observer = self.shared.observer.clone();
        if let Some(observer) = &observer {
            observer.on_leave(&end.details).await;
        }
        match (end.transport, detach) {
            (AfterEnd::Close(CloseReason::Normal), Some(detach)) => {
                let transport = Box::new(self.pump.into_transport());
                // Nobody waits for it any more: dropping it closes the connection.
                let _ = detach.send(Connection::new(transport));
                return;
            }
            (AfterEnd::Close(reason), _) => {
                let closing = async {
                    // What is in the outbox leaves first: an ABORT, or the answer to GOODBYE.
                    let _ = std::future::poll_fn(|cx| {
                        self.pump.poll_send(cx, &self.shared.outbox, |_, _| {})
                    })
                    .await;
                    std::future::poll_fn(|cx| self.pump.poll_close(cx, &reason)).await
                };
                if !matches!(timeout(CLOSE_TIMEOUT, closing).await, Ok(Ok(()))) {
                    self.pump.abort();
                }
            }
            (AfterEnd::Abort, _) => self.pump.abort(),
        }
        if let Some(observer) = &observer {
            observer.on_disconnect().await;
        }
    }

    /// Receives what is there, then sends what waits: both at every wake.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let mut budget = BUDGET;
        while let Poll::Ready(received) = self.pump.poll_receive(cx) {
            if let ControlFlow::Break(end) = self.handle(received) {
                return Poll::Ready(end);
            }
            budget -= 1;
            if budget == 0 {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let shared = &self.shared;
        let sent = self.pump.poll_send(cx, &shared.outbox, |message, why| {
            shared.undeliverable(&message, &why);
        });
        if let Poll::Ready(Err(error)) = sent {
            return Poll::Ready(End::lost(error.to_string()));
        }
        if shared.outbox.has_overflowed() {
            return Poll::Ready(End::lost("the router does not read what it is sent"));
        }
        if self.leaving.is_none() && shared.lock().lifecycle.is_leaving() {
            self.leaving = Some(Box::pin(sleep(CLOSE_TIMEOUT)));
        }
        if let Some(leaving) = &mut self.leaving {
            ready!(leaving.as_mut().poll(cx));
            return Poll::Ready(End::lost("the router did not answer GOODBYE"));
        }
        Poll::Pending
    }

    fn handle(&mut self, received: Result<Message, ReceiveError>) -> ControlFlow<End> {
        let message = match received {
            Ok(message) => message,
            Err(ReceiveError::Decode(error)) => {
                let violation = Violation(error.to_string());
                return ControlFlow::Break(self.violated(&violation));
            }
            Err(error) => return ControlFlow::Break(End::lost(error.to_string())),
        };
        let mut state = self.shared.lock();
        match state.lifecycle.handle_received(message) {
            Ok(Received::Session(message)) => match self.deliver(&mut state, message) {
                Ok(After::Nothing) => ControlFlow::Continue(()),
                Ok(after) => {
                    drop(state);
                    self.afterwards(after);
                    ControlFlow::Continue(())
                }
                Err(violation) => {
                    drop(state);
                    ControlFlow::Break(self.violated(&violation))
                }
            },
            Ok(Received::Goodbye(details, reply)) => {
                if let Some(reply) = reply {
                    let waker = self.shared.outbox.push(Outgoing::from(reply));
                    drop(state);
                    waker.ok().flatten().into_iter().for_each(Waker::wake);
                }
                ControlFlow::Break(End {
                    details,
                    transport: AfterEnd::Close(CloseReason::Normal),
                })
            }
            Ok(Received::Abort(details)) => ControlFlow::Break(End {
                details,
                transport: AfterEnd::Close(CloseReason::Normal),
            }),
            Ok(_) => ControlFlow::Continue(()),
            Err(violation) => {
                drop(state);
                ControlFlow::Break(self.violated(&violation))
            }
        }
    }

    /// Gives a message to whom it is for. What would take another lock, or wake a user's task that
    /// then wants this one, is returned.
    fn deliver(&self, state: &mut State, message: Message) -> Result<After, Violation> {
        Ok(match state.client.handle(message)? {
            Delivery::Result(call, result) => After::Result(call, Box::new(result)),
            Delivery::Published(waiting, published) => After::Published(waiting, published),
            Delivery::Subscribed(waiting, subscription, listener) => {
                if waiting.send(Ok((subscription, listener))).is_err()
                    && state.client.remove_listener(subscription, listener)
                {
                    return Ok(After::Unsubscribe(subscription));
                }
                After::Nothing
            }
            Delivery::Registered(waiting, registration) => {
                if waiting.send(Ok(registration)).is_err() {
                    return Ok(After::Unregister(registration));
                }
                After::Nothing
            }
            Delivery::Unsubscribed(waiting) => {
                waiting
                    .into_iter()
                    .for_each(|waiting| drop(waiting.send(Ok(()))));
                After::Nothing
            }
            Delivery::Unregistered(waiting) => {
                let _ = waiting.send(Ok(()));
                After::Nothing
            }
            Delivery::Event(subscriptions, event) => {
                for listener in subscriptions.listeners(event.subscription) {
                    listener.deliver(&event, &self.shared);
                }
                After::Nothing
            }
            Delivery::Invocation(endpoint, invocation) => {
                let job = Job::new(endpoint.clone(), invocation);
                match self.jobs.try_send(job) {
                    Ok(()) => After::Nothing,
                    Err(refused) => After::Refuse(Box::new(refused.into_inner())),
                }
            }
            Delivery::Failed(pending, error, ended) => {
                fail(pending, error);
                ended.map_or(After::Nothing, After::Unsubscribe)
            }
            // A listener or endpoint that is dropped has ended: its stream ends, its handler is gone.
            Delivery::Revoked(_) | Delivery::Withdrawn(_) => After::Nothing,
            // A callee announces no feature by which its handlers could be interrupted.
            Delivery::Interrupt(_) => After::Nothing,
            _ => After::Nothing,
        })
    }

    fn afterwards(&self, after: After) {
        match after {
            After::Nothing => {}
            // Whoever does not wait any more need not know.
            After::Result(call, result) => drop(call.send(Ok(*result))),
            After::Published(waiting, published) => drop(waiting.send(Ok(published))),
            After::Refuse(job) => {
                self.shared
                    .answer(job.request(), job.refusal(&self.shared.format));
            }
            After::Unsubscribe(subscription) => {
                let _ = self.shared.request(Pending::Unsubscribe(None), |request| {
                    message::Unsubscribe {
                        request,
                        subscription,
                        options: None,
                    }
                    .into()
                });
            }
            After::Unregister(registration) => {
                let (waiting, _) = tokio::sync::oneshot::channel();
                let pending = Pending::Unregister {
                    registration,
                    waiting,
                };
                let _ = self.shared.request(pending, |request| {
                    message::Unregister {
                        request,
                        registration,
                        options: None,
                    }
                    .into()
                });
            }
        }
    }

    /// The router broke the protocol: it is told by ABORT, which leaves before the transport closes.
    fn violated(&self, violation: &Violation) -> End {
        let abort = Message::from(violation.to_abort());
        self.shared.lock().lifecycle.handle_sent(&abort);
        let waker = self.shared.outbox.push(Outgoing::from(abort));
        waker.ok().flatten().into_iter().for_each(Waker::wake);
        End {
            details: violation.to_abort().into(),
            transport: AfterEnd::Close(CloseReason::Protocol(violation.to_string())),
        }
    }
}

/// What is left to do with a message when the tables are not locked any more.
enum After {
    Nothing,
    Result(
        <Waiting as wamp_core::client::Entries>::Call,
        Box<message::Result>,
    ),
    Published(
        <Waiting as wamp_core::client::Entries>::Publish,
        message::Published,
    ),
    Refuse(Box<Job>),
    Unsubscribe(wamp_messages::SubscriptionId),
    Unregister(wamp_messages::RegistrationId),
}

impl End {
    fn lost(why: impl Into<String>) -> Self {
        Self {
            details: CloseDetails::transport_lost(why),
            transport: AfterEnd::Abort,
        }
    }
}

/// Tells whoever made a request that it was refused.
fn fail(pending: Pending<Waiting>, error: message::Error) {
    let error = ApplicationError::received(error);
    // Whoever has stopped waiting need not be told.
    let _ = match pending {
        Pending::Call(waiting) => waiting.send(Err(error.into())).is_ok(),
        Pending::Publish(waiting) => waiting.send(Err(error.into())).is_ok(),
        Pending::Subscribe { waiting, .. } => {
            waiting.send(Err(Refused::Application(error))).is_ok()
        }
        Pending::Unsubscribe(Some(waiting)) => {
            waiting.send(Err(Refused::Application(error))).is_ok()
        }
        Pending::Register { waiting, .. } => waiting.send(Err(Refused::Application(error))).is_ok(),
        Pending::Unregister { waiting, .. } => {
            waiting.send(Err(Refused::Application(error))).is_ok()
        }
        _ => false,
    };
}

impl Shared {
    /// Tells the observer of an error of a handler, or the log where there is none.
    pub(crate) fn user_error(&self, error: &UserError) {
        match &self.observer {
            Some(observer) => observer.on_user_error(error),
            None => tracing::error!(uri = %error.uri, error = %error.error, "a handler failed"),
        }
    }
}

/// Opens a session over a transport on which WELCOME has come.
pub(crate) async fn open<T: Transport>(transport: T, shared: Arc<Shared>) -> Session {
    let session = Session::new(Arc::clone(&shared));
    let observer = shared.observer.clone();
    Driver::spawn(transport, shared);
    if let Some(observer) = observer {
        observer.on_join(&session).await;
    }
    session
}
