//! A stream that notes what moves on it: whether anything does, for the heartbeat, and how much.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wamp_core::Octets;
use wamp_net::heartbeat::Traffic;

/// A stream, whether octets came and went since somebody last looked, and how many there were.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    pub(crate) traffic: Traffic,
    pub(crate) octets: Octets,
}

impl<S> Metered<S> {
    /// Takes a stream of which so many octets were read already.
    pub(crate) fn new(stream: S, read: usize) -> Self {
        Self {
            stream,
            traffic: Traffic::default(),
            octets: Octets {
                received: read as u64,
                sent: 0,
            },
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len().saturating_sub(before);
        self.traffic.read |= read > 0;
        self.octets.received += read as u64;
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = polled {
            self.traffic.written |= written > 0;
            self.octets.sent += written as u64;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
