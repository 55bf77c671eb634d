//! The connection of a client's command: its options, the session, and how it ends.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use wamp::auth::{Anonymous, Ticket};
use wamp::net::tls::ClientTls;
use wamp::net::{DialError, Endpoint};
use wamp::{Connect, ConnectError, Dial, Serializer, Session, Uri};

use crate::duration;
use crate::error::{Failure, Kind};
use crate::interrupt::Signals;
use crate::output::printable;

/// Options of all commands that connect to a router.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Options {
    /// The URL of the router: ws, wss, rs, rss (RawSocket) or unix
    #[arg(long, env = "WAMP_URL", hide_env_values = true)]
    #[arg(default_value = "ws://127.0.0.1:8080")]
    url: String,
    /// The realm to join
    #[arg(long, env = "WAMP_REALM", hide_env_values = true)]
    #[arg(default_value = "realm1", value_parser = uri)]
    realm: Uri,
    /// The serializers to offer, the preferred one first, as in cbor,json
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = serializer)]
    serializer: Vec<Serializer>,
    /// Who to join as; with WAMP_TICKET or --ticket-file, by that ticket
    #[arg(long, env = "WAMP_AUTHID", hide_env_values = true)]
    authid: Option<String>,
    /// A file whose first line is the ticket, in place of the environment's WAMP_TICKET
    #[arg(long, value_name = "FILE", requires = "authid")]
    ticket_file: Option<PathBuf>,
    /// A file of certificates (PEM) to trust, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name that the router's certificate must be for, in place of the URL's host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// How long connecting and joining may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    connect_timeout: Duration,
}

impl Options {
    /// The URL, as it was given.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The realm.
    pub(crate) const fn realm(&self) -> &Uri {
        &self.realm
    }

    /// The session that these options ask for, not opened yet.
    fn connect(&self) -> Result<Connect, Failure> {
        if let Err(error) = self.url.parse::<Endpoint>() {
            // The text does not repeat the URL, which may hold a password.
            return Err(Failure::usage(format!("--url: {error}")));
        }
        let mut dial = Dial::new(&self.url);
        if !self.serializer.is_empty() {
            dial = dial.serializers(self.serializer.iter().cloned());
        }
        let mut tls = ClientTls::default();
        if let Some(path) = &self.ca {
            let pem = fs::read(path)
                .map_err(|error| Failure::usage(format!("--ca {}: {error}", path.display())))?;
            tls = tls.root_pem(pem);
        }
        if let Some(name) = &self.server_name {
            tls = tls.server_name(name);
        }
        let connect = dial
            .tls(tls)
            .dialling(|options| options.connect_timeout(self.connect_timeout))
            .connect()
            .realm(&self.realm)
            .timeout(self.connect_timeout)
            .agent(Some(
                concat!("wamp-cli/", env!("CARGO_PKG_VERSION")).to_owned(),
            ));
        Ok(match (&self.authid, self.ticket()?) {
            (None, None) => connect,
            (Some(authid), None) => {
                tracing::warn!(
                    "joining without a ticket: set WAMP_TICKET or --ticket-file to join as {} by one",
                    printable(authid)
                );
                connect.auth(Anonymous::new().with_authid(authid))
            }
            (Some(authid), Some(ticket)) => connect.auth(Ticket::new(authid, ticket)),
            (None, Some(_)) => {
                let text = "WAMP_TICKET is set, but not whose ticket it is; give --authid";
                return Err(Failure::usage(text));
            }
        })
    }

    /// The ticket, which is never an argument: those are seen by everybody on the machine.
    fn ticket(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.ticket_file else {
            let ticket = env::var_os(TICKET).filter(|ticket| !ticket.is_empty());
            let ticket = ticket.map(OsString::into_string).transpose();
            return ticket.map_err(|_| Failure::usage("WAMP_TICKET is no UTF-8"));
        };
        let failed = |why: &dyn std::fmt::Display| {
            Failure::usage(format!("--ticket-file {}: {why}", path.display()))
        };
        let file = File::open(path).map_err(|error| failed(&error))?;
        let mut line = String::new();
        let mut reader = BufReader::new(file.take(LONGEST_TICKET + 1));
        let read = reader.read_line(&mut line);
        if read.map_err(|error| failed(&error))? as u64 > LONGEST_TICKET {
            return Err(failed(&"its first line is longer than a ticket can be"));
        }
        match line.lines().next() {
            Some(ticket) if !ticket.is_empty() => Ok(Some(ticket.to_owned())),
            _ => Err(failed(&"its first line is empty")),
        }
    }
}

/// Of the line of a ticket, in octets.
const LONGEST_TICKET: u64 = 64 << 10;

/// The environment variable that holds the ticket.
pub(crate) const TICKET: &str = "WAMP_TICKET";

/// A session, and the signals that end it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) session: Session,
    signals: Signals,
}

impl Client {
    /// Connects and joins. A signal ends it.
    pub(crate) async fn open(options: &Options) -> Result<Self, Failure> {
        Self::open_with(options, |connect| connect).await
    }

    /// The same, with more to say of the session.
    pub(crate) async fn open_with(
        options: &Options,
        change: impl FnOnce(Connect) -> Connect,
    ) -> Result<Self, Failure> {
        let connect = change(options.connect()?);
        let mut signals = Signals::new()?;
        let session = tokio::select! {
            opened = connect => opened.map_err(|error| not_connected(options, &error))?,
            signal = signals.next() => return Err(Failure::interrupted(signal)),
        };
        tracing::info!(
            session = session.id().as_u64(),
            router = session.details().agent.as_deref(),
            authid = session.details().authid.as_deref(),
            "joined {}",
            printable(session.realm().as_str())
        );
        Ok(Self { session, signals })
    }

    /// Works until it is done, or a signal comes; what was begun is dropped then.
    pub(crate) async fn unless_interrupted<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            outcome = work => outcome,
            signal = self.signals.next() => Err(Failure::interrupted(signal)),
        }
    }

    /// Leaves in order; a second signal, or a router that does not answer, cuts it short.
    pub(crate) async fn leave(mut self) {
        tokio::select! {
            left = timeout(LEAVE, self.session.leave()) => match left {
                Ok(Ok(details)) => tracing::info!(
                    reason = details.reason.as_str(),
                    details = details.message.as_deref(),
                    "left"
                ),
                // It had ended before: whoever worked with it has said so.
                Ok(Err(error)) => tracing::debug!(%error, "there was no session to leave"),
                Err(_) => tracing::warn!("the router did not answer GOODBYE within {LEAVE:?}"),
            },
            _ = self.signals.next() => {}
        }
    }
}

/// How long leaving may take.
const LEAVE: Duration = Duration::from_secs(5);

fn not_connected(options: &Options, error: &ConnectError) -> Failure {
    // A query may hold a token.
    let place = options.url.split('?').next().unwrap_or_default();
    match error {
        ConnectError::Aborted(details) => Failure::closed(
            format!("the router at {place} refused the session"),
            details,
        ),
        ConnectError::Connect(cause) => {
            let mut text = in_options(&error.to_string(), options);
            if let Some(DialError::Unreachable { .. } | DialError::Unix { .. }) =
                cause.downcast_ref()
            {
                text.push_str(
                    "; is a router running there? `wamp router` starts one, --url names another",
                );
            }
            let kind = match cause.downcast_ref() {
                Some(DialError::TimedOut { .. }) => Kind::Timeout,
                _ => Kind::Connect,
            };
            Failure::of(kind, text)
        }
        error => {
            let kind = match error {
                ConnectError::Auth(_) => Kind::Auth,
                ConnectError::Protocol(_) => Kind::Protocol,
                ConnectError::Send(_) => Kind::Send,
                ConnectError::TimedOut(_) => Kind::Timeout,
                ConnectError::Transport(_) => Kind::Connect,
                _ => Kind::Failed,
            };
            Failure::of(kind, format!("{place}: {error}"))
        }
    }
}

/// What the library advises, in the words of the command line.
fn in_options(text: &str, options: &Options) -> String {
    let ca = options.ca.as_deref().unwrap_or_else(|| Path::new(""));
    [
        (
            "what was given to root_pem",
            &*format!("--ca {}", ca.display()),
        ),
        ("ClientTls::root_pem", "--ca"),
        ("ClientTls::server_name", "--server-name"),
        ("the connect_timeout", "--connect-timeout"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (ours, option)| {
        text.replace(ours, option)
    })
}

/// Reads a URI of the command line.
pub(crate) fn uri(text: &str) -> Result<Uri, String> {
    Uri::new(text).map_err(|error| error.to_string())
}

/// Reads a URI that is subscribed to or registered, of which it may be thought to be a pattern.
pub(crate) fn whole_uri(text: &str) -> Result<Uri, String> {
    let has_gaps = text.split('.').any(str::is_empty);
    uri(text).map_err(|error| match has_gaps {
        true => format!("{error}; there are no patterns yet"),
        false => error,
    })
}

/// Warns of a URI that looks like a pattern.
pub(crate) fn warn_of_patterns(uri: &Uri) {
    if uri.as_str().contains('*') {
        tracing::warn!(
            "{} is this URI alone: a * stands for nothing but itself, there are no patterns yet",
            printable(uri.as_str())
        );
    }
}

fn serializer(name: &str) -> Result<Serializer, String> {
    Serializer::from_name(name).ok_or_else(|| {
        "there are json, msgpack and cbor, and each of them batched, as in cbor.batched".to_owned()
    })
}
