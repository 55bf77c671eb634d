//! A WAMP router to embed: realms, broker and dealer.
//!
//! This crate knows realms, their sessions and permissions, and how events and calls go from one
//! session to another; and it serves connections over any transport. It must never know a
//! particular transport, nor look into a payload.
//!
//! ```
//! use wamp_auth::StaticTickets;
//! use wamp_router::{Permissions, Realm, Router};
//!
//! # async fn run() {
//! let router = Router::builder()
//!     .realm(Realm::new("com.example")
//!         .role("user", Permissions::allow("com.example.").call().subscribe())
//!         .role("backend", Permissions::all())
//!         .authenticator(StaticTickets::new().with_principal("clock", "backend", "secret!!!"))
//!         .anonymous("user"))
//!     .build();
//! let transport = router.attach();      // a session in this process joins over it
//! # drop(transport);
//! router.shutdown(std::time::Duration::from_secs(5)).await;
//! # }
//! ```
//!
//! [`Router::accept`] serves any [`Transport`](wamp_core::Transport). The way of a message: the task
//! of a [`Connection`] reads it and hands it to its realm, where, under one lock, broker or dealer
//! find who gets it and put it into their outboxes; then the tasks of their connections are woken.
//!
//! What works is the Basic Profile with publisher exclusion and black- and whitelisting of
//! subscribers, and nothing else is announced. In particular there are no patterns, no shared
//! registrations, no canceling, no progressive results, and no meta API yet.

mod broker;
mod clock;
mod config;
mod connection;
mod connections;
mod dealer;
pub mod limit_uri;
pub mod meta_uri;
pub mod metrics;
mod permissions;
mod realm;
mod router;
mod running;
mod slow_consumers;
#[cfg(test)]
mod tests;

pub use crate::config::{Realm, SessionLimits};
pub use crate::connection::Connection;
pub use crate::metrics::Metrics;
pub use crate::permissions::Permissions;
pub use crate::router::{Router, RouterBuilder};
pub use crate::running::RealmCounts;
pub use crate::slow_consumers::SlowConsumers;
