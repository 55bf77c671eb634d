//! `cargo xtask bench`.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::args::Args;

pub(crate) const HELP: &str = "\
Measures the router against the limit of the socket, and says what is reached of what is aimed at.

Usage: cargo xtask bench [--quick] [--json] [--only WORKLOAD] [--soak SECONDS]
                         [--against URL [--realm REALM]]

  --quick          3 turns of a second each in place of 7 of three, no 10 000 idle sessions, and a
                   soak of a minute, not of an hour
  --json           one JSON document on stdout in place of the table; crates/wamp-bench/README.md
                   says what each field is
  --only WORKLOAD  only the workloads whose names contain it, such as calls/rs/64, memory or soak
  --soak SECONDS   how long the soak is
  --against URL    plays the same loads against another router, too, over the transport of the URL
                   (ws://, rs:// or unix:); what goes over another, or cannot be seen from outside,
                   is left out. REALM, realm1 by default, is to let anybody do everything

The limit is a program that copies frames of the same lengths from socket to socket and does nothing
else. Router, limit and load are processes of their own, and take turns, so that what disturbs the
machine disturbs all of them. Only ratios within one run say anything. What goes on is told on
stderr. All of it takes about an hour and the soak, with --quick a quarter of an hour.

For each workload, with medians of the turns: operations per second of router and limit, the ratio
with the least and the greatest; microseconds of processor for an operation of both, and how many
times the limit's ours are; the shares of a processor that router and load have used, and limit and
load in the turns of the limit. Who held up the turns of the router, and of the limit:

  load             the load, which is one thread, ran all the time
  router           a thread of the router, or of the limit, did
  cores            all were used up, or threads waited for one half as long as they ran, or more
  waiting          all waited for each other, and for being woken

Then how often a thread of the router went to sleep and how often it asked the system for something,
for an operation; the latter where `perf` is installed and may count. At the end stands what is
reached or missed of what is aimed at. A target that is missed does not make the command fail.

In events/*/1-1/stalls one subscriber takes nothing for 100 ms of every 400, under the policy
`disconnect`, at half the rate of the flood events/*/1-1; memory/*/stalled is the memory of the router
for each of four subscribers that take nothing at all, when as much waits for them as may.
";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let mut words = Vec::new();
    for flag in ["--quick", "--json"] {
        if args.flag(flag) {
            words.push(flag.to_owned());
        }
    }
    for option in ["--only", "--soak", "--against", "--realm"] {
        if let Some(value) = args.option(option)? {
            words.extend([option.to_owned(), value]);
        }
    }
    args.finish()?;
    cmd!(sh, "cargo run --release -p wamp-bench -- run {words...}")
        .run()
        .context("the benchmark has failed")
}
