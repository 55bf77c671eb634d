//! What is shown: data on stdout, everything else on stderr, colors only where they are wanted.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use tokio::io::AsyncWriteExt;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{Global, LogFormat};
use crate::error::Failure;

/// How the process shows itself, once its command line is read.
#[derive(Debug, Clone, Copy)]
struct Settings {
    color: ColorChoice,
    quiet: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Takes up what the command line says of colors, notes and the log, once.
pub(crate) fn begin(global: &Global) {
    let settings = Settings {
        color: global.color,
        quiet: global.quiet,
    };
    if SETTINGS.set(settings).is_err() {
        return;
    }
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_colored(&io::stderr()));
    match global.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Says something in passing, on stderr, unless the program is to be quiet.
pub(crate) fn note(text: impl Display) {
    if !SETTINGS.get().is_some_and(|settings| settings.quiet) {
        say(&text);
    }
}

/// Says what went wrong, on stderr.
pub(crate) fn error(text: &str) {
    let style = AnsiColor::Red.on_default().bold();
    say(&format_args!(
        "{}: {text}",
        styled("error", style, is_colored(&io::stderr()))
    ));
}

/// Writes a line to stderr as it is.
pub(crate) fn line(text: impl Display) {
    say(&text);
}

/// Whether what goes to a stream is colored.
pub(crate) fn is_colored<S: anstream::stream::RawStream + IsTerminal>(stream: &S) -> bool {
    let choice = SETTINGS
        .get()
        .map_or(ColorChoice::Auto, |settings| settings.color);
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM are looked at, and whether it is a terminal.
        ColorChoice::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    }
}

/// A text in a style, where there are styles.
pub(crate) fn styled(text: impl Display, style: Style, colored: bool) -> String {
    if colored {
        format!("{style}{text}{style:#}")
    } else {
        text.to_string()
    }
}

/// A text that somebody else wrote, for a terminal: in one line, and without what would control it.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.trim_end().chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// The name of something, in a line of data.
pub(crate) fn key(name: impl AsRef<str>) -> String {
    let style = AnsiColor::Cyan.on_default();
    styled(printable(name.as_ref()), style, is_colored(&io::stdout()))
}

/// A keyword and its value, in a line of data.
pub(crate) fn pair(name: &str, value: &str) -> String {
    format!("{}={value}", key(name))
}

/// Where data goes. One that nobody reads any more is no error, but nothing more is to be done.
#[derive(Debug)]
pub(crate) struct Stdout(tokio::io::Stdout);

impl Stdout {
    pub(crate) fn new() -> Self {
        Self(tokio::io::stdout())
    }

    /// Writes it, all of it. Dropping the future may cut it short, or not.
    pub(crate) async fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        let written = async {
            self.0.write_all(octets).await?;
            self.0.flush().await
        };
        written.await.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::unread(),
            _ => Failure::new(format!("stdout cannot be written: {error}")),
        })
    }
}

fn say(text: &dyn Display) {
    // There is nobody to be told that stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
