//! The WebSocket transport of WAMP, client and server.
//!
//! This crate knows the handshake, frames, pings and close codes of WebSocket (RFC 6455), and which
//! serializer a subprotocol stands for. It must never know a session: what the messages mean, and
//! in which order they may come, is the business of those who own a transport.
//!
//! ```
//! # #[cfg(feature = "cbor")] {
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::future::poll_fn;
//!
//! use wamp_core::{ConnectionInfo, Outgoing, Transport};
//! use wamp_messages::message::{Message, Published};
//! use wamp_messages::{PublicationId, RequestId};
//! use wamp_transport_websocket::{AcceptOptions, ConnectOptions, accept, connect};
//!
//! // Anything that carries octets will do: a socket, a TLS stream, or a pipe as here.
//! let (client, server) = tokio::io::duplex(1024);
//! let info = ConnectionInfo::new("pipe");
//! let (offer, policy) = (ConnectOptions::default(), AcceptOptions::default().path("/ws"));
//! let (client, server) = tokio::join!(
//!     connect(client, info.clone(), "localhost", "/ws", &offer),
//!     accept(server, info, &policy),
//! );
//! let (mut client, mut server) = (client?, server?);
//! assert_eq!(client.info().serializer, "cbor.batched");
//!
//! let message = Published { request: RequestId::new(1)?, publication: PublicationId::new(2)? };
//! server.send(&Outgoing::from(message.clone()))?;
//! poll_fn(|cx| server.poll_flush(cx)).await?;
//! let received = poll_fn(|cx| client.poll_receive(cx)).await?;
//! assert_eq!(received, Message::Published(message));
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! # Clients
//!
//! [`dial`] connects to an [`Endpoint`](wamp_net::Endpoint) of WebSocket, such as a `ws://` URL, or a
//! `wss://` URL where `wamp-net` has its feature `tls`; [`connect`] does so over a stream that is
//! there already.
//!
//! # Servers
//!
//! [`accept`] answers a client over any stream; what is no WebSocket gets an HTTP answer that says
//! why. An HTTP server in which the router is mounted asks [`AcceptOptions::upgrade`] for its answer,
//! and for the transport when it has upgraded the connection. One that does all of the handshake
//! itself picks the serializer by [`negotiate`], and hands the connection to
//! [`WebSocketTransport::from_upgraded`].
//!
//! Specification: Basic Profile, "WebSocket Transport"; Advanced Profile, "Message Batching".
//!
//! # Limits and times
//!
//! [`WebSocketConfig`] has them all. The head of an HTTP request or response may have 16 KiB and
//! 124 headers.
//!
//! # Not here
//!
//! The compression of `permessage-deflate`.

mod client;
mod close;
mod config;
mod head;
mod meter;
mod negotiate;
mod server;
mod transport;

/// The vocabulary of HTTP that [`AcceptOptions`], [`Upgrade`] and [`Refusal`] use.
pub use tokio_tungstenite::tungstenite::http;

pub use crate::client::{ConnectError, ConnectOptions, connect, dial};
pub use crate::config::WebSocketConfig;
pub use crate::negotiate::{Subprotocol, accept_answer, default_serializers, negotiate};
pub use crate::server::{AcceptError, AcceptOptions, OnRequest, Refusal, Upgrade, accept};
pub use crate::transport::{Role, WebSocketTransport};
