//! The RawSocket transport of WAMP, client and server.
//!
//! This crate knows the handshake, frames and pings of RawSocket, and which serializer an id stands
//! for. It must never know a session: what the messages mean, and in which order they may come, is
//! the business of those who own a transport.
//!
//! Specification: Advanced Profile, "RawSocket Transport".
