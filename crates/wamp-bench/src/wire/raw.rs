//! Frames of four octets of length and so many of nothing.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Result, anyhow};
use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::{Got, Wire};

/// Any stream.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket for S {}

/// A connection to a program of the limit.
pub(crate) struct RawWire {
    socket: Box<dyn Socket>,
    /// What each frame that comes is taken for.
    takes: Got,
    len: u32,
    input: Window,
    output: BytesMut,
}

/// Above this nothing is taken until it is written.
const FULL: usize = 128 << 10;

impl RawWire {
    /// Connects to `HOST:PORT` or `unix:PATH`; its frames have so many octets, with their length.
    pub(crate) async fn connect(address: &str, len: usize, takes: Got) -> Result<Self> {
        Ok(Self {
            socket: connect(address).await?,
            takes,
            len: u32::try_from(len.saturating_sub(4))?,
            input: Window::new(),
            output: BytesMut::new(),
        })
    }

    /// Says an octet before the first frame.
    pub(crate) async fn saying(mut self, octet: u8) -> Result<Self> {
        self.socket.write_u8(octet).await?;
        Ok(self)
    }

    fn push(&mut self) {
        self.output.put_u32(self.len);
        self.output.put_bytes(b'x', self.len as usize);
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
        if self.output.len() < FULL {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx)
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
        while self.output.has_remaining() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.output))?;
            self.output.advance(written);
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
pub(crate) struct Window {
    memory: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Window {
    /// Twice the longest frame of any workload, and some.
    const SIZE: usize = 256 << 10;

    pub(crate) fn new() -> Self {
        Self {
            memory: vec![0; Self::SIZE],
            begin: 0,
            end: 0,
        }
    }

    /// Takes the next frame, with its length, if all of it is there.
    pub(crate) fn frame(&mut self) -> Option<&[u8]> {
        let rest = self.memory.get(self.begin..self.end)?;
        let head = rest.first_chunk::<4>()?;
        let len = 4 + u32::from_be_bytes(*head) as usize;
        let frame = rest.get(..len)?;
        self.begin += len;
        Some(frame)
    }

    /// Takes all frames that are there whole, as one piece.
    pub(crate) fn frames(&mut self) -> &[u8] {
        let begin = self.begin;
        while self.frame().is_some() {}
        self.memory.get(begin..self.begin).unwrap_or_default()
    }

    /// Reads what has come.
    pub(crate) fn poll_fill(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        } else if self.end > Self::SIZE / 2 {
            self.memory.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        let mut space = ReadBuf::new(self.memory.get_mut(self.end..).unwrap_or_default());
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
