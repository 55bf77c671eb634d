//! What lies where, how long it is, and what it must not contain.

use super::{Files, Finding};

/// All that may lie at the top level, beside licences and dotfiles.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "examples",
    "xtask",
    "deny.toml",
    "README.md",
    "CHANGELOG.md",
];

/// Lines above which a file had better be split, and above which it must be.
const LONG: usize = 400;
const TOO_LONG: usize = 800;

/// How many lines at the top of a `lib.rs` are looked at.
const HEAD: usize = 10;

/// What no Rust file contains; in two parts, so that this file does not either.
const LEFTOVERS: &[(&str, &str)] = &[
    ("to", "do!("),
    ("unimple", "mented!("),
    ("db", "g!("),
    ("#[ig", "nore]"),
    ("#[ig", "nore ="),
];

pub(super) fn check(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut stranger = None;
    for (path, text) in files {
        let top = path.split('/').next().unwrap_or(path);
        if !belongs(top) && stranger != Some(top) {
            stranger = Some(top);
            findings.push(Finding::error(
                path,
                1,
                format!("{top} does not belong at the top level"),
                "move it below crates/, examples/ or xtask/",
            ));
        }
        if path.ends_with(".rs") {
            length(path, text, &mut findings);
            leftovers(path, text, &mut findings);
        }
        if path.starts_with("crates/")
            && path.split('/').count() == 4
            && path.ends_with("/src/lib.rs")
        {
            invariant(path, text, &mut findings);
        }
    }
    findings
}

fn belongs(top: &str) -> bool {
    TOP_LEVEL.contains(&top) || top.starts_with('.') || top.starts_with("LICENSE-")
}

fn length(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if lines > TOO_LONG {
        findings.push(Finding::error(
            path,
            TOO_LONG,
            format!("{lines} lines, {TOO_LONG} at most"),
            "split the file",
        ));
    } else if lines > LONG {
        findings.push(Finding::warning(
            path,
            LONG,
            format!("{lines} lines"),
            "aim at 400 or less",
        ));
    }
}

fn leftovers(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (at, line) in text.lines().enumerate() {
        for (head, tail) in LEFTOVERS {
            let word = format!("{head}{tail}");
            if line.contains(&word) {
                findings.push(Finding::error(
                    path,
                    at + 1,
                    format!("`{word}` in the code"),
                    "finish it or take it out",
                ));
            }
        }
    }
}

/// The crate says first what it knows and what it never does.
fn invariant(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let head: String = text
        .lines()
        .take(HEAD)
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let head = head.to_lowercase();
    for word in ["knows", "never"] {
        if !head.contains(word) {
            findings.push(Finding::error(
                path,
                1,
                format!("its first {HEAD} lines have no documentation with the word \"{word}\""),
                "say at once what the crate knows and what it must never know",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let files = Files::from([(path.to_owned(), text.to_owned())]);
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn strangers_at_the_top_level_are_found_once() {
        let files = Files::from(
            [
                "docs/a.md",
                "docs/b.md",
                "LICENSE-MIT",
                ".github/workflows/ci.yml",
                "examples/a.rs",
            ]
            .map(|path| (path.to_owned(), String::new())),
        );
        let found: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("docs/a.md:1: docs does not belong"),
            "{found:?}"
        );
    }

    #[test]
    fn a_long_file_is_warned_of_and_a_longer_one_refused() {
        assert_eq!(found("crates/x/src/a.rs", &"\n".repeat(400)), [""; 0]);
        assert_eq!(
            found("crates/x/src/a.rs", &"\n".repeat(401))[0],
            "crates/x/src/a.rs:400: warning: 401 lines; aim at 400 or less"
        );
        assert_eq!(
            found("crates/x/tests/a.rs", &"\n".repeat(801))[0],
            "crates/x/tests/a.rs:800: 801 lines, 800 at most; split the file"
        );
    }

    #[test]
    fn each_leftover_is_found_at_its_line() {
        for (head, tail) in LEFTOVERS {
            let found = found("crates/x/src/a.rs", &format!("\n    {head}{tail}"));
            assert!(found[0].starts_with("crates/x/src/a.rs:2: "), "{found:?}");
        }
    }

    #[test]
    fn the_head_of_a_crate_says_what_it_knows_and_what_it_never_does() {
        let good = "//! Messages.\n//!\n//! It knows the vocabulary,\n//! and never a socket.\n";
        assert_eq!(found("crates/x/src/lib.rs", good), [""; 0]);
        let late = format!("//! It knows.\n{}//! never\n", "//!\n".repeat(9));
        assert_eq!(found("crates/x/src/lib.rs", &late).len(), 1);
        assert_eq!(
            found("crates/x/src/lib.rs", "// It knows and never\n").len(),
            2
        );
        assert_eq!(found("crates/x/tests/lib.rs", ""), [""; 0]);
    }
}
