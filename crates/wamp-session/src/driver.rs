//! The driver: the one task of a session, which owns its transport.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep, timeout};
use wamp_core::client::{Delivery, Entries, ListenerId, Pending};
use wamp_core::{
    CloseDetails, CloseReason, Outgoing, Pump, ReceiveError, Received, Transport, TransportError,
    Violation,
};
use wamp_messages::{Message, RegistrationId, SubscriptionId, message};

use crate::connect::Connection;
use crate::error::ApplicationError;
use crate::executor::{self, Endpoint, Job, Jobs};
use crate::observer::UserError;
use crate::place::Granted;
use crate::session::{Refused, Session, Shared, State, Waiting};
use crate::subscription::Listener;

/// How many messages are handled before others get a turn.
const BUDGET: usize = 64;

/// How long the router may take to answer GOODBYE, and the transport to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Owns a transport and drives the session over it, until one of them ends.
pub(crate) struct Driver<T> {
    pump: Pump<T>,
    shared: Arc<Shared>,
    jobs: Jobs,
    leaving: Option<Pin<Box<Sleep>>>,
    /// Whether the outbox knows whom to wake when it closes.
    watches: bool,
}

/// Ends the session when it is dropped.
struct EndWithTask(Arc<Shared>);

impl Drop for EndWithTask {
    fn drop(&mut self) {
        self.0.end(&CloseDetails::transport_lost(
            "the session's task has ended",
        ));
    }
}

/// How a session ended.
struct End {
    details: CloseDetails,
    transport: AfterEnd,
}

/// What becomes of the transport of a session that has ended.
enum AfterEnd {
    /// It is handed to whom it was promised, otherwise closed in order.
    Keep,
    /// It is closed in order.
    Close(CloseReason),
    /// It is lost already, or not worth closing.
    Abort,
}

impl<T: Transport> Driver<T> {
    /// Spawns the tasks of a session that was just opened.
    pub(crate) fn spawn(transport: T, shared: Arc<Shared>) {
        let (jobs, queue) = Jobs::new(&shared.limits);
        tokio::spawn(executor::run(Arc::clone(&shared), queue));
        let driver = Self {
            pump: Pump::new(transport),
            shared,
            jobs,
            leaving: None,
            watches: false,
        };
        tokio::spawn(driver.run());
    }

    async fn run(mut self) {
        // However this task ends, with its runtime or by a panic: nobody waits in vain.
        let _ended = EndWithTask(Arc::clone(&self.shared));
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        // The router's words are quoted, lest they pass for lines of the log.
        tracing::debug!(
            session = %self.shared.details.session,
            reason = end.details.reason.as_str(),
            details = end.details.message.as_deref(),
            "session ended"
        );
        let detach = self.shared.lock().detach.take();
        self.shared.end(&end.details);
        // What is in the outbox leaves first: an ABORT, or the answer to GOODBYE.
        let flushed = matches!(timeout(CLOSE_TIMEOUT, self.flush(&end)).await, Ok(Ok(())));
        let observer = self.shared.observer.clone();
        if let Some(observer) = &observer {
            observer.on_leave(&end.details).await;
        }
        match (end.transport, detach) {
            (AfterEnd::Keep, Some(detach)) if flushed => {
                let transport = Box::new(self.pump.into_transport());
                let Err(unwanted) = detach.send(Connection::new(transport)) else {
                    return;
                };
                let _ = timeout(CLOSE_TIMEOUT, unwanted.close()).await;
            }
            (AfterEnd::Keep, _) => self.close(&CloseReason::Normal, flushed).await,
            (AfterEnd::Close(reason), _) => self.close(&reason, flushed).await,
            (AfterEnd::Abort, _) => self.pump.abort(),
        }
        if let Some(observer) = &observer {
            observer.on_disconnect().await;
        }
    }

    async fn flush(&mut self, end: &End) -> Result<(), TransportError> {
        if matches!(end.transport, AfterEnd::Abort) {
            return Ok(());
        }
        let outbox = &self.shared.outbox;
        std::future::poll_fn(|cx| self.pump.poll_send(cx, outbox, |_, _| {})).await
    }

    async fn close(&mut self, reason: &CloseReason, flushed: bool) {
        let closing = std::future::poll_fn(|cx| self.pump.poll_close(cx, reason));
        if !flushed || !matches!(timeout(CLOSE_TIMEOUT, closing).await, Ok(Ok(()))) {
            self.pump.abort();
        }
    }

    /// Receives what is there, then sends what waits: both at every wake.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if !self.watches {
            self.shared.outbox.set_watcher(cx.waker().clone());
            self.watches = true;
        }
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
                    let pushed = self.shared.outbox.push(Outgoing::from(reply));
                    drop(state);
                    pushed.wake();
                }
                ControlFlow::Break(End {
                    details,
                    transport: AfterEnd::Keep,
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

    /// Gives a message to whom it is for. What wakes others, or may run code of the user's when it
    /// is dropped, is returned: it may want the lock that is held here.
    fn deliver(&self, state: &mut State, message: Message) -> Result<After, Violation> {
        Ok(match state.client.handle(message)? {
            Delivery::Event(subscriptions, event) => {
                for listener in subscriptions.listeners(event.subscription) {
                    listener.deliver(&event, &self.shared);
                }
                After::Nothing
            }
            Delivery::Failed(pending, error, ended) => {
                // In one step with the tables: see `Shared::unsubscribe`.
                if let Some(subscription) = ended {
                    let waiting = Pending::Unsubscribe(None);
                    let request = state.client.request(waiting);
                    // This task sends what is in the outbox when it has received.
                    let _ = self
                        .shared
                        .outbox
                        .push(Outgoing::from(message::Unsubscribe {
                            request,
                            subscription,
                            options: None,
                        }));
                }
                After::Failed(Box::new((pending, error)))
            }
            Delivery::Invocation(endpoint, invocation) => {
                match self.jobs.try_send(endpoint.clone(), invocation) {
                    Ok(()) => After::Nothing,
                    Err(refused) => After::Refuse(refused),
                }
            }
            Delivery::Published(waiting, published) => After::Published(waiting, published),
            Delivery::Registered(waiting, registration, replaced) => {
                After::Registered(waiting, registration, replaced)
            }
            Delivery::Result(call, result) => After::Result(call, Box::new(result)),
            Delivery::Revoked(listeners) => After::Revoked(listeners),
            Delivery::Subscribed(waiting, subscription, listener) => {
                After::Subscribed(waiting, (subscription, listener))
            }
            Delivery::Unregistered(waiting, endpoint) => After::Unregistered(waiting, endpoint),
            Delivery::Unsubscribed(waiting) => After::Unsubscribed(waiting),
            Delivery::Withdrawn(endpoint) => After::Withdrawn(endpoint),
            // A callee announces no feature by which its handlers could be interrupted.
            _ => After::Nothing,
        })
    }

    fn afterwards(&self, after: After) {
        // Whoever does not wait any more need not know.
        match after {
            After::Nothing => {}
            After::Failed(failed) => fail(failed.0, failed.1),
            After::Published(waiting, published) => drop(waiting.send(Ok(published))),
            After::Refuse(job) => {
                self.shared
                    .answer(job.request(), job.refusal(&self.shared.format));
            }
            After::Registered(waiting, registration, replaced) => {
                drop(replaced);
                let granted = Granted::new(&self.shared, registration, |shared, registration| {
                    let (nobody, _) = tokio::sync::oneshot::channel();
                    let _ = shared.unregister(registration, nobody);
                });
                drop(waiting.send(Ok(granted)));
            }
            After::Result(call, result) => drop(call.send(Ok(*result))),
            // A listener or endpoint that is dropped has ended: its stream ends, its handler is gone.
            After::Revoked(listeners) => drop(listeners),
            After::Subscribed(waiting, listener) => {
                let granted = Granted::new(&self.shared, listener, |shared, listener| {
                    let _ = shared.unsubscribe(listener, None);
                });
                drop(waiting.send(Ok(granted)));
            }
            After::Unregistered(waiting, endpoint) => {
                drop(endpoint);
                drop(waiting.send(Ok(())));
            }
            After::Unsubscribed(waiting) => {
                waiting
                    .into_iter()
                    .for_each(|waiting| drop(waiting.send(Ok(()))));
            }
            After::Withdrawn(endpoint) => drop(endpoint),
        }
    }

    /// The router broke the protocol: it is told by ABORT, which leaves before the transport closes.
    fn violated(&self, violation: &Violation) -> End {
        let abort = Message::from(violation.to_abort());
        self.shared.lock().lifecycle.handle_sent(&abort);
        self.shared.outbox.push(Outgoing::from(abort)).wake();
        End {
            details: violation.to_abort().into(),
            transport: AfterEnd::Close(CloseReason::Protocol(violation.to_string())),
        }
    }
}

/// What is left to do with a message when the tables are not locked any more.
enum After {
    Nothing,
    Failed(Box<(Pending<Waiting>, message::Error)>),
    Published(<Waiting as Entries>::Publish, message::Published),
    Refuse(Box<Job>),
    Registered(
        <Waiting as Entries>::Register,
        RegistrationId,
        Option<Endpoint>,
    ),
    Result(<Waiting as Entries>::Call, Box<message::Result>),
    Revoked(Vec<Listener>),
    Subscribed(
        <Waiting as Entries>::Subscribe,
        (SubscriptionId, ListenerId),
    ),
    Unregistered(<Waiting as Entries>::Unregister, Option<Endpoint>),
    Unsubscribed(Option<<Waiting as Entries>::Unsubscribe>),
    Withdrawn(Endpoint),
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
            Some(observer) => {
                // The task that tells it has other handlers to run.
                let told = std::panic::AssertUnwindSafe(|| observer.on_user_error(error));
                if std::panic::catch_unwind(told).is_err() {
                    tracing::error!(uri = %error.uri, "the observer panicked over an error");
                }
            }
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
