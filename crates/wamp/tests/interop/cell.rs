//! The matrix: which router, serializers, scenario and pair of peers each cell puts together.

use std::fmt;

use crate::scenario::{BROKEN, SCENARIOS, Scenario};

/// One cell of the matrix. Its name is `<router>/<serializer>/<scenario>/<caller>-<callee>`.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) router: RouterKind,
    /// That of the caller, and that of the callee.
    pub(crate) serializers: (&'static str, &'static str),
    pub(crate) scenario: &'static Scenario,
    pub(crate) caller: PeerKind,
    pub(crate) callee: PeerKind,
}

impl Cell {
    /// The whole matrix.
    pub(crate) fn all() -> Vec<Self> {
        let same = || {
            SERIALIZERS
                .iter()
                .map(|&serializer| (serializer, serializer))
        };
        let mut cells = Vec::new();
        for serializers in same().chain(MIXED.iter().copied()) {
            cells.extend(Self::pairs(RouterKind::Ours, serializers));
        }
        // How Crossbar.io turns one format into another is not ours to test.
        for serializers in same() {
            cells.extend(Self::pairs(RouterKind::Crossbar, serializers));
        }
        cells
    }

    /// Every scenario with every pair of clients.
    fn pairs(
        router: RouterKind,
        serializers: (&'static str, &'static str),
    ) -> impl Iterator<Item = Self> {
        let clients = [PeerKind::Autobahn, PeerKind::Ours];
        let pairs = clients.map(|caller| clients.map(|callee| (caller, callee)));
        pairs
            .into_iter()
            .flatten()
            .flat_map(move |(caller, callee)| {
                SCENARIOS.iter().map(move |scenario| Self {
                    router,
                    serializers,
                    scenario,
                    caller,
                    callee,
                })
            })
    }

    /// The cell that must fail.
    pub(crate) fn broken() -> Self {
        Self {
            router: RouterKind::Ours,
            serializers: ("json", "json"),
            scenario: &BROKEN,
            caller: PeerKind::Ours,
            callee: PeerKind::Autobahn,
        }
    }

    /// Whether it is part of the short run.
    pub(crate) fn is_smoke(&self) -> bool {
        let (caller, callee) = self.serializers;
        self.scenario.smoke
            && caller == callee
            && SMOKE_SERIALIZERS.contains(&caller)
            && !(self.router == RouterKind::Crossbar && self.is_control())
    }

    /// The part of the name that all cells of one row of the table share.
    pub(crate) fn row(&self) -> String {
        let (caller, callee) = self.serializers;
        let serializers = if caller == callee {
            caller.to_owned()
        } else {
            format!("{caller}+{callee}")
        };
        format!(
            "{} | {serializers} | {}-{}",
            self.router, self.caller, self.callee
        )
    }

    /// Whether nothing of ours takes part, so that a failure is one of the tests.
    fn is_control(&self) -> bool {
        self.caller == PeerKind::Autobahn && self.callee == PeerKind::Autobahn
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            router,
            serializers: (first, second),
            scenario,
            caller,
            callee,
        } = self;
        write!(f, "{router}/{first}")?;
        if first != second {
            write!(f, "+{second}")?;
        }
        write!(f, "/{}/{caller}-{callee}", scenario.name)
    }
}

/// A router that cells run against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RouterKind {
    Ours,
    Crossbar,
}

impl fmt::Display for RouterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Crossbar => "crossbar",
        })
    }
}

/// A client that takes part in cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PeerKind {
    Autobahn,
    Ours,
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Autobahn => "autobahn",
            Self::Ours => "ours",
        })
    }
}

/// The serializers that both sides use.
const SERIALIZERS: &[&str] = &[
    "json",
    "msgpack",
    "cbor",
    "json.batched",
    "msgpack.batched",
    "cbor.batched",
];

/// Those of the short run.
const SMOKE_SERIALIZERS: &[&str] = &["json", "msgpack", "cbor", "cbor.batched"];

/// Pairs of a caller's and a callee's serializer: the router has to transcode.
const MIXED: &[(&str, &str)] = &[
    ("json", "msgpack"),
    ("json", "cbor"),
    ("msgpack", "json"),
    ("msgpack", "cbor"),
    ("cbor", "json"),
    ("cbor", "msgpack"),
];
