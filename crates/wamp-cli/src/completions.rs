//! `wamp completions`: what a shell needs to complete the program's command lines.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::Failure;
use crate::output::Stdout;

/// Write the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wamp", &mut script);
    Stdout::new().write(&script).await
}

const EXAMPLES: &str = "\
Examples:
  wamp completions bash > ~/.local/share/bash-completion/completions/wamp
  wamp completions zsh > ~/.zfunc/_wamp
  wamp completions fish > ~/.config/fish/completions/wamp.fish";
