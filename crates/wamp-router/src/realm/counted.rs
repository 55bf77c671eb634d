//! What happens on a realm that is only counted.

use std::time::Duration;

/// What happens to requests, for those who count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// A call was passed on to its callee.
    Called,
    /// A call that was passed on is over, so long after it came.
    Answered(Outcome, Duration),
    /// A request was refused with this error URI.
    Refused(&'static str),
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The callee has answered by YIELD.
    Result,
    /// The callee has answered by ERROR.
    Error,
    /// The callee left.
    Canceled,
    /// The INVOCATION could not be sent.
    Undeliverable,
    /// The caller left.
    Abandoned,
}

impl Outcome {
    /// Every one, in the order of their numbers.
    pub(crate) const ALL: [Self; 5] = [
        Self::Result,
        Self::Error,
        Self::Canceled,
        Self::Undeliverable,
        Self::Abandoned,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Error => "error",
            Self::Canceled => "canceled",
            Self::Undeliverable => "undeliverable",
            Self::Abandoned => "abandoned",
        }
    }
}
