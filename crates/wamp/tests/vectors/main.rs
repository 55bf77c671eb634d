//! Runs the golden data: messages, malformed octets, URIs, WebSocket, RawSocket and whole sessions.
//!
//! It knows the format of the files in `data/`, and of any directory with such files, and nothing
//! of the cases in them; `cargo xtask vectors [DIR]` starts it. Every case of every file is run, or
//! skipped by name because something that it names does not exist yet ([`Missing`]). What it does
//! not understand is a failure.

mod check;
mod client;
mod data;
mod malformed;
mod messages;
mod missing;
mod plain;
mod rawsocket;
mod report;
mod run;
mod sessions;
mod uris;
mod websocket;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use crate::check::Check;
use crate::data::Data;
use crate::missing::Missing;
use crate::report::Report;

const HELP: &str = "\
Runs the golden data of a directory, or the project's own copy.

Usage: vectors [-v] [DIR]

  -v   print each skipped case with its reason, instead of their number
";

/// A file, and how its cases become checks.
struct File {
    name: &'static str,
    checks: Checks,
}

enum Checks {
    /// What turns the file into checks.
    Run(fn(&Data) -> Vec<Check>),
    /// What has to come before the file can be run.
    Later(Missing),
}

const FILES: &[File] = &[
    File {
        name: "messages",
        checks: Checks::Run(messages::checks),
    },
    File {
        name: "malformed",
        checks: Checks::Run(malformed::checks),
    },
    File {
        name: "uris",
        checks: Checks::Run(uris::checks),
    },
    File {
        name: "websocket",
        checks: Checks::Run(websocket::checks),
    },
    File {
        name: "sessions",
        checks: Checks::Run(sessions::checks),
    },
    File {
        name: "auth",
        checks: Checks::Later(Missing::Authentication),
    },
    File {
        name: "cryptobox",
        checks: Checks::Later(Missing::Cryptobox),
    },
    File {
        name: "rawsocket",
        checks: Checks::Run(rawsocket::checks),
    },
];

fn main() -> ExitCode {
    let mut verbose = false;
    let mut dir = None;
    let mut arguments = env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("-h" | "--help") => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            Some("-v" | "--verbose") => verbose = true,
            // What runs tests of all kinds asks for their names first, and then for one of them.
            Some("--list") => {
                if !arguments.any(|argument| argument == "--ignored") {
                    println!("{NAME}: test");
                }
                return ExitCode::SUCCESS;
            }
            Some("--exact") => drop(arguments.next()),
            Some("--nocapture" | "--quiet" | "-q") => {}
            Some(flag) if flag.starts_with('-') => {
                eprintln!("there is no option {flag}\n\n{HELP}");
                return ExitCode::FAILURE;
            }
            // `cargo test WORD` gives its word to every test of the workspace.
            Some(word) if is_filter(word) => {
                if !NAME.contains(word) {
                    println!("nothing here has the name {word:?}, which is no directory either");
                    return ExitCode::SUCCESS;
                }
            }
            _ if dir.is_some() => {
                eprintln!("only one directory can be given\n\n{HELP}");
                return ExitCode::FAILURE;
            }
            _ => dir = Some(PathBuf::from(argument)),
        }
    }
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/data");
    let dir = dir.unwrap_or_else(own);
    run::keep_panics_quiet();

    let mut report = Report::new(verbose);
    for file in FILES {
        let path = dir.join(file.name).with_extension("json");
        report.begin(file.name);
        match fs::read(&path) {
            Ok(octets) => match Data::parse(&octets) {
                Ok(data) => match file.checks {
                    Checks::Run(checks) => run::run(checks(&data), &mut report),
                    Checks::Later(ref missing) => report.later(data.cases.len(), missing),
                },
                Err(error) => {
                    report.broken(&format!("{} is not read: {}", path.display(), error.0))
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => report.absent(&dir),
            Err(error) => report.broken(&format!("{} is not read: {error}", path.display())),
        }
    }
    report.end()
}

/// The name of all this as a test.
const NAME: &str = "vectors";

/// Whether an argument is a part of the name of tests: it looks like none of a path.
fn is_filter(word: &str) -> bool {
    let in_names = |octet: u8| octet.is_ascii_alphanumeric() || b"_:".contains(&octet);
    word.bytes().all(in_names) && !Path::new(word).is_dir()
}
