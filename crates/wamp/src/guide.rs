//! The guide, chapter by chapter.
//!
//! The first five are to be read in this order, the others when they are needed. Their code is
//! compiled, and run where it can be, with the tests. Whole programs are in the folder `examples` of
//! the repository; `cargo run --example NAME` runs them, `metrics` with `--features prometheus`.
//!
//! | chapter | what it explains | examples |
//! |---|---|---|
//! | [`getting_started`] | a router, a service and a client | `quickstart` |
//! | [`sessions`] | opening a session, authentication, its lifecycle, leaving, connecting again | `service` |
//! | [`calls`] | handlers and their parameters, results, timeouts | `rpc` |
//! | [`events`] | publishing, streams, handlers | `pubsub` |
//! | [`errors`] | what can go wrong, what each error URI means, errors of one's own | `errors` |
//! | [`serializers`] | which there are, how peers agree on one, a format of one's own | `two_serializers`, `own_serializer` |
//! | [`payloads`] | your types on the wire, what goes from one format to another, what is refused | `two_serializers` |
//! | [`transports`] | WebSocket, RawSocket, TLS, Unix sockets, proxies; limits, slow consumers | `rawsocket_unix`, `tls`, `own_transport` |
//! | [`running_a_router`] | realms, roles, tickets, listening, metrics, logs, shutdown, embedding | `secured`, `axum`, `hyper`, `metrics` |
//! | [`configuration`] | the program as a router: its file, reload, logs, metrics, services | |
//! | [`the_program`] | calling, publishing, subscribing and registering from a shell | |
//! | [`other_languages`] | clients in Python and JavaScript | |
//! | [`performance`] | what it costs, how it grows, what to set, what limits it | |
//! | [`testing`] | testing a program of yours without a network | |
//! | [`architecture`] | the way of a message through the code, its tasks, locks and crates | |

#[doc = include_str!("docs/getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("docs/sessions.md")]
pub mod sessions {}

#[doc = include_str!("docs/calls.md")]
pub mod calls {}

#[doc = include_str!("docs/events.md")]
pub mod events {}

#[doc = include_str!("docs/errors.md")]
pub mod errors {}

#[doc = include_str!("docs/serializers.md")]
pub mod serializers {}

#[doc = include_str!("docs/payloads.md")]
pub mod payloads {}

#[doc = include_str!("docs/transports.md")]
pub mod transports {}

#[doc = include_str!("docs/running_a_router.md")]
pub mod running_a_router {}

#[doc = include_str!("docs/configuration.md")]
pub mod configuration {}

#[doc = include_str!("docs/the_program.md")]
pub mod the_program {}

#[doc = include_str!("docs/other_languages.md")]
pub mod other_languages {}

#[doc = include_str!("docs/performance.md")]
pub mod performance {}

#[doc = include_str!("docs/testing.md")]
pub mod testing {}

#[doc = include_str!("docs/architecture.md")]
pub mod architecture {}
