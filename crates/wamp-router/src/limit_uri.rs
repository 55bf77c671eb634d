//! The error URIs of what exceeds the limits of a session.
//!
//! They are this router's own: the specification has none for it.

/// The session has as many subscriptions as it may have.
pub const TOO_MANY_SUBSCRIPTIONS: &str = "wamp.error.too_many_subscriptions";
/// The session has as many registrations as it may have.
pub const TOO_MANY_REGISTRATIONS: &str = "wamp.error.too_many_registrations";
/// The caller has as many calls waiting for their answer as it may have.
pub const TOO_MANY_CALLS: &str = "wamp.error.too_many_calls";
/// The callee has as many invocations to answer as it may have.
pub const TOO_MANY_INVOCATIONS: &str = "wamp.error.too_many_invocations";
/// The client does not take what it is sent fast enough.
///
/// More waits for it than the router keeps
/// ([`RouterBuilder::outbox_limits`](crate::RouterBuilder::outbox_limits)), or than it lets wait for
/// so long ([`SlowConsumers::Block`](crate::SlowConsumers::Block)).
///
/// It comes as the reason of an ABORT: the session has left its realm, and what waited is dropped,
/// so the client does not know what it has missed. The transport is closed behind the ABORT, and if
/// the client does not take even that within
/// [`RouterBuilder::closing_timeout`](crate::RouterBuilder::closing_timeout), it is destroyed. The
/// client is to read faster, or to subscribe to or call for less at a time; it may join again.
pub const TOO_SLOW: &str = "wamp.error.too_slow";
