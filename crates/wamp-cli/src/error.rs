//! Why a command fails: what is told, and the exit code.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::output::{self, printable};

/// What a command fails with.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    /// What is told; `None` if there is nothing to tell.
    message: Option<String>,
}

impl Failure {
    /// Something went wrong: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            code: FAILED,
            message: Some(message.into()),
        }
    }

    /// The command line asks for what there is not: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            message: Some(message.into()),
        }
    }

    /// Tells it, in one line, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        if let Some(message) = &self.message {
            output::error(&printable(message));
        }
        ExitCode::from(self.code)
    }
}

/// Tells why a command line was not understood, in one line; help and version are no errors.
pub(crate) fn refused(error: &clap::Error) -> ExitCode {
    let helps = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ErrorKind::DisplayVersion,
    ];
    if helps.contains(&error.kind()) {
        // Whoever closed the other end does not want to read it.
        let _ = error.print();
        return ExitCode::from(u8::from(error.use_stderr()) * USAGE);
    }
    output::error(&one_line(&error.render().to_string()));
    ExitCode::from(USAGE)
}

/// What clap says in several lines, without its repetition of the usage.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for part in text.lines().map(str::trim) {
        if part.starts_with("Usage:") || part.starts_with("For more information") {
            break;
        }
        if part.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push_str(if line.ends_with(':') { " " } else { "; " });
        }
        line.push_str(part);
    }
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    format!("{line}; `wamp help` says what there is")
}

const FAILED: u8 = 1;
const USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clap_says_becomes_one_line() {
        let text = "error: unexpected argument '--relm' found\n\n  tip: a similar argument exists: '--realm'\n\nUsage: wamp call\n\nFor more information, try '--help'.\n";
        assert_eq!(
            one_line(text),
            "unexpected argument '--relm' found; tip: a similar argument exists: '--realm'; \
             `wamp help` says what there is"
        );
    }
}
