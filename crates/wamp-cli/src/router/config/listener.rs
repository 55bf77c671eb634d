//! A listener: where it listens, what is spoken there, and how much.

mod address;
mod library;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wamp::core::Rate;
use wamp::net::ListenLimits;
use wamp::net::tls::TlsVersion;
use wamp::rawsocket::{self, RawSocketConfig};
use wamp::websocket::WebSocketConfig;

use super::within;
use crate::router::document::{Located, Section, set};
use crate::router::value::Interval;

use address::UNIX;
pub(super) use address::in_folder;
pub(in crate::router) use address::{Reach, check_address};

/// One `[[listener]]`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::router) struct ListenerConfig {
    pub(in crate::router) address: Located<String>,
    /// The permissions of the file of a Unix socket.
    pub(in crate::router) mode: Option<u32>,
    pub(in crate::router) tls: Option<TlsConfig>,
    pub(in crate::router) limits: LimitsConfig,
    pub(in crate::router) max_message_size: usize,
    transports: Vec<Transport>,
    path: Option<String>,
    origins: Option<Vec<String>>,
    serializers: Vec<String>,
    fallback_serializer: Option<String>,
    pub(in crate::router) ping_interval: Interval,
    pong_timeout: Duration,
    close_timeout: Duration,
    websocket: WebSocketPart,
    rawsocket: RawSocketPart,
}

/// `[listener.tls]`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::router) struct TlsConfig {
    pub(in crate::router) cert: Located<PathBuf>,
    pub(in crate::router) key: PathBuf,
    pub(in crate::router) min_version: TlsVersion,
}

/// `[listener.limits]`, and how long a handshake may take.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::router) struct LimitsConfig {
    pub(in crate::router) connections: usize,
    pub(in crate::router) handshakes: usize,
    pub(in crate::router) handshake_timeout: Duration,
    pub(in crate::router) rate: Option<Rate>,
}

/// `[listener.websocket]`.
#[derive(Debug, Clone, PartialEq)]
struct WebSocketPart {
    /// As long as a message where nothing is said.
    max_frame_size: Option<usize>,
    read_buffer_size: usize,
    write_buffer_size: usize,
}

/// `[listener.rawsocket]`.
#[derive(Debug, Clone, PartialEq)]
struct RawSocketPart {
    min_peer_message_size: usize,
    write_buffer_size: usize,
    ping_unknown: bool,
    extended_length: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    WebSocket,
    RawSocket,
}

impl ListenerConfig {
    /// What holds where nothing but the address is said.
    pub(in crate::router) fn new(address: Located<String>) -> Self {
        let (websocket, rawsocket) = (WebSocketConfig::default(), RawSocketConfig::default());
        Self {
            address,
            mode: None,
            tls: None,
            limits: LimitsConfig::default(),
            max_message_size: websocket.max_message_size,
            transports: vec![Transport::WebSocket, Transport::RawSocket],
            path: None,
            origins: None,
            serializers: serializers(),
            fallback_serializer: None,
            ping_interval: websocket.ping_interval,
            pong_timeout: websocket.pong_timeout,
            close_timeout: websocket.close_timeout,
            websocket: WebSocketPart {
                max_frame_size: None,
                read_buffer_size: websocket.read_buffer_size,
                write_buffer_size: websocket.write_buffer_size,
            },
            rawsocket: RawSocketPart {
                min_peer_message_size: rawsocket::AcceptOptions::default().min_peer_message_size,
                write_buffer_size: rawsocket.write_buffer_size,
                ping_unknown: rawsocket.ping_unknown,
                extended_length: rawsocket.extended_length,
            },
        }
    }

    pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> Option<Self> {
        let address = section.text("address");
        let address = section.required("address", address);
        // Without an address the rest is read for its errors.
        let found = address.is_some();
        let address = address.unwrap_or_else(|| Located::new(String::new(), section.at));
        if found && let Err(error) = check_address(&address.value) {
            section.error(address.at, error);
        }
        let mut config = Self::new(address.map(|address| in_folder(address, folder)));
        config.read_mode(section);
        config.tls = section
            .section("tls", "[listener.tls]", |section| {
                TlsConfig::read(section, folder)
            })
            .flatten();
        config.read_spoken(section);
        set(
            &mut config.limits.handshake_timeout,
            section.time("handshake_timeout"),
        );
        set(
            &mut config.max_message_size,
            section.size("max_message_size", &MESSAGE),
        );
        set(&mut config.ping_interval, section.interval("ping_interval"));
        set(&mut config.pong_timeout, section.time("pong_timeout"));
        set(&mut config.close_timeout, section.time("close_timeout"));
        section.section("limits", "[listener.limits]", |section| {
            config.limits.read(section);
        });
        section.section("websocket", "[listener.websocket]", |section| {
            config.websocket.read(section);
        });
        section.section("rawsocket", "[listener.rawsocket]", |section| {
            config.rawsocket.read(section);
        });
        found.then_some(config)
    }

    fn read_mode(&mut self, section: &mut Section<'_>) {
        let Some(mode) = section.mode("mode") else {
            return;
        };
        if !self.is_unix() {
            section.error(mode.at, "`mode` is for Unix sockets, and this one is none");
        }
        self.mode = Some(mode.value);
    }

    fn read_spoken(&mut self, section: &mut Section<'_>) {
        let transports = [
            ("websocket", Transport::WebSocket),
            ("rawsocket", Transport::RawSocket),
        ];
        if let Some(transports) = section.choices("transports", &transports) {
            if transports.value.is_empty() {
                let text = "`transports` names none, and one is needed";
                section.error(transports.at, text);
            }
            self.transports = values(transports);
        }
        let path = section.text("path");
        if let Some(path) = &path
            && (!path.value.starts_with('/') || path.value.contains(['?', '#', ' ']))
        {
            let text = "`path` must begin with / and have no query, such as \"/ws\"";
            section.error(path.at, text);
        }
        self.path = path.map(|path| path.value);
        let origins = section.texts("origins");
        for origin in origins.iter().flat_map(|origins| &origins.value) {
            if !is_origin(&origin.value) {
                let text = "an origin is a scheme, a host and perhaps a port, such as \
                            \"https://app.example.com\", and no more";
                section.error(origin.at, text);
            }
        }
        self.origins = origins.map(values);
        self.read_serializers(section);
    }

    fn read_serializers(&mut self, section: &mut Section<'_>) {
        let names = serializers();
        let known: Vec<_> = names.iter().map(|name| (&**name, &**name)).collect();
        if let Some(serializers) = section.choices("serializers", &known) {
            let batched_only = serializers.value.iter().all(|name| is_batched(name.value));
            if serializers.value.is_empty() {
                let text = "`serializers` names none, and one is needed";
                section.error(serializers.at, text);
            } else if batched_only && self.speaks(Transport::RawSocket) {
                let text = "RawSocket has no batches: name a serializer without `.batched`, or \
                            leave rawsocket out of `transports`";
                section.error(serializers.at, text);
            }
            let names = serializers.value.into_iter();
            self.serializers = names.map(|name| name.value.to_owned()).collect();
        }
        let fallback = section.choice("fallback_serializer", &known);
        self.fallback_serializer = fallback.map(|name| name.value.to_owned());
    }

    /// Whether both WebSocket and RawSocket are spoken there.
    pub(in crate::router) fn speaks_both(&self) -> bool {
        self.speaks(Transport::WebSocket) && self.speaks(Transport::RawSocket)
    }

    fn speaks(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }

    pub(in crate::router) fn is_unix(&self) -> bool {
        self.address.value.starts_with(UNIX)
    }

    /// What is spoken there, in the words of the file.
    pub(in crate::router) fn transports(&self) -> Vec<&'static str> {
        let names = self.transports.iter().map(|transport| match transport {
            Transport::WebSocket => "websocket",
            Transport::RawSocket => "rawsocket",
        });
        names.collect()
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = ListenLimits::default();
        Self {
            connections: limits.connections,
            handshakes: limits.handshakes,
            handshake_timeout: limits.handshake_timeout,
            rate: limits.rate,
        }
    }
}

impl LimitsConfig {
    fn read(&mut self, section: &mut Section<'_>) {
        set(
            &mut self.connections,
            section.count("connections", &CONNECTIONS),
        );
        set(
            &mut self.handshakes,
            section.count("handshakes", &CONNECTIONS),
        );
        self.rate = read_rate(section);
    }
}

impl TlsConfig {
    pub(in crate::router) const fn new(cert: Located<PathBuf>, key: PathBuf) -> Self {
        Self {
            cert,
            key,
            min_version: TlsVersion::V1_2,
        }
    }

    fn read(section: &mut Section<'_>, folder: &Path) -> Option<Self> {
        let cert = section.text("cert");
        let cert = section.required("cert", cert);
        let key = section.text("key");
        let key = section.required("key", key);
        let versions = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];
        let min_version = section.choice("min_version", &versions);
        let cert = cert?.map(|cert| within(folder, &cert));
        let mut config = Self::new(cert, within(folder, &key?.value));
        set(
            &mut config.min_version,
            min_version.map(|version| version.value),
        );
        Some(config)
    }
}

impl WebSocketPart {
    fn read(&mut self, section: &mut Section<'_>) {
        self.max_frame_size = section.size("max_frame_size", &MESSAGE);
        set(
            &mut self.read_buffer_size,
            section.size("read_buffer_size", &BUFFER),
        );
        set(
            &mut self.write_buffer_size,
            section.size("write_buffer_size", &BUFFER),
        );
    }
}

impl RawSocketPart {
    fn read(&mut self, section: &mut Section<'_>) {
        set(
            &mut self.min_peer_message_size,
            section.size("min_peer_message_size", &MESSAGE),
        );
        set(
            &mut self.write_buffer_size,
            section.size("write_buffer_size", &BUFFER),
        );
        set(&mut self.ping_unknown, section.flag("ping_unknown"));
        set(&mut self.extended_length, section.flag("extended_length"));
    }
}

/// Reads `rate`, how many in a second, and `burst`, how many at once.
pub(super) fn read_rate(section: &mut Section<'_>) -> Option<Rate> {
    let number = 1..=1_000_000_000;
    let rate = section.count("rate", &number);
    let burst = section.count("burst", &number);
    let as_u32 = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let Some(rate) = rate else {
        if burst.is_some() {
            section.error(
                section.at,
                "`burst` needs a `rate`: how many there may be in a second",
            );
        }
        return None;
    };
    let rate = Rate::per_second(as_u32(rate));
    Some(burst.map_or(rate, |burst| rate.burst(as_u32(burst))))
}

/// Whether it has the form of an `Origin` header.
fn is_origin(text: &str) -> bool {
    text == "null"
        || text.split_once("://").is_some_and(|(scheme, rest)| {
            !scheme.is_empty() && !rest.is_empty() && !rest.contains('/')
        })
}

fn is_batched(name: &str) -> bool {
    name.ends_with(".batched")
}

fn values<T>(located: Located<Vec<Located<T>>>) -> Vec<T> {
    located.value.into_iter().map(|item| item.value).collect()
}

/// The names of all that the library has, in the order in which it prefers them.
fn serializers() -> Vec<String> {
    let all = wamp::websocket::default_serializers();
    all.iter().map(|one| one.name().into_owned()).collect()
}

/// From what RawSocket can say to what a message may ever be.
pub(in crate::router) const MESSAGE: RangeInclusive<usize> = 512..=1 << 30;
const BUFFER: RangeInclusive<usize> = 512..=16 << 20;
const CONNECTIONS: RangeInclusive<usize> = 1..=16_777_216;
