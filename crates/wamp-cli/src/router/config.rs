//! What the router is to be, as its configuration file or the command line says it.

mod listener;
mod realm;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use wamp::core::OutboxLimits;
use wamp::net::tls::ServerTls;
use wamp::{Router, RouterBuilder};

use super::document::{Document, Located, Problem, Section, Severity, set};
use crate::args::LogFormat;

use listener::{Reach, in_folder};

pub(super) use listener::{LimitsConfig, ListenerConfig, MESSAGE, TlsConfig, check_address};
pub(super) use realm::{RealmConfig, check_name};

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) log: LogConfig,
    pub(super) http: Option<Located<String>>,
    pub(super) router: RouterConfig,
    pub(super) listeners: Vec<ListenerConfig>,
    pub(super) realms: Vec<RealmConfig>,
}

/// How the log is written, where the command line says nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LogConfig {
    pub(super) level: Option<String>,
    pub(super) format: Option<LogFormat>,
}

/// What holds for the router as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RouterConfig {
    pub(super) default_realm: Option<Located<String>>,
    pub(super) agent: String,
    pub(super) handshake_timeout: Duration,
    pub(super) closing_timeout: Duration,
    pub(super) shutdown_timeout: Duration,
    pub(super) outbox_mark: usize,
    pub(super) outbox_reserve: usize,
}

impl Default for RouterConfig {
    fn default() -> Self {
        let outbox = OutboxLimits::default();
        Self {
            default_realm: None,
            agent: concat!("wamp-router/", env!("CARGO_PKG_VERSION")).to_owned(),
            handshake_timeout: Duration::from_secs(10),
            closing_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
            outbox_mark: outbox.mark,
            outbox_reserve: outbox.reserve,
        }
    }
}

/// A configuration that was found in order.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    /// Those of its listeners, in their order.
    pub(super) certificates: Vec<Option<ServerTls>>,
    /// What is odd in it.
    pub(super) warnings: Vec<Problem>,
}

impl Config {
    /// Reads a file, with the tickets and certificates that it leads to.
    ///
    /// It reads a few small files at once, and blocks so long.
    pub(super) fn load(path: &Path) -> Result<Loaded, Vec<Problem>> {
        let text = match read_text(path) {
            Ok(text) => text,
            Err(error) => {
                return Err(vec![Problem::whole(
                    Severity::Error,
                    format!("it cannot be read: {error}"),
                )]);
            }
        };
        let document = Document::new(&text);
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let mut config = Self::read(&document, folder);
        let mut certificates = Vec::new();
        if let Some(config) = &mut config {
            if config.realms.iter().any(RealmConfig::has_secrets) && is_read_by_others(path) {
                let text = "the file has tickets, and others than its owner and group may read \
                            it; take that away with `chmod o-r`";
                document.warn(0, text);
            }
            for realm in &mut config.realms {
                realm.resolve(&document);
            }
            for listener in &config.listeners {
                let tls = listener.server_tls().transpose();
                certificates.push(tls.unwrap_or_else(|(at, error)| {
                    document.error(at, error);
                    None
                }));
            }
        }
        let problems = document.into_problems();
        let (errors, warnings): (Vec<_>, Vec<_>) = problems
            .into_iter()
            .partition(|problem| problem.severity == Severity::Error);
        match config {
            Some(config) if errors.is_empty() => Ok(Loaded {
                config,
                certificates,
                warnings,
            }),
            _ => Err(errors),
        }
    }

    /// Reads what a document says, and nothing else; paths in it are relative to `folder`. `None`,
    /// or a part, where it has errors.
    pub(super) fn read(document: &Document<'_>, folder: &Path) -> Option<Self> {
        let config = document.read(|root| Self {
            router: root
                .section("router", "[router]", RouterConfig::read)
                .unwrap_or_default(),
            log: root
                .section("log", "[log]", LogConfig::read)
                .unwrap_or_default(),
            http: root
                .section("http", "[http]", |section| read_http(section, folder))
                .flatten(),
            listeners: root.sections("listener", "[[listener]]", |section| {
                ListenerConfig::read(section, folder)
            }),
            realms: root.sections("realm", "[[realm]]", |section| {
                RealmConfig::read(section, folder)
            }),
        })?;
        config.check(document);
        Some(config)
    }

    /// Finds what does not go together.
    fn check(&self, document: &Document<'_>) {
        // One that has errors is missing here, too.
        let is_whole = !document.has_errors();
        if self.listeners.is_empty() && is_whole {
            document.error(0, "there is no [[listener]], so that nobody could connect");
        }
        if self.realms.is_empty() && is_whole {
            document.error(0, "there is no [[realm]], so that nobody could join");
        }
        for (at, text) in self.repetitions() {
            document.error(at, text);
        }
        if let Some(name) = &self.router.default_realm
            && !self.realms.iter().any(|realm| realm.name == *name)
        {
            document.error(name.at, format!("there is no realm {}", name.value));
        }
        for realm in &self.realms {
            if let Some(text) = self.open_to_others(realm) {
                document.warn(realm.name.at, text);
            }
        }
        self.check_tickets(document);
    }

    /// What there is already, each time it comes again. Port 0 is always another one.
    fn repetitions(&self) -> impl Iterator<Item = (usize, String)> {
        let addresses = self.listeners.iter().map(|listener| &listener.address);
        let addresses = addresses.chain(&self.http);
        let addresses = repeated(addresses.filter(|address| !address.value.ends_with(":0")));
        let realms = repeated(self.realms.iter().map(|realm| &realm.name));
        addresses
            .map(|again| (again.at, format!("{} is listened on already", again.value)))
            .chain(realms.map(|again| {
                (
                    again.at,
                    format!("there is a realm {} already", again.value),
                )
            }))
    }

    /// What is to be said of a realm in which everybody may do everything, if it can be reached
    /// from other machines.
    fn open_to_others(&self, realm: &RealmConfig) -> Option<String> {
        let mut listeners = self.listeners.iter();
        let listener = listeners.find(|listener| listener.reach() == Reach::Others)?;
        let (name, address) = (&realm.name.value, &listener.address.value);
        if realm.is_open() {
            return Some(format!(
                "the realm {name} is open: everybody who reaches {address} may do everything \
                 there; give it roles in a configuration file, or listen on 127.0.0.1"
            ));
        }
        let role = realm.open_role()?;
        Some(format!(
            "the realm {name} is open: everybody who reaches {address} has the role {role:?}, \
             which may do everything; let `anonymous` be a role that may less, or listen on \
             127.0.0.1"
        ))
    }

    /// Finds listeners where tickets could be read on their way.
    fn check_tickets(&self, document: &Document<'_>) {
        if !self.realms.iter().any(RealmConfig::has_principals) {
            return;
        }
        let is_bare = |one: &&ListenerConfig| one.reach() == Reach::Others && one.tls.is_none();
        for listener in self.listeners.iter().filter(is_bare) {
            let text = format!(
                "tickets are sent as they are, and {} has no TLS: add [listener.tls], or listen on \
                 127.0.0.1 behind a proxy that has it",
                listener.address.value
            );
            document.warn(listener.address.at, text);
        }
    }

    /// Sets up the router, without its listeners.
    pub(super) fn build(&self) -> Router {
        let mut builder = self.router.builder();
        for realm in &self.realms {
            builder = builder.realm(realm.to_realm());
        }
        builder.build()
    }
}

impl Loaded {
    /// Takes a configuration that the command line says.
    pub(super) fn from_flags(config: Config) -> Result<Self, String> {
        if let Some((_, text)) = config.repetitions().next() {
            return Err(text);
        }
        let tls = config.listeners.iter().map(ListenerConfig::server_tls);
        let certificates = tls
            .map(Option::transpose)
            .collect::<Result<_, _>>()
            .map_err(|(_, error)| error)?;
        let realms = config.realms.iter();
        let warnings = realms.filter_map(|realm| config.open_to_others(realm));
        let warnings = warnings.map(|text| Problem::whole(Severity::Warning, text));
        Ok(Self {
            warnings: warnings.collect(),
            certificates,
            config,
        })
    }
}

impl RouterConfig {
    fn read(section: &mut Section<'_>) -> Self {
        let mut config = Self {
            default_realm: section.text("default_realm"),
            ..Self::default()
        };
        let agent = section.text("agent");
        set(&mut config.agent, agent.map(|agent| agent.value));
        set(
            &mut config.handshake_timeout,
            section.time("handshake_timeout"),
        );
        set(&mut config.closing_timeout, section.time("closing_timeout"));
        set(
            &mut config.shutdown_timeout,
            section.time("shutdown_timeout"),
        );
        section.section("outbox", "[router.outbox]", |section| {
            set(&mut config.outbox_mark, section.size("mark", &OUTBOX));
            set(&mut config.outbox_reserve, section.size("reserve", &OUTBOX));
        });
        config
    }

    fn builder(&self) -> RouterBuilder {
        let outbox = OutboxLimits::default()
            .mark(self.outbox_mark)
            .reserve(self.outbox_reserve);
        let builder = Router::builder()
            .agent(&*self.agent)
            .handshake_timeout(self.handshake_timeout)
            .closing_timeout(self.closing_timeout)
            .outbox_limits(outbox);
        match &self.default_realm {
            Some(name) => builder.default_realm(&name.value),
            None => builder,
        }
    }
}

impl LogConfig {
    /// What is logged.
    pub(super) fn level(&self) -> &str {
        self.level.as_deref().unwrap_or("info")
    }

    fn read(section: &mut Section<'_>) -> Self {
        let level = section.text("level");
        if let Some(level) = &level
            && !is_filter(&level.value)
        {
            let text = "`level` must be error, warn, info, debug or trace, or say so for parts as in \
                        \"info,wamp_router=debug\"";
            section.error(level.at, text);
        }
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Self {
            level: level.map(|level| level.value),
            format: section
                .choice("format", &formats)
                .map(|format| format.value),
        }
    }
}

fn read_http(section: &mut Section<'_>, folder: &Path) -> Option<Located<String>> {
    let address = section.text("address");
    let address = section.required("address", address)?;
    if let Err(error) = check_address(&address.value) {
        section.error(address.at, error);
    }
    Some(address.map(|address| in_folder(address, folder)))
}

/// The text of a file, unless it is longer than one that people write: a device has no end.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        let text = format!("it is longer than {} MiB", LONGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(text)
}

/// Whether it says what is to be logged. By itself a word may name a part, all of which would be
/// logged then; here it is a level that is mistyped.
fn is_filter(text: &str) -> bool {
    let words = text.split(',').filter(|part| !part.contains(['=', '[']));
    let mut levels = words.map(|word| word.trim().parse::<LevelFilter>());
    levels.all(|level| level.is_ok()) && EnvFilter::builder().parse(text).is_ok()
}

/// The second of each two that are equal, the third and so on.
fn repeated<'a>(
    values: impl Iterator<Item = &'a Located<String>>,
) -> impl Iterator<Item = &'a Located<String>> {
    let mut seen = std::collections::BTreeSet::new();
    values.filter(move |value| !seen.insert(&value.value))
}

/// A path as it is meant in a file in `folder`.
fn within(folder: &Path, path: &str) -> PathBuf {
    folder.join(path)
}

#[cfg(unix)]
fn is_read_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_read_by_others(_path: &Path) -> bool {
    false
}

/// Of a configuration file, in octets.
const LONGEST: u64 = 16 << 20;

/// From what one small message needs to what fits into the memory of a machine.
const OUTBOX: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 30;

#[cfg(test)]
mod tests;
