//! One port for several protocols: the first octet tells which is spoken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Reads the first octet of a connection, which tells what the client speaks.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use wamp_net::{Spoken, sniff};
///
/// let (mut client, server) = tokio::io::duplex(64);
/// client.write_all(b"GET /ws HTTP/1.1\r\n").await?;
///
/// let (spoken, mut stream) = sniff(server).await?;
/// assert_eq!(spoken, Spoken::Http);
/// // Nothing is lost: the stream still begins with what was read.
/// let mut method = [0; 3];
/// stream.read_exact(&mut method).await?;
/// assert_eq!(&method, b"GET");
/// # Ok(())
/// # }
/// ```
///
/// It waits as long as the client says nothing; bound it by [`Permit::within`](crate::Permit::within)
/// or another deadline. Dropping the future drops the stream.
///
/// # Errors
///
/// The client closed the connection before it said anything (of kind `UnexpectedEof`), or the
/// connection failed.
pub async fn sniff<S>(mut stream: S) -> io::Result<(Spoken, Peeked<S>)>
where
    S: AsyncRead + Unpin,
{
    let mut first = [0];
    if stream.read(&mut first).await? == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the client closed the connection before it said anything",
        ));
    }
    let [first] = first;
    let spoken = match first {
        RAWSOCKET_MAGIC => Spoken::RawSocket,
        _ => Spoken::Http,
    };
    let first = Some(first);
    Ok((spoken, Peeked { first, stream }))
}

/// What a client speaks, as far as the first octet tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "what is not the one is taken for the other"
)]
pub enum Spoken {
    /// HTTP, or what is to be answered as if it were.
    Http,
    /// RawSocket: the octet is `0x7F`, which begins no HTTP request.
    RawSocket,
}

/// A stream whose first octet was read already, and comes first again.
#[derive(Debug)]
pub struct Peeked<S> {
    first: Option<u8>,
    stream: S,
}

impl<S> Peeked<S> {
    /// The stream below. Its first octet is not there any more.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Peeked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(first) = self.first
            && buf.remaining() > 0
        {
            buf.put_slice(&[first]);
            self.first = None;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Peeked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What every RawSocket connection begins with (Advanced Profile, "RawSocket Transport").
const RAWSOCKET_MAGIC: u8 = 0x7f;
