//! The end of a connection: the last octets arrive, and a peer that is gone is known as such.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// Writes the last octets, closes the outgoing direction, and waits until the peer closes the
/// other one.
///
/// What the peer still sends is read and forgotten: to close a TCP connection over octets that
/// nobody has read resets it, and the peer may lose what was written last. With no octets to write
/// it is a clean end, for a peer to whom there is nothing to say. The stream is of no use after it,
/// and is to be dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use wamp_net::farewell;
///
/// let (mut client, mut server) = tokio::io::duplex(64);
/// let reading = async {
///     client.write_all(b"Hello?").await?;
///     let mut told = String::new();
///     client.read_to_string(&mut told).await?;
///     drop(client);
///     std::io::Result::Ok(told)
/// };
/// let (told, ()) = tokio::join!(reading, farewell(&mut server, b"Wrong door."));
/// assert_eq!(told?, "Wrong door.");
/// # Ok(())
/// # }
/// ```
///
/// It takes a second and 256 KiB of the peer's at most. That the peer left before it was told is no
/// error: there is nobody to tell. Dropping the future leaves the stream wherever it has come to.
pub async fn farewell<S>(stream: &mut S, octets: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let telling = async {
        stream.write_all(octets).await?;
        stream.shutdown().await?;
        let mut rest = stream.take(MAX_LINGER);
        poll_fn(|cx| poll_drain(cx, &mut rest)).await;
        io::Result::Ok(())
    };
    match timeout(LINGER, telling).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a peer left before it was told the last"),
    }
}

/// Reads and forgets. Ready when the peer has closed the stream, or the stream has failed.
///
/// It is the last step of closing, as in [`farewell`], for a transport that does its work in poll
/// methods. It bounds neither the time nor the octets: a peer may send as long as it is polled. It
/// gives the task back now and then, and wakes it at once.
pub fn poll_drain(cx: &mut Context<'_>, stream: &mut (impl AsyncRead + Unpin)) -> Poll<()> {
    for _ in 0..READS_AT_ONCE {
        let mut octets = [0; 4096];
        let mut buffer = ReadBuf::new(&mut octets);
        match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
            Ok(()) if !buffer.filled().is_empty() => {}
            Ok(()) | Err(_) => return Poll::Ready(()),
        }
    }
    // A peer that never stops sending must not keep the task.
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Whether an error says that the peer has closed the connection, though not in order: it was
/// reset, or TLS ended without saying so.
///
/// ```
/// use std::io::{Error, ErrorKind};
///
/// assert!(wamp_net::farewell::is_gone(&Error::from(ErrorKind::ConnectionReset)));
/// assert!(!wamp_net::farewell::is_gone(&Error::from(ErrorKind::TimedOut)));
/// ```
pub fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof
    )
}

/// How long a peer may take to read the last octets.
const LINGER: Duration = Duration::from_secs(1);

/// How much a peer may still send.
const MAX_LINGER: u64 = 256 << 10;

const READS_AT_ONCE: usize = 16;
