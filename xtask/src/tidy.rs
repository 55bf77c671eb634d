//! `cargo xtask tidy`: the rules of the project that neither rustc nor clippy knows.

mod edges;
mod files;
mod sans_io;
mod source;

use std::{collections::BTreeMap, fmt};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{args::Args, metadata::Workspace};

pub(crate) const HELP: &str = "\
Checks the rules of the project that neither rustc nor clippy knows.

Usage: cargo xtask tidy

  - which crate may depend on which, and which must not see an async runtime
  - modules without I/O: no async, clock, task, channel or lock
  - length of source files: above 400 lines a warning, above 800 an error
  - the first ten lines of each lib.rs say what the crate knows and what it never does
  - nothing at the top level that does not belong there
  - no placeholders, debugging leftovers or tests switched off
  - dependencies are declared once, in the root Cargo.toml

The tables are at the top of the files in xtask/src/tidy/.
";

pub(crate) fn run(sh: &Shell, args: Args) -> Result<()> {
    args.finish()?;
    check(sh, &Workspace::load(sh)?)
}

/// Checks everything and prints what it finds.
pub(crate) fn check(sh: &Shell, workspace: &Workspace) -> Result<()> {
    let files = files(sh)?;
    let mut findings = edges::check(workspace, &files);
    findings.extend(sans_io::check(&files));
    findings.extend(files::check(&files));
    findings.sort();

    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    if errors > 0 {
        bail!("tidy found {errors} violations");
    }
    println!(
        "tidy: {} files and {} crates are in order",
        files.len(),
        workspace.members.len()
    );
    Ok(())
}

/// The text of every file that is, or could be, in version control, by path from the root.
type Files = BTreeMap<String, String>;

fn files(sh: &Shell) -> Result<Files> {
    let list = cmd!(sh, "git ls-files -z --cached --others --exclude-standard")
        .quiet()
        .read()?;
    let mut files = Files::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        // A file that was deleted and not yet committed so is still listed.
        if sh.path_exists(path) {
            let octets = sh.read_binary_file(path)?;
            files.insert(
                path.to_owned(),
                String::from_utf8_lossy(&octets).into_owned(),
            );
        }
    }
    Ok(files)
}

/// One violation of a rule.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    severity: Severity,
    what: String,
    to_do: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Severity {
    Warning,
    Error,
}

impl Finding {
    fn error(path: &str, line: usize, what: impl Into<String>, to_do: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            line,
            severity: Severity::Error,
            what: what.into(),
            to_do,
        }
    }

    fn warning(path: &str, line: usize, what: impl Into<String>, to_do: &'static str) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, line, what, to_do)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            severity,
            what,
            to_do,
        } = self;
        let warning = if *severity == Severity::Warning {
            "warning: "
        } else {
            ""
        };
        write!(f, "{path}:{line}: {warning}{what}; {to_do}")
    }
}
