//! `wamp subscribe`: events are shown as they come.

use futures_util::stream::SelectAll;
use futures_util::{FutureExt, StreamExt};
use wamp::{Dict, Event, Subscription, Uri, Value};

use crate::connection::{self, Client};
use crate::error::{Failure, Kind};
use crate::output::{self, Stdout};
use crate::value;

/// Show the events of topics as they come
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The topics
    #[arg(required = true, value_name = "TOPIC", value_parser = connection::whole_uri)]
    topics: Vec<Uri>,
    /// Show each event as a JSON object, in a line of its own; an error, too
    #[arg(long)]
    pub(crate) json: bool,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    connection: connection::Options,
}

pub(crate) async fn run(mut args: Args) -> Result<(), Failure> {
    args.topics.iter().for_each(connection::warn_of_patterns);
    let mut client = Client::open(&args.connection).await?;
    // Twice the same topic would be each event twice.
    args.topics.sort();
    args.topics.dedup();
    let session = client.session.clone();
    let work = async {
        let mut events = SelectAll::new();
        for topic in &args.topics {
            let subscribe = session.subscribe(topic);
            let subscribe = subscribe.buffer(BUFFER).buffer_octets(BUFFER_OCTETS);
            events.push(subscribe.await?);
            output::note(format_args!("subscribed to {topic}"));
        }
        if show(&args, &mut events).await? {
            Ok(())
        } else if session.is_open() {
            Err(Failure::of(
                Kind::Ended,
                "the router has ended the subscriptions",
            ))
        } else {
            Err(Failure::ended(&session.closed().await))
        }
    };
    let outcome = client.unless_interrupted(work).await;
    client.leave().await;
    outcome.or_else(Failure::unless_asked_to_end)
}

/// Shows events. True: there were as many as wanted. False: no more will come.
async fn show(args: &Args, events: &mut SelectAll<Subscription>) -> Result<bool, Failure> {
    let mut stdout = Stdout::new();
    let mut left = args.count;
    while left != Some(0)
        && let Some(event) = events.next().await
    {
        // What has come meanwhile is written at once: a write for each would lose a burst.
        let mut lines = Vec::new();
        let mut next = Some(event);
        while let Some(event) = next.take() {
            append(&event, args.json, &mut lines);
            left = left.map(|left| left - 1);
            if left != Some(0) && lines.len() < AT_ONCE {
                next = events.next().now_or_never().flatten();
            }
        }
        stdout.write(&lines).await?;
    }
    Ok(left == Some(0))
}

/// How much of each topic may wait to be shown: a terminal is slower than a router.
const BUFFER: usize = 65_536;
const BUFFER_OCTETS: usize = 64 << 20;

/// How many octets are gathered before they are written.
const AT_ONCE: usize = 64 << 10;

/// Appends the line of an event; one that cannot be shown is told, and the next may be better.
fn append(event: &Event, json: bool, lines: &mut Vec<u8>) {
    if event.missed() > 0 {
        output::note(format_args!(
            "{} events were lost: they came faster than they could be shown",
            event.missed()
        ));
    }
    let line = if json {
        as_object(event)
    } else {
        as_line(event)
    };
    match line {
        Ok(line) => lines.extend_from_slice(line.as_bytes()),
        Err(failure) => {
            let topic = &event.details().topic;
            let text = format!("an event of {topic} cannot be shown: {failure}");
            Failure::new(text).tell(json);
        }
    }
}

fn as_line(event: &Event) -> Result<String, Failure> {
    let mut line = output::key(&event.details().topic);
    for value in event.args::<Vec<Value>>()? {
        line.push(' ');
        line.push_str(&value::json(&value)?);
    }
    for (key, value) in event.kwargs::<Dict>()? {
        line.push(' ');
        line.push_str(&output::pair(&key, &value::json(&value)?));
    }
    line.push('\n');
    Ok(line)
}

fn as_object(event: &Event) -> Result<String, Failure> {
    let details = event.details();
    let mut line = format!(
        "{{\"topic\":{},\"args\":{},\"kwargs\":{},\"publication\":{}",
        value::json(&Value::from(details.topic.as_str()))?,
        value::args_json(&event.args::<Vec<Value>>()?)?,
        value::kwargs_json(&event.kwargs()?)?,
        details.publication.as_u64(),
    );
    let mut more = Dict::new();
    if let Some(publisher) = details.publisher() {
        more.insert("publisher", publisher.as_u64());
    }
    if let Some(authid) = details.publisher_authid() {
        more.insert("publisher_authid", authid);
    }
    if let Some(authrole) = details.publisher_authrole() {
        more.insert("publisher_authrole", authrole);
    }
    if event.missed() > 0 {
        more.insert("missed", event.missed());
    }
    if !more.is_empty() {
        line.push(',');
        line.push_str(value::kwargs_json(&more)?.trim_start_matches('{'));
    } else {
        line.push('}');
    }
    line.push('\n');
    Ok(line)
}

const EXAMPLES: &str = "\
Each event is a line: its topic, its arguments as JSON, its keyword arguments as KEY=JSON. With
--json it is an object of topic, args, kwargs and publication, and of publisher, publisher_authid
and publisher_authrole where the router tells them; missed is how many events were lost before it.

Ctrl-C, SIGTERM, or who reads the output and stops, ends it: exit code 0. It is 1 when the router
ends the session or refuses a subscription, 2 when the command line is wrong.

Examples:
  wamp subscribe com.example.tick com.example.alarm
  wamp subscribe com.example.tick --count 1
  wamp subscribe com.example.tick --json | jq --unbuffered .args[0]";
