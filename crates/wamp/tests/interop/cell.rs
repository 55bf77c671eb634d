//! The matrix: which router, transport, serializers, scenario and pair of peers each cell puts together.

use std::fmt;

use crate::scenario::{BROKEN, SCENARIOS, Scenario, Smoke};

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
    /// The whole matrix.
    pub(crate) fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for router in [RouterKind::Ours, RouterKind::Crossbar] {
            for transport in Transport::ALL {
                let same = transport.serializers().map(|name| (name, name));
                // To the router a payload is the same, whatever it came over; and how Crossbar.io
                // turns one format into another is not ours to test.
                let mixed: &[_] = match (router, transport) {
                    (RouterKind::Ours, Transport::Ws) => MIXED,
                    _ => &[],
                };
                for serializers in same.chain(mixed.iter().copied()) {
                    cells.extend(Self::pairs(router, transport, serializers));
                }
            }
        }
        cells
    }

    /// Every scenario with every pair of clients.
    fn pairs(
        router: RouterKind,
        transport: Transport,
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
                    transport,
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
            transport: Transport::Ws,
            serializers: ("json", "json"),
            scenario: &BROKEN,
            caller: PeerKind::Ours,
            callee: PeerKind::Autobahn,
        }
    }

    /// Whether it is part of the short run.
    pub(crate) fn is_smoke(&self) -> bool {
        let (caller, callee) = self.serializers;
        let scenario = match self.scenario.smoke {
            Smoke::Always => self.transport.smoke().contains(&caller),
            Smoke::Once => caller == ONCE,
            Smoke::Never => false,
        };
        scenario && caller == callee && !(self.router == RouterKind::Crossbar && self.is_control())
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
            "{} | {} | {serializers} | {}-{}",
            self.router, self.transport, self.caller, self.callee
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

/// What both clients of a cell speak, and over what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    /// WebSocket over TCP.
    Ws,
    /// WebSocket over TLS.
    Wss,
    /// RawSocket over TCP.
    Rs,
    /// RawSocket over TLS.
    Rss,
    /// RawSocket over a Unix domain socket.
    Unix,
}

impl Transport {
    const ALL: [Self; 5] = [Self::Ws, Self::Wss, Self::Rs, Self::Rss, Self::Unix];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Rs => "rs",
            Self::Rss => "rss",
            Self::Unix => "unix",
        }
    }

    pub(crate) const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::Wss | Self::Rss)
    }

    /// The serializers that both sides use. RawSocket has none that are batched.
    fn serializers(self) -> impl Iterator<Item = &'static str> {
        SERIALIZERS
            .iter()
            .copied()
            .filter(move |serializer| self.is_websocket() || !serializer.ends_with(".batched"))
    }

    /// Those of the short run.
    const fn smoke(self) -> &'static [&'static str] {
        match self {
            Self::Ws => &["json", "msgpack", "cbor", "cbor.batched"],
            _ => &["json", "cbor"],
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

const SERIALIZERS: &[&str] = &[
    "json",
    "msgpack",
    "cbor",
    "json.batched",
    "msgpack.batched",
    "cbor.batched",
];

/// The one of scenarios that are in the short run once for each transport.
const ONCE: &str = "cbor";

/// Pairs of a caller's and a callee's serializer: the router has to transcode.
const MIXED: &[(&str, &str)] = &[
    ("json", "msgpack"),
    ("json", "cbor"),
    ("msgpack", "json"),
    ("msgpack", "cbor"),
    ("cbor", "json"),
    ("cbor", "msgpack"),
];
