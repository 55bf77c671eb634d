//! What every transport of WAMP must do, as tests for those who write one.
//!
//! This crate knows the trait [`Transport`](wamp_core::Transport) and what its owners rely on. It
//! must never know a particular transport: each of them brings itself to these tests.
