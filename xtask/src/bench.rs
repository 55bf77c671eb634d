//! `cargo xtask bench`.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::args::Args;

pub(crate) const HELP: &str = "\
Measures the router against the limit of the socket, and says what is reached of what is aimed at.

Usage: cargo xtask bench [--quick] [--json] [--only WORKLOAD] [--against URL [--realm REALM]]

  --quick          3 turns of a second each in place of 7 of three, and a soak of a minute, not of
                   an hour
  --json           one JSON document in place of the table
  --only WORKLOAD  only the workloads whose names contain it, such as calls/rs/64, memory or soak
  --against URL    plays the same loads against another router, too, where they go over the same
                   transport (ws://, rs://); --realm names its realm, which is realm1 by default

The limit is a program that copies frames of the same lengths from socket to socket and does nothing
else. Router, limit and load are processes of their own, and take turns, so that what disturbs the
machine disturbs all of them. Only ratios within one run say anything.

For each workload: operations per second of router and limit, the median of the ratios with the
least and the greatest, microseconds of processor for an operation of both, the share of a processor
that router and load have used (the load is one thread: at 1.00 it is what holds the rest up), how
often a thread of the router went to sleep and how often it asked the system for something, for an
operation; the latter where `perf` is installed and may count.
";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let mut words = Vec::new();
    for flag in ["--quick", "--json"] {
        if args.flag(flag) {
            words.push(flag.to_owned());
        }
    }
    for option in ["--only", "--against", "--realm"] {
        if let Some(value) = args.option(option)? {
            words.extend([option.to_owned(), value]);
        }
    }
    args.finish()?;
    cmd!(sh, "cargo run --release -p wamp-bench -- run {words...}")
        .run()
        .context("the benchmark has failed")
}
