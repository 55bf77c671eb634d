//! Dialling and listening over real sockets.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod dial;
mod endpoint;
mod listen;
