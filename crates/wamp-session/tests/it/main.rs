//! The session against a scripted router, over the in-memory transport.

mod calls;
mod events;
mod hazards;
mod invocations;
mod limits;
mod opening;
mod script;
