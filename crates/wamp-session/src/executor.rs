//! The executor: runs the handlers of invocations, begun in order, so many at once.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, mpsc};
use wamp_messages::message::{Invocation, Yield};
use wamp_messages::{Format, Message, RequestId, Uri, error_uri};

use crate::error::ApplicationError;
use crate::extract::InvocationContext;
use crate::handler::{Handler, ReplyFuture};
use crate::held::{Charge, Held};
use crate::observer::UserError;
use crate::register::CallDetails;
use crate::session::{SessionLimits, Shared, error_message};

/// A handler in the table of registrations.
#[derive(Clone)]
pub(crate) struct Endpoint {
    procedure: Uri,
    call: Arc<CallFn>,
}

type CallFn = dyn Fn(InvocationContext, Format) -> ReplyFuture + Send + Sync;

impl Endpoint {
    pub(crate) fn new<M, H: Handler<M>>(handler: H) -> Self {
        Self {
            procedure: Uri::from_static(""),
            call: Arc::new(move |invocation, format| handler.call(invocation, format)),
        }
    }

    pub(crate) fn named(self, procedure: Uri) -> Self {
        Self { procedure, ..self }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.procedure).finish()
    }
}

/// An invocation and the handler that is to answer it.
#[derive(Debug)]
pub(crate) struct Job {
    endpoint: Endpoint,
    invocation: Invocation,
}

/// Where the session's task puts invocations; bounded in number and octets.
pub(crate) struct Jobs {
    queue: mpsc::Sender<(Box<Job>, Charge)>,
    held: Held,
}

impl Jobs {
    pub(crate) fn new(limits: &SessionLimits) -> (Self, mpsc::Receiver<(Box<Job>, Charge)>) {
        let (queue, jobs) = mpsc::channel(limits.backlog.max(1));
        let held = Held::new(limits.backlog_octets);
        (Self { queue, held }, jobs)
    }

    /// Puts an invocation in; it comes back if there is no room.
    pub(crate) fn try_send(
        &self,
        endpoint: Endpoint,
        invocation: Invocation,
    ) -> Result<(), Box<Job>> {
        let mut job = Box::new(Job {
            endpoint,
            invocation,
        });
        let Ok(place) = self.queue.try_reserve() else {
            return Err(job);
        };
        let Some(charge) = self.held.charge(job.invocation.payload.len()) else {
            return Err(job);
        };
        if !charge.is_first() {
            job.invocation.payload = job.invocation.payload.detach();
        }
        place.send((job, charge));
        Ok(())
    }
}

impl Job {
    /// The answer of a session that has too much to do.
    pub(crate) fn refusal(&self, format: &Format) -> Message {
        let text = "too many calls wait for this callee";
        let error = ApplicationError::new(error_uri::UNAVAILABLE, text);
        error_message(self.invocation.request, &error, format)
    }

    pub(crate) const fn request(&self) -> RequestId {
        self.invocation.request
    }
}

/// Runs handlers until no more invocations come, or the session has ended.
pub(crate) async fn run(shared: Arc<Shared>, mut jobs: mpsc::Receiver<(Box<Job>, Charge)>) {
    let places = Arc::new(Semaphore::new(shared.limits.concurrency.max(1)));
    while let Some((job, charge)) = jobs.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        if shared.enter().is_err() {
            // Its caller has been told, and nobody would get the answer.
            return;
        }
        drop(charge);
        let mut answer = Box::pin(answer(Arc::clone(&shared), *job));
        // Polled once here, handlers begin in the order of their invocations, as the specification
        // wants for calls of one caller; what they do after their first `.await` runs beside.
        let begun = std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
        if begun.is_pending() {
            tokio::spawn(async move {
                answer.await;
                drop(place);
            });
        }
    }
}

async fn answer(shared: Arc<Shared>, job: Job) {
    let Job {
        endpoint,
        mut invocation,
    } = job;
    let request = invocation.request;
    let context = InvocationContext {
        details: CallDetails::new(&mut invocation, &endpoint.procedure),
        payload: invocation.payload,
        session: shared.session(),
    };
    let format = shared.format.clone();
    // The handler may panic before it returns its future, or in it.
    let call = async { (endpoint.call)(context, format).await };
    let error = match AssertUnwindSafe(call).catch_unwind().await {
        Ok(Ok(payload)) => {
            let options = Default::default();
            let answer = Yield {
                request,
                options,
                payload,
            };
            shared.answer_with_room(request, answer.into()).await;
            return;
        }
        Ok(Err(error)) => error,
        Err(panic) => ApplicationError::runtime(panic_text(&*panic)),
    };
    let answer = error_message(request, &error, &shared.format);
    shared.answer_with_room(request, answer).await;
    if error.uri() == error_uri::RUNTIME_ERROR {
        shared.user_error(&UserError {
            uri: endpoint.procedure,
            error,
        });
    }
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "the handler panicked: {}",
        text.unwrap_or("it does not say why")
    )
}
