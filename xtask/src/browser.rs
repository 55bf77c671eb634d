//! `cargo xtask browser`.

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::{args::Args, interop};

pub(crate) const HELP: &str = "\
Runs the browser build of Autobahn|JS in a headless Chromium against our router.

Usage: cargo xtask browser

It needs Chromium (Debian: apt-get install chromium; the variable CHROMIUM names another program of
it), and node with npm, by which the build is installed into target/interop/node, once.
";

pub(crate) fn run(sh: &Shell, args: Args) -> Result<()> {
    args.finish()?;
    page(sh)
}

/// Opens the page, which does all there is to do, and waits for its report.
pub(crate) fn page(sh: &Shell) -> Result<()> {
    let chromium = chromium(sh)?;
    let Some(node_modules) = interop::node_modules(sh)? else {
        bail!("the browser build comes by npm; install node and npm (Debian: apt-get install npm)");
    };
    let _chromium = sh.push_env("WAMP_BROWSER_CHROMIUM", chromium);
    let _modules = sh.push_env("WAMP_BROWSER_NODE_MODULES", node_modules);
    // `--workspace` and not `-p wamp`, so that what the tests have built is used again.
    cmd!(sh, "cargo test --workspace --test browser")
        .run()
        .context("the browser run failed")
}

fn chromium(sh: &Shell) -> Result<String> {
    if let Ok(program) = sh.var("CHROMIUM") {
        return Ok(program);
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| interop::has(sh, name));
    found.map(str::to_owned).context(
        "Chromium was not found; install it (Debian: apt-get install chromium), or name it by CHROMIUM",
    )
}
