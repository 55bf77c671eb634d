//! What a scanner yields and a sink takes: the parts of a document, whatever its format.

use std::borrow::Cow;
use std::ops::Range;

use bytes::BytesMut;
use wamp_messages::wire::{DecodeError, EncodeError, Kind};

/// One part of a document in one of the formats.
///
/// A dict is `Dict`, then a key and a value in turn, then `End`; a list is `List`, its elements,
/// `End`. Lengths are told where the format declares them (JSON and open CBOR items do not); they
/// are checked against what is there, so that no more elements than octets are ever declared.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    not(all(feature = "json", feature = "msgpack", feature = "cbor")),
    allow(dead_code, reason = "no format has them all")
)]
pub(crate) enum Token<'a> {
    Null,
    /// CBOR's undefined, and the MessagePack extension (type 0, one octet 0) that JavaScript
    /// implementations write for it.
    Undefined,
    Bool(bool),
    /// An integer that is not negative.
    Unsigned(u64),
    /// An integer below zero.
    Negative(i64),
    /// CBOR: the integer `-1 - n`, below `i64::MIN`.
    BigNegative(u64),
    /// JSON: the digits of an integer beyond 64 bits, with its sign.
    Decimal(&'a str),
    /// A float of 64 bits.
    Float(f64),
    /// A float of 32 bits, or of 16 in CBOR.
    Float32(f32),
    /// A text. A key in JSON is always one; a string value that begins with NUL is `Bytes`.
    Text(Cow<'a, str>),
    /// A byte string.
    Bytes(Cow<'a, [u8]>),
    /// The begin of a list.
    List(Option<usize>),
    /// The begin of a dict, with its number of pairs.
    Dict(Option<usize>),
    /// The end of the list or dict begun last that has not ended.
    End,
    /// CBOR: a tag; the item that it stands before is next.
    Tag(u64),
    /// MessagePack: an extension.
    Extension(i8, &'a [u8]),
    /// CBOR: a simple value that is none of those with a name.
    Simple(u8),
}

impl Token<'_> {
    /// The kind of element that begins with this token.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Null | Self::Undefined => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Unsigned(_) | Self::Negative(_) | Self::BigNegative(_) | Self::Decimal(_) => {
                Kind::Integer
            }
            Self::Float(_) | Self::Float32(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Dict(_) => Kind::Dict,
            Self::End | Self::Tag(_) | Self::Extension(..) | Self::Simple(_) => Kind::Other,
        }
    }
}

/// Reads one document (one element with all it holds) of a format, checking that it is well formed.
///
/// It keeps the levels that it has entered in a stack of its own, no deeper than its limit.
pub(crate) trait Scanner<'a>: Sized {
    /// Begins a document. `max_depth` lists, dicts and tags may be nested.
    fn new(input: &'a [u8], max_depth: usize) -> Result<Self, DecodeError>;

    /// The next token; behind the end of the document there is only `End`.
    fn token(&mut self) -> Result<Token<'a>, DecodeError>;

    /// Whether the list or dict entered last has another element (key); if not, leaves it, as the
    /// token `End` would.
    fn more(&mut self) -> Result<bool, DecodeError>;

    /// The kind of the next element. A CBOR tag is looked through.
    fn peek(&mut self) -> Result<Kind, DecodeError>;

    /// Passes over the next element without making anything of it, and tells where it stands.
    fn skip(&mut self) -> Result<Range<usize>, DecodeError>;

    /// Passes over a dict like [`Scanner::skip`]; its own keys must be texts.
    fn skip_kwargs(&mut self) -> Result<Range<usize>, DecodeError>;

    /// Checks that nothing follows the document.
    fn end(&mut self) -> Result<(), DecodeError>;

    /// Where the scanner stands, in octets.
    fn offset(&self) -> usize;
}

/// Writes one document, or several elements one after another, in a format.
///
/// What stands between two elements or pairs (in JSON a comma) is written without being asked for.
/// Lengths of lists and dicts are known beforehand, in elements and pairs.
pub(crate) trait Sink: Sized {
    /// The name of the format, in an error.
    const FORMAT: &'static str;

    /// Whether a key may be an integer, written as any other.
    const INTEGER_KEYS: bool;

    /// A sink that appends to `out`.
    fn new(out: BytesMut) -> Self;

    /// How many octets `out` has by now.
    fn len(&self) -> usize;

    /// What has been written, to keep it.
    fn into_inner(self) -> BytesMut;

    fn list(&mut self, len: usize);
    fn end_list(&mut self);
    fn dict(&mut self, len: usize);
    fn end_dict(&mut self);
    fn key(&mut self, key: &str);
    fn null(&mut self);
    fn bool(&mut self, value: bool);
    fn u64(&mut self, value: u64);
    fn i64(&mut self, value: i64);
    /// JSON has no form for NaN and the infinities.
    fn f64(&mut self, value: f64) -> Result<(), EncodeError>;
    /// Writes a float of 32 bits as such where there are any.
    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.f64(value.into())
    }

    /// Writes undefined, which is null where there is no such thing.
    fn undefined(&mut self) {
        self.null();
    }

    /// Writes the integer `-1 - n`, which is below `i64::MIN`.
    fn big_negative(&mut self, n: u64) -> Result<(), EncodeError>;

    /// JSON has no form for a text that begins with NUL: it would be read as a byte string.
    fn text(&mut self, text: &str) -> Result<(), EncodeError>;
    fn octets(&mut self, octets: &[u8]);

    /// Writes what stands before the octets of a byte string or text, so that they can follow
    /// uncopied; `false`, and nothing is written, where they cannot, as in JSON.
    fn string_head(&mut self, len: usize, text: bool) -> bool;

    /// Notes that elements that were written elsewhere follow here.
    fn splice(&mut self) {}

    /// Appends octets that were written elsewhere.
    fn raw(&mut self, octets: &[u8]);
}
