//! `cargo xtask interop`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::args::Args;

pub(crate) const HELP: &str = "\
Runs our client and router against other WAMP implementations.

Usage: cargo xtask interop [FILTER] [--full] [--list] [--broken]

  FILTER     only the cells whose names contain it; the whole name runs that one alone
  --full     the whole matrix; without it a small part that touches everything once
  --list     names the cells and ends
  --broken   runs a cell that is broken on purpose, to show that a failure is seen as one

It needs python3 with the module venv. The packages, pinned in
crates/wamp/tests/interop/requirements.txt, are installed into target/interop/venv, once.
";

const REQUIREMENTS: &str = "crates/wamp/tests/interop/requirements.txt";
const VENV: &str = "target/interop/venv";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let mut passed_on = Vec::new();
    for flag in ["--full", "--list", "--broken"] {
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
    let peers = prepare(sh)?;
    let _python = sh.push_env("WAMP_INTEROP_PYTHON", &peers.python);
    let _crossbar = sh.push_env("WAMP_INTEROP_CROSSBAR", &peers.crossbar);
    // `--workspace` and not `-p wamp`, so that what the tests have built is used again.
    cmd!(sh, "cargo test --workspace --test interop -- {words...}")
        .run()
        .context("the interoperation run failed")
}

struct Peers {
    python: PathBuf,
    crossbar: PathBuf,
}

/// Fills the virtual environment, unless it was filled from the same requirements before.
fn prepare(sh: &Shell) -> Result<Peers> {
    let venv = sh.current_dir().join(VENV);
    let bin = venv.join("bin");
    let python = bin.join("python");
    let peers = Peers {
        python: python.clone(),
        crossbar: bin.join("crossbar"),
    };

    let wanted = sh.read_file(REQUIREMENTS)?;
    let stamp = venv.join(".requirements-installed");
    if python.exists() && stamp.is_file() && sh.read_file(&stamp)? == wanted {
        return Ok(peers);
    }
    create(sh, &venv, &python)?;
    eprintln!("installing the Python packages of {REQUIREMENTS} into {VENV}; this happens once");
    cmd!(sh, "{python} -m pip install --disable-pip-version-check --no-input --progress-bar off -r {REQUIREMENTS}")
        .run()
        .context("the Python packages cannot be installed; the lines above say why")?;
    sh.write_file(&stamp, wanted)?;
    Ok(peers)
}

fn create(sh: &Shell, venv: &Path, python: &Path) -> Result<()> {
    if cmd!(sh, "python3 --version")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_err()
    {
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
