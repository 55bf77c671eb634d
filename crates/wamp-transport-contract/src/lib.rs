//! What every transport of WAMP must do, as tests for those who write one.
//!
//! This crate knows the trait [`Transport`](wamp_core::Transport) and what its owners rely on. It
//! must never know a particular transport: each of them brings itself to these tests.
//!
//! Say how both ends of your transport are opened, and name what it has; each rule becomes a test:
//!
//! ```
//! use wamp_core::MemoryTransport;
//! use wamp_messages::Format;
//! use wamp_transport_contract::{Ends, Options, Subject, contract_tests};
//!
//! struct Memory(Format);
//!
//! impl Subject for Memory {
//!     async fn open(&self, _: &Options) -> Ends {
//!         let (client, server) = MemoryTransport::pair(&self.0);
//!         Ends::new(client, server)
//!     }
//! }
//!
//! contract_tests!(memory, Memory(Format::Cbor));
//! ```
//!
//! # The contract
//!
//! It is the [`rules`]: each of them is one test, and its text says what must hold and who relies on
//! it. The owners of a transport are the driver of a session, the connection of a router, and the
//! pump between them and their outbox. All of them poll both directions at every wake, receiving
//! first.
//!
//! # The pipe
//!
//! A transport over a stream of octets is tested over a [`pipe`] that splits, delays, cuts, stalls
//! and corrupts. It is of use for tests of one's own, too, as are [`in_virtual_time`], which runs
//! them and sees every panic, and [`End`].
//!
//! # Not here
//!
//! What goes over the wire: that is the business of each transport and its own tests.

mod end;
mod macros;
mod messages;
mod numbers;
mod pipe;
pub mod rules;
mod run;
mod subject;

pub use crate::end::End;
pub use crate::pipe::{Chunks, Cut, Delay, Lane, Pipe, Wire, pipe};
pub use crate::run::{in_real_time, in_virtual_time};
pub use crate::subject::{EndOptions, Ends, Options, Pings, StreamSubject, Subject};
