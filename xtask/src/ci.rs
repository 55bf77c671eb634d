//! `cargo xtask ci`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::{
    args::Args,
    browser, counts, fuzz, interop,
    metadata::{Package, Workspace},
    process, test, tidy, tools, vectors,
};

pub(crate) const HELP: &str = "\
Runs all checks that a change has to pass, and prints the time that each took.

Usage: cargo xtask ci [--full] [--vectors DIR] [--only STEP]

  --full          also the property tests with 10 000 cases, a minute of each fuzz target, what the
                  main paths cost in instructions, a page in Chromium, and the whole matrix of the
                  interoperation instead of a part
  --vectors DIR   runs the test vectors of DIR, too, beside the project's own copy
  --only STEP     only the steps whose names contain STEP

A step that fails does not keep the next from running; the table at the end names those that failed.
";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let full = args.flag("--full");
    let vectors_dir = match args.option("--vectors")? {
        // Relative to where the user stands, not to the root of the workspace.
        Some(dir) => Some(
            env::current_dir()
                .context("the current directory cannot be read")?
                .join(dir),
        ),
        None => None,
    };
    let only = args.option("--only")?;
    args.finish()?;

    let mut steps = Steps {
        only: only.unwrap_or_default(),
        done: Vec::new(),
    };
    static_checks(sh, &mut steps)?;
    let totals = tests(sh, &mut steps, vectors_dir.as_deref());
    supply_chain(sh, &mut steps);
    if full {
        long_tests(sh, &mut steps);
    } else {
        steps.run("interop smoke", || interop::cells(sh, &["--require-all"]));
    }
    let outcome = steps.close();
    if totals != test::Totals::default() {
        println!("{totals}");
    }
    outcome
}

/// Format, lints, documentation and the project's own rules.
fn static_checks(sh: &Shell, steps: &mut Steps) -> Result<()> {
    // Everything in the lock file, for other platforms too: cargo deny reads all of it.
    steps.run("fetch", || Ok(cmd!(sh, "cargo fetch --locked").run()?));
    steps.run("fmt", || Ok(cmd!(sh, "cargo fmt --all --check").run()?));
    let workspace = Workspace::load(sh)?;
    steps.run("tidy", || tidy::check(sh, &workspace));
    for package in &workspace.members {
        steps.run(&format!("clippy {}", package.name), || clippy(sh, package));
    }
    steps.run("lint of fuzz targets", || fuzz::lint(sh));
    steps.run("doc", || {
        let _flags = sh.push_env("RUSTDOCFLAGS", "-D warnings");
        Ok(cmd!(sh, "cargo doc --workspace --no-deps --all-features").run()?)
    });
    Ok(())
}

/// The tests, the vectors and the examples; they share one build.
fn tests(sh: &Shell, steps: &mut Steps, vectors_dir: Option<&Path>) -> test::Totals {
    let mut totals = test::Totals::default();
    steps.run("tests and doctests", || test::workspace(sh, &mut totals));
    steps.run("vectors", || vectors::in_dir(sh, None));
    if let Some(dir) = vectors_dir {
        steps.run(&format!("vectors {}", dir.display()), || {
            vectors::in_dir(sh, Some(dir))
        });
    }
    steps.run("examples", || examples(sh));
    totals
}

/// Runs every example: each ends by itself.
fn examples(sh: &Shell) -> Result<()> {
    let mut examples = Vec::new();
    for path in sh.read_dir("examples")? {
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            examples.push(name.to_string_lossy().into_owned());
        }
    }
    ensure!(
        examples.iter().any(|name| name == "quickstart"),
        "examples/ has no quickstart, with which the README begins"
    );
    cmd!(sh, "cargo build --examples --features wamp/prometheus").run()?;
    for name in examples {
        process::run_within(
            Duration::from_secs(60),
            cmd!(sh, "cargo run --example {name} --features wamp/prometheus"),
        )?;
    }
    Ok(())
}

/// Licences, sources and versions of what others wrote.
fn supply_chain(sh: &Shell, steps: &mut Steps) {
    let mut cargo_deny = PathBuf::new();
    steps.run("cargo-deny itself", || {
        cargo_deny = tools::CARGO_DENY.ensure(sh)?;
        Ok(())
    });
    steps.run("deny", || {
        cmd!(
            sh,
            "{cargo_deny} --all-features --locked check bans licenses sources"
        )
        .run()?;
        if advisory_database().is_some() {
            cmd!(sh, "{cargo_deny} --all-features --offline check advisories").run()?;
        } else {
            eprintln!("advisories were not checked: there is no database of them on this machine");
        }
        Ok(())
    });
}

/// Where cargo-deny keeps the advisories, if it has fetched them once.
fn advisory_database() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")))?;
    let databases = home.join("advisory-dbs");
    let mut entries = databases.read_dir().ok()?.flatten();
    entries
        .find(|entry| entry.path().join(".git").is_dir())
        .map(|entry| entry.path())
}

/// What is too long for every change.
fn long_tests(sh: &Shell, steps: &mut Steps) {
    steps.run("property tests", || {
        let _cases = sh.push_env("PROPTEST_CASES", "10000");
        let command = cmd!(
            sh,
            "cargo test -p wamp-router -p wamp-serializers --no-fail-fast"
        );
        test::run_counted(command, &mut test::Totals::default())
    });
    steps.run("fuzz", || fuzz::all(sh, 60));
    steps.run("counts", || counts::check(sh));
    steps.run("browser", || browser::page(sh));
    steps.run("interop matrix", || {
        interop::cells(sh, &["--full", "--require-all"])
    });
}

/// Lints one crate alone: as it is by default, without features, with each alone, and with all.
fn clippy(sh: &Shell, package: &Package) -> Result<()> {
    let name = &package.name;
    for flags in feature_sets(&package.features) {
        cmd!(
            sh,
            "cargo clippy --quiet -p {name} --all-targets {flags...} -- -D warnings"
        )
        .run()?;
    }
    Ok(())
}

/// The flags of cargo that select each set of features once, however many ways there are to say it.
fn feature_sets(features: &BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let flag = |flag: &str| flag.to_owned();
    let all: Vec<&str> = features.keys().map(String::as_str).collect();
    let mut candidates = vec![
        (vec!["default"], vec![]),
        (vec![], vec![flag("--no-default-features")]),
    ];
    for name in all
        .iter()
        .filter(|name| **name != "default" && !name.starts_with("__"))
    {
        let flags = vec![
            flag("--no-default-features"),
            flag("--features"),
            flag(name),
        ];
        candidates.push((vec![name], flags));
    }
    candidates.push((all, vec![flag("--all-features")]));

    let mut seen = BTreeSet::new();
    candidates.retain(|(on, _)| seen.insert(closure(features, on)));
    candidates.into_iter().map(|(_, flags)| flags).collect()
}

/// All that the features in `on` turn on, themselves included; `default` says nothing by itself.
fn closure<'a>(features: &'a BTreeMap<String, Vec<String>>, on: &[&'a str]) -> BTreeSet<&'a str> {
    let mut open = on.to_vec();
    let mut closed = BTreeSet::new();
    while let Some(name) = open.pop() {
        if closed.insert(name) {
            open.extend(features.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    closed.remove("default");
    closed
}

/// The steps that have run, with what became of them.
struct Steps {
    only: String,
    done: Vec<Step>,
}

struct Step {
    name: String,
    time: Duration,
    passed: bool,
}

impl Steps {
    /// Runs `step` unless the user wants others only.
    fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        if !name.contains(&self.only) {
            return;
        }
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let outcome = step();
        let time = start.elapsed();
        match &outcome {
            Ok(()) => eprintln!("=== {name}: passed in {}", seconds(time)),
            Err(error) => eprintln!("=== {name}: FAILED after {}: {error:#}", seconds(time)),
        }
        self.done.push(Step {
            name: name.to_owned(),
            time,
            passed: outcome.is_ok(),
        });
    }

    /// Prints the table of all steps; an error names those that failed.
    fn close(&self) -> Result<()> {
        let width = self
            .done
            .iter()
            .map(|step| step.name.len())
            .max()
            .unwrap_or_default();
        println!();
        for step in &self.done {
            let outcome = if step.passed { "passed" } else { "FAILED" };
            println!("{:width$}  {outcome}  {:>9}", step.name, seconds(step.time));
        }
        let sum = self.done.iter().map(|step| step.time).sum();
        println!("{:width$}  {:6}  {:>9}", "all", "", seconds(sum));
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|step| !step.passed)
            .map(|step| step.name.as_str())
            .collect();
        if !failed.is_empty() {
            bail!(
                "{} of {} steps failed: {}",
                failed.len(),
                self.done.len(),
                failed.join(", ")
            );
        }
        if self.done.is_empty() {
            bail!("no step has a name that contains {:?}", self.only);
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(table: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        table
            .iter()
            .map(|(name, on)| ((*name).to_owned(), own(on)))
            .collect()
    }

    #[test]
    fn each_set_of_features_is_linted_once() {
        let sets = feature_sets(&features(&[
            ("default", &["json", "cbor"]),
            ("json", &["dep:serde_json"]),
            ("cbor", &[]),
            ("__private", &[]),
        ]));
        let sets: Vec<String> = sets.iter().map(|flags| flags.join(" ")).collect();
        assert_eq!(
            sets,
            [
                "",
                "--no-default-features",
                "--no-default-features --features cbor",
                "--no-default-features --features json",
                "--all-features",
            ]
        );
    }

    #[test]
    fn a_crate_without_features_is_linted_once() {
        assert_eq!(feature_sets(&features(&[])), [Vec::<String>::new()]);
    }

    #[test]
    fn a_failed_step_does_not_keep_the_next_from_running_and_is_named_at_the_end() {
        let mut steps = Steps {
            only: String::new(),
            done: Vec::new(),
        };
        let mut ran = false;
        steps.run("first", || bail!("broken"));
        steps.run("second", || {
            ran = true;
            Ok(())
        });
        let message = steps.close().unwrap_err().to_string();
        assert!(ran);
        assert!(
            message.contains("1 of 2") && message.contains("first"),
            "{message}"
        );
    }
}
