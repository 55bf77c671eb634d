//! One cell of the matrix, and its name.

use std::fmt;

use crate::party::{PeerKind, RouterKind, Transport};
use crate::scenario::{BROKEN, Scenario};

/// One cell of the matrix. Its name is
/// `<router>/<transport>/<serializer>/<scenario>/<caller>-<callee>`.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) router: RouterKind,
    pub(crate) transport: Transport,
    /// That of the caller, and that of the callee.
    pub(crate) serializers: (&'static str, &'static str),
    pub(crate) scenario: &'static Scenario,
    pub(crate) caller: PeerKind,
    pub(crate) callee: PeerKind,
}

impl Cell {
    /// The cell that must fail, with this callee.
    pub(crate) fn broken(callee: PeerKind) -> Self {
        Self {
            router: RouterKind::Ours,
            transport: Transport::Ws,
            serializers: ("json", "json"),
            scenario: &BROKEN,
            caller: PeerKind::Ours,
            callee,
        }
    }

    pub(crate) fn has(&self, peer: PeerKind) -> bool {
        self.caller == peer || self.callee == peer
    }

    pub(crate) fn needs_node(&self) -> bool {
        self.caller.is_javascript() || self.callee.is_javascript()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            router,
            transport,
            serializers: (first, second),
            scenario,
            caller,
            callee,
        } = self;
        write!(f, "{router}/{transport}/{first}")?;
        if first != second {
            write!(f, "+{second}")?;
        }
        write!(f, "/{}/{caller}-{callee}", scenario.name)
    }
}
