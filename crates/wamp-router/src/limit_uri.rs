//! The error URIs of what exceeds the limits of a session. They are this router's own: the
//! specification has none for it.

/// The session has as many subscriptions as it may have.
pub const TOO_MANY_SUBSCRIPTIONS: &str = "wamp.error.too_many_subscriptions";
/// The session has as many registrations as it may have.
pub const TOO_MANY_REGISTRATIONS: &str = "wamp.error.too_many_registrations";
/// The caller has as many calls waiting for their answer as it may have.
pub const TOO_MANY_CALLS: &str = "wamp.error.too_many_calls";
/// The callee has as many invocations to answer as it may have.
pub const TOO_MANY_INVOCATIONS: &str = "wamp.error.too_many_invocations";
