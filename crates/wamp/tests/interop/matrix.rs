//! The matrix: which cells there are, and which of them the short run plays.

use std::collections::HashSet;

use crate::cell::Cell;
use crate::party::{PeerKind, RouterKind, Transport};
use crate::scenario::{Matter, SCENARIOS};

/// The whole matrix.
///
/// Over WebSocket to our router, each client meets each, itself included, and values go from every
/// format to every other. That is where clients differ; the other transports carry the same
/// octets, so over them each client meets ours alone, in both directions. At Crossbar.io our client
/// meets itself and the client of its maker: it decodes all and encodes it again, so that whose
/// values come to ours is the same, and what it makes of others is not ours to test.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for router in RouterKind::ALL {
        for transport in Transport::ALL {
            for serializers in directions() {
                for (caller, callee) in pairs() {
                    for scenario in SCENARIOS {
                        let cell = Cell {
                            router,
                            transport,
                            serializers,
                            scenario,
                            caller,
                            callee,
                        };
                        if belongs(&cell) {
                            cells.push(cell);
                        }
                    }
                }
            }
        }
    }
    cells
}

/// The short run: for every two properties that some cell has together, one cell that has them.
/// So each client plays each scenario in each of its serializers, in both roles, and meets each
/// transport and each other client with them, but not in every combination of these.
pub(crate) fn smoke() -> Vec<Cell> {
    let cells = all();
    assert!(
        !cells.len().is_multiple_of(STRIDE),
        "the stride reaches every cell"
    );
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    // Neighbours have most in common: by strides, few cells are chosen, and they differ in all.
    for step in 0..cells.len() {
        let at = step * STRIDE % cells.len();
        let properties = properties(&cells[at]);
        let mut is_new = false;
        for (index, first) in properties.iter().enumerate() {
            for second in &properties[index + 1..] {
                is_new |= seen.insert((first.clone(), second.clone()));
            }
        }
        if is_new {
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|at| cells[at]).collect()
}

fn properties(cell: &Cell) -> [String; 4] {
    let (first, second) = cell.serializers;
    [
        format!("{}/{}", cell.router, cell.transport),
        cell.scenario.name.to_owned(),
        format!("caller {} in {first}", cell.caller),
        format!("callee {} in {second}", cell.callee),
    ]
}

fn belongs(cell: &Cell) -> bool {
    let Cell {
        router,
        transport,
        serializers: (first, second),
        scenario,
        caller,
        callee,
    } = *cell;
    let is_open = router == RouterKind::Ours && transport == Transport::Ws;
    let formats = match scenario.matter {
        _ if first == second => true,
        // What a router makes of the values is the same, whatever they come over.
        Matter::Values => is_open && is_plain(first) && is_plain(second),
        Matter::Session | Matter::Death => false,
    };
    let peers = match (router, caller, callee) {
        (RouterKind::Ours, PeerKind::Ours, _) | (RouterKind::Ours, _, PeerKind::Ours) => true,
        (RouterKind::Ours, _, _) => is_open,
        (RouterKind::Crossbar, PeerKind::Ours, PeerKind::Ours | PeerKind::Asyncio)
        | (RouterKind::Crossbar, PeerKind::Asyncio, PeerKind::Ours) => true,
        (RouterKind::Crossbar, _, _) => false,
    };
    formats
        && peers
        && caller.speaks(transport, first)
        && callee.speaks(transport, second)
        && !(matches!(scenario.matter, Matter::Death) && first != death_format(cell))
}

/// A death is the same in every format, and costs the start of a process: one format is enough.
fn death_format(cell: &Cell) -> &'static str {
    let has_cbor = |peer: PeerKind| peer.speaks(cell.transport, "cbor");
    if has_cbor(cell.caller) && has_cbor(cell.callee) {
        "cbor"
    } else {
        "json"
    }
}

fn is_plain(serializer: &str) -> bool {
    !serializer.ends_with(".batched")
}

/// Each pair of clients.
fn pairs() -> impl Iterator<Item = (PeerKind, PeerKind)> {
    let callees = |caller| PeerKind::ALL.map(|callee| (caller, callee));
    PeerKind::ALL.into_iter().flat_map(callees)
}

/// A prime: its strides reach every cell, unless their number is a multiple of it.
const STRIDE: usize = 7919;

/// Each pair of serializers.
fn directions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let seconds = |first| SERIALIZERS.map(|second| (first, second));
    SERIALIZERS.into_iter().flat_map(seconds)
}

const SERIALIZERS: [&str; 6] = [
    "json",
    "msgpack",
    "cbor",
    "json.batched",
    "msgpack.batched",
    "cbor.batched",
];
