//! `cargo xtask fuzz`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::{args::Args, tools};

pub(crate) const HELP: &str = "\
Runs the fuzz targets, each for some seconds, from the corpus that is kept.

Usage: cargo xtask fuzz [TARGET] [--seconds N] [--list]

  TARGET        one target by name; without it each in turn
  --seconds N   how long each runs (default: 60)
  --list        names the targets and ends

The targets are crates/*/fuzz/fuzz_targets/*.rs, their corpus is beside them in corpus/TARGET.
What a run finds goes to target/fuzz/corpus/TARGET, so that a checkout stays clean; copy from there
what is worth keeping. cargo-fuzz is installed under target/tools if it is not there. A nightly
toolchain is taken where there is one, otherwise the default one with RUSTC_BOOTSTRAP=1.
";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let seconds = match args.option("--seconds")? {
        None => 60,
        Some(text) => text
            .parse()
            .with_context(|| format!("--seconds takes a number, not {text:?}"))?,
    };
    let list = args.flag("--list");
    let name = args.positional();
    args.finish()?;

    let mut targets = targets(sh)?;
    if let Some(name) = name {
        targets.retain(|target| target.name == name);
        ensure!(
            !targets.is_empty(),
            "there is no fuzz target {name:?}; `cargo xtask fuzz --list` names them"
        );
    }
    if list {
        for target in targets {
            println!("{}", target.name);
        }
        return Ok(());
    }
    each(sh, &targets, seconds)
}

/// Runs every target there is for `seconds`.
pub(crate) fn all(sh: &Shell, seconds: u32) -> Result<()> {
    each(sh, &targets(sh)?, seconds)
}

/// Checks format and lints of the fuzz crates, which are no members of the workspace.
pub(crate) fn lint(sh: &Shell) -> Result<()> {
    for dir in crates(sh)? {
        let manifest = dir.join("Cargo.toml");
        cmd!(sh, "cargo fmt --manifest-path {manifest} --check").run()?;
        cmd!(sh, "cargo clippy --quiet --locked --manifest-path {manifest} --target-dir target/fuzz -- -D warnings").run()?;
    }
    Ok(())
}

fn each(sh: &Shell, targets: &[Target], seconds: u32) -> Result<()> {
    ensure!(
        !targets.is_empty(),
        "there are no fuzz targets under crates/*/fuzz/fuzz_targets"
    );
    let cargo_fuzz = tools::CARGO_FUZZ.ensure(sh)?;
    // Else cargo-fuzz would build with the toolchain that runs this program.
    let _cargo = sh.push_env("CARGO", "cargo");
    let nightly = nightly(sh);
    let _toolchain = match &nightly {
        Some(toolchain) => sh.push_env("RUSTUP_TOOLCHAIN", toolchain),
        None => sh.push_env("RUSTC_BOOTSTRAP", "1"),
    };
    eprintln!(
        "fuzzing with {}",
        nightly
            .as_deref()
            .unwrap_or("the default toolchain and RUSTC_BOOTSTRAP=1")
    );

    let mut failed = Vec::new();
    for target in targets {
        if let Err(error) = one(sh, &cargo_fuzz, target, seconds) {
            eprintln!("error: {error:#}");
            failed.push(target.name.as_str());
        }
    }
    if !failed.is_empty() {
        bail!(
            "fuzz targets failed: {}; each printed its input above",
            failed.join(", ")
        );
    }
    println!(
        "{} fuzz targets ran {seconds} s each and found nothing",
        targets.len()
    );
    Ok(())
}

fn one(sh: &Shell, cargo_fuzz: &Path, target: &Target, seconds: u32) -> Result<()> {
    let Target { dir, name } = target;
    let target_dir = sh.current_dir().join("target/fuzz");
    let found = target_dir.join("corpus").join(name);
    let kept = dir.join("corpus").join(name);
    fs::create_dir_all(&found).with_context(|| format!("{} cannot be created", found.display()))?;
    // libFuzzer writes to the first of its corpora only.
    let mut corpora = vec![found];
    if kept.is_dir() {
        corpora.push(kept);
    }
    cmd!(
        sh,
        "{cargo_fuzz} fuzz run --fuzz-dir {dir} --target-dir {target_dir} {name} {corpora...}"
    )
    .args(["--", "-timeout=10", "-print_final_stats=1"])
    .arg(format!("-max_total_time={seconds}"))
    .run()
    .with_context(|| format!("fuzz target {name} failed"))
}

/// The nightly toolchain that rustup has, if it has one.
fn nightly(sh: &Shell) -> Option<String> {
    let list = cmd!(sh, "rustup toolchain list")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    list.lines()
        .find(|line| line.starts_with("nightly"))
        .and_then(|line| line.split_whitespace().next())
        .map(str::to_owned)
}

struct Target {
    /// The directory of the fuzz crate.
    dir: PathBuf,
    name: String,
}

fn targets(sh: &Shell) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for dir in crates(sh)? {
        for file in sh.read_dir(dir.join("fuzz_targets"))? {
            if file.extension().is_some_and(|extension| extension == "rs")
                && let Some(name) = file.file_stem().and_then(|name| name.to_str())
            {
                targets.push(Target {
                    dir: dir.clone(),
                    name: name.to_owned(),
                });
            }
        }
    }
    Ok(targets)
}

/// The directories of the fuzz crates.
fn crates(sh: &Shell) -> Result<Vec<PathBuf>> {
    let crates = sh.read_dir("crates").context("crates/ cannot be read")?;
    let dirs = crates.iter().map(|krate| krate.join("fuzz"));
    Ok(dirs
        .filter(|dir| dir.join("Cargo.toml").is_file())
        .collect())
}
