//! What is measured, against which limit, and what is aimed at.

use serde::Serialize;

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
    pub(crate) limit: Option<Limit>,
    /// Whether it is measured on cores that are kept awake, too.
    pub(crate) awake: bool,
    pub(crate) target: Target,
}

/// What a workload is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// A program that passes frames on.
    Program(Shape, Writes),
    /// Our router with the same workload, but over another transport or in other formats.
    Ours {
        over: &'static str,
        serializers: (&'static str, &'static str),
    },
}

impl Limit {
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Program(shape, writes) => format!("{} {}", shape.name(), writes.name()),
            Self::Ours {
                over,
                serializers: (asks, answers),
            } => format!("ours {over} {asks}-{answers}"),
        }
    }
}

/// What is aimed at; nothing where it is `None`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Target {
    /// Our rate as a part of the limit's, at least.
    pub(crate) rate: Option<f64>,
    /// The router's processor time for each operation, as a multiple of the limit's, at most.
    pub(crate) cpu: Option<f64>,
    /// The same in microseconds, at most.
    pub(crate) micros: Option<f64>,
    /// How long the realm's lock is held for a CALL, in microseconds at the median, at most.
    pub(crate) lock: Option<f64>,
    /// Whether nothing may be lost, and nobody disconnected.
    pub(crate) lossless: bool,
}

impl Target {
    pub(crate) const fn is_any(self) -> bool {
        self.rate.is_some()
            || self.cpu.is_some()
            || self.micros.is_some()
            || self.lock.is_some()
            || self.lossless
    }
}

/// How long the realm's lock may be held for a CALL, in microseconds.
const LOCK: Option<f64> = Some(2.0);

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
    within(&mut all);
    for over in ["ws", "rs"] {
        all.push(joins(over));
    }
    all
}

/// In process there is no socket, and no limit of one.
fn within(all: &mut Vec<Workload>) {
    all.push(Workload {
        limit: Some(Limit::Ours {
            over: "unix",
            serializers: CBOR,
        }),
        target: Target {
            rate: Some(10.0),
            ..Target::default()
        },
        ..calls("within", 1, 1, 16)
    });
    let mut rest = Vec::new();
    calls_of_many(&mut rest, "within");
    publications(&mut rest, "within");
    events(&mut rest, "within");
    // There is no socket between in which some would wait, and half of a flood is a million a second.
    rest.retain(|workload| !workload.name.ends_with("/stalls"));
    // It is the same without a program to compare with.
    rest.retain(|workload| !workload.name.ends_with("/each"));
    all.extend(rest.into_iter().map(|workload| Workload {
        limit: None,
        target: Target {
            lossless: workload.target.lossless,
            ..Target::default()
        },
        ..workload
    }));
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
        limit: Some(Limit::Program(Shape::Relay, Writes::All)),
        awake: false,
        target: Target::default(),
    }
}

fn calls_of_one(all: &mut Vec<Workload>, over: &'static str) {
    all.push(Workload {
        limit: Some(Limit::Program(Shape::Relay, Writes::Each)),
        awake: true,
        target: Target {
            rate: Some(if over == "ws" { 0.90 } else { 0.95 }),
            cpu: Some(1.5),
            lock: LOCK,
            ..Target::default()
        },
        ..calls(over, 1, 1, 16)
    });
}

fn calls_of_many(all: &mut Vec<Workload>, over: &'static str) {
    let target = Target {
        rate: Some(if over == "ws" { 0.30 } else { 0.40 }),
        cpu: Some(5.0),
        lock: LOCK,
        ..Target::default()
    };
    all.push(Workload {
        target,
        ..calls(over, 1, 64, 16)
    });
    all.push(Workload {
        name: format!("calls/{over}/64/each"),
        limit: Some(Limit::Program(Shape::Relay, Writes::Each)),
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
            limit: Some(Limit::Program(Shape::Echo, Writes::All)),
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
        limit: Some(Limit::Program(Shape::Echo, Writes::All)),
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
            limit: Some(Limit::Program(shape, Writes::All)),
            target: Target {
                rate,
                micros,
                lossless: true,
                ..Target::default()
            },
            ..calls(over, 1, 1, 16)
        });
    }
    // The rate is set when it is known how fast the flood is.
    all.push(Workload {
        name: format!("events/{over}/1-1/stalls"),
        kind: Kind::Stalls { per_second: 0 },
        limit: None,
        target: Target {
            lossless: true,
            ..Target::default()
        },
        ..calls(over, 1, 1, 16)
    });
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
    let row = |over, serializers: (&str, &str)| {
        let (asks, answers) = serializers;
        format!("formats/{over}/{asks}-{answers}")
    };
    for (over, serializers) in [
        ("rs", CBOR),
        ("rs", ("msgpack", "msgpack")),
        ("rs", ("json", "json")),
        // It has to be UTF-8, there.
        ("ws", ("json", "json")),
    ] {
        all.push(Workload {
            name: row(over, serializers),
            serializers,
            ..calls(over, 1, 64, 1 << 10)
        });
    }
    for serializers in [
        ("cbor", "msgpack"),
        ("cbor", "json"),
        ("json", "cbor"),
        ("msgpack", "json"),
    ] {
        // The faster of both: that is not JSON.
        let one = match serializers {
            ("json", other) | (other, _) => other,
        };
        all.push(Workload {
            name: row("rs", serializers),
            serializers,
            limit: Some(Limit::Ours {
                over: "rs",
                serializers: (one, one),
            }),
            target: Target {
                rate: Some(0.50),
                ..Target::default()
            },
            ..calls("rs", 1, 64, 1 << 10)
        });
    }
}

fn joins(over: &'static str) -> Workload {
    Workload {
        name: format!("joins/{over}"),
        kind: Kind::Joins { at_once: 16 },
        limit: Some(Limit::Program(Shape::Accept, Writes::Each)),
        target: Target {
            rate: Some(0.50),
            ..Target::default()
        },
        ..calls(over, 1, 1, 0)
    }
}
