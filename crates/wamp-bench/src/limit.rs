//! The programs of the limit: what passes frames on and does nothing else.

use std::future::poll_fn;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::announce;
use crate::wire::{Socket, Window};

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
    /// All that one read has brought by one.
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

type Reader = ReadHalf<Box<dyn Socket>>;
type Writer = WriteHalf<Box<dyn Socket>>;

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> Result<Box<dyn Socket>> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
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
                let (read, write) = split(listener.accept().await?);
                let (other_read, other_write) = split(listener.accept().await?);
                tokio::spawn(pass_on(read, vec![other_write], writes));
                tokio::spawn(pass_on(other_read, vec![write], writes));
            }
            Shape::Echo => {
                let (read, write) = split(listener.accept().await?);
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

fn split(socket: Box<dyn Socket>) -> (Reader, Writer) {
    tokio::io::split(socket)
}

/// Lets listeners connect first, and copies to all of them what the last one sends: the one that
/// speaks.
async fn copy(listener: &Listener, writes: Writes) -> Result<()> {
    let mut listeners = Vec::new();
    loop {
        let (mut from, to) = split(listener.accept().await?);
        // Whoever listens says so by one octet; whoever speaks, by another.
        match from.read_u8().await? {
            LISTENS => listeners.push(to),
            _ => {
                tokio::spawn(pass_on(from, std::mem::take(&mut listeners), writes));
            }
        }
    }
}

/// Passes frames on until the connection ends.
async fn pass_on(mut from: Reader, mut to: Vec<Writer>, writes: Writes) -> Result<()> {
    let mut window = Window::new();
    loop {
        poll_fn(|cx| window.poll_fill(&mut from, cx)).await?;
        match writes {
            Writes::Each => {
                while let Some(frame) = window.frame() {
                    for writer in &mut to {
                        writer.write_all(frame).await?;
                    }
                }
            }
            Writes::All => {
                let frames = window.frames();
                for writer in &mut to {
                    writer.write_all(frames).await?;
                }
            }
        }
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
