//! `wamp publish`: an event is published.

use wamp::messages::SessionId;
use wamp::{Publish, Uri};

use crate::connection::{self, Client};
use crate::error::Failure;
use crate::output::Stdout;
use crate::value::Arguments;

/// Publish an event to a topic
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The topic
    #[arg(value_parser = connection::uri)]
    topic: Uri,
    #[command(flatten)]
    arguments: Arguments,
    /// Do not wait for the router to accept the event; it does not say then if it refuses
    #[arg(long)]
    no_acknowledge: bool,
    /// Show the publication's id, or an error, as a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    receivers: Receivers,
    #[command(flatten)]
    connection: connection::Options,
}

/// Who of the subscribers gets the event.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Receivers")]
struct Receivers {
    /// Only to these sessions, by their ids
    #[arg(long, value_name = "SESSIONS", value_delimiter = ',', value_parser = session)]
    eligible: Vec<SessionId>,
    /// Only to those who joined as one of these
    #[arg(long, value_name = "AUTHIDS", value_delimiter = ',')]
    eligible_authid: Vec<String>,
    /// Only to those of these roles
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    eligible_authrole: Vec<String>,
    /// Not to these sessions, by their ids
    #[arg(long, value_name = "SESSIONS", value_delimiter = ',', value_parser = session)]
    exclude: Vec<SessionId>,
    /// Not to those who joined as one of these
    #[arg(long, value_name = "AUTHIDS", value_delimiter = ',')]
    exclude_authid: Vec<String>,
    /// Not to those of these roles
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    exclude_authrole: Vec<String>,
}

impl Receivers {
    fn limit(self, mut publish: Publish) -> Publish {
        if !self.eligible.is_empty() {
            publish = publish.eligible(self.eligible);
        }
        if !self.eligible_authid.is_empty() {
            publish = publish.eligible_authid(self.eligible_authid);
        }
        if !self.eligible_authrole.is_empty() {
            publish = publish.eligible_authrole(self.eligible_authrole);
        }
        if !self.exclude.is_empty() {
            publish = publish.exclude(self.exclude);
        }
        if !self.exclude_authid.is_empty() {
            publish = publish.exclude_authid(self.exclude_authid);
        }
        if !self.exclude_authrole.is_empty() {
            publish = publish.exclude_authrole(self.exclude_authrole);
        }
        publish
    }
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let (positional, keywords) = args.arguments.take()?;
    let mut client = Client::open(&args.connection).await?;
    let session = client.session.clone();
    let publish = session
        .publish(&args.topic)
        .args(positional)
        .kwargs(keywords);
    let publish = args.receivers.limit(publish);
    let work = async {
        let id = if args.no_acknowledge {
            publish.await?;
            // It has gone out when the router answers what comes behind it.
            let details = session.leave().await?;
            if !details.is_clean() {
                return Err(Failure::ended(&details));
            }
            None
        } else {
            Some(publish.acknowledge().await?.id().as_u64())
        };
        tracing::info!(publication = id, "published");
        if args.json {
            let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
            let line = format!("{{\"publication\":{id}}}\n");
            Stdout::new().write(line.as_bytes()).await?;
        }
        Ok(())
    };
    let outcome = client.unless_interrupted(work).await;
    client.leave().await;
    outcome
}

fn session(text: &str) -> Result<SessionId, String> {
    let id: u64 = text
        .parse()
        .map_err(|_| "the id of a session is an integer".to_owned())?;
    SessionId::new(id).map_err(|error| error.to_string())
}

const EXAMPLES: &str = "\
An argument that is JSON is read as JSON, any other is a string; `wamp help call` says more. Nothing
is shown when the event is published. The router is asked to say so; it does not tell whether
anybody has subscribed.

Exit code 0: the event is published. 1: it is not. 2: the command line is wrong. 130: Ctrl-C.

Examples:
  wamp publish com.example.tick
  wamp publish com.example.tick 1 one -k source=shell
  wamp publish com.example.alarm '\"fire\"' --eligible-authrole warden";
