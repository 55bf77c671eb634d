//! Rewriting a payload in another format, token by token, without making values of it.
//!
//! What is kept, mapped or refused is decided here, and told in the guide's chapter on payloads: a
//! value arrives as it was sent, or its sender is told that it cannot.

mod count;
mod values;

use bytes::BytesMut;
use smallvec::SmallVec;
use wamp_messages::wire::{DecodeError, DecodeErrorKind, EncodeError, Kind};
use wamp_messages::{ForeignFormat, Format, Payload};

use self::values::Values;
use crate::serializer::MAX_DEPTH;
use crate::token::{Scanner, Sink, Token};
use crate::typed::encode_payload;

/// Rewrites a payload in another format.
///
/// A payload that is in that format already, an empty one, and an opaque one (which has no format)
/// are shared, not copied. For all others time and memory are proportional to the payload; a
/// foreign format goes through values.
///
/// # Errors
///
/// [`EncodeError::NotRepresentable`] for what the other format has no form for, or none that is
/// read as the same value; nothing is changed silently. [`EncodeError::Payload`] if the payload was
/// not checked and is malformed.
pub fn transcode(payload: &Payload, to: &Format) -> Result<Payload, EncodeError> {
    transcode_within(payload, to, MAX_DEPTH)
}

/// Rewrites a payload for messages in which `max_depth` levels may be nested, themselves included.
pub(crate) fn transcode_within(
    payload: &Payload,
    to: &Format,
    max_depth: usize,
) -> Result<Payload, EncodeError> {
    let (Some(from), Some(args)) = (payload.format(), payload.args()) else {
        return Ok(payload.clone());
    };
    if from == to {
        return Ok(payload.clone());
    }
    #[cfg(feature = "__counters")]
    crate::counters::note(crate::counters::Step::Transcode);
    let source = Source {
        args,
        kwargs: payload.kwargs(),
        max_depth: max_depth.saturating_sub(1),
    };
    match from {
        Format::Foreign(foreign) => {
            let (args, kwargs) = foreign.decode(payload)?;
            encode_payload(to, &args, &kwargs)
        }
        #[cfg(feature = "json")]
        Format::Json => source.rewrite::<crate::json::JsonScanner<'_>>(count::json, to),
        #[cfg(feature = "msgpack")]
        Format::MsgPack => {
            source.rewrite::<crate::msgpack::MsgPackScanner<'_>>(count::declared, to)
        }
        #[cfg(feature = "cbor")]
        Format::Cbor => source.rewrite::<crate::cbor::CborScanner<'_>>(
            count::tokens::<crate::cbor::CborScanner<'_>>,
            to,
        ),
        from => Err(not_compiled_in(from)),
    }
}

fn not_compiled_in(format: &Format) -> EncodeError {
    EncodeError::Foreign {
        format: format.name().to_owned(),
        reason: "it is not compiled in".to_owned(),
    }
}

/// Counts what the source does not declare, given its octets and how deep they may be.
type Count<'a> = fn(&'a [u8], usize) -> Result<Vec<u32>, DecodeError>;

/// The octets to be rewritten.
#[derive(Clone, Copy)]
struct Source<'a> {
    args: &'a [u8],
    kwargs: Option<&'a [u8]>,
    max_depth: usize,
}

impl<'a> Source<'a> {
    fn rewrite<S: Scanner<'a>>(
        self,
        count: Count<'a>,
        to: &Format,
    ) -> Result<Payload, EncodeError> {
        match to {
            #[cfg(feature = "json")]
            Format::Json => self.rewrite_octets::<S, crate::json::JsonSink>(count, to),
            #[cfg(feature = "msgpack")]
            Format::MsgPack => self.rewrite_octets::<S, crate::msgpack::MsgPackSink>(count, to),
            #[cfg(feature = "cbor")]
            Format::Cbor => self.rewrite_octets::<S, crate::cbor::CborSink>(count, to),
            Format::Foreign(to) => self.rewrite_values::<S>(&**to),
            to => Err(not_compiled_in(to)),
        }
    }

    fn rewrite_octets<S: Scanner<'a>, K: Sink>(
        self,
        count: Count<'a>,
        to: &Format,
    ) -> Result<Payload, EncodeError> {
        let len = self.args.len() + self.kwargs.map_or(0, <[u8]>::len);
        // Most values take about as much room in one format as in another.
        let mut sink = K::new(BytesMut::with_capacity(len + len / 8 + 8));
        let count = (*to != Format::Json).then_some(count);
        copy::<S, K>(self.args, &mut sink, count, self.max_depth)?;
        let args_end = sink.len();
        let mut kwargs_start = None;
        if let Some(kwargs) = self.kwargs {
            kwargs_start = Some(args_end + to.between().len());
            copy::<S, K>(kwargs, &mut sink, count, self.max_depth)?;
        }
        let octets = sink.into_inner();
        if *to == Format::MsgPack && u32::try_from(octets.len()).is_err() {
            return Err(refused("MessagePack", "more than 4 GiB"));
        }
        Payload::encoded(to.clone(), octets.freeze(), args_end, kwargs_start)
            .ok_or_else(|| EncodeError::Value("the parts of the payload overlap".to_owned()))
    }

    fn rewrite_values<S: Scanner<'a>>(
        self,
        to: &dyn ForeignFormat,
    ) -> Result<Payload, EncodeError> {
        let mut values = Values::default();
        copy::<S, Values>(self.args, &mut values, None, self.max_depth)?;
        let args = values.take_list();
        if let Some(kwargs) = self.kwargs {
            copy::<S, Values>(kwargs, &mut values, None, self.max_depth)?;
        }
        to.encode(&args, &values.take_dict())
    }
}

const fn refused(format: &'static str, what: &'static str) -> EncodeError {
    EncodeError::NotRepresentable { format, what }
}

/// What tokens are copied to.
///
/// Beyond a [`Sink`], it takes what formats have in common only in part.
trait Target {
    /// Its name in an error.
    const NAME: &'static str;

    fn list(&mut self, len: usize);
    fn end_list(&mut self);
    fn dict(&mut self, len: usize);
    fn end_dict(&mut self);
    fn key(&mut self, key: &str);
    /// An integer as a key: of its kind where there are such keys, else its digits.
    fn integer_key(&mut self, key: i128) -> Result<(), EncodeError>;
    /// Anything that is no list, dict or key.
    fn scalar(&mut self, token: &Token<'_>) -> Result<(), EncodeError>;
}

/// Copies one document, a list or a dict.
fn copy<'a, S: Scanner<'a>, T: Target>(
    octets: &'a [u8],
    target: &mut T,
    count: Option<Count<'a>>,
    max_depth: usize,
) -> Result<(), EncodeError> {
    let mut scanner = S::new(octets, max_depth)?;
    let found = scanner.peek()?;
    if !matches!(found, Kind::List | Kind::Dict) {
        return Err(DecodeError::expected("a list or a dictionary", found, 0).into());
    }
    let mut levels = Levels::default();
    let mut counts: Option<std::vec::IntoIter<u32>> = None;
    let mut length = |declared: Option<usize>| -> Result<usize, DecodeError> {
        let (None, Some(count)) = (declared, count) else {
            return Ok(declared.unwrap_or(0));
        };
        if counts.is_none() {
            counts = Some(count(octets, max_depth)?.into_iter());
        }
        let counted = counts.as_mut().and_then(Iterator::next);
        // The same octets were counted: this cannot be, unless they are malformed.
        counted
            .map(|counted| counted as usize)
            .ok_or_else(|| DecodeError::new(DecodeErrorKind::Truncated, octets.len()))
    };
    loop {
        // By reference: to move a token costs more than to write it.
        let token = scanner.token();
        match token.as_ref().map_err(Clone::clone)? {
            Token::End => match levels.leave() {
                Some(Place::Element) => target.end_list(),
                Some(Place::Key) => target.end_dict(),
                Some(Place::Value) | None => {
                    let kind = DecodeErrorKind::Truncated;
                    return Err(DecodeError::new(kind, scanner.offset()).into());
                }
            },
            key if levels.at_key() => copy_key(key, target)?,
            Token::List(declared) => {
                target.list(length(*declared)?);
                levels.enter(Place::Element);
                continue;
            }
            Token::Dict(declared) => {
                target.dict(length(*declared)?);
                levels.enter(Place::Key);
                continue;
            }
            Token::Tag(OCTETS) if scanner.peek()? == Kind::Bytes => continue,
            Token::Tag(_) => return Err(refused(T::NAME, "a CBOR tag")),
            scalar => target.scalar(scalar)?,
        }
        if levels.is_empty() {
            return scanner.end().map_err(EncodeError::from);
        }
        levels.next();
    }
}

/// CBOR's tag of an array of octets (RFC 8746), which JavaScript writes before a `Uint8Array`: what it
/// stands before is a byte string with it and without.
const OCTETS: u64 = 64;

fn copy_key<T: Target>(token: &Token<'_>, target: &mut T) -> Result<(), EncodeError> {
    match token {
        Token::Text(key) => {
            target.key(key);
            Ok(())
        }
        Token::Unsigned(key) => target.integer_key((*key).into()),
        Token::Negative(key) => target.integer_key((*key).into()),
        Token::BigNegative(key) => target.integer_key(-1 - i128::from(*key)),
        _ => Err(refused(
            T::NAME,
            "a key that is neither text nor an integer",
        )),
    }
}

/// What comes next in a list or dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Element,
    Key,
    Value,
}

/// The lists and dicts that were entered, and what comes next in each.
#[derive(Default)]
struct Levels(SmallVec<[Place; 32]>);

impl Levels {
    fn enter(&mut self, place: Place) {
        self.0.push(place);
    }

    fn leave(&mut self) -> Option<Place> {
        self.0.pop()
    }

    /// Notes that an element, key or value is complete.
    fn next(&mut self) {
        if let Some(place) = self.0.last_mut() {
            *place = match *place {
                Place::Element => Place::Element,
                Place::Key => Place::Value,
                Place::Value => Place::Key,
            };
        }
    }

    fn at_key(&self) -> bool {
        self.0.last() == Some(&Place::Key)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Sink> Target for K {
    const NAME: &'static str = K::FORMAT;

    fn list(&mut self, len: usize) {
        Sink::list(self, len);
    }

    fn end_list(&mut self) {
        Sink::end_list(self);
    }

    fn dict(&mut self, len: usize) {
        Sink::dict(self, len);
    }

    fn end_dict(&mut self) {
        Sink::end_dict(self);
    }

    fn key(&mut self, key: &str) {
        Sink::key(self, key);
    }

    fn integer_key(&mut self, key: i128) -> Result<(), EncodeError> {
        if !K::INTEGER_KEYS {
            Sink::key(self, &key.to_string());
            return Ok(());
        }
        integer(self, key)
    }

    fn scalar(&mut self, token: &Token<'_>) -> Result<(), EncodeError> {
        match token {
            Token::Null => self.null(),
            Token::Undefined => self.undefined(),
            Token::Bool(value) => self.bool(*value),
            Token::Unsigned(value) => self.u64(*value),
            Token::Negative(value) => self.i64(*value),
            Token::BigNegative(value) => return self.big_negative(*value),
            Token::Decimal(digits) => {
                let value = digits.parse().map_err(|_| beyond_64_bits(K::FORMAT))?;
                return integer(self, value);
            }
            Token::Float(value) => return self.f64(*value),
            Token::Float32(value) => return self.f32(*value),
            Token::Text(text) => return self.text(text),
            Token::Bytes(octets) => self.octets(octets),
            Token::Extension(..) => return Err(refused(K::FORMAT, "a MessagePack extension")),
            Token::Simple(_) => return Err(refused(K::FORMAT, "a CBOR simple value")),
            Token::List(_) | Token::Dict(_) | Token::End | Token::Tag(_) => {}
        }
        Ok(())
    }
}

const fn beyond_64_bits(format: &'static str) -> EncodeError {
    refused(format, "an integer of more than 64 bits")
}

fn integer<K: Sink>(sink: &mut K, value: i128) -> Result<(), EncodeError> {
    if let Ok(value) = u64::try_from(value) {
        sink.u64(value);
    } else if let Ok(value) = i64::try_from(value) {
        sink.i64(value);
    } else if let Ok(value) = u64::try_from(-1 - value) {
        return sink.big_negative(value);
    } else {
        return Err(beyond_64_bits(K::FORMAT));
    }
    Ok(())
}
