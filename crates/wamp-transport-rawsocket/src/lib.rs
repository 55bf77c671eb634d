//! The RawSocket transport of WAMP, client and server.
//!
//! This crate knows the handshake, frames and pings of RawSocket, and which serializer an id stands
//! for. It must never know a session: what the messages mean, and in which order they may come, is
//! the business of those who own a transport.
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
//! use wamp_serializers::Serializer;
//! use wamp_transport_rawsocket::{AcceptOptions, ConnectOptions, accept, connect};
//!
//! // Anything that carries octets will do: a socket, a TLS stream, or a pipe as here.
//! let (client, server) = tokio::io::duplex(1024);
//! let info = ConnectionInfo::new("pipe");
//! let (serializer, options) = (Serializer::cbor(), ConnectOptions::default());
//! let policy = AcceptOptions::default();
//! let (client, server) = tokio::join!(
//!     connect(client, info.clone(), &serializer, &options),
//!     accept(server, info, &policy),
//! );
//! let (mut client, mut server) = (client?, server?);
//! assert_eq!(server.info().serializer, "cbor");
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
//! [`dial`] connects to an [`Endpoint`](wamp_net::Endpoint) of RawSocket, and tries one serializer
//! after the other; [`connect`] asks for one over a stream that is there already.
//!
//! # Servers
//!
//! [`accept`] answers a client over any stream; what it refuses gets an error reply. [`refuse`] is
//! for a listener that has no room for another client.
//!
//! Specification: Advanced Profile, "RawSocket Transport".
//!
//! # Octets
//!
//! [`HandshakeRequest`], [`HandshakeReply`] and [`FrameHeader`] read and write what stands on the
//! wire, without any input or output.
//!
//! # Limits and times
//!
//! [`RawSocketConfig`] has them all, and says to whom PINGs are sent. How long a message may be each
//! side tells the other in the handshake, from 512 octets to 16 MiB. A message that is longer than
//! its peer accepts comes back as undeliverable. A peer that breaks the rules of the framing is
//! disconnected without a word, since RawSocket has none for it; a frame that holds no message can
//! still be answered with an ABORT.
//!
//! # Not here
//!
//! Batched serializers, which RawSocket does not have, and compression.

mod client;
mod config;
mod frame;
mod handshake;
mod octets;
mod serializers;
mod server;
mod transport;

pub use crate::client::{ConnectError, ConnectOptions, connect, dial};
pub use crate::config::RawSocketConfig;
pub use crate::frame::{FrameError, FrameHeader, FrameKind};
pub use crate::handshake::{
    HandshakeError, HandshakeReply, HandshakeRequest, MalformedHandshake, MaxLength,
};
pub use crate::serializers::default_serializers;
pub use crate::server::{AcceptError, AcceptOptions, accept, refuse};
pub use crate::transport::RawSocketTransport;
