//! The table in the README, which is that of a whole run.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Fails unless the README has this table.
pub(crate) fn check(table: &str) -> Result<()> {
    let readme = read()?;
    let (_, shown, _) = parts(&readme)?;
    if shown != table {
        bail!(
            "README.md has another table than a run of the whole matrix in which all passes; \
             cargo xtask interop --full --write puts that there:\n\n{table}"
        );
    }
    Ok(())
}

/// Puts this table into the README.
pub(crate) fn write(table: &str) -> Result<()> {
    let readme = read()?;
    let (before, _, after) = parts(&readme)?;
    fs::write(path(), format!("{before}{table}{after}")).context("README.md cannot be written")
}

/// What is before the table, the table, and what is after it.
fn parts(readme: &str) -> Result<(&str, &str, &str)> {
    let parts = readme.find(BEGIN).and_then(|at| {
        let (before, rest) = readme.split_at(at + BEGIN.len());
        let (shown, after) = rest.split_at(rest.find(END)?);
        Some((before, shown, after))
    });
    parts.with_context(|| format!("README.md has no table between {BEGIN:?} and {END:?}"))
}

fn read() -> Result<String> {
    fs::read_to_string(path()).context("README.md cannot be read")
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"))
}

const BEGIN: &str =
    "<!-- interop: this table is written by cargo xtask interop --full --write -->\n";
const END: &str = "<!-- interop: end -->";
