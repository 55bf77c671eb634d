//! A message, written into a sink of any format.

use bytes::{Bytes, BytesMut};
use wamp_messages::wire::{EncodeError, Writer};
use wamp_messages::{Format, Message, Payload};

use crate::frame::Frame;
use crate::token::Sink;
use crate::transcode::transcode_within;

/// A format that messages are written in.
pub(crate) trait WriteFormat {
    type Sink: Sink;
    const FORMAT: Format;
    /// What ends a message behind its payload.
    const TAIL: &'static [u8];
}

/// Writes a message; a payload of the same format is not copied.
pub(crate) fn write<F: WriteFormat>(
    message: &Message,
    max_depth: usize,
) -> Result<Frame, EncodeError> {
    let mut writer = HeaderWriter::<F> {
        sink: F::Sink::new(BytesMut::with_capacity(HEADER_SIZE)),
        payload: None,
        error: None,
        max_depth,
    };
    message.write(&mut writer);
    if let Some(error) = writer.error {
        return Err(error);
    }
    let head = writer.sink.into_inner().freeze();
    let (payload, tail) = match writer.payload {
        Some(payload) => (payload, F::TAIL),
        None => (Bytes::new(), &b""[..]),
    };
    Ok(Frame {
        head,
        payload,
        tail,
    })
}

/// Enough for the header of most messages.
const HEADER_SIZE: usize = 128;

struct HeaderWriter<F: WriteFormat> {
    sink: F::Sink,
    /// The payload, beside the header; the message ends behind it.
    payload: Option<Bytes>,
    error: Option<EncodeError>,
    max_depth: usize,
}

impl<F: WriteFormat> HeaderWriter<F> {
    fn note(&mut self, result: Result<(), EncodeError>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    /// Puts the octets of a payload in this format behind the header.
    fn splice(&mut self, octets: Bytes) {
        self.sink.splice();
        self.payload = Some(octets);
    }

    fn opaque(&mut self, octets: &Bytes, text: bool) -> Result<(), EncodeError> {
        if self.sink.string_head(octets.len(), text) {
            self.payload = Some(octets.clone());
        } else if text {
            let text = std::str::from_utf8(octets).map_err(|_| EncodeError::NotRepresentable {
                format: "a string",
                what: "an opaque payload that is not UTF-8",
            })?;
            self.sink.text(text)?;
        } else {
            self.sink.octets(octets);
        }
        Ok(())
    }

    fn put_payload(&mut self, payload: &Payload) -> Result<(), EncodeError> {
        if let (Some(octets), true) = (payload.octets(), payload.format() == Some(&F::FORMAT)) {
            self.splice(octets.clone());
        } else if let Some(octets) = payload.as_opaque() {
            self.opaque(octets, payload.is_opaque_text())?;
        } else if payload.format().is_some() {
            let transcoded = transcode_within(payload, &F::FORMAT, self.max_depth)?;
            if let Some(octets) = transcoded.octets() {
                self.splice(octets.clone());
            }
        }
        Ok(())
    }
}

impl<F: WriteFormat> Writer for HeaderWriter<F> {
    fn list(&mut self, len: usize) {
        self.sink.list(len);
    }

    fn end_list(&mut self) {
        // The bracket behind the payload is the frame's tail.
        if self.payload.is_none() {
            self.sink.end_list();
        }
    }

    fn dict(&mut self, len: usize) {
        self.sink.dict(len);
    }

    fn end_dict(&mut self) {
        self.sink.end_dict();
    }

    fn key(&mut self, key: &str) {
        self.sink.key(key);
    }

    fn null(&mut self) {
        self.sink.null();
    }

    fn bool(&mut self, value: bool) {
        self.sink.bool(value);
    }

    fn u64(&mut self, value: u64) {
        self.sink.u64(value);
    }

    fn i64(&mut self, value: i64) {
        self.sink.i64(value);
    }

    fn f64(&mut self, value: f64) {
        let result = self.sink.f64(value);
        self.note(result);
    }

    fn text(&mut self, text: &str) {
        let result = self.sink.text(text);
        self.note(result);
    }

    fn octets(&mut self, octets: &[u8]) {
        self.sink.octets(octets);
    }

    fn payload(&mut self, payload: &Payload) {
        let result = self.put_payload(payload);
        self.note(result);
    }
}
