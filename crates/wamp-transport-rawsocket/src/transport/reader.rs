//! What arrives, cut into frames.

use std::mem::{self, MaybeUninit};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use wamp_core::TransportError;
use wamp_serializers::shared_copy;

use crate::frame::{FrameError, FrameHeader, FrameKind};
use crate::transport::spare::{self, LONGEST};

/// Cuts what arrives into frames, wherever it is cut itself.
///
/// Between frames nothing is kept. Each payload has a place of its own, about as long as it is (a used
/// buffer is an eighth longer at most, and what is short is rounded up): what is kept of a message is
/// about what is counted.
#[derive(Debug)]
pub(super) struct Reader {
    /// How long a payload may be.
    max_len: usize,
    /// A header that may not be complete.
    head: [u8; FrameHeader::LEN],
    /// How much of it is there.
    head_len: usize,
    /// The header of the frame whose payload arrives.
    header: Option<FrameHeader>,
    /// What has arrived of that payload.
    payload: Vec<u8>,
    /// Octets that were read, and belong to later frames.
    rest: Bytes,
    /// How many octets were read so far.
    read: u64,
}

/// A frame that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) kind: FrameKind,
    pub(super) payload: Bytes,
}

/// What came of reading once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Octets, and the first frame that they complete.
    Frame(Received),
    /// Octets that complete no frame.
    Part,
    /// The end of the stream.
    End,
}

impl Reader {
    pub(super) fn new(max_len: usize) -> Self {
        Self {
            max_len,
            head: [0; FrameHeader::LEN],
            head_len: 0,
            header: None,
            payload: Vec::new(),
            rest: Bytes::new(),
            read: 0,
        }
    }

    /// How many octets were read so far.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// Takes the next frame of what was read already.
    pub(super) fn next(&mut self) -> Result<Option<Received>, TransportError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut rest = mem::take(&mut self.rest);
        let (used, frame) = self.take(&rest).map_err(broken)?;
        rest.advance(used);
        if !rest.is_empty() {
            self.rest = rest;
        }
        Ok(frame)
    }

    /// Reads once, when there is no [next](Self::next) frame.
    ///
    /// What is read goes to the stack first, so that a connection on which nothing arrives has no
    /// buffer. A long payload is read to where it stays.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Poll<Result<Read, TransportError>> {
        if let Some(header) = self.header {
            let missing = header.payload_len() - self.payload.len();
            if missing > READ {
                grow(&mut self.payload, READ, header.payload_len());
                let room = self.payload.capacity() - self.payload.len();
                let mut place = (&mut self.payload).limit(room.min(missing));
                let read = ready!(pin!(stream.read_buf(&mut place)).poll(cx))?;
                self.read += read as u64;
                return Poll::Ready(Ok(match read {
                    0 => Read::End,
                    read if read == missing => Read::Frame(self.complete(header)),
                    _ => Read::Part,
                }));
            }
        }
        let mut place = [const { MaybeUninit::uninit() }; READ];
        let mut buffer = ReadBuf::uninit(&mut place);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        let octets = buffer.filled();
        self.read += octets.len() as u64;
        if octets.is_empty() {
            return Poll::Ready(Ok(Read::End));
        }
        let (used, frame) = self.take(octets).map_err(broken)?;
        if used < octets.len() {
            self.rest = Bytes::copy_from_slice(&octets[used..]);
        }
        Poll::Ready(Ok(frame.map_or(Read::Part, Read::Frame)))
    }

    /// Whether the stream may end here.
    pub(super) const fn is_between_frames(&self) -> bool {
        self.rest.is_empty() && self.head_len == 0 && self.header.is_none()
    }

    /// Takes octets up to the end of a frame, or all. Returns how many it took.
    fn take(&mut self, octets: &[u8]) -> Result<(usize, Option<Received>), FrameError> {
        let mut left = octets;
        let header = match self.header {
            Some(header) => header,
            None => {
                let part = first(&mut left, FrameHeader::LEN - self.head_len);
                self.head[self.head_len..][..part.len()].copy_from_slice(part);
                self.head_len += part.len();
                if self.head_len < FrameHeader::LEN {
                    return Ok((octets.len(), None));
                }
                self.head_len = 0;
                let header = FrameHeader::parse(self.head)?;
                header.check(self.max_len)?;
                self.header = Some(header);
                header
            }
        };
        let missing = header.payload_len() - self.payload.len();
        let part = first(&mut left, missing);
        if part.len() == header.payload_len() {
            self.header = None;
            let frame = Received {
                kind: header.kind(),
                payload: shared_copy(part),
            };
            return Ok((octets.len() - left.len(), Some(frame)));
        }
        grow(&mut self.payload, part.len(), header.payload_len());
        self.payload.extend_from_slice(part);
        let frame = (part.len() == missing).then(|| self.complete(header));
        Ok((octets.len() - left.len(), frame))
    }

    fn complete(&mut self, header: FrameHeader) -> Received {
        self.header = None;
        Received {
            kind: header.kind(),
            payload: spare::share(mem::take(&mut self.payload)),
        }
    }
}

/// Cuts off the first octets, at most so many.
fn first<'a>(octets: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (first, rest) = octets.split_at(most.min(octets.len()));
    *octets = rest;
    first
}

/// Makes room for more octets of a payload: all it needs where that is little, and otherwise what
/// has arrived once more, so that nobody gets much memory by a header alone.
fn grow(payload: &mut Vec<u8>, more: usize, total: usize) {
    let needed = (payload.len() + more).min(total);
    if payload.capacity() < needed {
        let capacity = match total {
            ..=LONGEST => total,
            _ => needed.max(2 * payload.len()).max(UNSEEN).min(total),
        };
        if payload.is_empty() {
            *payload = spare::buffer(capacity);
        } else {
            payload.reserve_exact(capacity - payload.len());
        }
    }
}

fn broken(error: FrameError) -> TransportError {
    match error {
        FrameError::TooLong { len, max, .. } => TransportError::TooLong { len, max },
        error => TransportError::Protocol(error.to_string()),
    }
}

/// How much is read at once, to the stack.
const READ: usize = 16 << 10;

/// How much of a payload gets room before it has arrived.
const UNSEEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;

    fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader::new(kind, payload.len()).unwrap();
        [&header.to_octets(), payload].concat()
    }

    /// All frames of a stream that gives no more than so many octets at once.
    async fn frames(octets: &[u8], at_once: usize) -> Vec<Received> {
        let (mut ours, mut theirs) = tokio::io::duplex(at_once);
        let mut reader = Reader::new(1 << 24);
        let mut frames = Vec::new();
        let reading = async {
            loop {
                match poll_fn(|cx| reader.poll_read(cx, &mut ours)).await.unwrap() {
                    Read::Frame(frame) => frames.push(frame),
                    Read::Part => {}
                    Read::End => break,
                }
                while let Some(frame) = reader.next().unwrap() {
                    frames.push(frame);
                }
            }
            assert!(reader.is_between_frames());
        };
        let writing = async {
            theirs.write_all(octets).await.unwrap();
            drop(theirs);
        };
        tokio::join!(reading, writing);
        frames
    }

    #[tokio::test]
    async fn frames_are_found_wherever_the_stream_is_cut() {
        let payloads = [0, 1, 3, 100, READ - 4, READ, READ + 1, 3 * READ, 7];
        let payloads = payloads.map(|len| vec![len.to_le_bytes()[0]; len]);
        let kinds = [FrameKind::MESSAGE, FrameKind::PING, FrameKind::PONG];
        let expected = || kinds.iter().cycle().zip(&payloads);
        let octets: Vec<u8> = expected()
            .flat_map(|(kind, payload)| frame(*kind, payload))
            .collect();
        for at_once in (1..40).chain([1000, READ - 1, READ, READ + 1, octets.len()]) {
            let found = frames(&octets, at_once).await;
            assert_eq!(found.len(), payloads.len());
            for (found, (kind, payload)) in found.iter().zip(expected()) {
                assert_eq!((found.kind, &found.payload[..]), (*kind, &payload[..]));
            }
        }
    }

    #[tokio::test]
    async fn a_payload_keeps_no_more_than_its_own_octets() {
        let long = [UNSEEN - 1, UNSEEN + 1, 5 * UNSEEN / 2, 100];
        let octets: Vec<u8> = long
            .iter()
            .flat_map(|len| frame(FrameKind::MESSAGE, &vec![b'x'; *len]))
            .collect();
        for received in frames(&octets, 10_000).await {
            let len = received.payload.len();
            let place = Vec::from(received.payload);
            assert_eq!(place.capacity(), len);
        }
    }

    #[test]
    fn a_header_alone_gets_little_room() {
        let mut payload = Vec::new();
        grow(&mut payload, READ, 1 << 24);
        assert_eq!(payload.capacity(), UNSEEN);
        payload.resize(UNSEEN, 0);
        grow(&mut payload, READ, 1 << 24);
        assert_eq!(payload.capacity(), 2 * UNSEEN);
        payload.resize(2 * UNSEEN, 0);
        grow(&mut payload, READ, 3 * UNSEEN);
        assert_eq!(payload.capacity(), 3 * UNSEEN);
        let mut short = Vec::new();
        grow(&mut short, 1, 100);
        assert_eq!(short.capacity(), 100);
    }

    #[tokio::test]
    async fn nothing_is_kept_between_frames() {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 17);
        let mut reader = Reader::new(1 << 24);
        let octets = [
            frame(FrameKind::MESSAGE, &[b'x'; 3 * READ]),
            frame(FrameKind::PONG, b"y"),
        ];
        theirs.write_all(&octets.concat()).await.unwrap();
        let mut found = 0;
        while found < 2 {
            let read = poll_fn(|cx| reader.poll_read(cx, &mut ours)).await.unwrap();
            found += usize::from(matches!(read, Read::Frame(_)));
            found += usize::from(reader.next().unwrap().is_some());
        }
        assert!(reader.is_between_frames());
        assert_eq!((reader.payload.capacity(), reader.rest.len()), (0, 0));
    }
}
