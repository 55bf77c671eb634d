//! Connections, driven by scripted clients over in-memory transports.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod client;
mod handshake;
mod hostile;
mod leaving;
mod routing;
mod shutdown;
mod slow;
mod spoiled;
