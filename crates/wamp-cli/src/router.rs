//! `wamp router`: a router to run.

mod config;
mod document;
mod http;
mod notify;
mod reload;
mod serving;
mod summary;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use wamp::core::Rate;

use crate::error::Failure;
use crate::interrupt::Signals;
use crate::output::{self, Stdout, printable};
use crate::router::config::{Config, ListenerConfig, Loaded, LogConfig, RealmConfig, RouterConfig};
use crate::router::config::{TlsConfig, check_address, check_name};
use crate::router::document::{Located, Problem};
use crate::router::notify::notify;
use crate::router::reload::Hangups;
use crate::router::serving::Serving;
use crate::router::value::Interval;

/// Run a router
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A configuration file, which says all of what follows, and more
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration, say what was understood, and end
    #[arg(long)]
    check: bool,
    /// Print a configuration file with every key and its default, and end
    #[arg(long, conflicts_with_all = ["config", "check"])]
    sample_config: bool,
    #[command(flatten)]
    flags: Flags,
}

/// What a configuration file says otherwise.
#[derive(Debug, clap::Args)]
struct Flags {
    /// HOST:PORT or unix:PATH to listen on, once or more [default: 127.0.0.1:8080]
    #[arg(short, long, value_name = "ADDRESS", value_parser = parse_address)]
    listen: Vec<String>,
    /// A Unix socket to listen on, once or more
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    unix: Vec<String>,
    /// A realm that is open to everybody, once or more [default: realm1]
    #[arg(short, long, value_name = "REALM", value_parser = parse_realm)]
    realm: Vec<String>,
    /// A certificate in PEM, for TLS on all addresses of TCP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How many connections there may be at each address [default: 65536]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    max_connections: Option<u32>,
    /// How many of them may be without a session; more end the oldest [default: 1024]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    max_handshakes: Option<u32>,
    /// How many connections may come in a second; more wait [default: any number]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How long a message may be, such as 64KiB or 16MiB [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_message_size)]
    max_message_size: Option<usize>,
    /// How often a silent client is sent a ping, such as 20s, or off [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = parse_interval)]
    ping_interval: Option<PingInterval>,
    /// How long sessions may take to leave when it ends [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    shutdown_timeout: Option<Duration>,
    /// Where GET /health and /metrics are answered by HTTP
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    http: Option<String>,
}

/// A time, or never: an `Option` of it would be a value that need not be given.
#[derive(Debug, Clone, Copy)]
struct PingInterval(Interval);

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if args.sample_config {
        return Stdout::new().write(SAMPLE.as_bytes()).await;
    }
    let file = args.config.as_deref();
    let loaded = match file {
        Some(file) if file.as_os_str() == "-" => {
            let text = "--config -: stdin is not read, because SIGHUP could not read it again; write \
                        it into a file, and name that";
            return Err(Failure::usage(text));
        }
        Some(file) => {
            if let Some(option) = args.flags.given() {
                return Err(Failure::usage(format!(
                    "{option} cannot be used with --config: write it into {}",
                    file.display()
                )));
            }
            Config::load(file).map_err(|problems| refused(file, problems))?
        }
        None => Loaded::from_flags(args.flags.into_config()).map_err(Failure::usage)?,
    };
    if args.check {
        for warning in &loaded.warnings {
            output::warning(&printable(&located(file, warning)));
        }
        return summary::print(&loaded.config, file).await;
    }
    serve(loaded, file).await
}

/// Serves until it is asked to end.
async fn serve(loaded: Loaded, file: Option<&Path>) -> Result<(), Failure> {
    let unready =
        |error: std::io::Error| Failure::new(format!("no signal can be awaited: {error}"));
    let mut signals = Signals::new().map_err(unready)?;
    let mut hangups = Hangups::new(file).map_err(unready)?;
    let log = loaded.config.log.clone();
    // What begins is announced: until then the log need not tell it as well.
    let level = match log.level() {
        "info" => "warn",
        level => level,
    };
    let format = output::set_log(level, log.format);
    warn(&loaded.warnings, file);
    // The name of an address may take long to be looked up.
    let mut serving = tokio::select! {
        started = Serving::start(loaded) => started?,
        signal = signals.next() => return Err(Failure::interrupted(signal)),
    };
    output::set_log(log.level(), log.format);
    serving.announce(format, file);
    notify("READY=1");
    let shutdown = loop {
        let file = tokio::select! {
            _ = signals.next() => break serving.shutdown(),
            file = hangups.next() => file,
        };
        let Some(file) = file else {
            break serving.shutdown();
        };
        let reload = async {
            let loaded = reload::load(&file).await;
            reload::reload(&mut serving, &file, loaded).await;
        };
        // A file may take for ever, on a disk that is far away, and so may the name of an address:
        // the end does not wait for them, and what is half changed by then ends with the rest.
        tokio::select! {
            () = reload => {}
            _ = signals.next() => break serving.shutdown(),
        }
    };
    notify("STOPPING=1");
    tracing::info!("ending; another signal ends at once");
    tokio::select! {
        () = shutdown => Ok(()),
        signal = signals.next() => Err(Failure::interrupted(signal)),
    }
}

/// Logs what is odd in a configuration.
fn warn(warnings: &[Problem], file: Option<&Path>) {
    for warning in warnings {
        tracing::warn!("{}", located(file, warning));
    }
}

/// Tells what is wrong with a configuration file; the last of it is what the program fails with.
fn refused(file: &Path, mut problems: Vec<Problem>) -> Failure {
    let last = problems.pop();
    for problem in &problems {
        output::error(&printable(&located(Some(file), problem)));
    }
    Failure::usage(last.map_or_else(String::new, |last| located(Some(file), &last)))
}

/// A problem, with its place if it has one.
fn located(file: Option<&Path>, problem: &Problem) -> String {
    let Some(file) = file else {
        return problem.to_string();
    };
    let separator = if problem.place.is_some() { ":" } else { ": " };
    format!("{}{separator}{problem}", file.display())
}

impl Flags {
    /// One that was given, if any was.
    fn given(&self) -> Option<&'static str> {
        let given = [
            ("--listen", !self.listen.is_empty()),
            ("--unix", !self.unix.is_empty()),
            ("--realm", !self.realm.is_empty()),
            ("--tls-cert", self.tls_cert.is_some()),
            ("--max-connections", self.max_connections.is_some()),
            ("--max-handshakes", self.max_handshakes.is_some()),
            ("--rate", self.rate.is_some()),
            ("--max-message-size", self.max_message_size.is_some()),
            ("--ping-interval", self.ping_interval.is_some()),
            ("--shutdown-timeout", self.shutdown_timeout.is_some()),
            ("--http", self.http.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.next().map(|(option, _)| option)
    }

    fn into_config(self) -> Config {
        let unix = self.unix.iter().map(|path| format!("unix:{path}"));
        let mut addresses: Vec<String> = self.listen.iter().cloned().chain(unix).collect();
        if addresses.is_empty() {
            addresses.push(ADDRESS.to_owned());
        }
        let listeners = addresses
            .into_iter()
            .map(|address| self.listener(address))
            .collect();
        let mut realms = self.realm;
        if realms.is_empty() {
            realms.push(REALM.to_owned());
        }
        let mut router = RouterConfig::default();
        document::set(&mut router.shutdown_timeout, self.shutdown_timeout);
        let open = |name| RealmConfig::open(Located::new(name, 0));
        Config {
            log: LogConfig::default(),
            http: self.http.map(|address| Located::new(address, 0)),
            router,
            listeners,
            realms: realms.into_iter().map(open).collect(),
        }
    }

    fn listener(&self, address: String) -> ListenerConfig {
        let mut listener = ListenerConfig::new(Located::new(address, 0));
        if !listener.is_unix()
            && let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key)
        {
            let cert = Located::new(cert.clone(), 0);
            listener.tls = Some(TlsConfig::new(cert, key.clone()));
        }
        let limits = &mut listener.limits;
        document::set(
            &mut limits.connections,
            self.max_connections.map(|number| number as usize),
        );
        document::set(
            &mut limits.handshakes,
            self.max_handshakes.map(|number| number as usize),
        );
        limits.rate = self.rate.map(Rate::per_second);
        document::set(&mut listener.max_message_size, self.max_message_size);
        document::set(
            &mut listener.ping_interval,
            self.ping_interval.map(|interval| interval.0),
        );
        listener
    }
}

fn parse_address(text: &str) -> Result<String, String> {
    check_address(text).map(|()| text.to_owned())
}

fn parse_realm(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

fn parse_message_size(text: &str) -> Result<usize, String> {
    let size = value::size(text)?;
    if config::MESSAGE.contains(&size) {
        return Ok(size);
    }
    Err(format!(
        "{text:?} is no length of a message, which is from 512 to 1GiB"
    ))
}

fn parse_interval(text: &str) -> Result<PingInterval, String> {
    value::interval(text).map(PingInterval)
}

/// Where nothing is said.
const ADDRESS: &str = "127.0.0.1:8080";
const REALM: &str = "realm1";

const SAMPLE: &str = include_str!("../router.toml");

const EXAMPLES: &str = "\
Realms that are named here are open to everybody: roles and tickets need a configuration file.
SIGHUP reads that again without ending a session; SIGINT and SIGTERM end in order, and without a
file so does SIGHUP, which comes when the terminal is closed.

Examples:
  wamp router
  wamp router --listen 0.0.0.0:8080 --unix /run/wamp.sock --realm com.example
  wamp router --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --realm com.example
  wamp router --sample-config > router.toml
  wamp router --config router.toml --check
  wamp router --config router.toml";
