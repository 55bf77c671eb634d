use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::process::Usage;

/// All keys of the document, as paths. Who changes one changes [`SCHEMA`]; who adds one does not.
const KEYS: &[&str] = &[
    "against",
    "cores",
    "memory",
    "memory.allowed",
    "memory.failed",
    "memory.name",
    "memory.octets",
    "memory.verdict",
    "quick",
    "rows",
    "rows.against",
    "rows.against_ratio",
    "rows.against_ratio.least",
    "rows.against_ratio.median",
    "rows.against_ratio.most",
    "rows.awake",
    "rows.cpu_ratio",
    "rows.in_flight",
    "rows.limit",
    "rows.limit_is",
    "rows.lock",
    "rows.lock.contended",
    "rows.lock.held",
    "rows.lock.held.CALL",
    "rows.lock.held.CALL.measured",
    "rows.lock.held.CALL.median",
    "rows.lock.held.CALL.p99",
    "rows.lock.held.CALL.sum",
    "rows.lock.held.YIELD",
    "rows.lock.held.YIELD.measured",
    "rows.lock.held.YIELD.median",
    "rows.lock.held.YIELD.p99",
    "rows.lock.held.YIELD.sum",
    "rows.lock.messages",
    "rows.lock.waited",
    "rows.missed",
    "rows.name",
    "rows.ours",
    "rows.ours.bottleneck",
    "rows.ours.disconnected",
    "rows.ours.failed",
    "rows.ours.load_share",
    "rows.ours.lost",
    "rows.ours.micros",
    "rows.ours.rate",
    "rows.ours.router_share",
    "rows.ours.sleeps",
    "rows.ours.turns",
    "rows.ours.turns.bottleneck",
    "rows.ours.turns.disconnected",
    "rows.ours.turns.load_share",
    "rows.ours.turns.lost",
    "rows.ours.turns.micros",
    "rows.ours.turns.rate",
    "rows.ours.turns.router_share",
    "rows.ours.turns.sleeps",
    "rows.payload",
    "rows.policy",
    "rows.ratio",
    "rows.ratio.least",
    "rows.ratio.median",
    "rows.ratio.most",
    "rows.serializers",
    "rows.syscalls",
    "rows.target",
    "rows.target.cpu",
    "rows.target.lock",
    "rows.target.lossless",
    "rows.target.micros",
    "rows.target.rate",
    "rows.verdict",
    "schema",
    "soak",
    "soak.failed",
    "soak.left",
    "soak.lost",
    "soak.memory",
    "soak.operations",
    "soak.seconds",
    "soak.verdict",
];

const README: &str = include_str!("../../README.md");

/// A run in which everything was measured.
fn report() -> Report {
    let mut report = Report::begin(true, Some("ws://example".to_owned())).unwrap();
    let workload = workload("calls/rs/1");
    report
        .rows
        .push(Row::new(&workload, false, measured(1_000, 2_000)));
    let row = MemoryRow::new("memory/rs/1000".to_owned(), Ok(1), 2);
    report.memory.push(row);
    report.soak = Some(Soak::failed(60, "it ended".to_owned()));
    report
}

fn workload(name: &str) -> Workload {
    let mut all = crate::workload::all().into_iter();
    all.find(|workload| workload.name == name).unwrap()
}

fn measured(ours: u64, limit: u64) -> Measured {
    Measured {
        ours: side(&outcome(ours)),
        limit: Some(side(&outcome(limit))),
        against: Some(side(&outcome(500))),
        syscalls: Some(1.0),
        lock: Some(lock()),
    }
}

fn lock() -> Lock {
    let held =
        |nanos| json!({ "measured": 9, "median": nanos, "p99": 2 * nanos, "sum": 9 * nanos });
    let lock = json!({
        "held": { "CALL": held(400), "YIELD": held(300) },
        "messages": 1_000,
        "contended": 10,
        "waited": 5_000,
    });
    serde_json::from_value(lock).unwrap()
}

#[test]
fn the_lock_is_told_and_judged() {
    assert_eq!(lock().line(), "lock CALL 0.40 YIELD 0.30 contended 1.0 %");
    let mut workload = workload("calls/rs/64");
    assert!(
        Row::new(&workload, false, measured(1_000, 2_000))
            .missed
            .is_empty()
    );
    workload.target.lock = Some(0.3);
    let row = Row::new(&workload, false, measured(1_000, 2_000));
    assert_eq!(row.missed, ["lock 0.3 µs"]);
}

fn side(outcome: &Outcome) -> Side {
    let figures = Figures::of(outcome, Kind::Calls { pairs: 1 }, false, 2);
    Side::new(vec![figures], None)
}

fn outcome(done: u64) -> Outcome {
    Outcome {
        done,
        seconds: 1.0,
        lost: 0,
        disconnected: 0,
        syscalls: None,
        router: Some(used(0.2, 0.0)),
        load: used(0.3, 0.0),
    }
}

/// What a process of one thread uses that ran for so many seconds, and had no core for others.
fn used(cpu: f64, delayed: f64) -> Usage {
    Usage {
        cpu,
        busiest: cpu,
        delayed,
        sleeps: 10,
    }
}

fn keys(value: &Value, path: &str, keys_so_far: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}{}{key}", if path.is_empty() { "" } else { "." });
                // They are of the form of our own turns.
                if path != "rows.limit" && path != "rows.against" {
                    keys(value, &path, keys_so_far);
                }
                keys_so_far.insert(path);
            }
        }
        Value::Array(values) => {
            for value in values {
                keys(value, path, keys_so_far);
            }
        }
        _ => {}
    }
}

#[test]
fn the_document_has_the_form_that_is_promised() {
    let document = serde_json::to_value(report()).unwrap();
    let mut found = BTreeSet::new();
    keys(&document, "", &mut found);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, KEYS);
    assert_eq!(document["schema"], 1);
    // Those of the other sides are the same.
    let of = |side: &str| -> Vec<String> {
        let side = document["rows"][0][side].as_object().unwrap();
        side.keys().cloned().collect()
    };
    assert_eq!(of("limit"), of("ours"));
    assert_eq!(of("against"), of("ours"));
}

#[test]
fn every_field_is_explained() {
    for path in KEYS {
        let key = path.rsplit('.').next().unwrap();
        assert!(README.contains(&format!("`{key}`")), "{path}");
    }
    assert!(README.contains(&format!("is {SCHEMA}.")));
}

#[test]
fn a_row_is_judged_by_its_ratio() {
    let workload = workload("calls/rs/1");
    let row = Row::new(&workload, false, measured(990, 1_000));
    assert_eq!(row.verdict, Verdict::Reached, "{:?}", row.missed);
    assert_eq!(row.against_ratio.unwrap().median, 1.98);
    let row = Row::new(&workload, false, measured(900, 1_000));
    assert_eq!(row.missed, ["ratio 0.95"]);
    assert_eq!(row.verdict, Verdict::Missed);
}

#[test]
fn nothing_measured_is_a_target_missed() {
    let workload = workload("events/rs/1-1/stalls");
    let nothing = || Side::new(Vec::new(), Some("it was not joined".to_owned()));
    let measured = Measured {
        ours: nothing(),
        limit: None,
        against: None,
        syscalls: None,
        lock: Some(lock()),
    };
    let row = Row::new(&workload, false, measured);
    assert_eq!(row.missed, ["it failed"]);
    assert!(row.line().contains("it was not joined"), "{}", row.line());
}

#[test]
fn who_is_lost_or_disconnected_is_a_target_missed() {
    let workload = workload("events/rs/1-1/stalls");
    let outcome = Outcome {
        lost: 3,
        disconnected: 1,
        ..outcome(1_000)
    };
    let measured = Measured {
        ours: side(&outcome),
        limit: None,
        against: None,
        syscalls: None,
        lock: Some(lock()),
    };
    let row = Row::new(&workload, false, measured);
    assert_eq!(row.missed, ["3 lost", "1 disconnected"]);
}

#[test]
fn who_runs_all_the_time_holds_up_the_rest() {
    let of = |router, load| {
        let outcome = Outcome {
            router: Some(router),
            load,
            ..outcome(1)
        };
        Bottleneck::of(&outcome, 2)
    };
    let idle = used(0.4, 0.1);
    assert_eq!(of(idle, used(0.97, 0.0)), Bottleneck::Load);
    assert_eq!(of(used(0.97, 0.0), idle), Bottleneck::Router);
    assert_eq!(of(used(0.4, 0.5), idle), Bottleneck::Cores);
    assert_eq!(of(idle, idle), Bottleneck::Waiting);
    let two_threads = Usage {
        busiest: 0.6,
        ..used(1.2, 0.0)
    };
    assert_eq!(of(two_threads, used(0.7, 0.0)), Bottleneck::Cores);
}

#[test]
fn no_two_workloads_have_one_name() {
    let all = crate::workload::all();
    let names: BTreeSet<&str> = all.iter().map(|workload| &*workload.name).collect();
    assert_eq!(names.len(), all.len());
}
