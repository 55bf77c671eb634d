//! The limits and times of a connection.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocketConfig as TungsteniteConfig;

/// The limits and times of a WebSocket connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebSocketConfig {
    /// How long a message may be, in octets: one that is received (a longer one closes the
    /// connection with code 1009) and one that is sent (a longer one is undeliverable). 16 MiB.
    pub max_message_size: usize,
    /// How long a single frame of a received message may be, in octets. 16 MiB.
    pub max_frame_size: usize,
    /// How long the buffer is that is kept for each connection to be read into, in octets. 2 KiB.
    ///
    /// It grows with longer messages, and one that is kept keeps the buffer that it was read into.
    /// What has come is read 16 KiB at once where this is less.
    pub read_buffer_size: usize,
    /// How much is gathered before it is written without a flush, in octets. 16 KiB.
    ///
    /// No more than this and one message waits here; then the transport is not ready.
    pub write_buffer_size: usize,
    /// How often the peer is sent a ping; `None` is never. 20 s.
    ///
    /// That is less than the time after which common proxies and address translators forget a
    /// connection on which nothing is sent.
    pub ping_interval: Option<Duration>,
    /// How long after a ping the connection is lost if nothing at all arrives. 20 s.
    ///
    /// Any octet counts, so that a long message does not delay its own peer's death sentence; and
    /// a ping that waits behind octets which the peer still takes is waited for.
    pub pong_timeout: Duration,
    /// How long closing may take: until the peer answers the close frame, and has taken ours. 5 s.
    pub close_timeout: Duration,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            max_message_size: 16 << 20,
            max_frame_size: 16 << 20,
            read_buffer_size: 2 << 10,
            write_buffer_size: 16 << 10,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
        }
    }
}

impl WebSocketConfig {
    /// Sets [`max_message_size`](Self::max_message_size).
    #[must_use]
    pub const fn max_message_size(mut self, octets: usize) -> Self {
        self.max_message_size = octets;
        self
    }

    /// Sets [`max_frame_size`](Self::max_frame_size).
    #[must_use]
    pub const fn max_frame_size(mut self, octets: usize) -> Self {
        self.max_frame_size = octets;
        self
    }

    /// Sets [`read_buffer_size`](Self::read_buffer_size).
    #[must_use]
    pub const fn read_buffer_size(mut self, octets: usize) -> Self {
        self.read_buffer_size = octets;
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

    /// Sets [`close_timeout`](Self::close_timeout).
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// How long a batch of several messages may get. Peers have limits that they do not tell.
    pub(crate) fn max_batch_size(&self) -> usize {
        self.max_message_size.min(64 << 10)
    }

    pub(crate) fn to_tungstenite(&self) -> TungsteniteConfig {
        // When the transport is ready no more waits than the write buffer. To that comes a batch
        // that waited for a flush, one message, and control frames. Were this too little, a
        // message would be refused; were it unbounded, a defect here could eat the memory.
        let max_write_buffer_size = self
            .write_buffer_size
            .saturating_add(self.max_batch_size())
            .saturating_add(self.max_message_size)
            .saturating_add(64 << 10);
        TungsteniteConfig::default()
            .read_buffer_size(self.read_buffer_size)
            .write_buffer_size(self.write_buffer_size.min(usize::MAX - 1))
            .max_write_buffer_size(max_write_buffer_size)
            .max_message_size(Some(self.max_message_size))
            .max_frame_size(Some(self.max_frame_size))
    }
}
