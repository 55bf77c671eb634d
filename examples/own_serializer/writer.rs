//! From messages and values to octets.

use bytes::Bytes;
use wamp::Payload;
use wamp::messages::wire::{EncodeError, Writer as WriteMessage};

use super::{BYTES, DICT, FALSE, FLOAT, LIST, NAME, NEGATIVE, NULL, TEXT, TRUE, UNSIGNED};

/// Writes elements one after the other.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    /// Where the elements of each open list or dict begin: their length stands before.
    open: Vec<usize>,
    /// What could not be written: a writer fails at its end.
    error: Option<EncodeError>,
}

impl Writer {
    pub(super) fn finish(self) -> Result<Bytes, EncodeError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.out.into()),
        }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn string(&mut self, tag: u8, octets: &[u8]) {
        self.out.push(tag);
        self.varint(octets.len() as u64);
        self.out.extend_from_slice(octets);
    }

    fn begin(&mut self, tag: u8) {
        self.out.extend_from_slice(&[tag, 0, 0, 0, 0]);
        self.open.push(self.out.len());
    }

    fn close(&mut self) {
        let Some(start) = self.open.pop() else { return };
        match u32::try_from(self.out.len() - start) {
            Ok(len) => self.out[start - 4..start].copy_from_slice(&len.to_be_bytes()),
            Err(_) => {
                self.error = Some(EncodeError::NotRepresentable {
                    format: NAME,
                    what: "a list or dict of more than 4 GiB",
                });
            }
        }
    }
}

impl WriteMessage for Writer {
    fn list(&mut self, _: usize) {
        self.begin(LIST);
    }

    fn end_list(&mut self) {
        self.close();
    }

    fn dict(&mut self, _: usize) {
        self.begin(DICT);
    }

    fn end_dict(&mut self) {
        self.close();
    }

    fn key(&mut self, key: &str) {
        self.text(key);
    }

    fn null(&mut self) {
        self.out.push(NULL);
    }

    fn bool(&mut self, value: bool) {
        self.out.push(if value { TRUE } else { FALSE });
    }

    fn u64(&mut self, value: u64) {
        self.out.push(UNSIGNED);
        self.varint(value);
    }

    fn i64(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.u64(value),
            Err(_) => {
                self.out.push(NEGATIVE);
                self.varint(!value as u64);
            }
        }
    }

    fn f64(&mut self, value: f64) {
        self.out.push(FLOAT);
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.string(TEXT, text.as_bytes());
    }

    fn octets(&mut self, octets: &[u8]) {
        self.string(BYTES, octets);
    }

    fn payload(&mut self, payload: &Payload) {
        if let Some(opaque) = payload.as_opaque() {
            self.octets(opaque);
        } else if let Some(octets) = payload.octets() {
            // It is in this format: one of another has been rewritten before.
            self.out.extend_from_slice(octets);
        }
    }
}
