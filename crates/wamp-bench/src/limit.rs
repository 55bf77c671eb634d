//! The programs of the limit: what passes frames on and does nothing else.
//!
//! They show what a program costs that handles frames, and not how fast octets can be moved: with
//! a window of 256 KiB, read and written as a whole, a relay does more than twice as much, but no router
//! can work like that. It has to look at each message, it has a buffer for each connection and
//! thousands of connections, and it may wait for one receiver while it goes on with the others. So
//! the programs here find each frame by its length, copy it into the buffer of its receiver, and
//! read and write as much at once as the router's transports do; a long frame is written from where
//! it was read. Beyond that nothing is done, and nothing is done to slow them down.

use std::future::poll_fn;
use std::task::Poll;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::announce;
use crate::wire::{LONG, WRITE, Window};

/// What becomes of the frames of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Of two connections that follow each other, each gets what the other sends.
    Relay,
    /// They go back where they came from.
    Echo,
    /// Those of one who speaks go to all who have come to listen before.
    Copy,
    /// The connections are WebSockets, which are accepted and closed.
    Accept,
}

/// How frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Each by a write of its own.
    Each,
    /// All that waits by one, up to a bound.
    All,
}

impl Shape {
    pub(crate) fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "relay" => Self::Relay,
            "echo" => Self::Echo,
            "copy" => Self::Copy,
            "accept" => Self::Accept,
            _ => bail!("there is no limit {word:?}"),
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Echo => "echo",
            Self::Copy => "copy",
            Self::Accept => "accept",
        }
    }
}

impl Writes {
    pub(crate) fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "each" => Self::Each,
            "all" => Self::All,
            _ => bail!("frames are written by each or all, not {word:?}"),
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::All => "all",
        }
    }
}

/// What a connection to [`Shape::Copy`] begins with, if it listens, and if it speaks.
pub(crate) const LISTENS: u8 = b'L';
pub(crate) const SPEAKS: u8 = b'S';

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> Result<(Reader, Writer)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                (Box::new(read), Box::new(write))
            }
            Self::Unix(listener) => {
                let (read, write) = listener.accept().await?.0.into_split();
                (Box::new(read), Box::new(write))
            }
        })
    }
}

/// Serves until stdin ends.
pub(crate) async fn run(shape: Shape, writes: Writes, unix: Option<&str>) -> Result<()> {
    let listener = match unix {
        Some(path) => {
            announce(&serde_json::json!({ "address": format!("unix:{path}") }))?;
            Listener::Unix(UnixListener::bind(path)?)
        }
        None => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            announce(&serde_json::json!({ "address": listener.local_addr()?.to_string() }))?;
            Listener::Tcp(listener)
        }
    };
    tokio::select! {
        result = serve(&listener, shape, writes) => result,
        () = crate::stdin_ended() => Ok(()),
    }
}

async fn serve(listener: &Listener, shape: Shape, writes: Writes) -> Result<()> {
    loop {
        match shape {
            Shape::Relay => {
                let (read, write) = listener.accept().await?;
                let (other_read, other_write) = listener.accept().await?;
                tokio::spawn(pass_on(read, vec![other_write], writes));
                tokio::spawn(pass_on(other_read, vec![write], writes));
            }
            Shape::Echo => {
                let (read, write) = listener.accept().await?;
                tokio::spawn(pass_on(read, vec![write], writes));
            }
            Shape::Copy => copy(listener, writes).await?,
            Shape::Accept => {
                let Listener::Tcp(listener) = listener else {
                    bail!("WebSockets are accepted over TCP");
                };
                let (stream, _) = listener.accept().await?;
                tokio::spawn(accept(stream));
            }
        }
    }
}

/// Lets listeners connect first, and copies to all of them what the last one sends: the one that
/// speaks.
async fn copy(listener: &Listener, writes: Writes) -> Result<()> {
    let mut listeners = Vec::new();
    loop {
        let (mut from, to) = listener.accept().await?;
        // Whoever listens says so by one octet; whoever speaks, by another.
        match from.read_u8().await? {
            LISTENS => listeners.push(to),
            _ => {
                let listeners = std::mem::take(&mut listeners);
                tokio::spawn(async move {
                    let result = pass_on(from, listeners, writes).await;
                    // Before, whoever speaks would take this for the end.
                    drop(to);
                    result
                });
            }
        }
    }
}

/// Passes frames on until the connection ends.
async fn pass_on(mut from: Reader, to: Vec<Writer>, writes: Writes) -> Result<()> {
    let mut window = Window::new();
    let mut to: Vec<Receiver> = to.into_iter().map(Receiver::new).collect();
    loop {
        poll_fn(|cx| window.poll_fill(&mut from, cx)).await?;
        while take(&mut window, &mut to, writes).await? < WRITE {
            // What else is there already goes with it.
            let more = poll_fn(|cx| Poll::Ready(window.poll_fill(&mut from, cx))).await;
            let Poll::Ready(more) = more else { break };
            more?;
        }
        for receiver in &mut to {
            receiver.flush().await?;
        }
    }
}

/// Takes what frames are there whole. Returns how many octets wait for each receiver.
async fn take(window: &mut Window, to: &mut [Receiver], writes: Writes) -> Result<usize> {
    while let Some(frame) = window.frame() {
        for receiver in &mut *to {
            if writes == Writes::Each || frame.len() >= LONG {
                receiver.flush().await?;
                receiver.to.write_all(frame).await?;
            } else {
                receiver.waiting.extend_from_slice(frame);
            }
        }
    }
    Ok(to.first().map_or(0, |receiver| receiver.waiting.len()))
}

/// Who gets frames, and what waits for it: one may be slower than another.
struct Receiver {
    to: Writer,
    waiting: Vec<u8>,
}

impl Receiver {
    const fn new(to: Writer) -> Self {
        Self {
            to,
            waiting: Vec::new(),
        }
    }

    async fn flush(&mut self) -> Result<()> {
        self.to.write_all(&self.waiting).await?;
        self.waiting.clear();
        Ok(())
    }
}

async fn accept(stream: TcpStream) -> Result<()> {
    use futures_util::StreamExt;
    stream.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(stream)
        .await
        .context("a WebSocket was not opened")?;
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(())
}
