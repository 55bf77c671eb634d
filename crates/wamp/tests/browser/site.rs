//! The web server that the page comes from, and that it reports to.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What the page did, and what went wrong with it.
#[derive(Deserialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) failure: Option<String>,
}

/// A server on a port of its own: to the router its pages are those of another origin.
pub(crate) struct Site {
    url: String,
    reports: mpsc::Receiver<String>,
}

impl Site {
    /// Serves the page, with the `bundle` that it loads, for as long as this program runs.
    pub(crate) async fn start(bundle: &Path) -> Result<Self> {
        let bundle = fs::read_to_string(bundle)
            .with_context(|| format!("{} cannot be read", bundle.display()))?;
        let (sender, reports) = mpsc::channel(1);
        let site = Router::new()
            .route("/", get(async || Html(include_str!("page.html"))))
            .route(
                "/page.js",
                get(async || script(include_str!("page.js").to_owned())),
            )
            .route("/autobahn.js", get(async move || script(bundle)))
            .route("/report", post(take))
            .with_state(sender);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, site).into_future());
        Ok(Self { url, reports })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits for what the page has to say at its end.
    pub(crate) async fn report(&mut self) -> Result<Vec<Step>> {
        let report = self.reports.recv().await.context("the site is gone")?;
        serde_json::from_str(&report).with_context(|| format!("no report: {report}"))
    }
}

fn script(text: String) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text)
}

async fn take(State(reports): State<mpsc::Sender<String>>, report: String) {
    // A second report has no one to read it.
    reports.try_send(report).ok();
}
