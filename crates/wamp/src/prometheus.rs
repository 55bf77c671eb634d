//! What a router has counted, for Prometheus.
//!
//! A [`Collector`] is made of a [`Router`] and any of its [`Server`]s. It goes into a
//! [`Registry`] of one's own, beside what else the program counts, or writes the whole answer to a
//! scrape by itself:
//!
//! ```
//! # #[cfg(feature = "websocket")] {
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use wamp::prometheus::Collector;
//! use wamp::{Realm, Router};
//!
//! let router = Router::builder().realm(Realm::new("com.example")).build();
//! let server = router.listen("127.0.0.1:0").await?;
//! let session = wamp::connect(server.url()).realm("com.example").await?;
//!
//! let collector = Collector::new(&router).server(&server);
//! let answer = collector.to_text();
//! assert!(answer.contains("wamp_sessions{realm=\"com.example\"} 1"));
//! assert!(answer.ends_with("# EOF\n"));
//! # drop(session);
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! The answer is of the type [`CONTENT_TYPE`]. Nothing is counted for it: everything is read from
//! the router when it is asked, so that realms may come and go, and their counts with them. The
//! chapter on [running a router](crate::guide::running_a_router#watching-it) has the table of all
//! metrics.
//!
//! Labels are bounded: no client can bring one of its own. Realms and listeners are named by who
//! runs the router, and everything else in its code.

mod encoding;

use std::fmt;

pub use prometheus_client;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
#[cfg(any(feature = "websocket", feature = "rawsocket"))]
use wamp_net::ListenMeter;

use self::encoding::Families;
use crate::Router;
#[cfg(any(feature = "websocket", feature = "rawsocket"))]
use crate::Server;

/// The type of what [`Collector::to_text`] writes, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Tells Prometheus what a router has counted.
///
/// It is a handle, and keeps neither router nor listeners going. Clones tell of the same ones.
#[derive(Debug, Clone)]
pub struct Collector {
    router: Router,
    #[cfg(any(feature = "websocket", feature = "rawsocket"))]
    listeners: Vec<(String, ListenMeter)>,
}

impl Collector {
    /// Collects from a router.
    pub fn new(router: &Router) -> Self {
        Self {
            router: router.clone(),
            #[cfg(any(feature = "websocket", feature = "rawsocket"))]
            listeners: Vec::new(),
        }
    }

    /// Collects from a listener too, whose address is its label.
    #[cfg(any(feature = "websocket", feature = "rawsocket"))]
    #[must_use]
    pub fn server(mut self, server: &Server) -> Self {
        let address = server.address().to_string();
        // Two series of the same labels would spoil the answer.
        self.listeners.retain(|(known, _)| *known != address);
        self.listeners.push((address, server.meter()));
        self
    }

    /// Writes the whole answer to a scrape, in the text format of OpenMetrics.
    pub fn to_text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        // Writing into a string does not fail, and the collector names no exemplars.
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &registry) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }
}

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut families = Families(encoder);
        families.router(&self.router.metrics())?;
        #[cfg(any(feature = "websocket", feature = "rawsocket"))]
        {
            let listeners = self.listeners.iter();
            let counts: Vec<_> = listeners
                .map(|(address, meter)| (address.as_str(), meter.counts()))
                .collect();
            families.listeners(&counts)?;
        }
        Ok(())
    }
}
