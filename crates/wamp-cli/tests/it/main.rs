//! The built program, against a router in the process of the test.

mod call;
mod exec;
mod guide;
mod help;
mod ping;
mod publish;
mod refusals;
mod register;
#[cfg(unix)]
mod router;
mod scripted;
mod subscribe;
mod tls;
mod world;
