//! `wamp ping`: how long the router takes to answer.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use wamp::{CallError, Session};

use crate::connection::{self, Client};
use crate::duration;
use crate::error::{Failure, Kind};
use crate::output::{Stdout, printable};

/// Measure how long the router takes to answer
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many round trips to make; 0 is no end
    #[arg(short, long, value_name = "N", default_value_t = 4)]
    count: u64,
    /// How long to wait between them
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    interval: Duration,
    /// How long to wait for an answer
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
    /// Show each line as a JSON object; an error, too
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    connection: connection::Options,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let begin = Instant::now();
    let mut client = Client::open(&args.connection).await?;
    let opened = begin.elapsed();
    let session = client.session.clone();
    let mut stdout = Stdout::new();
    let mut times = Times::default();
    let work = async {
        let router = session.details().agent.as_deref().unwrap_or("a router");
        let line = if args.json {
            format!("{{\"joined_ms\":{}}}\n", milliseconds(opened))
        } else {
            format!(
                "joined {} of {} in {} ms\n",
                printable(session.realm().as_str()),
                printable(router),
                milliseconds(opened)
            )
        };
        stdout.write(line.as_bytes()).await?;
        while args.count == 0 || times.count < args.count {
            if times.count > 0 {
                sleep(args.interval).await;
            }
            let took = round_trip(&session, args.timeout).await?;
            times.add(took);
            let (number, took) = (times.count, milliseconds(took));
            let line = if args.json {
                format!("{{\"round_trip\":{number},\"ms\":{took}}}\n")
            } else {
                format!("round trip {number}: {took} ms\n")
            };
            stdout.write(line.as_bytes()).await?;
        }
        Ok(())
    };
    let mut outcome = client.unless_interrupted(work).await;
    if times.count > 0 {
        // As with `ping`, Ctrl-C is how one without end is ended.
        outcome = outcome.or_else(Failure::unless_asked_to_end);
        let summary = times.summary(args.json);
        outcome = outcome.and(stdout.write(summary.as_bytes()).await);
    }
    client.leave().await;
    outcome
}

/// Asks the router something; an error is an answer as good as any.
async fn round_trip(session: &Session, timeout: Duration) -> Result<Duration, Failure> {
    let begin = Instant::now();
    match session.call(PROCEDURE).timeout(timeout).await {
        Ok(_) | Err(CallError::Application(_)) => Ok(begin.elapsed()),
        Err(CallError::TimedOut(after)) => Err(Failure::of(
            Kind::Timeout,
            format!("the router did not answer within {after:?}"),
        )),
        Err(error) => Err(error.into()),
    }
}

/// What routers answer themselves, if only by saying that there is no such procedure.
const PROCEDURE: &str = "wamp.session.count";

/// What all round trips come to.
#[derive(Debug, Default)]
struct Times {
    count: u64,
    least: Option<Duration>,
    most: Duration,
    sum: Duration,
}

impl Times {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.least = Some(self.least.map_or(took, |least| least.min(took)));
        self.most = self.most.max(took);
        self.sum += took;
    }

    fn summary(&self, json: bool) -> String {
        let (count, seconds) = (self.count, self.sum.as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "nobody pings 2^53 times")]
        let average = Duration::from_secs_f64(seconds / count.max(1) as f64);
        let [least, average, most] =
            [self.least.unwrap_or_default(), average, self.most].map(milliseconds);
        if json {
            format!(
                "{{\"round_trips\":{count},\"min_ms\":{least},\"avg_ms\":{average},\"max_ms\":{most}}}\n"
            )
        } else {
            let trips = if count == 1 { "trip" } else { "trips" };
            format!("{count} round {trips}, min/avg/max {least}/{average}/{most} ms\n")
        }
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}

const EXAMPLES: &str = "\
A round trip is a call of wamp.session.count, which the router answers itself; that it knows no such
procedure, or lets nobody call it, is an answer as well.

Exit code 0: the router answers. 1: there is no connection or no session, or no answer in time.
2: the command line is wrong. Ctrl-C ends it with the summary and 0 if there was an answer, with 130
if there was none yet.

Examples:
  wamp ping
  wamp ping --url wss://router.example/ws --realm com.example --count 1
  wamp ping --count 100 --interval 10ms --json | tail -1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_least_average_and_most() {
        let mut times = Times::default();
        for milliseconds in [3, 1, 2] {
            times.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(
            times.summary(false),
            "3 round trips, min/avg/max 1.000/2.000/3.000 ms\n"
        );
        assert_eq!(
            times.summary(true),
            "{\"round_trips\":3,\"min_ms\":1.000,\"avg_ms\":2.000,\"max_ms\":3.000}\n"
        );
    }
}
