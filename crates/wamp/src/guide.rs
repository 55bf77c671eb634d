//! The guide, chapter by chapter.
//!
//! | chapter | what it explains |
//! |---|---|
//! | [`getting_started`] | a router, a service and a client |
//! | [`sessions`] | opening a session, authentication, its lifecycle, leaving |
//! | [`calls`] | handlers and their parameters, results, errors, timeouts |
//! | [`events`] | publishing, streams, handlers |
//! | [`serializers`] | which there are, how peers agree on one, a format of one's own |
//! | [`payloads`] | your types on the wire, what goes from one format to another, what is refused |
//! | [`transports`] | WebSocket, RawSocket, TLS, Unix sockets, proxies; limits, slow consumers |
//! | [`running_a_router`] | realms, roles, tickets, listening, metrics, logs, shutdown, embedding |
//! | [`testing`] | testing a program of yours without a network |
//! | [`architecture`] | the way of a message through the code, its tasks, locks and crates |

#[doc = include_str!("docs/getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("docs/sessions.md")]
pub mod sessions {}

#[doc = include_str!("docs/calls.md")]
pub mod calls {}

#[doc = include_str!("docs/events.md")]
pub mod events {}

#[doc = include_str!("docs/serializers.md")]
pub mod serializers {}

#[doc = include_str!("docs/payloads.md")]
pub mod payloads {}

#[doc = include_str!("docs/transports.md")]
pub mod transports {}

#[doc = include_str!("docs/running_a_router.md")]
pub mod running_a_router {}

#[doc = include_str!("docs/testing.md")]
pub mod testing {}

#[doc = include_str!("docs/architecture.md")]
pub mod architecture {}
