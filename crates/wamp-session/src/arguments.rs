//! The arguments of a call or publication, while its builder is built.

use serde::Serialize;
use wamp_messages::{EncodeError, Format, Payload};
use wamp_serializers::encode_payload;

use crate::error::SendError;

/// Arguments, serialized as they are given; an error is kept until the builder is awaited.
#[derive(Debug)]
pub(crate) struct Arguments {
    format: Format,
    payload: Result<Payload, SendError>,
}

impl Arguments {
    pub(crate) const fn new(format: Format) -> Self {
        Self {
            format,
            payload: Ok(Payload::empty()),
        }
    }

    pub(crate) fn set_args<A: Serialize + ?Sized>(&mut self, args: &A) {
        self.merge(encode_payload(&self.format, args, &()));
    }

    pub(crate) fn set_kwargs<K: Serialize + ?Sized>(&mut self, kwargs: &K) {
        self.merge(encode_payload(&self.format, &(), kwargs));
    }

    pub(crate) fn into_payload(self) -> Result<Payload, SendError> {
        self.payload
    }

    fn merge(&mut self, given: Result<Payload, EncodeError>) {
        let Ok(known) = &self.payload else { return };
        self.payload = match given {
            Ok(given) if known.is_empty() => Ok(given),
            Ok(given) => join(&self.format, known, &given).map_err(Into::into),
            Err(error) => Err(error.into()),
        };
    }
}

/// Puts the arguments of one payload and the keyword arguments of another together; what is in
/// neither, or in both, is taken from `given`.
fn join(format: &Format, known: &Payload, given: &Payload) -> Result<Payload, EncodeError> {
    let (args, kwargs) = match (given.kwargs(), known.kwargs()) {
        (Some(kwargs), _) => (known.args(), Some(kwargs)),
        (None, kwargs) => (given.args(), kwargs),
    };
    let (args, kwargs) = (args.unwrap_or_default(), kwargs.unwrap_or_default());
    let between: &[u8] = if kwargs.is_empty() {
        b""
    } else {
        format.between()
    };
    let start = args.len() + between.len();
    let octets = [args, between, kwargs].concat();
    Payload::encoded(format.clone(), octets.into(), args.len(), Some(start))
        .ok_or_else(|| EncodeError::Value("the arguments cannot be put together".to_owned()))
}
