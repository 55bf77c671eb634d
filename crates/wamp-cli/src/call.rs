//! `wamp call`: a procedure is called, and its result shown.

use std::time::Duration;

use wamp::{CallResult, Dict, Uri, Value};

use crate::connection::{self, Client};
use crate::duration;
use crate::error::Failure;
use crate::output::{self, Stdout};
use crate::value::{self, Arguments};

/// Call a procedure and show its result
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The procedure
    #[arg(value_parser = connection::uri)]
    procedure: Uri,
    #[command(flatten)]
    arguments: Arguments,
    /// How long to wait for the result
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Show strings without quotes, and byte strings as their octets
    #[arg(short, long, conflicts_with = "json")]
    raw: bool,
    /// Show the result, or an error, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    connection: connection::Options,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let (positional, keywords) = args.arguments.take()?;
    let mut client = Client::open(&args.connection).await?;
    let mut call = client
        .session
        .call(&args.procedure)
        .args(positional)
        .kwargs(keywords);
    if let Some(timeout) = args.timeout {
        call = call.timeout(timeout);
    }
    let work = async {
        let result = call.await?;
        let shown = match (args.json, args.raw) {
            (true, _) => as_object(&result)?,
            (_, is_raw) => as_lines(&result, is_raw)?,
        };
        Stdout::new().write(&shown).await
    };
    let outcome = client.unless_interrupted(work).await;
    client.leave().await;
    outcome
}

fn as_object(result: &CallResult) -> Result<Vec<u8>, Failure> {
    let (args, kwargs) = (
        value::args_json(&result.args::<Vec<Value>>()?),
        result.kwargs()?,
    );
    let (args, kwargs) = (args?, value::kwargs_json(&kwargs)?);
    Ok(format!("{{\"args\":{args},\"kwargs\":{kwargs}}}\n").into())
}

/// Each value in a line of its own, those with a name behind it.
fn as_lines(result: &CallResult, is_raw: bool) -> Result<Vec<u8>, Failure> {
    let mut lines = Vec::new();
    for value in result.args::<Vec<Value>>()? {
        match value {
            // Octets are what they are: a line end would be one more.
            Value::Bytes(octets) if is_raw => {
                lines.extend_from_slice(&octets);
                continue;
            }
            Value::String(text) if is_raw => lines.extend_from_slice(text.as_bytes()),
            value => lines.extend_from_slice(value::json(&value)?.as_bytes()),
        }
        lines.push(b'\n');
    }
    for (key, value) in result.kwargs::<Dict>()? {
        let pair = output::pair(&key, &value::json(&value)?);
        lines.extend_from_slice(pair.as_bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}

const EXAMPLES: &str = "\
An argument that is JSON is read as JSON, any other is a string: 2 is a number, World a string, and
so is '\"2\"'. A byte string is written as JSON text of NUL and base64, '\"\\u0000/w==\"', and shown so.

Of the result, each value is a line of JSON, and so is each keyword value, behind its name. With
--json it is one object of args and kwargs; an error is then an object on stderr.

Exit code 0: there is a result. 1: there is none; what is told begins with the URI of the error, if
it has one. 2: the command line is wrong. 130: Ctrl-C; a router that can cancel calls is
told to, any other lets the callee work on for nobody.

Examples:
  wamp call com.example.add 2 3
  wamp call com.example.greet World -k language=de --raw
  wamp call com.example.order '{\"cake\":\"plum\",\"pieces\":3}' --timeout 5s
  wamp call com.example.image --raw > image.png
  wamp call com.example.stats --json | jq .kwargs";
