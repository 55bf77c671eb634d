//! `cargo xtask test`.

use std::fmt;

use anyhow::{Result, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::{args::Args, process};

pub(crate) const HELP: &str = "\
Runs every test of the workspace, the doctests of crates, README and guide included.

Usage: cargo xtask test

It needs a Rust toolchain and nothing else. What needs other programs is `cargo xtask interop`.
For a part of the tests use cargo itself, for example `cargo test -p wamp-router`.
";

pub(crate) fn run(sh: &Shell, args: Args) -> Result<()> {
    args.finish()?;
    let mut totals = Totals::default();
    let outcome = workspace(sh, &mut totals);
    println!("\n{totals}");
    outcome
}

/// Runs all tests of all crates.
pub(crate) fn workspace(sh: &Shell, totals: &mut Totals) -> Result<()> {
    run_counted(
        cmd!(
            sh,
            "cargo test --workspace --features wamp/prometheus --no-fail-fast"
        ),
        totals,
    )
}

/// Runs `command`, which is a `cargo test`, and adds up what its test binaries report.
pub(crate) fn run_counted(command: Cmd<'_>, totals: &mut Totals) -> Result<()> {
    process::run_with_lines(command, |line| totals.add(line))?;
    ensure!(totals.passed > 0, "no test ran");
    Ok(())
}

/// The sum over all test binaries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Totals {
    /// Adds the closing line of one test binary; other lines count for nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tests in all: {} passed, {} failed, {} ignored",
            self.passed, self.failed, self.ignored
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_the_closing_lines_of_test_binaries() {
        let mut totals = Totals::default();
        totals.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s");
        totals.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.02s");
        totals.add("test a::passed ... ok");
        assert_eq!(
            totals,
            Totals {
                passed: 15,
                failed: 2,
                ignored: 1
            }
        );
    }
}
