//! What becomes of clients that take too little of what they are sent.

use std::time::Duration;

use wamp_core::{AboveMark, OutboxLimits};

/// What is done with subscribers that do not take their events fast enough.
///
/// It is done when an EVENT would take what waits for a session above the
/// [mark](wamp_core::OutboxLimits::mark).
///
/// An EVENT enters the outboxes of all its subscribers at once, whatever is said here, so that each
/// of them gets the events in the same order. Answers, INVOCATIONs and RESULTs have the
/// [reserve](wamp_core::OutboxLimits::reserve) above the mark; a session that has used that up too
/// is disconnected under every policy, so that memory stays bounded. One message is always let in
/// where nothing waits.
///
/// Who is disconnected gets ABORT [`TOO_SLOW`](crate::limit_uri::TOO_SLOW).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SlowConsumers {
    /// The slow session is disconnected; the others notice nothing. The default.
    #[default]
    Disconnect,
    /// The event is dropped for the slow session, and for no other.
    ///
    /// It is counted in [`RealmCounts::dropped_events`](crate::RealmCounts::dropped_events), and
    /// who wants to know subscribes to
    /// [`ON_EVENTS_DROPPED`](crate::meta_uri::ON_EVENTS_DROPPED).
    Drop,
    /// The event is let in, as long as there is a reserve, and the connection of its *publisher* is
    /// not read until less than the mark waits for every session that it took above.
    ///
    /// What the publisher sends meanwhile stays in its socket, so that in the end it waits itself;
    /// it is told nothing. Its connection still sends what is for it, and its ping deadline stands
    /// still. But its own pings are not answered either, and they wait behind the messages that it
    /// has sent before: `at_most` is to be well below the time after which clients take a router
    /// for dead that does not answer.
    ///
    /// A publisher that is gone waits no more, and then gives nobody up.
    Block {
        /// How long a session may stay above the mark and hold up a publisher; then it is
        /// disconnected, and the publisher goes on. With zero it is disconnected at once.
        at_most: Duration,
    },
}

impl SlowConsumers {
    /// Publishers wait, at most 5 seconds.
    pub const fn block() -> Self {
        Self::Block {
            at_most: Duration::from_secs(5),
        }
    }

    /// What an outbox is to do with an EVENT that would go above its mark.
    pub(crate) const fn above_mark(self) -> AboveMark {
        match self {
            Self::Disconnect => AboveMark::Close,
            Self::Drop => AboveMark::Drop,
            Self::Block { .. } => AboveMark::Admit,
        }
    }

    /// What has waited for a session that is disconnected, for people.
    pub(crate) fn exceeded(self, limits: OutboxLimits) -> String {
        let mark = limits.mark;
        let all = mark.saturating_add(limits.reserve);
        match self {
            Self::Disconnect => {
                format!("more than the {mark} octets for events, or the {all} for all")
            }
            Self::Drop => format!("more than the {all} octets"),
            Self::Block { at_most } => format!(
                "more than the {mark} octets for events for longer than {at_most:?}, or more than \
                 the {all} for all"
            ),
        }
    }
}
