//! Checks: what a case asks, in pieces that pass, fail or are skipped each for itself.

use crate::missing::Missing;

/// One thing to find out. A case has one, or one for each serializer that it names.
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) run: Box<dyn FnOnce() -> Outcome + Send>,
}

/// What came out of a check.
pub(crate) type Outcome = Result<Verdict, Failure>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    /// Any answer is fine: there was one, with no panic.
    NotBinding,
    Skipped(Missing),
}

/// Why a check failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure(pub(crate) String);

impl<T: Into<String>> From<T> for Failure {
    fn from(reason: T) -> Self {
        Self(reason.into())
    }
}

impl Check {
    pub(crate) fn new(
        name: impl Into<String>,
        run: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// Fails with the reason if the condition does not hold.
pub(crate) fn ensure(condition: bool, reason: impl FnOnce() -> String) -> Result<(), Failure> {
    if condition {
        Ok(())
    } else {
        Err(reason().into())
    }
}
