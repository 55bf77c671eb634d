//! `wamp router`: a router to run.

use std::time::Duration;

use wamp::{Realm, Router};

use crate::error::Failure;
use crate::interrupt::Signals;
use crate::output;

/// Run a router
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// An address to listen on, as HOST:PORT or unix:/PATH; may be given several times
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: Vec<String>,
    /// A realm, open to everybody; may be given several times
    #[arg(long, value_name = "REALM", default_value = "realm1")]
    realm: Vec<String>,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(|error| Failure::new(error.to_string()))?;
    let mut builder = Router::builder();
    for realm in &args.realm {
        wamp::Uri::new(realm.as_str()).map_err(|error| Failure::usage(error.to_string()))?;
        builder = builder.realm(Realm::new(realm));
    }
    let router = builder.build();
    for address in &args.listen {
        let server = router
            .listen(address)
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        output::note(format_args!("listening on {}", server.url()));
    }
    signals.next().await;
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

const EXAMPLES: &str = "\
Examples:
  wamp router
  wamp router --listen 0.0.0.0:8080 --listen unix:/run/wamp.sock --realm com.example";
