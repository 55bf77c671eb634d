//! What waits to be written.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use wamp_core::{Outgoing, Undeliverable};
use wamp_serializers::{Remainder, Serializer};

use crate::frame::{FrameHeader, FrameKind};

/// A queue of octets: short pieces are joined, long ones are shared with whoever has them.
///
/// Nothing is kept when everything is written.
#[derive(Debug)]
pub(super) struct Writer {
    /// Long pieces, and what was joined before each.
    pieces: VecDeque<Bytes>,
    /// What comes after them, joined.
    joined: BytesMut,
    /// How many octets wait.
    waiting: usize,
    /// How many of them wait up to the end of the last control frame.
    to_control: usize,
    /// How many octets of control frames are among those.
    control: usize,
    /// How many octets were written so far.
    written: u64,
    /// From how many octets a piece is not copied.
    shared_from: usize,
}

impl Writer {
    /// A stream that takes several pieces at once is spared copies of what is long. For another
    /// one each piece is a write, and often a packet, so that joining them costs less.
    pub(super) fn new(stream: &impl AsyncWrite) -> Self {
        Self {
            pieces: VecDeque::new(),
            joined: BytesMut::new(),
            waiting: 0,
            to_control: 0,
            control: 0,
            written: 0,
            shared_from: if stream.is_write_vectored() {
                4 << 10
            } else {
                64 << 10
            },
        }
    }

    /// Takes a message, unless it is longer than `max` or has no form in the format.
    pub(super) fn push_message(
        &mut self,
        serializer: &Serializer,
        message: &Outgoing,
        max: usize,
    ) -> Result<(), Undeliverable> {
        let begin = self.joined.len();
        // The first message gets what it needs; where another one follows, more will.
        if begin > 0 && self.joined.capacity() - begin < MORE / 8 {
            self.joined.reserve(MORE);
        }
        let place = [0; FrameHeader::LEN];
        self.joined.extend_from_slice(&place);
        let rest = match message.encode_into(serializer, &mut self.joined, self.shared_from) {
            Ok(rest) => rest,
            Err(error) => {
                self.take_back(begin);
                return Err(error.into());
            }
        };
        let joined = self.joined.len() - begin;
        let len = joined - place.len() + rest.as_ref().map_or(0, Remainder::len);
        let header = match FrameHeader::new(FrameKind::MESSAGE, len) {
            Some(header) if len <= max => header,
            _ => {
                self.take_back(begin);
                return Err(Undeliverable::TooLong { len, max });
            }
        };
        self.joined[begin..][..place.len()].copy_from_slice(&header.to_octets());
        self.waiting += joined;
        if let Some(Remainder { payload, tail }) = rest {
            self.push(&payload);
            self.join(tail);
        }
        Ok(())
    }

    /// Takes a control frame.
    pub(super) fn push_control(&mut self, header: FrameHeader, payload: &Bytes) {
        self.join(&header.to_octets());
        self.push(payload);
        self.to_control = self.waiting;
        self.control += FrameHeader::LEN + payload.len();
    }

    /// How many octets wait.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many octets were written so far.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// How many octets of control frames wait, until the last of them is written.
    pub(super) const fn control(&self) -> usize {
        self.control
    }

    /// Writes everything that waits.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while self.waiting > 0 {
            let written = ready!(self.poll_write_once(cx, Pin::new(stream)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_once(
        &self,
        cx: &mut Context<'_>,
        stream: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<usize>> {
        let joined = &self.joined[..];
        let pieces = self.pieces.iter().map(|piece| &piece[..]);
        let mut pieces = pieces.chain((!joined.is_empty()).then_some(joined));
        if self.pieces.is_empty() || !stream.is_write_vectored() {
            return stream.poll_write(cx, pieces.next().unwrap_or_default());
        }
        let mut slices = [IoSlice::new(&[]); PIECES_AT_ONCE];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        stream.poll_write_vectored(cx, &slices[..count])
    }

    fn advance(&mut self, mut written: usize) {
        self.written += written as u64;
        self.waiting -= written;
        self.to_control = self.to_control.saturating_sub(written);
        if self.to_control == 0 {
            self.control = 0;
        }
        if self.waiting == 0 {
            self.pieces = VecDeque::new();
            self.joined = BytesMut::new();
            return;
        }
        while let Some(piece) = self.pieces.front_mut() {
            if written < piece.len() {
                piece.advance(written);
                return;
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
        self.joined.advance(written);
    }

    /// Takes back what was joined for a message that is not sent, and the room that it took.
    fn take_back(&mut self, begin: usize) {
        if begin == 0 {
            self.joined = BytesMut::new();
        } else if self.joined.len() - begin > MORE {
            self.joined = BytesMut::from(&self.joined[..begin]);
        } else {
            self.joined.truncate(begin);
        }
    }

    fn push(&mut self, piece: &Bytes) {
        if piece.len() < self.shared_from {
            self.join(piece);
            return;
        }
        if !self.joined.is_empty() {
            self.pieces.push_back(mem::take(&mut self.joined).freeze());
        }
        self.waiting += piece.len();
        self.pieces.push_back(piece.clone());
    }

    fn join(&mut self, piece: &[u8]) {
        self.waiting += piece.len();
        self.joined.extend_from_slice(piece);
    }
}

/// How much room is made when a message follows another one.
const MORE: usize = 4 << 10;

/// How many pieces are handed over in one write.
const PIECES_AT_ONCE: usize = 32;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use wamp_messages::message::Event;
    use wamp_messages::{Message, PublicationId, SubscriptionId};
    use wamp_serializers::encode_payload;

    use super::*;

    #[test]
    fn what_cannot_be_sent_leaves_nothing_behind() {
        let mut writer = Writer::new(&Sink::default());
        let serializer = Serializer::json();
        let (short, frame) = message(10);
        let (long, _) = message(100_000);
        for _ in 0..2 {
            let refused = writer.push_message(&serializer, &long, 1_000);
            assert!(matches!(
                refused,
                Err(Undeliverable::TooLong { max: 1_000, .. })
            ));
            push(&mut writer, &short);
        }
        assert_eq!(writer.waiting(), 2 * frame.len());
        assert_eq!(writer.joined, [&frame[..], &frame].concat());
        assert!(writer.joined.capacity() < 3 * MORE);
    }

    /// Takes so many octets at once, and as many pieces as there are if it can.
    #[derive(Debug, Default)]
    struct Sink {
        at_once: usize,
        vectored: bool,
        octets: Vec<u8>,
        writes: usize,
    }

    impl AsyncWrite for Sink {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            octets: &[u8],
        ) -> Poll<io::Result<usize>> {
            let len = octets.len().min(self.at_once);
            self.octets.extend_from_slice(&octets[..len]);
            self.writes += 1;
            Poll::Ready(Ok(len))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let before = self.octets.len();
            for piece in pieces {
                let room = self.at_once - (self.octets.len() - before);
                self.octets
                    .extend_from_slice(&piece[..piece.len().min(room)]);
            }
            self.writes += 1;
            Poll::Ready(Ok(self.octets.len() - before))
        }

        fn is_write_vectored(&self) -> bool {
            self.vectored
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A message with one text, and its frame.
    fn message(text_len: usize) -> (Outgoing, Vec<u8>) {
        let serializer = Serializer::json();
        let message = Message::from(Event {
            subscription: SubscriptionId::ZERO,
            publication: PublicationId::ZERO,
            details: Default::default(),
            payload: encode_payload(&serializer.format(), &("x".repeat(text_len),), &()).unwrap(),
        });
        let octets = serializer.encode(&message).unwrap().to_bytes();
        let header = FrameHeader::new(FrameKind::MESSAGE, octets.len()).unwrap();
        (message.into(), [&header.to_octets(), &octets[..]].concat())
    }

    fn push(writer: &mut Writer, message: &Outgoing) {
        let serializer = Serializer::json();
        writer
            .push_message(&serializer, message, usize::MAX)
            .unwrap();
    }

    #[tokio::test]
    async fn everything_is_written_in_order_however_little_is_taken_at_once() {
        let lens = [5, 5000, 0, 70_000, 4096, 4095, 1];
        for vectored in [false, true] {
            for at_once in [1, 7, 4096, 1 << 20] {
                let mut sink = Sink {
                    at_once,
                    vectored,
                    ..Sink::default()
                };
                let mut writer = Writer::new(&sink);
                let mut expected = Vec::new();
                for (number, len) in (1..).zip(lens) {
                    let (message, frame) = message(len);
                    push(&mut writer, &message);
                    expected.extend(frame);
                    let header = FrameHeader::new(FrameKind::PONG, 2).unwrap();
                    writer.push_control(header, &Bytes::from_static(b"po"));
                    expected.extend(header.to_octets());
                    expected.extend_from_slice(b"po");
                    // Some are written before the next ones come.
                    if number % 3 == 0 {
                        let cx = &mut Context::from_waker(std::task::Waker::noop());
                        let _ = writer
                            .poll_write_once(cx, Pin::new(&mut sink))
                            .map(|written| {
                                writer.advance(written.unwrap());
                            });
                    }
                    assert_eq!(writer.waiting() + sink.octets.len(), expected.len());
                }
                assert!(writer.control() > 0);
                poll_fn(|cx| writer.poll_write(cx, &mut sink))
                    .await
                    .unwrap();
                assert!(sink.octets == expected, "{vectored} {at_once}");
                assert_eq!((writer.waiting(), writer.control()), (0, 0));
            }
        }
    }

    #[tokio::test]
    async fn what_waits_is_one_write_and_a_long_payload_is_not_copied() {
        let mut sink = Sink {
            at_once: usize::MAX,
            vectored: true,
            ..Sink::default()
        };
        let mut writer = Writer::new(&sink);
        let (message, _) = message(10_000);
        for _ in 0..10 {
            push(&mut writer, &message);
        }
        let payload = message.message().payload().unwrap().octets().unwrap();
        let payload = payload.as_ptr();
        let shared = writer
            .pieces
            .iter()
            .filter(|piece| piece.as_ptr() == payload);
        assert_eq!(shared.count(), 10);
        poll_fn(|cx| writer.poll_write(cx, &mut sink))
            .await
            .unwrap();
        assert_eq!(sink.writes, 1);
    }

    #[tokio::test]
    async fn short_messages_are_one_write_for_a_stream_that_takes_one_piece() {
        let mut sink = Sink {
            at_once: usize::MAX,
            ..Sink::default()
        };
        let mut writer = Writer::new(&sink);
        let (message, _) = message(10_000);
        for _ in 0..10 {
            push(&mut writer, &message);
        }
        poll_fn(|cx| writer.poll_write(cx, &mut sink))
            .await
            .unwrap();
        assert_eq!(sink.writes, 1);
    }

    #[tokio::test]
    async fn nothing_is_kept_when_everything_is_written() {
        let mut sink = Sink {
            at_once: 3000,
            vectored: true,
            ..Sink::default()
        };
        let mut writer = Writer::new(&sink);
        for len in [100, 5000, 100] {
            push(&mut writer, &message(len).0);
        }
        poll_fn(|cx| writer.poll_write(cx, &mut sink))
            .await
            .unwrap();
        assert_eq!((writer.joined.capacity(), writer.pieces.capacity()), (0, 0));
    }

    #[test]
    fn what_is_written_does_not_pile_up_when_there_is_always_more() {
        let sink = Sink::default();
        let mut writer = Writer::new(&sink);
        let (message, frame) = message(100);
        push(&mut writer, &message);
        for _ in 0..10_000 {
            push(&mut writer, &message);
            writer.advance(frame.len());
        }
        assert!(
            writer.joined.capacity() < 16 << 10,
            "{}",
            writer.joined.capacity()
        );
    }
}
