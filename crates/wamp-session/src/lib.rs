//! The WAMP client: sessions, calls, registrations, publications and subscriptions.
//!
//! This crate knows what a program does with a session, and drives one over any transport. It must
//! never know how a transport is made, a URL, or a router.
//!
//! ```
//! # use wamp_session::{Connect, Session};
//! # async fn example(transport: impl wamp_core::Transport) -> Result<(), Box<dyn std::error::Error>> {
//! let session = Connect::over(transport).realm("com.example").await?;
//!
//! session.register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) }).await?;
//! let sum: i64 = session.call("com.example.add").args((2, 3)).returns().await?;
//!
//! let mut ticks = session.subscribe("com.example.tick").await?;
//! session.publish("com.example.tick").args((1, "one")).exclude_me(false).await?;
//! while let Some(event) = ticks.next().await {
//!     let (count, label): (u32, String) = event.args()?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every operation is a builder that is awaited. What it was given wrongly it says then.

mod arguments;
mod call;
mod connect;
mod driver;
mod error;
mod executor;
mod extract;
mod handler;
mod held;
mod leave;
mod observer;
mod place;
mod publish;
mod register;
mod session;
mod subscribe;
mod subscription;

pub use crate::call::{Call, CallFuture, CallResult};
pub use crate::connect::{Connect, Connection, Connector, ConnectorError};
pub use crate::error::{
    ApplicationError, CallError, ConnectError, LeaveError, PublishError, RegisterError, SendError,
    SessionClosed, SubscribeError,
};
pub use crate::extract::{Args, Extract, Kwargs};
pub use crate::handler::{EventHandler, Handler, Reply};
pub use crate::leave::Leave;
pub use crate::observer::{Observer, UserError};
pub use crate::publish::{AcknowledgedPublish, Publication, Publish, PublishFuture};
pub use crate::register::{CallDetails, Register, Registration};
pub use crate::session::{Session, SessionDetails, SessionLimits};
pub use crate::subscribe::{Subscribe, SubscribeWithHandler};
pub use crate::subscription::{Event, EventDetails, Subscription, SubscriptionHandle};

/// The traits and markers behind handlers and results.
///
/// They are for those who write extractors of their own, or name such a type.
pub mod bounds {
    pub use crate::call::{FromResult, Returns};
    pub use crate::extract::{Context, InvocationContext, Parameters, ViaArgument, ViaContext};
    pub use crate::handler::{
        Apply, HandledFuture, IntoHandled, IntoReply, ReplyFuture, ViaReply, ViaValue,
    };
}
