//! `wamp router`, in a process of its own.

mod config;
mod http;
mod reload;
mod running;
mod stage;
