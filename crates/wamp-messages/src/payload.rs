//! Payloads: the arguments of a message, as the octets they came in.
//!
//! Specification: Basic Profile, "Empty Arguments and Keyword Arguments".

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::value::{Dict, Value};
use crate::wire::{DecodeError, EncodeError, Kind, Reader};

/// The arguments and keyword arguments of a message, not decoded.
///
/// It is one span of the octets received (or serialized by a caller): the list of arguments, then
/// the dict of keyword arguments, in the format that it names. Whoever passes it on in the same
/// format passes on these octets. It was checked when it was read: it is well formed.
///
/// Or it is *opaque*, in payload passthru mode as Autobahn has it (`enc_algo`): one byte string in
/// place of the arguments.
///
/// Cloning shares the octets. A payload that waits for long should be [detached](Self::detach).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload(Repr);

#[derive(Clone, Default, PartialEq, Eq)]
enum Repr {
    #[default]
    Empty,
    Encoded(Encoded),
    Opaque {
        octets: Bytes,
        text: bool,
    },
}

#[derive(Clone, PartialEq, Eq)]
struct Encoded {
    format: Format,
    octets: Bytes,
    /// Where the list of arguments ends.
    args_end: usize,
    /// Where the dict of keyword arguments begins: at the end of the octets if there is none.
    kwargs_start: usize,
}

impl Payload {
    /// A payload with no arguments.
    pub const fn empty() -> Self {
        Self(Repr::Empty)
    }

    /// Makes a payload of octets that are well formed: a list, and then perhaps a dict.
    ///
    /// `args_end` is where the list ends, `kwargs_start` where the dict begins, if there is one;
    /// between them there is what the format puts between two elements (in JSON a comma).
    /// `None` if the numbers are not in order or not within the octets.
    pub fn encoded(
        format: Format,
        octets: Bytes,
        args_end: usize,
        kwargs_start: Option<usize>,
    ) -> Option<Self> {
        let kwargs_start = kwargs_start.unwrap_or(octets.len());
        (args_end <= kwargs_start && kwargs_start <= octets.len()).then_some(Self(Repr::Encoded(
            Encoded {
                format,
                octets,
                args_end,
                kwargs_start,
            },
        )))
    }

    /// Makes an opaque payload of a byte string.
    pub const fn opaque(octets: Bytes) -> Self {
        Self(Repr::Opaque {
            octets,
            text: false,
        })
    }

    /// Whether there are no arguments at all.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Repr::Empty)
    }

    /// The byte string, if the payload is opaque.
    pub const fn as_opaque(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Opaque { octets, .. } => Some(octets),
            _ => None,
        }
    }

    /// Whether the opaque payload came as text, which some peers send.
    pub const fn is_opaque_text(&self) -> bool {
        matches!(self.0, Repr::Opaque { text: true, .. })
    }

    /// The format of the octets; an opaque or empty payload has none.
    pub const fn format(&self) -> Option<&Format> {
        match &self.0 {
            Repr::Encoded(encoded) => Some(&encoded.format),
            _ => None,
        }
    }

    /// All octets of arguments and keyword arguments, with what stands between them.
    pub const fn octets(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Encoded(Encoded { octets, .. }) | Repr::Opaque { octets, .. } => Some(octets),
            Repr::Empty => None,
        }
    }

    /// The octets of the list of arguments.
    pub fn args(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Encoded(encoded) => encoded.octets.get(..encoded.args_end),
            _ => None,
        }
    }

    /// The octets of the dict of keyword arguments.
    pub fn kwargs(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Encoded(encoded) if encoded.kwargs_start < encoded.octets.len() => {
                encoded.octets.get(encoded.kwargs_start..)
            }
            _ => None,
        }
    }

    /// How many elements of the message it is: 0, 1 or 2.
    pub fn elements(&self) -> usize {
        match &self.0 {
            Repr::Empty => 0,
            Repr::Opaque { .. } => 1,
            Repr::Encoded(_) if self.kwargs().is_some() => 2,
            Repr::Encoded(_) => 1,
        }
    }

    /// How many octets it has.
    pub fn len(&self) -> usize {
        self.octets().map_or(0, Bytes::len)
    }

    /// The same payload with octets of its own, so that it does not keep a receive buffer alive.
    #[must_use]
    pub fn detach(&self) -> Self {
        let copy = |octets: &Bytes| Bytes::copy_from_slice(octets);
        Self(match &self.0 {
            Repr::Empty => Repr::Empty,
            Repr::Encoded(encoded) => Repr::Encoded(Encoded {
                octets: copy(&encoded.octets),
                ..encoded.clone()
            }),
            Repr::Opaque { octets, text } => Repr::Opaque {
                octets: copy(octets),
                text: *text,
            },
        })
    }

    /// Reads the rest of a message as its payload.
    pub(crate) fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        if !reader.more()? {
            return Ok(Self::empty());
        }
        let at = reader.offset();
        match reader.peek()? {
            Kind::List => {}
            Kind::Bytes | Kind::Text => return Self::read_opaque(reader),
            Kind::Null => return Self::read_without_args(reader),
            found => return Err(DecodeError::expected("a list", found, at).in_field("Arguments")),
        }
        let args = reader.skip()?;
        let Some(kwargs) = Self::read_kwargs(reader)? else {
            let end = args.end - args.start;
            let octets = reader.slice(args);
            let kwargs_start = octets.len();
            let format = reader.format();
            return Ok(Self(Repr::Encoded(Encoded {
                format,
                octets,
                args_end: end,
                kwargs_start,
            })));
        };
        Ok(Self(Repr::Encoded(Encoded {
            format: reader.format(),
            args_end: args.end - args.start,
            kwargs_start: kwargs.start - args.start,
            octets: reader.slice(args.start..kwargs.end),
        })))
    }

    /// Reads the dict of keyword arguments, if there is one, and the end of the message.
    fn read_kwargs<'de, R: Reader<'de>>(
        reader: &mut R,
    ) -> Result<Option<Range<usize>>, DecodeError> {
        if !reader.more()? {
            return Ok(None);
        }
        let at = reader.offset();
        match reader.peek()? {
            Kind::Dict => {}
            found => {
                let error = DecodeError::expected("a dictionary", found, at);
                return Err(error.in_field("ArgumentsKw"));
            }
        }
        let kwargs = reader.skip()?;
        Self::read_end(reader)?;
        Ok(Some(kwargs))
    }

    /// Reads `null, {..}`: Autobahn's message classes write it, though its API sends `[]`.
    fn read_without_args<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let at = reader.offset();
        reader.null()?;
        let Some(kwargs) = Self::read_kwargs(reader)? else {
            let error = DecodeError::expected("a list", Kind::Null, at);
            return Err(error.in_field("Arguments"));
        };
        // What is sent on has the empty list that the specification wants.
        let list = reader.empty_list();
        let between = reader.format().between();
        let kwargs = reader.slice(kwargs);
        let mut octets = BytesMut::with_capacity(list.len() + between.len() + kwargs.len());
        octets.extend_from_slice(list);
        octets.extend_from_slice(between);
        octets.extend_from_slice(&kwargs);
        Ok(Self(Repr::Encoded(Encoded {
            format: reader.format(),
            args_end: list.len(),
            kwargs_start: list.len() + between.len(),
            octets: octets.freeze(),
        })))
    }

    fn read_opaque<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let text = reader.peek()? == Kind::Text;
        let octets = if text {
            reader.text()?.into_bytes()
        } else {
            reader.octets()?
        };
        if reader.more()? {
            let (at, found) = (reader.offset(), reader.peek()?);
            let error = DecodeError::expected("the end of an opaque payload", found, at);
            return Err(error.in_field("ArgumentsKw"));
        }
        Ok(Self(Repr::Opaque { octets, text }))
    }

    fn read_end<'de, R: Reader<'de>>(reader: &mut R) -> Result<(), DecodeError> {
        if reader.more()? {
            let (at, found) = (reader.offset(), reader.peek()?);
            return Err(DecodeError::expected("the end of the message", found, at));
        }
        Ok(())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Empty => f.write_str("Payload(empty)"),
            Repr::Encoded(encoded) => {
                write!(
                    f,
                    "Payload({}, {} octets)",
                    encoded.format.name(),
                    encoded.octets.len()
                )
            }
            Repr::Opaque { octets, .. } => write!(f, "Payload(opaque, {} octets)", octets.len()),
        }
    }
}

/// The format of a payload's octets.
///
/// The formats of the specification are values of this type; what they mean to octets is known to
/// the crate `wamp-serializers`. A foreign format brings its own meaning.
#[derive(Clone)]
#[non_exhaustive]
pub enum Format {
    /// JSON, with byte strings as text that begins with NUL.
    Json,
    /// MessagePack.
    MsgPack,
    /// CBOR.
    Cbor,
    /// A format of somebody else's.
    Foreign(Arc<dyn ForeignFormat>),
}

impl Format {
    /// The name of the format, as in the subprotocol `wamp.2.NAME`.
    pub fn name(&self) -> &str {
        match self {
            Self::Json => "json",
            Self::MsgPack => "msgpack",
            Self::Cbor => "cbor",
            Self::Foreign(format) => format.name(),
        }
    }

    /// What stands between two elements of a list.
    pub const fn between(&self) -> &'static [u8] {
        match self {
            Self::Json => b",",
            _ => b"",
        }
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json, Self::Json)
            | (Self::MsgPack, Self::MsgPack)
            | (Self::Cbor, Self::Cbor) => true,
            (Self::Foreign(a), Self::Foreign(b)) => a.name() == b.name(),
            _ => false,
        }
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The payloads of a format that is not one of the specification's.
///
/// A payload of such a format goes through [`Value`]s when it is decoded, or rewritten for a peer
/// of another format; two peers of the same format exchange its octets untouched.
pub trait ForeignFormat: fmt::Debug + Send + Sync + 'static {
    /// The name of the format, as in the subprotocol `wamp.2.NAME`.
    fn name(&self) -> &str;

    /// Writes arguments, and keyword arguments if there are any, into a payload.
    ///
    /// # Errors
    ///
    /// The format has no form for one of the values.
    fn encode(&self, args: &[Value], kwargs: &Dict) -> Result<Payload, EncodeError>;

    /// Reads the arguments and keyword arguments of a payload in this format.
    ///
    /// # Errors
    ///
    /// The octets are malformed, or nested too deeply.
    fn decode(&self, payload: &Payload) -> Result<(Vec<Value>, Dict), DecodeError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_knows_its_parts() {
        let octets = Bytes::from_static(br#"[1,2],{"a":3}"#);
        let payload = Payload::encoded(Format::Json, octets, 5, Some(6)).unwrap();
        assert_eq!(payload.args(), Some(&b"[1,2]"[..]));
        assert_eq!(payload.kwargs(), Some(&br#"{"a":3}"#[..]));
        assert_eq!(payload.elements(), 2);
        assert_eq!(payload.detach(), payload);
    }

    #[test]
    fn parts_outside_of_the_octets_are_refused() {
        let octets = Bytes::from_static(b"[]");
        assert!(Payload::encoded(Format::Json, octets.clone(), 3, None).is_none());
        assert!(Payload::encoded(Format::Json, octets.clone(), 2, Some(1)).is_none());
        assert!(Payload::encoded(Format::Json, octets, 2, None).is_some());
    }
}
