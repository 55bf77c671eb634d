//! What `--check` says: a configuration as it was understood.

use std::fmt::Write;
use std::path::Path;

use super::config::{Config, ListenerConfig};
use super::value::show_size;
use crate::error::Failure;
use crate::output::Stdout;

/// Prints what there would be.
pub(super) async fn print(config: &Config, file: Option<&Path>) -> Result<(), Failure> {
    let mut text = String::new();
    for listener in &config.listeners {
        let _ = writeln!(
            text,
            "listener {}: {}",
            listener.address.value,
            describe(listener)
        );
    }
    if let Some(http) = &config.http {
        let _ = writeln!(text, "http {}: /health and /metrics", http.value);
    }
    for realm in &config.realms {
        let _ = writeln!(text, "realm {}: {}", realm.name.value, realm.who());
        for rule in realm.rules() {
            let _ = writeln!(text, "  {rule}");
        }
    }
    let subject = file.map_or_else(|| "it".to_owned(), |file| file.display().to_string());
    let _ = writeln!(text, "{subject} is in order");
    Stdout::new().write(text.as_bytes()).await
}

fn describe(listener: &ListenerConfig) -> String {
    let tls = match &listener.tls {
        Some(tls) => format!("TLS with {}", tls.cert.value.display()),
        None => "no TLS".to_owned(),
    };
    let limits = &listener.limits;
    format!(
        "{}, {tls}, up to {} connections, messages up to {}",
        listener.transports().join(" and "),
        limits.connections,
        show_size(listener.max_message_size),
    )
}
