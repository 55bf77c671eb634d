//! The sans-IO core of WAMP: what both sides of a session have in common.
//!
//! This crate knows the trait of a transport, the outbox before it, the lifecycle of a session on
//! either side and the tables of a client. It must never know a socket, a runtime, a clock or a
//! random number: time and randomness come in as values, and what is to be done goes out as one.
//!
//! The way of a message through it:
//!
//! ```text
//!  Transport ──poll_receive──▶ Lifecycle ──▶ the client's tables, or a router
//!      ▲                                                │
//!      └───── Pump ◀───────── Outbox ◀──────────────────┘
//! ```

pub mod client;
pub mod lifecycle;
pub mod memory;
pub mod outbox;
pub mod outgoing;
pub mod pump;
pub mod rate;
pub mod tally;
pub mod transport;

pub use crate::lifecycle::{CloseDetails, Lifecycle, Received, Side, Violation};
pub use crate::memory::MemoryTransport;
pub use crate::outbox::{AboveMark, Flood, Outbox, OutboxLimits, Pushed};
pub use crate::outgoing::{Outgoing, SharedMessage};
pub use crate::pump::Pump;
pub use crate::rate::{Rate, TokenBucket};
pub use crate::tally::Tally;
pub use crate::transport::{
    CloseReason, ConnectionInfo, Octets, ReceiveError, SendError, TlsInfo, Transport,
    TransportError, Undeliverable,
};
