//! `wamp register`: a procedure is registered, and its calls are answered by a command or an echo.

mod exec;

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::ArgGroup;
use tokio::sync::mpsc;
use wamp::{
    CallDetails, Dict, Kwargs, Observer, Reply, Session, SessionLimits, Uri, UserError, Value,
};

use self::exec::Commands;
use crate::connection::{self, Client};
use crate::duration;
use crate::error::{Failure, Kind};
use crate::output::{self, printable};

/// Register a procedure, answered by a command or an echo
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("answer").required(true))]
#[command(override_usage = "wamp register [OPTIONS] <PROCEDURE> <--echo | --exec COMMAND...>")]
pub(crate) struct Args {
    /// The procedure
    #[arg(value_parser = connection::whole_uri)]
    procedure: Uri,
    /// Answer each call with its own arguments
    #[arg(long, group = "answer")]
    echo: bool,
    /// Answer each call with what this command writes; all that follows belongs to it
    #[arg(long, group = "answer", value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    exec: Vec<String>,
    /// How many calls to answer at once; as many as there are processors
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    jobs: Option<u32>,
    /// How long a command may take; then it is killed, and its call fails
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    /// Show an error as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    connection: connection::Options,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    connection::warn_of_patterns(&args.procedure);
    if let Some(program) = args.exec.first() {
        exec::find(program).map_err(|why| Failure::usage(format!("--exec {program}: {why}")))?;
    }
    let jobs = args.jobs.unwrap_or_else(processors);
    let limits = SessionLimits::default().concurrency(jobs as usize);
    let mut client = Client::open_with(&args.connection, |connect| {
        connect.limits(limits).observer(Silent)
    })
    .await?;
    let commands = Arc::new(Commands::new(&args, jobs));
    let session = client.session.clone();
    let work = async {
        // Whoever answers calls holds the sender: it goes with the registration.
        let (registered, mut ended): (Held, _) = mpsc::channel(1);
        if args.echo {
            echo(&session, &args.procedure, registered).await?;
        } else {
            execute(&session, &args.procedure, &commands, registered).await?;
        }
        output::note(format_args!("registered {}", args.procedure));
        ended.recv().await;
        if session.is_open() {
            Err::<(), _>(Failure::of(
                Kind::Ended,
                "the router has ended the registration",
            ))
        } else {
            Err(Failure::ended(&session.closed().await))
        }
    };
    let outcome = client.unless_interrupted(work).await;
    client.leave().await;
    commands.end().await;
    outcome.or_else(Failure::unless_asked_to_end)
}

/// How many processors there are, as far as it is known.
fn processors() -> u32 {
    let processors = thread::available_parallelism().ok();
    processors
        .and_then(|processors| u32::try_from(processors.get()).ok())
        .unwrap_or(1)
}

/// Calls that fail are logged below, whatever their error.
struct Silent;

impl Observer for Silent {
    fn on_user_error(&self, _: &UserError) {}
}

async fn echo(session: &Session, procedure: &Uri, registered: Held) -> Result<(), Failure> {
    let handler = move |wamp::Args(args): wamp::Args<Vec<Value>>, Kwargs(kwargs): Kwargs<Dict>| {
        let _ = &registered;
        async { Ok(Reply::new(args).with_kwargs(kwargs)) }
    };
    session.register(procedure, handler).await?;
    Ok(())
}

async fn execute(
    session: &Session,
    procedure: &Uri,
    commands: &Arc<Commands>,
    registered: Held,
) -> Result<(), Failure> {
    let commands = Arc::clone(commands);
    let handler = move |wamp::Args(args): wamp::Args<Vec<Value>>,
                        Kwargs(kwargs): Kwargs<Dict>,
                        details: CallDetails| {
        let commands = (Arc::clone(&commands), registered.clone());
        async move {
            let answer = commands.0.answer(&args, &kwargs, &details).await;
            answer.inspect_err(|error| {
                let failure = Failure::from(error.clone());
                let procedure = printable(&details.procedure);
                tracing::warn!("a call of {procedure} failed: {failure}");
            })
        }
    };
    session.register(procedure, handler).await?;
    Ok(())
}

/// What a registration holds for as long as it lasts, and a call until it is answered.
type Held = mpsc::Sender<Infallible>;

const EXAMPLES: &str = "\
The command is run once for each call, without a shell, by the rules below. Options of wamp stand
before --exec, all behind it belongs to the command.

  stdin         one line: the JSON object {\"args\":[..],\"kwargs\":{..}}; nothing of it is in argv
  environment   WAMP_PROCEDURE, WAMP_URL, WAMP_REALM; WAMP_CALLER, WAMP_CALLER_AUTHID and
                WAMP_CALLER_AUTHROLE where the router tells them; WAMP_TICKET is taken out
  stdout        the result: what is JSON is read as JSON, other text is a string without its last
                line end, what is no text is a byte string; nothing is no value
  stderr        is the text of the error if the command fails, and is logged (-v) if it does not
  exit code     other than 0, the call fails with wamp.error.runtime_error and the keyword exit_code

One that takes too long fails with wamp.error.timeout, one that writes more than 4 MiB with
wamp.error.payload_size_exceeded. It is killed then with all that it has started, and so it is when
the program ends.

Ctrl-C or SIGTERM ends it: exit code 0. It is 1 when the router ends the session or refuses the
registration, 2 when the command line is wrong.

Examples:
  wamp register com.example.echo --echo
  wamp register com.example.date --exec date --iso-8601=seconds
  wamp register com.example.sum --jobs 2 --exec jq '.args | add'
  wamp register com.example.disk --timeout 5s --exec sh -c 'df --output=avail / | tail -1'";
