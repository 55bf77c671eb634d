//! SIGHUP: the configuration is read again, and what has changed is changed in the running router.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use wamp::net::Listener;

use super::config::{Config, ListenerConfig, Loaded, LogConfig, RouterConfig};
use super::document::{Problem, Severity};
use super::http::HttpServer;
use super::serving::{self, Listening, Serving};
use super::{located, warn};
use crate::output;

/// The signals that ask for the configuration to be read again, or for the end if there is none.
#[derive(Debug)]
pub(super) struct Hangups {
    #[cfg(unix)]
    signals: Option<Signal>,
    #[cfg(unix)]
    file: Option<PathBuf>,
}

impl Hangups {
    /// Begins to wait for them. Without a file to read, one comes when the terminal is gone; `nohup`
    /// has it ignored, and that holds.
    #[cfg(unix)]
    pub(super) fn new(file: Option<&Path>) -> io::Result<Self> {
        let is_awaited = file.is_some() || !may_be_ignored();
        let signals = is_awaited.then(|| signal(SignalKind::hangup()));
        Ok(Self {
            signals: signals.transpose()?,
            file: file.map(Path::to_owned),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn new(_file: Option<&Path>) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one; returns the file to read, if there is one. Dropping the future loses
    /// none.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Option<PathBuf> {
        if let Some(signal) = &mut self.signals
            && signal.recv().await.is_some()
        {
            return self.file.clone();
        }
        std::future::pending().await
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Option<PathBuf> {
        std::future::pending().await
    }
}

/// Whether the process was started with SIGHUP ignored, as far as that can be known. Where it cannot
/// be, the signal is left to do what it does.
#[cfg(unix)]
fn may_be_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut masks = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigIgn:"));
    let mask = masks
        .next()
        .map(|mask| u64::from_str_radix(mask.trim(), 16));
    // SIGHUP is 1, the lowest bit.
    !matches!(mask, Some(Ok(mask)) if mask & 1 == 0)
}

/// Reads the file again, beside everything else.
pub(super) async fn load(file: &Path) -> Result<Loaded, Vec<Problem>> {
    let file = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || Config::load(&file));
    reading
        .await
        .unwrap_or_else(|error| Err(vec![Problem::whole(Severity::Error, error.to_string())]))
}

/// Changes what has changed. If anything in the file is wrong, or cannot be had, nothing is.
pub(super) async fn reload(
    serving: &mut Serving,
    file: &Path,
    loaded: Result<Loaded, Vec<Problem>>,
) {
    let path = file.display();
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in &problems {
                tracing::error!("{}", located(Some(file), problem));
            }
            return tracing::error!(config = %path, "the configuration was not changed");
        }
    };
    let bound = match bind(serving, &loaded.config).await {
        Ok(bound) => bound,
        Err(error) => {
            return tracing::error!(config = %path, error, "the configuration was not changed");
        }
    };
    warn(&loaded.warnings, Some(file));
    let mut changes = Changes::default();
    apply(serving, loaded, bound, &mut changes).await;
    for setting in &changes.postponed {
        tracing::warn!(config = %path, setting, "needs a restart to change");
    }
    let (changed, added, removed) = (
        changes.changed.join(", "),
        changes.added.join(", "),
        changes.removed.join(", "),
    );
    let certificates = changes.certificates;
    tracing::info!(config = %path, added, changed, removed, certificates, "the configuration was read again");
}

/// What a reload has done, in the words of the file.
#[derive(Debug, Default)]
struct Changes {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    /// How many certificates were read again.
    certificates: usize,
    /// What could not be changed.
    postponed: Vec<String>,
}

/// What was bound before anything was changed.
#[derive(Debug)]
struct Bound {
    /// For each listener of the new configuration.
    listeners: Vec<Place>,
    /// `Some` where there is another one to be than there is.
    http: Option<Option<HttpServer>>,
}

#[derive(Debug)]
enum Place {
    /// It listens already, in this place of those that do.
    Kept(usize),
    New(Box<Listener>),
}

/// Binds what is new.
async fn bind(serving: &Serving, config: &Config) -> Result<Bound, String> {
    let mut free: Vec<_> = serving.config.listeners.iter().map(Some).collect();
    let mut listeners = Vec::new();
    for listener in &config.listeners {
        let same =
            |old: &Option<&ListenerConfig>| old.is_some_and(|old| old.address == listener.address);
        match free.iter().position(same) {
            Some(place) => {
                free[place] = None;
                listeners.push(Place::Kept(place));
            }
            None => listeners.push(Place::New(Box::new(serving::bind(listener).await?))),
        }
    }
    let http = if serving.config.http == config.http {
        None
    } else {
        Some(match &config.http {
            Some(address) => {
                let listener = serving::bind_http(&address.value).await?;
                Some(HttpServer::start(listener, Arc::clone(&serving.status))?)
            }
            None => None,
        })
    };
    Ok(Bound { listeners, http })
}

/// Changes what has changed. Nothing of it can fail.
async fn apply(serving: &mut Serving, loaded: Loaded, bound: Bound, changes: &mut Changes) {
    let Loaded {
        mut config,
        certificates,
        ..
    } = loaded;
    apply_log(&serving.config.log, &mut config.log, changes);
    apply_realms(serving, &config, changes);
    apply_router(&serving.config.router, &mut config.router, changes);
    if let Some(http) = bound.http {
        changes.changed.push("http".to_owned());
        if let Some(before) = std::mem::replace(&mut serving.http, http) {
            before.stop().await;
        }
    }
    serving::raise_limit(&serving.config.listeners, &config.listeners);
    let mut old: Vec<_> = std::mem::take(&mut serving.listeners)
        .into_iter()
        .zip(std::mem::take(&mut serving.config.listeners))
        .map(Some)
        .collect();
    for ((listener, place), tls) in config
        .listeners
        .iter_mut()
        .zip(bound.listeners)
        .zip(certificates)
    {
        let address = listener.address.value.clone();
        match place {
            Place::Kept(place) => {
                if let Some((listening, before)) = old.get_mut(place).and_then(Option::take) {
                    if let (Some(running), Some(new)) = (&listening.tls, &tls) {
                        running.replace(new);
                        changes.certificates += 1;
                    }
                    apply_listener(&listening, &before, listener, changes);
                    serving.listeners.push(listening);
                }
            }
            Place::New(socket) => {
                changes.certificates += usize::from(tls.is_some());
                match serving::serve(&serving.router, listener, *socket, tls).await {
                    Ok(listening) => serving.listeners.push(listening),
                    // It is bound, and something is spoken there.
                    Err(error) => tracing::error!(address, error, "a listener cannot be used"),
                }
                changes.added.push(format!("listener {address}"));
            }
        }
    }
    for (Listening { server, .. }, config) in old.into_iter().flatten() {
        changes
            .removed
            .push(format!("listener {}", config.address.value));
        // Its address may be asked for by the next reload.
        server.stop().await;
    }
    let metrics = serving::collect(&serving.router, &serving.listeners);
    serving.status.collect(metrics);
    serving.config = config;
}

fn apply_log(before: &LogConfig, now: &mut LogConfig, changes: &mut Changes) {
    if before.level != now.level {
        output::set_log(now.level(), before.format);
        changes.changed.push("log.level".to_owned());
    }
    if before.format != now.format {
        changes.postponed.push("log.format".to_owned());
        now.format = before.format;
    }
}

fn apply_realms(serving: &Serving, config: &Config, changes: &mut Changes) {
    for realm in &config.realms {
        let mut known = serving.config.realms.iter();
        let before = known.find(|known| known.name == realm.name);
        if before == Some(realm) {
            continue;
        }
        serving.router.set_realm(realm.to_realm());
        let list = match before {
            Some(_) => &mut changes.changed,
            None => &mut changes.added,
        };
        list.push(format!("realm {}", realm.name.value));
    }
    for realm in &serving.config.realms {
        let name = &*realm.name.value;
        if config.realms.iter().any(|kept| kept.name == realm.name) {
            continue;
        }
        let sessions = serving.router.session_count(name);
        serving.router.remove_realm(name);
        tracing::warn!(
            realm = name,
            sessions,
            "a realm was removed, its sessions end"
        );
        changes.removed.push(format!("realm {name}"));
    }
}

/// Says which settings of the router have changed and cannot be: then the old ones hold.
fn apply_router(before: &RouterConfig, now: &mut RouterConfig, changes: &mut Changes) {
    let mut postpone = |is_same: bool, name: &str| {
        if !is_same {
            changes.postponed.push(format!("router.{name}"));
        }
    };
    postpone(before.default_realm == now.default_realm, "default_realm");
    postpone(before.agent == now.agent, "agent");
    postpone(
        before.handshake_timeout == now.handshake_timeout,
        "handshake_timeout",
    );
    postpone(
        before.closing_timeout == now.closing_timeout,
        "closing_timeout",
    );
    postpone(before.outbox_mark == now.outbox_mark, "outbox.mark");
    postpone(
        before.outbox_reserve == now.outbox_reserve,
        "outbox.reserve",
    );
    if before.shutdown_timeout != now.shutdown_timeout {
        changes.changed.push("router.shutdown_timeout".to_owned());
    }
    *now = RouterConfig {
        shutdown_timeout: now.shutdown_timeout,
        ..before.clone()
    };
}

/// Changes a listener that stays, and says what about it cannot be changed.
fn apply_listener(
    listening: &Listening,
    before: &ListenerConfig,
    now: &mut ListenerConfig,
    changes: &mut Changes,
) {
    let address = now.address.value.clone();
    let mut postpone = |is_same: bool, what: &str| {
        if !is_same {
            changes
                .postponed
                .push(format!("{what} of listener {address}"));
        }
    };
    postpone(before.tls.is_some() == now.tls.is_some(), "tls");
    postpone(before.mode == now.mode, "mode");
    now.mode = before.mode;
    if before.tls.is_some() != now.tls.is_some() {
        now.tls.clone_from(&before.tls);
    }
    if before == now {
        return;
    }
    listening.server.set_limits(&now.limits.to_limits());
    // Something is spoken there: that was checked.
    if let Err(error) = listening.server.set_options(now.options()) {
        tracing::error!(address, %error, "a listener was not changed");
    }
    changes.changed.push(format!("listener {address}"));
}
