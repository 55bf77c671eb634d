//! The results of a run, as the table that the README shows.

use crate::cell::Cell;
use crate::party::{PeerKind, RouterKind, Transport};

/// How a cell ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Node, which it needs, is not on this machine.
    NotRun,
}

/// The results as a Markdown table: a row for each client and router, a column for each transport
/// and for each serializer. A cell counts in the rows of both of its clients.
pub(crate) fn render(results: &[(Cell, Outcome)]) -> String {
    let mut lines = vec![
        header(),
        format!("|---|---|{}", "--:|".repeat(COLUMNS.len())),
    ];
    for (client, router) in rows() {
        let row: Vec<_> = results
            .iter()
            .filter(|(cell, _)| cell.router == router && cell.has(client))
            .collect();
        if row.is_empty() {
            continue;
        }
        let mut line = format!("| {} | {} |", client.title(), router.title());
        for column in COLUMNS {
            let here = row.iter().filter(|(cell, _)| (column.has)(cell));
            let outcomes: Vec<Outcome> = here.map(|(_, outcome)| *outcome).collect();
            line.push_str(&format!(" {} |", count(&outcomes)));
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

/// Our client with every router, and every other client with ours.
fn rows() -> impl Iterator<Item = (PeerKind, RouterKind)> {
    let at_ours = PeerKind::ALL.map(|client| (client, RouterKind::Ours));
    let others = RouterKind::ALL
        .into_iter()
        .filter(|router| *router != RouterKind::Ours);
    at_ours
        .into_iter()
        .chain(others.map(|router| (PeerKind::Ours, router)))
}

fn header() -> String {
    let columns: Vec<&str> = COLUMNS.iter().map(|column| column.title).collect();
    format!("| client | router | {} |", columns.join(" | "))
}

fn count(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return "-".to_owned();
    }
    if outcomes.iter().all(|outcome| *outcome == Outcome::NotRun) {
        return "not run".to_owned();
    }
    let passed = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::Passed);
    format!("{}/{}", passed.count(), outcomes.len())
}

struct Column {
    title: &'static str,
    has: fn(&Cell) -> bool,
}

const COLUMNS: &[Column] = &[
    Column {
        title: "WebSocket",
        has: |cell| cell.transport == Transport::Ws,
    },
    Column {
        title: "+ TLS",
        has: |cell| cell.transport == Transport::Wss,
    },
    Column {
        title: "RawSocket",
        has: |cell| cell.transport == Transport::Rs,
    },
    Column {
        title: "+ TLS",
        has: |cell| cell.transport == Transport::Rss,
    },
    Column {
        title: "Unix",
        has: |cell| cell.transport == Transport::Unix,
    },
    Column {
        title: "JSON",
        has: |cell| cell.serializers == ("json", "json"),
    },
    Column {
        title: "MessagePack",
        has: |cell| cell.serializers == ("msgpack", "msgpack"),
    },
    Column {
        title: "CBOR",
        has: |cell| cell.serializers == ("cbor", "cbor"),
    },
    Column {
        title: "batched",
        has: |cell| cell.serializers.0.ends_with(".batched"),
    },
    Column {
        title: "mixed",
        has: |cell| cell.serializers.0 != cell.serializers.1,
    },
];
