//! WAMP for Rust: routed RPC and publish/subscribe over one connection, and a router to embed.
//!
//! [The first program](guide::getting_started) is where to begin; the [`guide`] has all the rest.
//!
//! This crate knows how a URL becomes a session and how a router gets its listeners. The protocol
//! itself is never here, but in crates that are modules here: [`session`], [`messages`] and others.
//!
//! ```
//! # #[cfg(all(feature = "websocket", feature = "router"))]
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use wamp::{Realm, Router};
//!
//! let router = Router::builder().realm(Realm::new("com.example")).build();
//! let server = router.listen("127.0.0.1:0").await?;
//!
//! let session = wamp::connect(server.url()).realm("com.example").await?;
//! session.register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) }).await?;
//! let sum: i64 = session.call("com.example.add").args((2, 3)).returns().await?;
//! assert_eq!(sum, 5);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "websocket", feature = "router")))]
//! # fn main() {}
//! ```
//!
//! # Overview
//!
//! - [`guide`] explains it all, chapter by chapter, from [the first
//!   program](guide::getting_started) to [how the code is built](guide::architecture).
//! - [`connect`] opens a [`Session`], which [calls](Session::call), [registers](Session::register),
//!   [publishes](Session::publish) and [subscribes](Session::subscribe).
//! - [`Router`] routes between sessions: [`Router::listen`] for those that come over the network,
//!   [`Router::session`] for those in the same process.
//! - The URL says what carries a session: WebSocket or RawSocket, over TCP, TLS or a Unix socket. The
//!   chapter on [transports](guide::transports) has them all, with every limit and what becomes of
//!   those who are too slow.
//! - Each operation has an error type of its own; the chapter on [errors](guide::errors) says what
//!   each variant and each error URI means, and what to do.
//!
//! # Crate features
//!
//! All of these are on by default; they only add items.
//!
//! - `websocket`: the WebSocket transport.
//! - `rawsocket`: the RawSocket transport. With either of them there are [`connect`] and
//!   [`Router::listen`].
//! - `tls`: TLS for both.
//! - `router`: the router.
//! - `json`, `msgpack`, `cbor`: the serializers.
//!
//! Off by default is
//!
//! - `proxy`: connecting through HTTP CONNECT and SOCKS5 proxies;
//! - `prometheus`: what a router has counted, for Prometheus.
//!
//! # Not here yet
//!
//! The Basic Profile is complete. Of the Advanced Profile there are publisher exclusion, black- and
//! whitelisting of subscribers, batches and RawSocket; of authentication, anonymous and ticket. There
//! are no patterns, no shared registrations, no canceling, no progressive results, no identification
//! of callers and publishers, no meta API, no end-to-end encryption, and no reconnecting yet.

#[cfg(any(feature = "websocket", feature = "rawsocket"))]
mod dial;
#[cfg(feature = "router")]
mod embedded;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(all(feature = "router", any(feature = "websocket", feature = "rawsocket")))]
mod server;

pub mod guide;

/// The README, whose programs are compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}

/// The attribute under which an [`Observer`] or a [`Connector`] is implemented.
pub use async_trait::async_trait;
pub use wamp_auth::{Anonymous, ClientAuthenticator, Ticket};
pub use wamp_core::{CloseDetails, ConnectionInfo, MemoryTransport, Transport};
pub use wamp_messages::{Binary, Dict, Payload, Uri, Value, args, kwargs};
pub use wamp_serializers::Serializer;
pub use wamp_session::{
    AcknowledgedPublish, ApplicationError, Args, Call, CallDetails, CallError, CallFuture,
    CallResult, Connect, ConnectError, Connection, Connector, ConnectorError, Event, EventDetails,
    EventHandler, Extract, Handler, Kwargs, Leave, LeaveError, Observer, Publication, Publish,
    PublishError, PublishFuture, Register, RegisterError, Registration, Reply, SendError, Session,
    SessionClosed, SessionDetails, SessionLimits, Subscribe, SubscribeError, SubscribeWithHandler,
    Subscription, SubscriptionHandle, UserError,
};
// The crates below, for what is not exported here.
#[doc(inline)]
pub use {wamp_auth as auth, wamp_core as core, wamp_messages as messages};
#[doc(inline)]
pub use {wamp_serializers as serializers, wamp_session as session};

#[cfg(any(feature = "websocket", feature = "rawsocket"))]
pub use crate::dial::{Dial, connect};
#[cfg(feature = "router")]
pub use crate::embedded::{Router, RouterBuilder};
#[cfg(all(feature = "router", any(feature = "websocket", feature = "rawsocket")))]
pub use crate::server::{AcceptError, AcceptOptions, Listen, Server};
#[cfg(feature = "router")]
pub use wamp_auth::{AnonymousAccess, RouterAuthenticator, StaticTickets};
#[cfg(any(feature = "websocket", feature = "rawsocket"))]
#[doc(inline)]
pub use wamp_net as net;
#[cfg(feature = "router")]
#[doc(inline)]
pub use wamp_router as router;
#[cfg(feature = "router")]
pub use wamp_router::{Metrics, Permissions, Realm, RealmCounts, SlowConsumers};
#[cfg(feature = "rawsocket")]
#[doc(inline)]
pub use wamp_transport_rawsocket as rawsocket;
#[cfg(feature = "websocket")]
#[doc(inline)]
pub use wamp_transport_websocket as websocket;
