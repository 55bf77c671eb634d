//! An open connection: the stream, what arrives and what waits to leave.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use wamp_core::{Octets, TransportError};
use wamp_net::heartbeat::{Beat, Heartbeat, Traffic};

use crate::frame::{FrameHeader, FrameKind};
use crate::transport::reader::{Read, Reader, Received};
use crate::transport::writer::Writer;

/// A stream with frames in both directions.
#[derive(Debug)]
pub(super) struct Link<S> {
    pub(super) stream: S,
    reader: Reader,
    pub(super) writer: Writer,
    /// Whether octets were written that the stream may hold back.
    unflushed: bool,
    /// Whether octets of control frames are among those.
    holds_control: bool,
    /// Whether the peer has closed its direction, between frames.
    pub(super) ended: bool,
    traffic: Traffic,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(super) fn new(stream: S, max_len: usize) -> Self {
        Self {
            reader: Reader::new(max_len),
            writer: Writer::new(&stream),
            stream,
            unflushed: false,
            holds_control: false,
            ended: false,
            traffic: Traffic::default(),
        }
    }

    /// What has crossed the connection so far.
    pub(super) const fn octets(&self) -> Octets {
        Octets {
            received: self.reader.read(),
            sent: self.writer.written(),
        }
    }

    /// Receives the next frame; none when the peer has closed its direction. Reads at most as often
    /// as `reads` says, and counts it down.
    ///
    /// Control frames that wait are written here too, and what the stream holds back of them, because
    /// their sender polls nothing else.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        reads: &mut usize,
    ) -> Poll<Result<Option<Received>, TransportError>> {
        loop {
            if let Some(frame) = self.reader.next()? {
                return Poll::Ready(Ok(Some(frame)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            let is_due = self.writer.control() > 0 || self.holds_control;
            if is_due && self.poll_flush(cx)?.is_pending() {
                // A peer that sends PINGs and does not take the PONGs is not listened to until it
                // does. Writing goes on, and wakes the task.
                if self.writer.control() > MAX_CONTROL {
                    return Poll::Pending;
                }
            }
            if *reads == 0 {
                // A peer that never stops sending must not keep the task.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            *reads -= 1;
            match ready!(self.reader.poll_read(cx, &mut self.stream))? {
                Read::End if self.reader.is_between_frames() => self.ended = true,
                Read::End => {
                    let text = "the peer is gone in the middle of a frame";
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, text);
                    return Poll::Ready(Err(error.into()));
                }
                Read::Part => self.traffic.read = true,
                Read::Frame(frame) => {
                    self.traffic.read = true;
                    return Poll::Ready(Ok(Some(frame)));
                }
            }
        }
    }

    /// Writes what waits, as far as the stream takes it; not through what the stream holds back.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let before = self.writer.waiting();
        self.holds_control |= self.writer.control() > 0;
        let written = self.writer.poll_write(cx, &mut self.stream);
        let taken = before - self.writer.waiting();
        self.unflushed |= taken > 0;
        self.traffic.wrote(taken);
        self.traffic.full |= written.is_pending();
        written.map_err(TransportError::from)
    }

    /// Writes everything that waits, through whatever the stream holds back.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        ready!(self.poll_write(cx))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        self.holds_control = false;
        Poll::Ready(Ok(()))
    }

    /// Sends PINGs. Ready only when the connection is to be given up.
    pub(super) fn poll_heartbeat(
        &mut self,
        cx: &mut Context<'_>,
        heartbeat: &mut Heartbeat,
    ) -> Poll<TransportError> {
        loop {
            match ready!(heartbeat.poll(cx, &mut self.traffic)) {
                Beat::Dead => {
                    return Poll::Ready(TransportError::TimedOut("nothing came after a PING"));
                }
                Beat::Ping => {
                    if let Err(error) = self.ping(cx, heartbeat) {
                        return Poll::Ready(error);
                    }
                }
            }
        }
    }

    /// Sends a PING if one is due while there is always more to be read.
    #[inline]
    pub(super) fn ping_if_due(
        &mut self,
        cx: &mut Context<'_>,
        heartbeat: &mut Heartbeat,
    ) -> Result<(), TransportError> {
        if heartbeat.is_due(self.reader.read(), &mut self.traffic) {
            self.ping(cx, heartbeat)?;
        }
        Ok(())
    }

    fn ping(
        &mut self,
        cx: &mut Context<'_>,
        heartbeat: &mut Heartbeat,
    ) -> Result<(), TransportError> {
        tracing::trace!("sending a PING");
        // One that waits is enough: the octets before it must move.
        if self.writer.control() == 0
            && let Some(header) = FrameHeader::new(FrameKind::PING, PING.len())
        {
            self.writer.push_control(header, &Bytes::from_static(PING));
        }
        if self.poll_flush(cx)?.is_ready() {
            heartbeat.flushed();
        }
        Ok(())
    }
}

/// What a PING carries. It is not empty: Autobahn|Python with Twisted takes the header of an empty
/// one for that of a message of 2^24 octets, and would wait for them for ever; that of another one
/// is too long for it, and it drops the connection, which is seen.
const PING: &[u8] = b"ping";

/// How many octets of control frames may wait before no more are taken.
const MAX_CONTROL: usize = 16 << 10;
