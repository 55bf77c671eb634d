//! Frames of four octets of length and so many of nothing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Result, anyhow};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::{Got, Wire};

/// How much is read at once, if the rest of a frame is not longer: as much as the transports of the
/// router read.
pub(crate) const READ: usize = 16 << 10;

/// When more than this waits, it is written before more is gathered: as by those transports.
pub(crate) const WRITE: usize = 16 << 10;

/// Frames of at least this length are written from where they are, and not gathered.
const LONG: usize = READ;

/// Any stream.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket for S {}

/// A connection to a program of the limit.
pub(crate) struct RawWire {
    socket: Box<dyn Socket>,
    /// What each frame that comes is taken for.
    takes: Got,
    /// What is sent, again and again, with its length.
    frame: Bytes,
    input: Window,
    /// Short frames that wait to be written.
    joined: BytesMut,
    /// Long ones.
    long: VecDeque<Bytes>,
}

impl RawWire {
    /// Connects to `HOST:PORT` or `unix:PATH`; its frames have so many octets, with their length.
    pub(crate) async fn connect(address: &str, len: usize, takes: Got) -> Result<Self> {
        let len = len.saturating_sub(4);
        let mut frame = u32::try_from(len)?.to_be_bytes().to_vec();
        frame.resize(4 + len, b'x');
        Ok(Self {
            socket: connect(address).await?,
            takes,
            frame: frame.into(),
            input: Window::new(),
            joined: BytesMut::new(),
            long: VecDeque::new(),
        })
    }

    /// Says an octet before the first frame.
    pub(crate) async fn saying(mut self, octet: u8) -> Result<Self> {
        self.socket.write_u8(octet).await?;
        Ok(self)
    }

    fn push(&mut self) {
        if self.frame.len() < LONG {
            self.joined.extend_from_slice(&self.frame);
        } else {
            self.long.push_back(self.frame.clone());
        }
    }

    fn is_full(&self) -> bool {
        self.joined.len() > WRITE || !self.long.is_empty()
    }
}

impl Wire for RawWire {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Got>> {
        while self.input.frame().is_none() {
            ready!(self.input.poll_fill(&mut self.socket, cx))?;
        }
        Poll::Ready(Ok(self.takes))
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.is_full() {
            let _ = self.poll_flush(cx)?;
        }
        if self.is_full() {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn ask(&mut self) -> Result<()> {
        self.push();
        Ok(())
    }

    fn answer(&mut self, _: u64) -> Result<()> {
        self.push();
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while self.joined.has_remaining() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.joined))?;
            self.joined.advance(written);
        }
        while let Some(frame) = self.long.front_mut() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, frame))?;
            frame.advance(written);
            if frame.is_empty() {
                self.long.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Connects to `HOST:PORT` or `unix:PATH`.
async fn connect(address: &str) -> Result<Box<dyn Socket>> {
    if let Some(path) = address.strip_prefix("unix:") {
        return Ok(Box::new(UnixStream::connect(path).await?));
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// What was read and not taken yet, in one piece of memory that frames are not copied out of.
struct Window {
    memory: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Window {
    /// The longest frame of any workload, and one read.
    const SIZE: usize = (64 << 10) + (4 << 10) + READ;

    fn new() -> Self {
        Self {
            memory: vec![0; Self::SIZE],
            begin: 0,
            end: 0,
        }
    }

    /// Takes the next frame, with its length, if all of it is there.
    fn frame(&mut self) -> Option<&[u8]> {
        let len = self.frame_len()?;
        let frame = self.memory.get(self.begin..self.end)?.get(..len)?;
        self.begin += len;
        Some(frame)
    }

    /// How long the next frame is, with its length, if that has come.
    fn frame_len(&self) -> Option<usize> {
        let head = self.memory.get(self.begin..self.end)?.first_chunk::<4>()?;
        Some(4 + u32::from_be_bytes(*head) as usize)
    }

    /// Reads once.
    fn poll_fill(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        let there = self.end - self.begin;
        let missing = self.frame_len().unwrap_or_default().saturating_sub(there);
        let at_once = missing.max(READ);
        if there == 0 || self.end + at_once > Self::SIZE {
            self.memory.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, there);
        }
        let rest = self.memory.get_mut(self.end..).unwrap_or_default();
        let at_once = at_once.min(rest.len());
        let mut space = ReadBuf::new(rest.get_mut(..at_once).unwrap_or_default());
        ready!(Pin::new(socket).poll_read(cx, &mut space))?;
        let read = space.filled().len();
        if read == 0 {
            let closed = anyhow!("the connection was closed, or a frame is too long");
            return Poll::Ready(Err(closed));
        }
        self.end += read;
        Poll::Ready(Ok(()))
    }
}
