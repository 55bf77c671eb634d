//! What is measured, against which limit, and what is aimed at.

use crate::limit::{Shape, Writes};
use crate::load::Kind;

/// One row of the report.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where the router is reached: a key of what it announces; `within` is in the same process.
    pub(crate) over: &'static str,
    pub(crate) serializers: (&'static str, &'static str),
    pub(crate) payload: usize,
    pub(crate) in_flight: u64,
    pub(crate) policy: &'static str,
    /// What the limit is. Where there is none, what another row has reached may be one.
    pub(crate) limit: Option<(Shape, Writes)>,
    /// Whether it is measured on cores that are kept awake, too.
    pub(crate) awake: bool,
    pub(crate) target: Target,
}

/// What is aimed at; nothing where it is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Target {
    /// Our rate as a part of the limit's, at least.
    pub(crate) rate: Option<f64>,
    /// The router's processor time for each operation, as a multiple of the limit's, at most.
    pub(crate) cpu: Option<f64>,
    /// The same in microseconds, at most.
    pub(crate) micros: Option<f64>,
    /// Whether nothing may be lost.
    pub(crate) lossless: bool,
}

const CBOR: (&str, &str) = ("cbor", "cbor");

/// All rows, in the order of the report.
pub(crate) fn all() -> Vec<Workload> {
    let mut all = Vec::new();
    for over in ["ws", "rs", "unix"] {
        calls_of_one(&mut all, over);
        calls_of_many(&mut all, over);
        publications(&mut all, over);
        events(&mut all, over);
    }
    formats(&mut all);
    all.push(Workload {
        name: "calls/within/1".to_owned(),
        limit: None,
        ..calls("within", 1, 1, 16)
    });
    for over in ["ws", "rs"] {
        all.push(joins(over));
    }
    all
}

fn calls(over: &'static str, pairs: usize, in_flight: u64, payload: usize) -> Workload {
    Workload {
        name: format!("calls/{over}/{in_flight}"),
        kind: Kind::Calls { pairs },
        over,
        serializers: CBOR,
        payload,
        in_flight,
        policy: "disconnect",
        limit: Some((Shape::Relay, Writes::All)),
        awake: false,
        target: Target::default(),
    }
}

fn calls_of_one(all: &mut Vec<Workload>, over: &'static str) {
    all.push(Workload {
        limit: Some((Shape::Relay, Writes::Each)),
        awake: true,
        target: Target {
            rate: Some(if over == "ws" { 0.90 } else { 0.95 }),
            cpu: Some(1.5),
            ..Target::default()
        },
        ..calls(over, 1, 1, 16)
    });
}

fn calls_of_many(all: &mut Vec<Workload>, over: &'static str) {
    let target = Target {
        rate: Some(if over == "ws" { 0.30 } else { 0.40 }),
        cpu: Some(5.0),
        ..Target::default()
    };
    all.push(Workload {
        target,
        ..calls(over, 1, 64, 16)
    });
    all.push(Workload {
        name: format!("calls/{over}/64/each"),
        limit: Some((Shape::Relay, Writes::Each)),
        ..calls(over, 1, 64, 16)
    });
    all.push(Workload {
        name: format!("calls/{over}/64/1KiB"),
        ..calls(over, 1, 64, 1 << 10)
    });
    all.push(Workload {
        name: format!("calls/{over}/4/64KiB"),
        target: Target {
            rate: Some(0.80),
            ..Target::default()
        },
        ..calls(over, 1, 4, 64 << 10)
    });
    all.push(Workload {
        name: format!("calls/{over}/16x16"),
        ..calls(over, 16, 4, 16)
    });
}

fn publications(all: &mut Vec<Workload>, over: &'static str) {
    for in_flight in [1, 64] {
        all.push(Workload {
            name: format!("publish/{over}/{in_flight}"),
            kind: Kind::Publish { topics: 1 },
            limit: Some((Shape::Echo, Writes::All)),
            target: match in_flight {
                64 => Target {
                    rate: Some(0.40),
                    cpu: Some(5.0),
                    ..Target::default()
                },
                _ => Target::default(),
            },
            ..calls(over, 1, in_flight, 16)
        });
    }
    all.push(Workload {
        name: format!("publish/{over}/100 topics"),
        kind: Kind::Publish { topics: 100 },
        limit: Some((Shape::Echo, Writes::All)),
        ..calls(over, 1, 1, 16)
    });
}

fn events(all: &mut Vec<Workload>, over: &'static str) {
    for (subscribers, shape, rate, micros) in [
        (1, Shape::Relay, Some(0.20), None),
        (100, Shape::Copy, Some(0.70), Some(1.0)),
        (1_000, Shape::Copy, None, None),
    ] {
        all.push(Workload {
            name: format!("events/{over}/1-{subscribers}"),
            kind: Kind::Events { subscribers },
            policy: "block",
            limit: Some((shape, Writes::All)),
            target: Target {
                rate,
                micros,
                lossless: true,
                ..Target::default()
            },
            ..calls(over, 1, 1, 16)
        });
    }
    all.push(Workload {
        name: format!("events/{over}/1-100/4 in flight"),
        kind: Kind::Fanout { subscribers: 100 },
        limit: None,
        target: Target {
            lossless: true,
            ..Target::default()
        },
        ..calls(over, 1, 4, 16)
    });
}

fn formats(all: &mut Vec<Workload>) {
    for serializers in [
        CBOR,
        ("msgpack", "msgpack"),
        ("json", "json"),
        ("cbor", "msgpack"),
        ("json", "cbor"),
        ("msgpack", "json"),
    ] {
        let (asks, answers) = serializers;
        all.push(Workload {
            name: format!("formats/rs/{asks}-{answers}"),
            serializers,
            ..calls("rs", 1, 64, 1 << 10)
        });
    }
}

fn joins(over: &'static str) -> Workload {
    Workload {
        name: format!("joins/{over}"),
        kind: Kind::Joins { at_once: 16 },
        limit: Some((Shape::Accept, Writes::Each)),
        target: Target {
            rate: Some(0.50),
            ..Target::default()
        },
        ..calls(over, 1, 1, 0)
    }
}
