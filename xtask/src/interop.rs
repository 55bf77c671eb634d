//! `cargo xtask interop`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::args::Args;

pub(crate) const HELP: &str = "\
Runs our client and router against other WAMP implementations.

Usage: cargo xtask interop [FILTER] [--full [--write]] [--require-all] [--list] [--broken]

  FILTER          only the cells whose names contain it; the whole name runs that one alone;
                  documents are the programs in other languages that README and guide show
  --full          the whole matrix; without it a small part that touches everything once
  --write         writes the table of the run into README.md, if all of it passed
  --require-all   fails without Node, instead of leaving out the cells that need it
  --list          names the cells and ends
  --broken        runs cells that are broken on purpose, to show that a failure is seen as one

It needs python3 with the module venv, and node with npm for the peers in JavaScript: without them
their cells are reported as not run. The packages, pinned in requirements.txt and package-lock.json
in crates/wamp/tests/interop/peers, are installed into target/interop, once.
";

const PEERS: &str = "crates/wamp/tests/interop/peers";
const VENV: &str = "target/interop/venv";
const NODE: &str = "target/interop/node";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let mut passed_on = Vec::new();
    for flag in ["--full", "--write", "--require-all", "--list", "--broken"] {
        if args.flag(flag) {
            passed_on.push(flag);
        }
    }
    let filter = args.positional();
    args.finish()?;
    let words: Vec<&str> = filter.as_deref().into_iter().chain(passed_on).collect();
    cells(sh, &words)
}

/// Runs the cells that `words`, the arguments of the runner, select.
pub(crate) fn cells(sh: &Shell, words: &[&str]) -> Result<()> {
    let python = python(sh)?;
    let node_modules = node_modules(sh)?;
    let _python = sh.push_env("WAMP_INTEROP_PYTHON", python.join("python"));
    let _crossbar = sh.push_env("WAMP_INTEROP_CROSSBAR", python.join("crossbar"));
    let _node = node_modules.map(|path| sh.push_env("WAMP_INTEROP_NODE_MODULES", path));
    // `--workspace` and not `-p wamp`, so that what the tests have built is used again.
    cmd!(sh, "cargo test --workspace --test interop -- {words...}")
        .run()
        .context("the interoperation run failed")
}

/// Fills the virtual environment, unless it was filled from the same requirements before, and
/// returns the directory of its programs.
fn python(sh: &Shell) -> Result<PathBuf> {
    let venv = sh.current_dir().join(VENV);
    let bin = venv.join("bin");
    let python = bin.join("python");

    let requirements = format!("{PEERS}/requirements.txt");
    let wanted = sh.read_file(&requirements)?;
    let stamp = venv.join(".requirements-installed");
    if python.exists() && stamp.is_file() && sh.read_file(&stamp)? == wanted {
        return Ok(bin);
    }
    create(sh, &venv, &python)?;
    eprintln!("installing the Python packages of {requirements} into {VENV}; this happens once");
    cmd!(sh, "{python} -m pip install --disable-pip-version-check --no-input --progress-bar off -r {requirements}")
        .run()
        .context("the Python packages cannot be installed; the lines above say why")?;
    sh.write_file(&stamp, wanted)?;
    Ok(bin)
}

/// Installs the packages of Node, unless they were installed from the same lock file before, and
/// returns where they are; nothing if there is no Node on this machine.
pub(crate) fn node_modules(sh: &Shell) -> Result<Option<PathBuf>> {
    for program in ["node", "npm"] {
        if !has(sh, program) {
            eprintln!("{program} was not found: what needs Node is left out");
            return Ok(None);
        }
    }
    let folder = sh.current_dir().join(NODE);
    let modules = folder.join("node_modules");
    let wanted = sh.read_file(format!("{PEERS}/package-lock.json"))?;
    let stamp = folder.join(".packages-installed");
    if modules.is_dir() && stamp.is_file() && sh.read_file(&stamp)? == wanted {
        return Ok(Some(modules));
    }
    eprintln!("installing the Node packages of {PEERS} into {NODE}; this happens once");
    sh.create_dir(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        sh.copy_file(format!("{PEERS}/{file}"), folder.join(file))?;
    }
    let _there = sh.push_dir(&folder);
    // No package needs what its scripts would build, and none gets to run one.
    cmd!(
        sh,
        "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error"
    )
    .run()
    .context("the Node packages cannot be installed; the lines above say why")?;
    sh.write_file(&stamp, wanted)?;
    Ok(Some(modules))
}

/// Whether there is a program of this name that runs.
pub(crate) fn has(sh: &Shell, program: &str) -> bool {
    let command = cmd!(sh, "{program} --version").quiet();
    command.ignore_stdout().ignore_stderr().run().is_ok()
}

fn create(sh: &Shell, venv: &Path, python: &Path) -> Result<()> {
    if !has(sh, "python3") {
        bail!(
            "python3 was not found; install it (Debian and Ubuntu: apt-get install python3 python3-venv)"
        );
    }
    // `python3 -m venv` itself is there on Debian without python3-venv, and fails half way.
    let check = cmd!(sh, "python3 -c 'import venv, ensurepip'");
    if check.quiet().ignore_stderr().run().is_err() {
        bail!(
            "python3 has no module venv; install it (Debian and Ubuntu: apt-get install python3-venv)"
        );
    }
    if !python.exists() {
        eprintln!("creating a Python environment in {VENV}");
        cmd!(sh, "python3 -m venv {venv}")
            .run()
            .context("the Python environment cannot be created")?;
    }
    Ok(())
}
