//! Topics on which the router itself publishes.
//!
//! They are this router's own: the specification has none for it.

/// A session loses events, or takes them again; under
/// [`SlowConsumers::Drop`](crate::SlowConsumers::Drop) only.
///
/// The arguments are the id of the session, and how many events it has lost: 0 when it begins to
/// lose them and nobody knows yet, and the number when that is over. It is over when an event finds
/// room and less than half of the mark waits for the session, so that one that is always a little
/// behind is not told of with every event, and when the session ends.
///
/// Events on this topic that are lost themselves are counted and not told.
pub const ON_EVENTS_DROPPED: &str = "wamp.session.on_events_dropped";
