//! Where WAMP connections come from: endpoints and their URLs, dialling, listening.
//!
//! This crate knows addresses and sockets, and what is true of every connection whatever it carries
//! ([`ConnectionInfo`](wamp_core::ConnectionInfo)). It must never know a handshake, a frame or a
//! message: those belong to the crates of the transports, which build on this one.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use wamp_net::{DialOptions, Endpoint, Listener};
//!
//! let listener = Listener::bind("127.0.0.1:0").await?;
//! let url = format!("ws://localhost:{}/ws", listener.local_addr()?.port());
//!
//! let endpoint: Endpoint = url.parse()?;
//! let dialled = wamp_net::dial(&endpoint, &DialOptions::default()).await?;
//!
//! let accepted = listener.accept().await.handshake().await?;
//! assert_eq!(accepted.info.peer_addr, dialled.info.local_addr);
//! # Ok(())
//! # }
//! ```
//!
//! # Dialling
//!
//! An [`Endpoint`] is parsed from a URL and tells where a router is and what is spoken there:
//! `ws://`, `wss://`, `rs://`, `rss://`, and `unix:` and `ws+unix:` for Unix domain sockets.
//! [`dial`](dial()) leads there: it looks names up and races their addresses, speaks TLS where the
//! endpoint wants it, and never falls back to a connection that is not encrypted.
//! [`DialOptions`] has the times, whom to trust, and a proxy.
//!
//! # Listening
//!
//! A [`Listener`] takes TCP, Unix sockets, and with the feature `tls` TLS over either. It keeps
//! [limits](ListenLimits) of connections, of unfinished handshakes and of new connections in a
//! time; [`sniff`](sniff()) tells RawSocket from HTTP, so that one port serves both.
//!
//! # Closing
//!
//! [`farewell`](farewell()) tells a peer the last, and closes so that the peer can read it.
//!
//! # Features
//!
//! - `tls` (by default): TLS by rustls, in the module `tls`. Without it, endpoints that want TLS
//!   are parsed as ever, and dialling them is an error.
//! - `proxy`: proxies of HTTP (`CONNECT`) and SOCKS5 for dialling, in `dial::Proxy`.
//!
//! There is no switch to do without the verification of certificates, and nothing is taken from
//! the environment but the place of the platform's certificate authorities.

pub mod dial;
pub mod endpoint;
pub mod farewell;
mod file_limit;
pub mod heartbeat;
mod keep_alive;
pub mod listen;
mod percent;
pub mod sniff;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;

pub use crate::dial::{Attempt, DialError, DialOptions, Dialled, dial, dial_tcp};
pub use crate::endpoint::{Address, Endpoint, EndpointError, Host, Protocol};
pub use crate::farewell::{farewell, poll_drain};
pub use crate::file_limit::{FileLimitError, raise_file_limit};
pub use crate::listen::{
    Accepted, HandshakeError, Incoming, ListenControl, ListenCounts, ListenError, ListenLimits,
    ListenMeter, Listener, LocalAddr, Permit,
};

#[cfg(unix)]
pub use crate::listen::UnixOptions;
pub use crate::sniff::{Peeked, Spoken, sniff};
pub use crate::stream::Stream;
/// What [`ListenLimits::rate`] is given.
pub use wamp_core::Rate;
