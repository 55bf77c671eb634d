//! Calls.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};
use wamp_core::client::Pending;
use wamp_messages::message::{self, Cancel};
use wamp_messages::options::{CallOptions, ResultDetails, Sparse};
use wamp_messages::{Feature, InvalidUri, Payload, RequestId, Role, Uri};
use wamp_serializers::{PayloadError, decode_args, decode_kwargs, decode_result};

use crate::arguments::Arguments;
use crate::error::{CallError, SessionClosed};
use crate::session::{Session, Shared};

impl Session {
    /// Calls a procedure.
    ///
    /// ```
    /// # async fn example(session: wamp_session::Session) -> Result<(), wamp_session::CallError> {
    /// let sum: i64 = session.call("com.example.add").args((2, 3)).returns().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Awaited without [`returns`](Call::returns) it gives a [`CallResult`], which holds arguments,
    /// keyword arguments and details.
    ///
    /// Specification: Basic Profile, "Calling and Invocations".
    pub fn call(&self, procedure: impl AsRef<str>) -> Call {
        Call {
            arguments: Arguments::new(self.shared().format.clone()),
            shared: Arc::clone(self.shared()),
            procedure: Uri::new(procedure.as_ref()),
            options: Sparse::empty(),
            timeout: None,
            result: PhantomData,
        }
    }
}

/// A call that is being put together; awaiting it makes it.
///
/// A call that is never awaited sends nothing. Dropping the future of a call that was sent cancels
/// it, if the router can do that; its result is dropped in any case.
#[must_use = "a call is made when it is awaited"]
pub struct Call<R = CallResult> {
    shared: Arc<Shared>,
    procedure: Result<Uri, InvalidUri>,
    options: Sparse<CallOptions>,
    arguments: Arguments,
    timeout: Option<Duration>,
    result: PhantomData<fn() -> R>,
}

impl<R> Call<R> {
    /// Gives arguments: a tuple, a list, or `args![..]`.
    pub fn args<A: Serialize>(mut self, args: A) -> Self {
        self.arguments.set_args(&args);
        self
    }

    /// Gives keyword arguments: a struct, a map, or `kwargs!{..}`.
    pub fn kwargs<K: Serialize>(mut self, kwargs: K) -> Self {
        self.arguments.set_kwargs(&kwargs);
        self
    }

    /// Bounds the time until the result, here and (in whole milliseconds) as an option of the call.
    /// The time here begins when the call is first polled, and counts waiting for room to send it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self.options.timeout = Some(
            u64::try_from(timeout.as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
        );
        self
    }

    /// Sets options that have no method of their own.
    pub fn options(mut self, set: impl FnOnce(&mut CallOptions)) -> Self {
        set(&mut self.options);
        self
    }

    /// Says which type the result is to be.
    ///
    /// One positional value is read as it is, none as `()`, several as a tuple or list.
    pub fn returns<T: DeserializeOwned>(self) -> Call<Returns<T>> {
        Call {
            shared: self.shared,
            procedure: self.procedure,
            options: self.options,
            arguments: self.arguments,
            timeout: self.timeout,
            result: PhantomData,
        }
    }

    /// The CALL, but for its id.
    fn prepare(self) -> Result<Box<message::Call>, CallError> {
        let procedure = self.procedure?;
        let payload = self.arguments.into_payload()?;
        self.shared.check_len(&procedure, payload.len())?;
        Ok(Box::new(message::Call {
            request: RequestId::ZERO,
            options: self.options,
            procedure,
            payload,
        }))
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("procedure", &self.procedure)
            .finish_non_exhaustive()
    }
}

impl<R: FromResult> IntoFuture for Call<R> {
    type Output = Result<R::Output, CallError>;
    type IntoFuture = CallFuture<R>;

    fn into_future(self) -> CallFuture<R> {
        CallFuture {
            timeout: self.timeout,
            deadline: None,
            shared: Arc::clone(&self.shared),
            state: State::Built(Some(self.prepare())),
            result: PhantomData,
        }
    }
}

/// A call that was made, or is about to be: see [`Call`].
///
/// It is cancel-safe in that nothing of the session is lost when it is dropped; the call itself is
/// then canceled.
#[must_use = "a future does nothing unless polled"]
pub struct CallFuture<R = CallResult> {
    shared: Arc<Shared>,
    timeout: Option<Duration>,
    deadline: Option<Pin<Box<Sleep>>>,
    state: State,
    result: PhantomData<fn() -> R>,
}

enum State {
    /// It has no id, and waits for room.
    Built(Option<Result<Box<message::Call>, CallError>>),
    Sent(
        RequestId,
        oneshot::Receiver<Result<message::Result, CallError>>,
    ),
    Done,
}

impl<R: FromResult> Future for CallFuture<R> {
    type Output = Result<R::Output, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.deadline.is_none() {
            this.deadline = this.timeout.map(|timeout| Box::pin(sleep(timeout)));
        }
        if let State::Built(call) = &mut this.state {
            match poll_call(&this.shared, call, cx) {
                Poll::Ready(Ok((id, receiver))) => this.state = State::Sent(id, receiver),
                Poll::Ready(Err(error)) => {
                    this.state = State::Done;
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => {}
            }
        }
        if let State::Sent(_, receiver) = &mut this.state
            && let Poll::Ready(answer) = Pin::new(receiver).poll(cx)
        {
            this.state = State::Done;
            let result = answer.unwrap_or_else(|_| Err(ended().into()))?;
            return Poll::Ready(R::from_result(result));
        }
        if let (Some(deadline), Some(timeout)) = (&mut this.deadline, this.timeout) {
            ready!(deadline.as_mut().poll(cx));
            this.cancel();
            return Poll::Ready(Err(CallError::TimedOut(timeout)));
        }
        Poll::Pending
    }
}

impl<R> CallFuture<R> {
    /// Forgets a call that was sent, and tells the router if it can cancel calls.
    ///
    /// Synchronous, so that it works where there is no runtime: CANCEL goes into the outbox behind
    /// its CALL.
    fn cancel(&mut self) {
        let State::Sent(request, _) = std::mem::replace(&mut self.state, State::Done) else {
            return;
        };
        let can = self
            .shared
            .details
            .roles
            .has_feature(Role::Dealer, Feature::CALL_CANCELING);
        // A session that has ended has nothing to cancel, nor has a call that was answered.
        if let Ok(mut place) = self.shared.enter()
            && place.client().forget(request).is_some()
            && can
        {
            let options = Sparse::empty();
            place.send(Cancel { request, options }.into());
        }
    }
}

impl<R> Drop for CallFuture<R> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<R> fmt::Debug for CallFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").finish_non_exhaustive()
    }
}

type Sent = (
    RequestId,
    oneshot::Receiver<Result<message::Result, CallError>>,
);

/// Sends a call when there is room for it.
fn poll_call(
    shared: &Shared,
    call: &mut Option<Result<Box<message::Call>, CallError>>,
    cx: &Context<'_>,
) -> Poll<Result<Sent, CallError>> {
    if let Some(Err(error)) = call.take_if(|call| call.is_err()) {
        return Poll::Ready(Err(error));
    }
    let place = ready!(shared.poll_enter(cx))?;
    let Some(Ok(mut call)) = call.take() else {
        return Poll::Pending;
    };
    let (sender, receiver) = oneshot::channel();
    let id = place.request(Pending::Call(sender), |request| {
        call.request = request;
        (*call).into()
    });
    Poll::Ready(Ok((id, receiver)))
}

fn ended() -> SessionClosed {
    SessionClosed(wamp_core::CloseDetails::transport_lost(
        "the session's task has ended",
    ))
}

/// What a call gives when it is awaited: [`CallResult`], or the type asked for by `returns`.
pub trait FromResult {
    /// What it gives.
    type Output;

    /// Reads a RESULT.
    ///
    /// # Errors
    ///
    /// It does not fit.
    fn from_result(result: message::Result) -> Result<Self::Output, CallError>;
}

impl FromResult for CallResult {
    type Output = Self;

    fn from_result(result: message::Result) -> Result<Self, CallError> {
        Ok(Self {
            payload: result.payload,
            details: result.details,
        })
    }
}

/// Marks a call whose result is read into a type.
#[derive(Debug)]
pub struct Returns<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned> FromResult for Returns<T> {
    type Output = T;

    fn from_result(result: message::Result) -> Result<T, CallError> {
        Ok(decode_result(&result.payload)?)
    }
}

/// The result of a call (Autobahn's `CallResult`), not decoded until it is read.
#[derive(Debug, Clone)]
pub struct CallResult {
    payload: Payload,
    details: Sparse<ResultDetails>,
}

impl CallResult {
    /// Reads the arguments into a type that is made of a list: a tuple, or a `Vec<Value>`.
    ///
    /// # Errors
    ///
    /// The arguments do not fit the type.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_args(&self.payload)
    }

    /// Reads the keyword arguments into a type that is made of a dict: a struct, or a `Dict`.
    ///
    /// # Errors
    ///
    /// The keyword arguments do not fit the type.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_kwargs(&self.payload)
    }

    /// Reads the value returned: one positional value as it is, several as a tuple or list.
    ///
    /// # Errors
    ///
    /// It does not fit the type.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_result(&self.payload)
    }

    /// The details of the RESULT.
    pub fn details(&self) -> &ResultDetails {
        &self.details
    }

    /// The payload as it was received.
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }
}
