//! The programs of the limit: what passes frames on and does nothing else.
//!
//! They are what a programmer writes with tokio who has to pass frames on: a `BufReader` that each
//! frame is read from by its length, a `BufWriter` for each receiver, a flush when no whole frame
//! waits any more. A program that moves octets without a look at frames, 256 KiB at a time, does ten
//! times as much in a flood, but shows nothing about one that has to look at each message.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::announce;
use crate::wire::{READ, WRITE};

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

/// How many octets tell the length of a frame.
const HEAD: usize = 4;

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
async fn pass_on(from: Reader, to: Vec<Writer>, writes: Writes) -> Result<()> {
    let mut from = BufReader::with_capacity(READ, from);
    let writer = |to| BufWriter::with_capacity(WRITE, to);
    let mut to: Vec<_> = to.into_iter().map(writer).collect();
    let mut frame = Vec::new();
    loop {
        let len = from.read_u32().await?;
        frame.resize(HEAD + len as usize, 0);
        frame[..HEAD].copy_from_slice(&len.to_be_bytes());
        from.read_exact(&mut frame[HEAD..]).await?;
        for to in &mut to {
            to.write_all(&frame).await?;
        }
        if writes == Writes::Each || !has_frame(from.buffer()) {
            for to in &mut to {
                to.flush().await?;
            }
        }
    }
}

/// Whether a whole frame waits.
fn has_frame(octets: &[u8]) -> bool {
    octets.first_chunk().is_some_and(|head| {
        let len = u32::from_be_bytes(*head) as usize;
        octets.len() >= HEAD + len
    })
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
