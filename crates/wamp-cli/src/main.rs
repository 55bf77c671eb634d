//! The program `wamp`: a client for a shell, and a router to run.
//!
//! It knows the command line: options, how values are read and shown, signals, exit codes. It must
//! never know anything of the protocol that the library `wamp` does not offer to everybody.

mod args;
mod call;
mod completions;
mod connection;
mod duration;
mod error;
mod interrupt;
mod output;
mod ping;
mod publish;
mod register;
mod router;
mod subscribe;
mod value;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Runtime;

use crate::args::{Cli, Command};
use crate::error::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return error::refused(&error),
    };
    let _log = output::begin(&cli.global, matches!(cli.command, Command::Router(_)));
    let is_json = cli.command.is_json();
    let outcome = match Runtime::new() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli.command));
            // What is still at work is dropped; a write that nobody reads is not waited for.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::new(format!("the program cannot begin: {error}"))),
    };
    outcome.map_or_else(|failure| failure.report(is_json), |()| ExitCode::SUCCESS)
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Call(args) => call::run(*args).await,
        Command::Publish(args) => publish::run(*args).await,
        Command::Subscribe(args) => subscribe::run(*args).await,
        Command::Register(args) => register::run(*args).await,
        Command::Ping(args) => ping::run(*args).await,
        Command::Router(args) => router::run(*args).await,
        Command::Completions(args) => completions::run(args).await,
    }
}
