//! The router as it runs: its listeners, and what answers by HTTP.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use wamp::net::tls::ServerTls;
use wamp::net::{ListenError, Listener, raise_file_limit};
use wamp::prometheus::Collector;
use wamp::{Router, Server};

use super::config::{Config, LimitsConfig, ListenerConfig, Loaded};
use super::http::{HttpServer, Status};
use crate::args::LogFormat;
use crate::error::Failure;
use crate::output;

/// A router that runs.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) router: Router,
    /// What holds. It is not all that the file says if that asks for what needs a restart.
    pub(super) config: Config,
    /// In the order of those in the configuration.
    pub(super) listeners: Vec<Listening>,
    pub(super) http: Option<HttpServer>,
    pub(super) status: Arc<Status>,
}

/// A listener that accepts.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) server: Server,
    pub(super) tls: Option<ServerTls>,
}

impl Serving {
    /// Listens and serves.
    pub(super) async fn start(loaded: Loaded) -> Result<Self, Failure> {
        let Loaded {
            config,
            certificates,
            ..
        } = loaded;
        raise_limit(&[], &config.listeners);
        // Nobody is served as long as it may fail.
        let mut bound = Vec::new();
        for listener in &config.listeners {
            bound.push(bind(listener).await.map_err(Failure::new)?);
        }
        let http = match &config.http {
            Some(address) => Some(bind_http(&address.value).await.map_err(Failure::new)?),
            None => None,
        };
        let router = config.build();
        let mut listeners = Vec::new();
        for ((config, listener), tls) in config.listeners.iter().zip(bound).zip(certificates) {
            let listening = serve(&router, config, listener, tls).await;
            listeners.push(listening.map_err(Failure::new)?);
        }
        let status = Arc::new(Status::new(collect(&router, &listeners)));
        let http = http.map(|listener| HttpServer::start(listener, Arc::clone(&status)));
        Ok(Self {
            router,
            config,
            listeners,
            http: http.transpose().map_err(Failure::new)?,
            status,
        })
    }

    /// Says where it listens, what there is, and how it is ended.
    pub(super) fn announce(&self, format: LogFormat, file: Option<&Path>) {
        match format {
            LogFormat::Text => self.note(file),
            LogFormat::Json => self.log(),
        }
    }

    fn note(&self, file: Option<&Path>) {
        for (url, rawsocket) in self.urls() {
            match rawsocket {
                Some(rawsocket) => output::note(format_args!("listening on {url} and {rawsocket}")),
                None => output::note(format_args!("listening on {url}")),
            }
        }
        if let Some(http) = &self.http {
            let url = http.url();
            output::note(format_args!("watched at {url}/health and {url}/metrics"));
        }
        for realm in &self.config.realms {
            output::note(format_args!("realm {}: {}", realm.name.value, realm.who()));
        }
        match file {
            Some(file) => output::note(format_args!(
                "ready; Ctrl-C ends it, SIGHUP reads {} again",
                file.display()
            )),
            None => output::note("ready; Ctrl-C ends it"),
        }
    }

    fn log(&self) {
        for (url, rawsocket) in self.urls() {
            tracing::info!(url, rawsocket, "listening");
        }
        if let Some(http) = &self.http {
            tracing::info!(url = http.url(), "answering by HTTP");
        }
        for realm in &self.config.realms {
            tracing::info!(
                realm = realm.name.value,
                who = realm.who(),
                "serving a realm"
            );
        }
        tracing::info!("ready");
    }

    /// The URL of each listener, and that for RawSocket if both transports are spoken.
    fn urls(&self) -> impl Iterator<Item = (String, Option<String>)> {
        let listeners = self.listeners.iter().zip(&self.config.listeners);
        listeners.map(|(Listening { server, .. }, config)| {
            let rawsocket = config.speaks_both().then(|| server.rawsocket_url());
            (server.url(), rawsocket)
        })
    }

    /// Begins to end in order; the future is ready when all sessions are gone, or have taken too
    /// long.
    pub(super) fn shutdown(self) -> impl Future<Output = ()> {
        self.status.end();
        async move {
            // All of it stays until then: HTTP tells that it ends.
            let serving = self;
            let deadline = serving.config.router.shutdown_timeout;
            serving.router.shutdown(deadline).await;
        }
    }
}

/// Listens as configured; an error says what to do.
pub(super) async fn bind(config: &ListenerConfig) -> Result<Listener, String> {
    config.bind().await.map_err(|error| explain(&error))
}

/// Serves those who connect to a listener.
pub(super) async fn serve(
    router: &Router,
    config: &ListenerConfig,
    listener: Listener,
    tls: Option<ServerTls>,
) -> Result<Listening, String> {
    let mut listen = router
        .serve(listener)
        .limits(config.limits.to_limits())
        .options(config.options());
    if let Some(tls) = &tls {
        listen = listen.tls(tls.clone());
    }
    let server = listen.await.map_err(|error| explain(&error))?;
    Ok(Listening { server, tls })
}

/// Listens for HTTP. Nobody is answered yet.
pub(super) async fn bind_http(address: &str) -> Result<Listener, String> {
    Listener::bind(address)
        .await
        .map_err(|error| explain(&error))
}

/// What Prometheus is told of.
pub(super) fn collect(router: &Router, listeners: &[Listening]) -> Collector {
    let servers = listeners.iter().map(|listening| &listening.server);
    servers.fold(Collector::new(router), Collector::server)
}

/// Why there is no listening, and what to do about it.
fn explain(error: &ListenError) -> String {
    if let ListenError::Bind { address, error } = error {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program listens there, or this one: end it, or take another address"
            }
            ErrorKind::AddrNotAvailable => "this machine has no such address",
            ErrorKind::PermissionDenied if !address.starts_with("unix:") => {
                "ports below 1024 need the capability CAP_NET_BIND_SERVICE, or root"
            }
            _ => "",
        };
        if !hint.is_empty() {
            return format!("{address} cannot be listened on: {hint}");
        }
    }
    error.to_string()
}

/// Lets the process have as many files open as there may be connections. What it cannot have is told
/// if it is more than `before`.
pub(super) fn raise_limit(before: &[ListenerConfig], now: &[ListenerConfig]) {
    if let Err(error) = raise_file_limit(files(now, |_| true)) {
        tracing::debug!("{error}");
    }
    // Nobody asked for the default, which is more than many a machine allows.
    let default = LimitsConfig::default().connections;
    let chosen = |listeners| files(listeners, |limits| limits.connections != default);
    let wanted = chosen(now);
    if wanted > chosen(before)
        && let Err(error) = raise_file_limit(wanted)
    {
        tracing::warn!("{error}");
    }
}

/// How many files the connections of some listeners are, with those that are none.
fn files(listeners: &[ListenerConfig], which: impl Fn(&LimitsConfig) -> bool) -> u64 {
    let limits = listeners.iter().map(|one| &one.limits);
    let connections = limits
        .filter(|limits| which(limits))
        .map(|limits| limits.connections + limits.handshakes);
    connections.sum::<usize>() as u64 + OTHER_FILES
}

/// Those that are no connections: listeners, logs, the runtime's own.
const OTHER_FILES: u64 = 128;
