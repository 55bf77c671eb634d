//! The command line as a whole: the commands, and the options that all of them have.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, ColorChoice, Parser, Subcommand, ValueEnum};

use crate::{call, completions, ping, publish, register, router, subscribe};

/// WAMP from a shell: call procedures, publish and receive events, run a router
#[derive(Debug, Parser)]
#[command(name = "wamp", version, styles = STYLES, after_help = EXAMPLES)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Call(Box<call::Args>),
    Publish(Box<publish::Args>),
    Subscribe(Box<subscribe::Args>),
    Register(Box<register::Args>),
    Ping(Box<ping::Args>),
    Router(Box<router::Args>),
    Completions(completions::Args),
}

impl Command {
    /// Whether errors are told as JSON objects.
    pub(crate) const fn is_json(&self) -> bool {
        match self {
            Self::Call(args) => args.json,
            Self::Publish(args) => args.json,
            Self::Subscribe(args) => args.json,
            Self::Register(args) => args.json,
            Self::Ping(args) => args.json,
            Self::Router(_) | Self::Completions(_) => false,
        }
    }
}

/// Options of all commands: how the program shows itself.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Global {
    /// When to color what is shown
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Log more: -v what happens, -vv how, -vvv everything; RUST_LOG chooses finer
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// How the log is written
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// How the log is written to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    // In ordinary comments: what documents a value makes the help twice as long.
    // Lines for people.
    Text,
    // One JSON object per line.
    Json,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  wamp router
  wamp register com.example.echo --echo
  wamp call com.example.echo 1 two '{\"three\":[3]}'
  wamp subscribe com.example.tick
  wamp publish com.example.tick 1 -k source=shell

WAMP_URL and WAMP_REALM name another router and realm than ws://127.0.0.1:8080 and realm1.

`wamp help COMMAND` says more of each, with examples.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    /// A line that is too long would be wrapped a second time.
    #[test]
    fn what_follows_the_options_is_shown_as_it_is_written() {
        for command in Cli::command().get_subcommands_mut() {
            let written = command.get_after_help().map(ToString::to_string).unwrap();
            let shown = command.render_long_help().to_string();
            assert!(shown.contains(&written), "{shown}");
        }
    }
}
