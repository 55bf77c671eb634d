//! The tasks of the workspace that take more than one cargo command; `cargo xtask --help` lists them.
//!
//! It knows the layout of the repository and the tools around it, and never anything of WAMP: what
//! runs the protocol is a test or an example of a crate, which a task here only starts.

mod args;
mod bench;
mod browser;
mod ci;
mod counts;
mod dist;
mod fuzz;
mod interop;
mod metadata;
mod process;
mod test;
mod tidy;
mod tools;
mod vectors;

use std::{env, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use xshell::Shell;

use crate::args::Args;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut args = Args::from_env();
    let name = args.positional();
    let Some(name) = name else {
        print!("{}", overview());
        return args.finish();
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        bail!("there is no command {name:?}; `cargo xtask --help` lists them");
    };
    if args.help() {
        print!("{}", command.help);
        return Ok(());
    }
    (command.run)(&shell()?, args)
}

/// A shell that stands at the root of the workspace.
fn shell() -> Result<Shell> {
    let manifest =
        env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let root = Path::new(&manifest)
        .parent()
        .context("xtask has no directory above it")?;
    let sh = Shell::new().context("the current directory cannot be read")?;
    sh.change_dir(root);
    Ok(sh)
}

fn overview() -> String {
    let mut text = String::from("Usage: cargo xtask COMMAND [OPTIONS]\n\nCommands:\n");
    for command in COMMANDS {
        let summary = command.help.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:<8} {summary}\n", command.name));
    }
    text.push_str("\n`cargo xtask COMMAND --help` says more of each.\n");
    text
}

struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(&Shell, Args) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        help: ci::HELP,
        run: ci::run,
    },
    Command {
        name: "test",
        help: test::HELP,
        run: test::run,
    },
    Command {
        name: "tidy",
        help: tidy::HELP,
        run: tidy::run,
    },
    Command {
        name: "vectors",
        help: vectors::HELP,
        run: vectors::run,
    },
    Command {
        name: "interop",
        help: interop::HELP,
        run: interop::run,
    },
    Command {
        name: "bench",
        help: bench::HELP,
        run: bench::run,
    },
    Command {
        name: "counts",
        help: counts::HELP,
        run: counts::run,
    },
    Command {
        name: "browser",
        help: browser::HELP,
        run: browser::run,
    },
    Command {
        name: "fuzz",
        help: fuzz::HELP,
        run: fuzz::run,
    },
    Command {
        name: "dist",
        help: dist::HELP,
        run: dist::run,
    },
];
