//! A WAMP router to embed: realms, broker and dealer.
//!
//! This crate knows realms, their sessions and permissions, and how events and calls go from one
//! session to another; and it serves connections over any transport. It must never know a
//! particular transport, nor look into a payload.

mod broker;
mod config;
mod dealer;
pub mod limit_uri;
mod permissions;
mod realm;

pub use crate::config::{Realm, SessionLimits};
pub use crate::permissions::Permissions;
