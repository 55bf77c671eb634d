//! How serde_json writes byte strings for WAMP.

use std::io;

use data_encoding::BASE64;

/// Compact JSON in which a byte string is a string of NUL and base64.
#[derive(Debug, Clone, Copy)]
pub(super) struct WampFormatter;

/// How many octets are encoded at a time: a multiple of three, so that only the end is padded.
const CHUNK: usize = 1536;

impl serde_json::ser::Formatter for WampFormatter {
    fn write_byte_array<W>(&mut self, writer: &mut W, octets: &[u8]) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(b"\"\\u0000")?;
        let mut encoded = [0; CHUNK / 3 * 4];
        for chunk in octets.chunks(CHUNK) {
            let encoded = &mut encoded[..BASE64.encode_len(chunk.len())];
            BASE64.encode_mut(chunk, encoded);
            writer.write_all(encoded)?;
        }
        writer.write_all(b"\"")
    }
}
