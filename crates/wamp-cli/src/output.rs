//! What is shown: data on stdout, everything else on stderr, colors only where they are wanted.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use tokio::io::AsyncWriteExt;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::args::{Global, LogFormat};
use crate::error::{Failure, Kind};

/// How the process shows itself, once its command line is read.
#[derive(Debug, Clone, Copy)]
struct Settings {
    color: ColorChoice,
    quiet: bool,
    verbose: u8,
    log_format: Option<LogFormat>,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// What writes the log of a router, which must not wait for whoever reads it.
static WRITER: OnceLock<NonBlocking> = OnceLock::new();

/// How many lines of a router's log wait to be written; what is above is lost.
const WAITING_LINES: usize = 10_000;

/// Takes up what the command line says of colors, notes and the log, once.
///
/// What a router logs is written by a thread of its own. It has written what waits when what is
/// returned here has been dropped, or a second after that, if nobody reads it.
#[must_use = "it is dropped when the last line is logged"]
pub(crate) fn begin(global: &Global, is_router: bool) -> Option<WorkerGuard> {
    let guard = is_router.then(|| {
        let (writer, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING_LINES)
            .finish(io::stderr());
        // It was not set before: a process begins once.
        let _ = WRITER.set(writer);
        guard
    });
    begin_log(global);
    guard
}

fn begin_log(global: &Global) {
    let settings = Settings {
        color: global.color,
        quiet: global.quiet,
        verbose: global.verbose,
        log_format: global.log_format,
    };
    if SETTINGS.set(settings).is_err() {
        return;
    }
    let (filter, reload_filter) = reload::Layer::new(settings.filter(DEFAULT_LEVEL));
    let (lines, reload_lines) = reload::Layer::new(settings.lines(None));
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    // It was not set before: the settings are set once.
    let _ = LOG.set(Log {
        filter: reload_filter,
        lines: reload_lines,
    });
}

/// Sets what is logged, and how, where neither the command line nor RUST_LOG says so. Returns how
/// it is logged then.
pub(crate) fn set_log(level: &str, format: Option<LogFormat>) -> LogFormat {
    let Some((settings, log)) = SETTINGS.get().zip(LOG.get()) else {
        return LogFormat::Text;
    };
    // They are there as long as the process is.
    let _ = log.filter.reload(settings.filter(level));
    let _ = log.lines.reload(settings.lines(format));
    settings.format(format)
}

impl Settings {
    /// What is logged: what RUST_LOG says, or else the options, or else `level`.
    fn filter(&self, level: &str) -> EnvFilter {
        let chosen = match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => level,
            (false, 1) => "info",
            (false, 2) => "debug",
            (false, _) => "trace",
        };
        let said = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
        // A part that is no directive is passed over, with a word on stderr.
        let builder = EnvFilter::builder();
        if said.is_empty() {
            return builder.parse_lossy(chosen);
        }
        let level = chosen.parse().unwrap_or(LevelFilter::WARN);
        builder
            .with_default_directive(level.into())
            .parse_lossy(said)
    }

    fn format(&self, format: Option<LogFormat>) -> LogFormat {
        self.log_format.or(format).unwrap_or(LogFormat::Text)
    }

    fn lines(&self, format: Option<LogFormat>) -> Lines {
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(WRITER.get().map_or_else(
                || BoxMakeWriter::new(io::stderr),
                |writer| BoxMakeWriter::new(writer.clone()),
            ))
            .with_ansi(is_colored(&io::stderr()));
        match self.format(format) {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().boxed(),
        }
    }
}

/// What writes the log, behind what chooses from it.
type Lines = Box<dyn Layer<Chosen> + Send + Sync>;
type Chosen = Layered<reload::Layer<EnvFilter, Registry>, Registry>;

/// The parts of the log that can be replaced.
struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    lines: reload::Handle<Lines, Chosen>,
}

static LOG: OnceLock<Log> = OnceLock::new();

const DEFAULT_LEVEL: &str = "warn";

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

/// Says what is hardly meant so, on stderr.
pub(crate) fn warning(text: &str) {
    let style = AnsiColor::Yellow.on_default().bold();
    say(&format_args!(
        "{}: {text}",
        styled("warning", style, is_colored(&io::stderr()))
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
        if controls(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Whether a character controls a terminal, or how the text around it is shown: also one that
/// separates lines, or turns the direction of what follows so that it reads as something else.
pub(crate) fn controls(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
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
            _ => Failure::of(Kind::Output, format!("stdout cannot be written: {error}")),
        })
    }
}

fn say(text: &dyn Display) {
    // There is nobody to be told that stderr is closed. What a router says keeps its place in the
    // log, so that it goes the same way, as one piece.
    let _ = match WRITER.get() {
        Some(writer) => writer.clone().write_all(format!("{text}\n").as_bytes()),
        None => writeln!(io::stderr().lock(), "{text}"),
    };
}
