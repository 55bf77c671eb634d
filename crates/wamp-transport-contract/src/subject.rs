//! What the author of a transport says of it, so that it can be tested.

use std::future::Future;
use std::time::Duration;

use wamp_core::Transport;

use crate::end::End;
use crate::pipe::{Pipe, pipe};

/// A transport whose contract is tested: how both of its ends are opened.
///
/// A transport over a stream of octets implements [`StreamSubject`] instead, and has this by it.
pub trait Subject {
    /// Opens both ends, connected with each other.
    ///
    /// It panics if that fails: then there is nothing to be tested.
    fn open(&self, options: &Options) -> impl Future<Output = Ends>;
}

/// A transport over a stream of octets: how both of its ends are opened over a given pipe.
///
/// So the tests can do to the octets what networks do.
pub trait StreamSubject {
    /// Opens both ends, each over its end of a pipe, with the handshake if there is one.
    ///
    /// The pipe works until they are open, though perhaps slowly. It panics if that fails.
    fn open_over(
        &self,
        client: Pipe,
        server: Pipe,
        options: &Options,
    ) -> impl Future<Output = Ends>;
}

impl<S: StreamSubject> Subject for S {
    async fn open(&self, options: &Options) -> Ends {
        let (client, server, _) = pipe();
        self.open_over(client, server, options).await
    }
}

/// Both ends of a transport.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a transport has two ends")]
pub struct Ends {
    /// The end that connected.
    pub client: End,
    /// The end that accepted.
    pub server: End,
}

impl Ends {
    /// Takes both ends. Where they do not differ, either is the client.
    pub fn new(client: impl Transport, server: impl Transport) -> Self {
        Self {
            client: End::new(client),
            server: End::new(server),
        }
    }
}

/// How a transport is to be opened. Where it says nothing, the defaults of the transport hold.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// What the client is to do.
    pub client: EndOptions,
    /// What the server is to do.
    pub server: EndOptions,
}

impl Options {
    /// The same for both ends.
    pub fn both(options: EndOptions) -> Self {
        Self {
            client: options.clone(),
            server: options,
        }
    }

    /// The same with the ends exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            client: self.server,
            server: self.client,
        }
    }
}

/// What one end is to do.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EndOptions {
    /// How long a message may be that this end receives and sends, in octets: a power of two, not
    /// less than 512. It is set only by the rules of [`limits`](crate::rules::limits).
    pub max_len: Option<usize>,
    /// Whether and when pings are sent. `None` is no pings at all, so that nothing happens on an
    /// idle connection. It is set only by the rules of [`pings`](crate::rules::pings).
    pub pings: Option<Pings>,
}

impl EndOptions {
    /// Sets [`max_len`](Self::max_len).
    #[must_use]
    pub const fn max_len(mut self, octets: usize) -> Self {
        self.max_len = Some(octets);
        self
    }

    /// Sets [`pings`](Self::pings).
    #[must_use]
    pub const fn pings(mut self, pings: Pings) -> Self {
        self.pings = Some(pings);
        self
    }
}

/// When pings are sent, and how long an answer may take.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "a heartbeat has two times")]
pub struct Pings {
    /// How long after the last sign of life at most a ping is sent.
    pub interval: Duration,
    /// How long after a ping the peer is lost that gave no sign of life.
    pub timeout: Duration,
}
