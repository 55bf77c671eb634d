//! A message, written into a sink of any format.

use std::mem;

use bytes::{Bytes, BytesMut};
use wamp_messages::wire::{EncodeError, Writer};
use wamp_messages::{Format, Message, Payload};

use crate::frame::Remainder;
use crate::token::Sink;
use crate::transcode::transcode_within;

/// A format that messages are written in.
pub(crate) trait WriteFormat {
    type Sink: Sink;
    const FORMAT: Format;
    /// What ends a message behind its payload.
    const TAIL: &'static [u8];
}

/// Appends a message. A payload of so many octets or more is not copied, and returned with what
/// follows it.
pub(crate) fn write<F: WriteFormat>(
    message: &Message,
    max_depth: usize,
    out: &mut BytesMut,
    shared_from: usize,
) -> Result<Option<Remainder>, EncodeError> {
    let before = out.len();
    let payload = message.payload().map_or(0, Payload::len);
    let copied = if payload < shared_from { payload } else { 0 };
    out.reserve(HEADER_SIZE + copied);
    let mut writer = HeaderWriter::<F> {
        sink: F::Sink::new(mem::take(out)),
        shared_from,
        payload: None,
        error: None,
        max_depth,
    };
    message.write(&mut writer);
    *out = writer.sink.into_inner();
    if let Some(error) = writer.error {
        out.truncate(before);
        return Err(error);
    }
    let tail = F::TAIL;
    Ok(writer.payload.map(|payload| Remainder { payload, tail }))
}

/// Enough for the header of most messages.
const HEADER_SIZE: usize = 128;

struct HeaderWriter<F: WriteFormat> {
    sink: F::Sink,
    /// From how many octets a payload is not copied.
    shared_from: usize,
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
    fn splice(&mut self, octets: &Bytes) {
        self.sink.splice();
        self.put(octets);
    }

    fn put(&mut self, octets: &Bytes) {
        if octets.len() < self.shared_from {
            self.sink.raw(octets);
        } else {
            self.payload = Some(octets.clone());
        }
    }

    fn opaque(&mut self, octets: &Bytes, text: bool) -> Result<(), EncodeError> {
        if self.sink.string_head(octets.len(), text) {
            self.put(octets);
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
            self.splice(octets);
        } else if let Some(octets) = payload.as_opaque() {
            self.opaque(octets, payload.is_opaque_text())?;
        } else if payload.format().is_some() {
            let transcoded = transcode_within(payload, &F::FORMAT, self.max_depth)?;
            if let Some(octets) = transcoded.octets() {
                self.splice(octets);
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
