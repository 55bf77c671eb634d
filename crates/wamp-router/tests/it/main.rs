//! Connections, driven by scripted clients over in-memory transports.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod blocking;
mod changing;
mod chaos;
mod client;
mod counting;
mod crowd;
mod dropping;
mod gate;
mod handshake;
mod hostile;
mod leaving;
mod rates;
mod routing;
mod shutdown;
mod slow;
mod spoiled;
