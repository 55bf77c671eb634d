//! The transport: each message behind its length, which is 32 bits, big endian.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use wamp::core::{
    CloseReason, ConnectionInfo, Outgoing, ReceiveError, SendError, Transport, TransportError,
};
use wamp::messages::{Format, Message};
use wamp::serializers::Serializer;

/// Messages behind their lengths, over a stream of octets. The end of the stream closes it.
pub(crate) struct Framed<S> {
    /// `None` when it is over: the peer sees at once that it is.
    stream: Option<S>,
    serializer: Serializer,
    info: ConnectionInfo,
    max_len: usize,
    /// What was read and is no whole message yet.
    input: BytesMut,
    /// What was sent and is not written yet.
    output: BytesMut,
    received: VecDeque<Message>,
    phase: Phase,
}

enum Phase {
    Open,
    /// Closing, at most until a deadline.
    Closing(Step, Pin<Box<Sleep>>),
    /// It is over, which receiving tells.
    Over(ReceiveError),
}

#[derive(Clone, Copy)]
enum Step {
    Flush,
    Shutdown,
    /// The peer is to close, too. What it still sends is dropped: closing over it would reset a
    /// TCP connection, and the peer might not see our last message.
    Drain,
}

/// How much waits here before the transport is not ready.
const WRITE_BUFFER: usize = 16 << 10;

/// How much is read at once.
const READ_BUFFER: usize = 8 << 10;

/// How long closing may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Framed<S> {
    pub(crate) fn new(stream: S, serializer: Serializer) -> Self {
        let mut info = ConnectionInfo::new("framed");
        info.serializer = serializer.name().into_owned();
        Self {
            stream: Some(stream),
            serializer,
            info,
            max_len: 16 << 20,
            input: BytesMut::new(),
            output: BytesMut::new(),
            received: VecDeque::new(),
            phase: Phase::Open,
        }
    }

    /// Takes messages of other lengths than 16 MiB, received and sent.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "the example is content with 16 MiB")
    )]
    pub(crate) fn max_len(mut self, octets: usize) -> Self {
        self.max_len = octets;
        self
    }

    /// Decodes the next message, if it has arrived whole.
    fn decode(&mut self) -> Result<(), ReceiveError> {
        let Some((len, rest)) = self.input.split_first_chunk() else {
            return Ok(());
        };
        let len = u32::from_be_bytes(*len) as usize;
        if len > self.max_len {
            let text = format!("a message of {len} octets; {} are accepted", self.max_len);
            return Err(self.lose(TransportError::Protocol(text)).into());
        }
        // The length is only believed when the octets have come: they are not allocated before.
        if rest.len() < len {
            return Ok(());
        }
        self.input.advance(size_of::<u32>());
        let frame = self.input.split_to(len).freeze();
        Ok(self.serializer.decode(frame, &mut self.received)?)
    }

    /// Reads on.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReceiveError>> {
        let mut octets = [0; READ_BUFFER];
        let mut read = ReadBuf::new(&mut octets);
        let stream = self.stream().map_err(TransportError::from)?;
        match ready!(Pin::new(stream).poll_read(cx, &mut read)) {
            Ok(()) if !read.filled().is_empty() => {
                self.input.extend_from_slice(read.filled());
                Poll::Ready(Ok(()))
            }
            Ok(()) if self.input.is_empty() => {
                self.end(ReceiveError::Closed);
                Poll::Ready(Err(ReceiveError::Closed))
            }
            Ok(()) => Poll::Ready(Err(self.lose(unfinished().into()).into())),
            Err(error) => Poll::Ready(Err(self.lose(error.into()).into())),
        }
    }

    /// Writes until no more than so much waits.
    fn poll_write(&mut self, cx: &mut Context<'_>, left: usize) -> Poll<io::Result<()>> {
        while self.output.len() > left {
            let Some(stream) = &mut self.stream else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let written = ready!(Pin::new(stream).poll_write(cx, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all, down to what is below the stream.
    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write(cx, 0))?;
        Pin::new(self.stream()?).poll_flush(cx)
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Phase::Closing(step, _) = self.phase else {
                return Poll::Ready(Ok(()));
            };
            let next = match step {
                Step::Flush => {
                    ready!(self.poll_write_all(cx))?;
                    Step::Shutdown
                }
                Step::Shutdown => {
                    ready!(Pin::new(self.stream()?).poll_shutdown(cx))?;
                    Step::Drain
                }
                Step::Drain => {
                    let mut octets = [0; READ_BUFFER];
                    let mut read = ReadBuf::new(&mut octets);
                    ready!(Pin::new(self.stream()?).poll_read(cx, &mut read))?;
                    if read.filled().is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    Step::Drain
                }
            };
            if let Phase::Closing(step, _) = &mut self.phase {
                *step = next;
            }
        }
    }

    fn lose(&mut self, error: TransportError) -> TransportError {
        self.end(error.clone().into());
        error
    }

    fn end(&mut self, why: ReceiveError) {
        self.phase = Phase::Over(why);
        self.stream = None;
    }

    fn stream(&mut self) -> io::Result<&mut S> {
        let stream = self.stream.as_mut();
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Why nothing can be sent, if it cannot.
    fn check(&self) -> Result<(), TransportError> {
        match &self.phase {
            Phase::Open => Ok(()),
            Phase::Over(ReceiveError::Lost(error)) => Err(error.clone()),
            Phase::Closing(..) | Phase::Over(_) => Err(TransportError::Closed),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Framed<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        loop {
            match &self.phase {
                Phase::Open => {}
                Phase::Closing(..) => return Poll::Ready(Err(TransportError::Closed.into())),
                Phase::Over(error) => return Poll::Ready(Err(error.clone())),
            }
            if self.received.is_empty() {
                self.decode()?;
            }
            if let Some(message) = self.received.pop_front() {
                return Poll::Ready(Ok(message));
            }
            ready!(self.poll_read(cx))?;
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.check()?;
        let written = ready!(self.poll_write(cx, WRITE_BUFFER));
        Poll::Ready(written.map_err(|error| self.lose(error.into())))
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        self.check()?;
        let begin = self.output.len();
        self.output.put_u32(0);
        if let Err(why) = message.append(&self.serializer, &mut self.output, self.max_len) {
            self.output.truncate(begin);
            return Err(why.into());
        }
        let len = self.output.len() - begin - 4;
        self.output[begin..][..4].copy_from_slice(&(len as u32).to_be_bytes());
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.check()?;
        let written = ready!(self.poll_write_all(cx));
        Poll::Ready(written.map_err(|error| self.lose(error.into())))
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        if let Phase::Open = self.phase {
            let deadline = Box::pin(sleep(CLOSE_TIMEOUT));
            self.phase = Phase::Closing(Step::Flush, deadline);
        }
        let Phase::Closing(_, deadline) = &mut self.phase else {
            return Poll::Ready(Ok(()));
        };
        // First, so that it wakes the task whatever the steps wait for.
        let is_late = deadline.as_mut().poll(cx).is_ready();
        let closed = match self.poll_steps(cx) {
            Poll::Ready(closed) => closed.map_err(TransportError::from),
            Poll::Pending if is_late => Err(TransportError::TimedOut("closing")),
            Poll::Pending => return Poll::Pending,
        };
        self.lose(TransportError::Closed);
        Poll::Ready(closed)
    }

    fn abort(&mut self) {
        self.lose(TransportError::Closed);
    }

    fn format(&self) -> Format {
        self.serializer.format()
    }

    fn max_len(&self) -> Option<usize> {
        Some(self.max_len)
    }

    fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

fn unfinished() -> io::Error {
    let text = "the peer is gone in the middle of a message";
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
