//! The RawSocket transport against itself, against octets written by hand, and over real sockets.
#![cfg(all(feature = "json", feature = "msgpack", feature = "cbor"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod accept;
mod closing;
mod connect;
mod contract;
mod flow;
mod limits;
mod messages;
mod noise;
mod pings;
mod sockets;
mod support;
