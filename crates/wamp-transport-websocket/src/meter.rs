//! A stream that notes what moves on it: whether anything does, for the heartbeat, and how much. And
//! it reads ahead, so that the buffer which the WebSocket keeps can be small.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wamp_core::Octets;
use wamp_net::heartbeat::Traffic;

/// A stream, whether octets came and went since somebody last looked, and how many there were.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    pub(crate) traffic: Traffic,
    pub(crate) octets: Octets,
    /// What was read and not asked for yet; nothing is kept when there is none.
    ahead: Bytes,
}

/// How much is read at once. It stands on the stack while it is read.
const READ: usize = 16 << 10;

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
            ahead: Bytes::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let len = buf.remaining().min(self.ahead.len());
            buf.put_slice(&self.ahead[..len]);
            self.ahead.advance(len);
            if self.ahead.is_empty() {
                self.ahead = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        if buf.remaining() >= READ {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            let len = buf.filled().len().saturating_sub(before);
            self.traffic.read |= len > 0;
            self.octets.received += len as u64;
            return Poll::Ready(Ok(()));
        }
        let mut place = [const { MaybeUninit::uninit() }; READ];
        let mut read = ReadBuf::uninit(&mut place);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        let octets = read.filled();
        let (first, rest) = octets.split_at(buf.remaining().min(octets.len()));
        buf.put_slice(first);
        if !rest.is_empty() {
            self.ahead = Bytes::copy_from_slice(rest);
        }
        self.traffic.read |= !octets.is_empty();
        self.octets.received += octets.len() as u64;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        match polled {
            Poll::Ready(Ok(written)) => {
                self.traffic.wrote(written);
                self.octets.sent += written as u64;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.traffic.full = true,
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_comes_in_order_and_is_not_kept() {
        let octets: Vec<u8> = (0..3 * READ + 5).map(|n| (n % 251) as u8).collect();
        for at_once in [1_000, READ - 1, READ, 2 * READ] {
            let mut stream = Metered::new(&octets[..], 0);
            let mut read = Vec::new();
            let mut place = vec![0; at_once];
            loop {
                match stream.read(&mut place).await.unwrap() {
                    0 => break,
                    len => read.extend_from_slice(&place[..len]),
                }
            }
            assert!(read == octets, "{at_once}");
            assert_eq!(stream.octets.received, octets.len() as u64);
            assert!(stream.ahead.is_empty());
        }
    }
}
