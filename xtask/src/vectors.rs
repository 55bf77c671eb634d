//! `cargo xtask vectors`.

use std::{env, path::Path};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::args::Args;

pub(crate) const HELP: &str = "\
Runs the test vectors: a line per file with passed, failed and skipped, each failure by name.

Usage: cargo xtask vectors [-v] [DIR]

  DIR   a directory with the files messages.json, malformed.json, uris.json, websocket.json,
        rawsocket.json and sessions.json; without it the project's own copy is taken
  -v    prints each skipped case with its reason, instead of their number
";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let verbose = args.flag("-v");
    let dir = args.positional();
    args.finish()?;
    vectors(sh, dir.as_deref().map(Path::new), verbose)
}

/// Runs the vectors of `dir`, or those of the project.
pub(crate) fn in_dir(sh: &Shell, dir: Option<&Path>) -> Result<()> {
    vectors(sh, dir, false)
}

fn vectors(sh: &Shell, dir: Option<&Path>, verbose: bool) -> Result<()> {
    // The runner's working directory is that of its crate, so the path must not be relative.
    let dir = match dir {
        Some(dir) => {
            let from = env::current_dir()
                .context("the current directory cannot be read")?
                .join(dir);
            ensure!(
                from.is_dir(),
                "{} is no directory; name one that holds test vectors",
                from.display()
            );
            Some(from)
        }
        None => None,
    };
    // `--workspace` and not `-p wamp`, so that what the tests have built is used again.
    let verbose = verbose.then_some("-v");
    cmd!(
        sh,
        "cargo test --workspace --test vectors -- {verbose...} {dir...}"
    )
    .run()
    .context("the vectors have failures")
}
