//! Why a command fails: what is told, and the exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;
use wamp::core::CloseDetails;
use wamp::messages::EncodeError;
use wamp::serializers::PayloadError;
use wamp::{
    ApplicationError, CallError, Dict, LeaveError, PublishError, RegisterError, SubscribeError,
    Uri, Value,
};

use crate::args::Cli;
use crate::interrupt::Signal;
use crate::output::{self, printable};
use crate::value;

/// What a command fails with.
#[derive(Debug, Default)]
pub(crate) struct Failure(Box<Content>);

/// What kind of failure it is of those for which WAMP has no URI. Scripts look at their names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Kind {
    /// This side cannot authenticate as the router wants it.
    Auth,
    /// There is no connection.
    Connect,
    /// The router has ended what was to last.
    Ended,
    /// None of the others.
    #[default]
    Failed,
    /// The result cannot be written.
    Output,
    /// The router broke the protocol.
    Protocol,
    /// What came cannot be read or shown.
    Result,
    /// What was to be sent cannot be.
    Send,
    /// There was no answer in time.
    Timeout,
    /// The command line asks for what there is not.
    Usage,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Connect => "connect",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::Output => "output",
            Self::Protocol => "protocol",
            Self::Result => "result",
            Self::Send => "send",
            Self::Timeout => "timeout",
            Self::Usage => "usage",
        }
    }
}

#[derive(Debug, Default)]
struct Content {
    code: u8,
    kind: Kind,
    signal: Option<Signal>,
    /// The URI, if WAMP has one for it.
    uri: Option<Uri>,
    /// What is told; empty if there is nothing to tell.
    message: String,
    /// What came with the URI.
    args: Vec<Value>,
    kwargs: Dict,
}

impl Failure {
    /// Something went wrong: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Content {
            code: FAILED,
            message: message.into(),
            ..Content::default()
        }))
    }

    /// The same, of a kind that can be told apart.
    pub(crate) fn of(kind: Kind, message: impl Into<String>) -> Self {
        let mut failure = Self::new(message);
        failure.0.kind = kind;
        failure
    }

    /// The command line asks for what there is not: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let mut failure = Self::of(Kind::Usage, message);
        failure.0.code = USAGE;
        failure
    }

    /// A signal came before the work was done: the exit code that shells give it.
    pub(crate) fn interrupted(signal: Signal) -> Self {
        Self(Box::new(Content {
            code: signal.exit_code(),
            signal: Some(signal),
            ..Content::default()
        }))
    }

    /// Whoever read the output has stopped: there is no more to do, and nothing went wrong.
    pub(crate) fn unread() -> Self {
        Self::default()
    }

    /// A session has ended, or was not opened: `what` of it, and why.
    pub(crate) fn closed(what: impl Into<String>, details: &CloseDetails) -> Self {
        let mut failure = Self::new(what);
        failure.0.uri = Some(details.reason.clone());
        if let Some(message) = &details.message {
            failure.0.message.push_str(": ");
            failure.0.message.push_str(message);
        }
        failure
    }

    /// The session has ended before the work was done.
    pub(crate) fn ended(details: &CloseDetails) -> Self {
        Self::closed("the session has ended", details)
    }

    /// A signal is how some commands are ended: that is no failure then.
    pub(crate) fn unless_asked_to_end(self) -> Result<(), Self> {
        match self.0.signal {
            Some(_) => Ok(()),
            None => Err(self),
        }
    }

    /// Tells it, in one line, and gives the exit code.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        self.tell(json);
        ExitCode::from(self.0.code)
    }

    /// Tells it, in one line.
    pub(crate) fn tell(&self, json: bool) {
        if json && self.0.code != 0 && self.0.signal.is_none() {
            output::line(self.as_json());
        } else {
            let text = self.to_string();
            if !text.is_empty() {
                output::error(&text);
            }
        }
    }

    fn as_json(&self) -> String {
        let Content {
            uri, message, kind, ..
        } = &*self.0;
        let error = uri.as_ref().map_or(kind.as_str(), Uri::as_str);
        let mut parts = vec![
            format!("\"error\":{}", quoted(error)),
            format!("\"message\":{}", quoted(message)),
        ];
        if !self.0.args.is_empty()
            && let Ok(args) = value::args_json(&self.0.args)
        {
            parts.push(format!("\"args\":{args}"));
        }
        if !self.0.kwargs.is_empty()
            && let Ok(kwargs) = value::kwargs_json(&self.0.kwargs)
        {
            parts.push(format!("\"kwargs\":{kwargs}"));
        }
        format!("{{{}}}", parts.join(","))
    }
}

/// One line; what comes from others cannot control the terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Content { uri, message, .. } = &*self.0;
        match uri {
            Some(uri) if message.is_empty() => write!(f, "{}", printable(uri.as_str()))?,
            Some(uri) => write!(f, "{}: {}", printable(uri.as_str()), printable(message))?,
            None => write!(f, "{}", printable(message))?,
        }
        // The first argument is the message, if it is text.
        let is_told = matches!(self.0.args.first(), Some(Value::String(_)));
        let args = self.0.args.iter().skip(usize::from(is_told));
        let mut more: Vec<String> = args.map(shown).collect();
        for (key, value) in &self.0.kwargs {
            more.push(format!("{}={}", printable(key), shown(value)));
        }
        if more.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", more.join(", "))
    }
}

fn shown(value: &Value) -> String {
    value::json(value).map_or_else(|error| error.to_string(), |json| printable(&json))
}

fn quoted(text: &str) -> String {
    value::escaped(&serde_json::Value::from(text).to_string())
}

impl From<ApplicationError> for Failure {
    fn from(error: ApplicationError) -> Self {
        Self(Box::new(Content {
            code: FAILED,
            kind: Kind::default(),
            signal: None,
            uri: Some(error.uri().clone()),
            message: error.text().unwrap_or_default(),
            // What cannot be read is left out: the URI is what counts.
            args: error.args().unwrap_or_default(),
            kwargs: error.kwargs().unwrap_or_default(),
        }))
    }
}

/// What the router or a callee says is told with its URI; a session that has ended, with its reason.
macro_rules! failure_from {
    ($($error:ident { $($variant:ident => $kind:ident),* })*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                match error {
                    $error::Application(error) => error.into(),
                    $error::Closed(closed) => Self::ended(&closed.0),
                    $error::Uri(error) => Self::usage(error.to_string()),
                    $($error::$variant(_) => Self::of(Kind::$kind, error.to_string()),)*
                    error => Self::new(error.to_string()),
                }
            }
        }
    )*};
}

failure_from! {
    CallError { Arguments => Send, Result => Result, TimedOut => Timeout }
    PublishError { Arguments => Send }
    RegisterError { Send => Send }
    SubscribeError { Send => Send }
}

impl From<LeaveError> for Failure {
    fn from(error: LeaveError) -> Self {
        match error {
            LeaveError::Closed(closed) => Self::ended(&closed.0),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<PayloadError> for Failure {
    fn from(error: PayloadError) -> Self {
        Self::of(Kind::Result, format!("what came cannot be read: {error}"))
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::of(
            Kind::Result,
            format!("what came cannot be shown as JSON: {error}"),
        )
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
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
    let mut line = one_line(&error.render().to_string());
    let command = match error.kind() {
        ErrorKind::InvalidSubcommand => None,
        _ => command(),
    };
    let help = command.map_or_else(
        || "wamp help".to_owned(),
        |name| format!("wamp help {name}"),
    );
    line.push_str(&format!("; `{help}` says what there is"));
    output::error(&printable(&line));
    ExitCode::from(USAGE)
}

/// The command that was given, as far as can be told of a command line that is wrong.
fn command() -> Option<String> {
    let known = Cli::command();
    let words = std::env::args_os()
        .skip(1)
        .filter_map(|word| word.into_string().ok());
    let mut commands = words.filter(|word| known.find_subcommand(word).is_some());
    commands.next()
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
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

const FAILED: u8 = 1;
const USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use wamp::{args, kwargs};

    use super::*;

    #[test]
    fn what_clap_says_becomes_one_line() {
        let text = "error: unexpected argument '--relm' found\n\n  tip: a similar argument exists: '--realm'\n\nUsage: wamp call\n\nFor more information, try '--help'.\n";
        assert_eq!(
            one_line(text),
            "unexpected argument '--relm' found; tip: a similar argument exists: '--realm'"
        );
    }

    #[test]
    fn an_error_of_wamp_is_told_with_all_that_came_with_it() {
        let error = ApplicationError::new("com.example.error.too_hot", "")
            .with_args(args!["the oven\n\u{1b}[31m\u{9b}\u{202e}", 300])
            .with_kwargs(kwargs! { unit: "C" });
        let failure = Failure::from(error);
        assert_eq!(
            failure.to_string(),
            r#"com.example.error.too_hot: the oven\n\u{1b}[31m\u{9b}\u{202e} (300, unit="C")"#
        );
        assert_eq!(
            failure.as_json(),
            r#"{"error":"com.example.error.too_hot","message":"the oven\n\u001b[31m\u009b\u202e","args":["the oven\n\u001b[31m\u009b\u202e",300],"kwargs":{"unit":"C"}}"#
        );
    }

    #[test]
    fn an_error_without_arguments_is_its_uri() {
        let error = ApplicationError::new("com.example.error", "").with_args(args![]);
        let failure = Failure::from(error);
        assert_eq!(failure.to_string(), "com.example.error");
        assert_eq!(
            failure.as_json(),
            r#"{"error":"com.example.error","message":""}"#
        );
    }
}
