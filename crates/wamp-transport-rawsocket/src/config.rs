//! The limits and times of a connection.

use std::time::Duration;

use crate::handshake::MaxLength;

/// The limits and times of a RawSocket connection.
///
/// # Pings
///
/// RawSocket has PINGs, and a peer must answer them. Autobahn|Python and Crossbar.io do not: on
/// Twisted a PING is taken for a message that is too long, and on asyncio it raises an error that
/// says it is not implemented; both drop the connection over it. Nor do wamp_async and xconn-rust
/// answer. Nothing in the handshake tells who is there. So a PING is sent only to a peer
/// that has shown that it knows them, by a PING or PONG of its own, unless
/// [`ping_unknown`](Self::ping_unknown) is set. Two peers that both wait for the other send none:
/// where all clients are known to answer (those of this project, nexus, xconn-go, CppWAMP and
/// Autobahn|JS do), set it on one side, and the other joins in.
///
/// A peer that never gets a PING, and is gone without having closed its connection, is found by
/// what is below: on an idle connection by the keep-alive of TCP, which `wamp-net` sets on what it
/// dials and accepts, and which takes two minutes; on another one when TCP gives up sending again
/// what is never acknowledged, which may take a quarter of an hour. Over a stream of one's own one
/// sees to that oneself.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RawSocketConfig {
    /// How long a message may be that is accepted, in octets, 512 to 2^24; rounded up to a power
    /// of two, because the handshake has no other. 2^24 (16 MiB).
    ///
    /// The peer is told, and one that sends a longer one is disconnected as soon as the header of
    /// its frame shows it. How long a message may be that is sent, the peer tells.
    pub max_message_size: usize,
    /// How much is gathered before it is written without a flush, in octets. 16 KiB.
    ///
    /// No more than this and one message waits here; then the transport is not ready.
    pub write_buffer_size: usize,
    /// How often a peer that [may be](Self#pings) is sent a PING; `None` is never. 20 s.
    ///
    /// That is less than the time after which common proxies and address translators forget a
    /// connection on which nothing is sent.
    pub ping_interval: Option<Duration>,
    /// How long after a PING the connection is lost if nothing at all arrives. 20 s.
    ///
    /// Any octet counts, and a PING that waits behind octets which the peer still takes is waited
    /// for.
    pub pong_timeout: Duration,
    /// Whether PINGs are sent to a peer too that has not shown that it [knows them](Self#pings).
    /// `false`.
    pub ping_unknown: bool,
    /// How long closing may take: until the peer has taken what waits, and closes too. 5 s.
    pub close_timeout: Duration,
    /// Whether a message of exactly 2^24 octets may be sent, to a peer that accepts as much.
    /// `false`: the longest has one octet less.
    ///
    /// It has a frame header of its own, which hardly a peer knows beside those of this project.
    /// Such a message is received whatever is set here.
    pub extended_length: bool,
}

impl Default for RawSocketConfig {
    fn default() -> Self {
        Self {
            max_message_size: 1 << 24,
            write_buffer_size: 16 << 10,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            ping_unknown: false,
            close_timeout: Duration::from_secs(5),
            extended_length: false,
        }
    }
}

impl RawSocketConfig {
    /// Sets [`max_message_size`](Self::max_message_size).
    #[must_use]
    pub const fn max_message_size(mut self, octets: usize) -> Self {
        self.max_message_size = octets;
        self
    }

    /// Sets [`write_buffer_size`](Self::write_buffer_size).
    #[must_use]
    pub const fn write_buffer_size(mut self, octets: usize) -> Self {
        self.write_buffer_size = octets;
        self
    }

    /// Sets [`ping_interval`](Self::ping_interval).
    #[must_use]
    pub const fn ping_interval(mut self, interval: Option<Duration>) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Sets [`pong_timeout`](Self::pong_timeout).
    #[must_use]
    pub const fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.pong_timeout = timeout;
        self
    }

    /// Sets [`ping_unknown`](Self::ping_unknown).
    #[must_use]
    pub const fn ping_unknown(mut self, ping: bool) -> Self {
        self.ping_unknown = ping;
        self
    }

    /// Sets [`close_timeout`](Self::close_timeout).
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Sets [`extended_length`](Self::extended_length).
    #[must_use]
    pub const fn extended_length(mut self, allow: bool) -> Self {
        self.extended_length = allow;
        self
    }

    /// What the peer is told of how long a message may be.
    pub(crate) const fn max_length(&self) -> MaxLength {
        MaxLength::covering(self.max_message_size)
    }

    /// How long a message may be that is sent to a peer that accepts so much.
    pub(crate) fn max_sent(&self, peer: MaxLength) -> usize {
        if self.extended_length {
            peer.octets()
        } else {
            peer.octets().min(MaxLength::MAX.octets() - 1)
        }
    }
}
