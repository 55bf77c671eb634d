//! Handlers: async functions and closures that answer calls or take events.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use wamp_messages::{Dict, EncodeError, Format, Payload, Value};
use wamp_serializers::encode_payload;

use crate::error::ApplicationError;
use crate::extract::{InvocationContext, Parameters, parameters};
use crate::subscription::Event;

/// An async function or closure that answers calls.
///
/// Its parameters are arguments and [extractors](crate::Extract), up to eight; it returns
/// `Result<R, ApplicationError>`, where `R` is the value returned (anything that implements
/// `serde::Serialize`), or a [`Reply`] of several.
///
/// ```
/// use wamp_session::{ApplicationError, CallDetails, Handler, Kwargs, Session};
/// # use std::collections::HashMap;
/// # fn is_handler<M, H: Handler<M>>(_: H) {}
///
/// is_handler(|a: i64, b: i64| async move { Ok(a + b) });
/// is_handler(|name: String, Kwargs(options): Kwargs<HashMap<String, bool>>| async move {
///     if options.contains_key("loud") { Ok(name.to_uppercase()) } else { Ok(name) }
/// });
///
/// async fn divide(a: f64, b: f64, details: CallDetails) -> Result<f64, ApplicationError> {
///     if b == 0.0 {
///         return Err(ApplicationError::new("com.example.error.division", "by zero"));
///     }
///     Ok(a / b)
/// }
/// is_handler(divide);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler of calls",
    label = "not an async function of arguments that returns `Result<R, ApplicationError>`",
    note = "a handler is an async function or closure, `Fn + Send + Sync + 'static`, of up to eight parameters",
    note = "it returns `Result<R, ApplicationError>`: wrap a plain value in `Ok(..)`"
)]
pub trait Handler<M>: Send + Sync + 'static {
    /// Starts to answer an invocation.
    fn call(&self, invocation: InvocationContext, format: Format) -> ReplyFuture;
}

/// The answer to an invocation, on its way.
pub type ReplyFuture = Pin<Box<dyn Future<Output = Result<Payload, ApplicationError>> + Send>>;

impl<F, P, M, Fut, R, V> Handler<(P, M, R, V)> for F
where
    F: Apply<P, Output = Fut> + Send + Sync + 'static,
    P: Parameters<InvocationContext, M>,
    Fut: Future<Output = Result<R, ApplicationError>> + Send + 'static,
    R: IntoReply<V>,
{
    fn call(&self, invocation: InvocationContext, format: Format) -> ReplyFuture {
        let answer = parameters(&invocation).map(|parameters| self.apply(parameters));
        Box::pin(async move {
            let reply = answer?.await?;
            reply.into_reply(&format).map_err(|error| {
                ApplicationError::runtime(format!("the result cannot be sent: {error}"))
            })
        })
    }
}

/// An async function or closure that takes events.
///
/// Its parameters are arguments and [extractors](crate::Extract), up to eight; it returns nothing,
/// or `Result<(), ApplicationError>`, whose error goes to the session's
/// [observer](crate::Observer).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler of events",
    label = "not an async function of arguments that returns `()` or `Result<(), ApplicationError>`",
    note = "a handler is an async function or closure, `Fn + Send + Sync + 'static`, of up to eight parameters"
)]
pub trait EventHandler<M>: Send + Sync + 'static {
    /// Starts to handle an event.
    fn handle(&self, event: &Event) -> HandledFuture;
}

/// An event that is being handled.
pub type HandledFuture = Pin<Box<dyn Future<Output = Result<(), ApplicationError>> + Send>>;

impl<F, P, M, Fut> EventHandler<(P, M)> for F
where
    F: Apply<P, Output = Fut> + Send + Sync + 'static,
    P: Parameters<Event, M>,
    Fut: Future<Output: IntoHandled> + Send + 'static,
{
    fn handle(&self, event: &Event) -> HandledFuture {
        let handled = parameters(event).map(|parameters| self.apply(parameters));
        Box::pin(async move { handled?.await.into_handled() })
    }
}

/// What a handler of events may return.
#[diagnostic::on_unimplemented(
    message = "a handler of events cannot return `{Self}`",
    label = "it returns `{Self}`",
    note = "a handler of events returns `()` or `Result<(), ApplicationError>`"
)]
pub trait IntoHandled {
    /// Whether the event was handled.
    ///
    /// # Errors
    ///
    /// The handler failed.
    fn into_handled(self) -> Result<(), ApplicationError>;
}

impl IntoHandled for () {
    fn into_handled(self) -> Result<(), ApplicationError> {
        Ok(self)
    }
}

impl IntoHandled for Result<(), ApplicationError> {
    fn into_handled(self) -> Self {
        self
    }
}

/// What a handler of calls may return in its `Ok`.
///
/// `M` only tells the ways apart in which a type can be one; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a call",
    note = "a result implements `serde::Serialize`, or is a `Reply`"
)]
pub trait IntoReply<M> {
    /// Serializes the result.
    ///
    /// # Errors
    ///
    /// It has no form in the format.
    fn into_reply(self, format: &Format) -> Result<Payload, EncodeError>;
}

/// Marks a result that is one value.
#[derive(Debug)]
pub struct ViaValue;

/// Marks a result that is a [`Reply`].
#[derive(Debug)]
pub struct ViaReply;

impl<T: Serialize> IntoReply<ViaValue> for T {
    fn into_reply(self, format: &Format) -> Result<Payload, EncodeError> {
        encode_payload(format, &(self,), &())
    }
}

/// A result of several values and keyword values (Autobahn's `CallResult`).
///
/// ```
/// use wamp_messages::{args, kwargs};
/// use wamp_session::Reply;
///
/// let reply = Reply::new(args![1, "two"]).with_kwargs(kwargs! { three: 3 });
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    args: Vec<Value>,
    kwargs: Dict,
}

impl Reply {
    /// Makes a result of values.
    pub fn new(args: Vec<Value>) -> Self {
        Self {
            args,
            kwargs: Dict::new(),
        }
    }

    /// Sets the keyword values.
    #[must_use]
    pub fn with_kwargs(self, kwargs: Dict) -> Self {
        Self { kwargs, ..self }
    }
}

impl IntoReply<ViaReply> for Reply {
    fn into_reply(self, format: &Format) -> Result<Payload, EncodeError> {
        encode_payload(format, &self.args, &self.kwargs)
    }
}

/// A function that can be applied to a tuple of parameters.
pub trait Apply<P> {
    /// What it returns.
    type Output;

    /// Applies it.
    fn apply(&self, parameters: P) -> Self::Output;
}

macro_rules! apply {
    ($($type:ident),*) => {
        #[allow(non_snake_case)]
        impl<F, O, $($type),*> Apply<($($type,)*)> for F
        where
            F: Fn($($type),*) -> O,
        {
            type Output = O;

            fn apply(&self, ($($type,)*): ($($type,)*)) -> O {
                self($($type),*)
            }
        }
    };
}

apply!();
apply!(A1);
apply!(A1, A2);
apply!(A1, A2, A3);
apply!(A1, A2, A3, A4);
apply!(A1, A2, A3, A4, A5);
apply!(A1, A2, A3, A4, A5, A6);
apply!(A1, A2, A3, A4, A5, A6, A7);
apply!(A1, A2, A3, A4, A5, A6, A7, A8);
