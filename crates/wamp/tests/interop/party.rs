//! Who takes part in the cells: routers, clients, and what each of them speaks over what.

use std::fmt;

/// A router that cells run against.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum RouterKind {
    Ours,
    Crossbar,
}

impl RouterKind {
    pub(crate) const ALL: [Self; 2] = [Self::Ours, Self::Crossbar];

    /// What people call it, with its version where it has one.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Ours => "this router".to_owned(),
            Self::Crossbar => format!("Crossbar.io {}", python_version("crossbar")),
        }
    }
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum PeerKind {
    Ours,
    /// Autobahn|Python on asyncio.
    Asyncio,
    /// Autobahn|Python on Twisted.
    Twisted,
    AutobahnJs,
    WampyJs,
}

impl PeerKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Ours,
        Self::Asyncio,
        Self::Twisted,
        Self::AutobahnJs,
        Self::WampyJs,
    ];

    /// What people call it, with its version where it has one.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Ours => "this client".to_owned(),
            Self::Asyncio => format!("Autobahn\\|Python {}, asyncio", python_version("autobahn")),
            Self::Twisted => format!("Autobahn\\|Python {}, Twisted", python_version("autobahn")),
            Self::AutobahnJs => format!("Autobahn\\|JS {}", node_version("autobahn")),
            Self::WampyJs => format!("wampy.js {}", node_version("wampy")),
        }
    }

    /// Its program, in the directory `peers`; ours is this program.
    pub(crate) const fn program(self) -> Option<&'static str> {
        match self {
            Self::Ours => None,
            Self::Asyncio => Some("peer_asyncio.py"),
            Self::Twisted => Some("peer_twisted.py"),
            Self::AutobahnJs => Some("peer_autobahn.js"),
            Self::WampyJs => Some("peer_wampy.js"),
        }
    }

    /// What its callers get when a procedure of it throws. The specification has no URI for that.
    pub(crate) const fn uri_of_an_exception(self) -> &'static str {
        match self {
            Self::WampyJs => "wamp.error.invocation_exception",
            _ => "wamp.error.runtime_error",
        }
    }

    pub(crate) const fn is_javascript(self) -> bool {
        matches!(self, Self::AutobahnJs | Self::WampyJs)
    }

    /// Whether it has this serializer over this transport.
    pub(crate) fn speaks(self, transport: Transport, serializer: &str) -> bool {
        let batched = serializer.ends_with(".batched");
        match self {
            // RawSocket has no batched serializers.
            Self::Ours | Self::Asyncio | Self::Twisted => transport.is_websocket() || !batched,
            // Its RawSocket has neither TLS nor another format than JSON.
            Self::AutobahnJs if !transport.is_websocket() => {
                !transport.is_tls() && serializer == "json"
            }
            Self::AutobahnJs => !batched,
            Self::WampyJs => transport.is_websocket() && !batched,
        }
    }
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Asyncio => "asyncio",
            Self::Twisted => "twisted",
            Self::AutobahnJs => "autobahnjs",
            Self::WampyJs => "wampyjs",
        })
    }
}

/// What both clients of a cell speak, and over what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    pub(crate) const ALL: [Self; 5] = [Self::Ws, Self::Wss, Self::Rs, Self::Rss, Self::Unix];

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
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The version that the requirements of pip pin.
fn python_version(package: &str) -> &'static str {
    version_after(REQUIREMENTS, &format!("{package}=="))
}

/// The version that package.json pins.
fn node_version(package: &str) -> &'static str {
    version_after(PACKAGES, &format!("    \"{package}\": \""))
}

fn version_after(text: &'static str, start: &str) -> &'static str {
    text.lines()
        .find_map(|line| line.strip_prefix(start))
        .map_or("", |version| version.trim_end_matches(['"', ',']))
}

const REQUIREMENTS: &str = include_str!("peers/requirements.txt");
const PACKAGES: &str = include_str!("peers/package.json");
