//! The arguments of a call or publication, while its builder is built.

use serde::Serialize;
use wamp_messages::{EncodeError, Format, Payload};
use wamp_serializers::encode_payload;

use crate::error::SendError;

/// Arguments, serialized as they are given; an error is kept until the builder is awaited.
#[derive(Debug)]
pub(crate) struct Arguments {
    format: Format,
    /// The arguments, with no keyword arguments.
    args: Result<Payload, SendError>,
    /// The keyword arguments, with an empty list of arguments.
    kwargs: Result<Payload, SendError>,
}

impl Arguments {
    pub(crate) const fn new(format: Format) -> Self {
        Self {
            format,
            args: Ok(Payload::empty()),
            kwargs: Ok(Payload::empty()),
        }
    }

    pub(crate) fn set_args<A: Serialize + ?Sized>(&mut self, args: &A) {
        self.args = encode_payload(&self.format, args, &()).map_err(Into::into);
    }

    pub(crate) fn set_kwargs<K: Serialize + ?Sized>(&mut self, kwargs: &K) {
        self.kwargs = encode_payload(&self.format, &(), kwargs).map_err(Into::into);
    }

    pub(crate) fn into_payload(self) -> Result<Payload, SendError> {
        let (args, kwargs) = (self.args?, self.kwargs?);
        if kwargs.is_empty() {
            return Ok(args);
        }
        if args.is_empty() {
            return Ok(kwargs);
        }
        Ok(join(self.format, &args, &kwargs)?)
    }
}

/// Puts the arguments of one payload and the keyword arguments of another together.
fn join(format: Format, args: &Payload, kwargs: &Payload) -> Result<Payload, EncodeError> {
    let args = args.args().unwrap_or_default();
    let kwargs = kwargs.kwargs().unwrap_or_default();
    let start = args.len() + format.between().len();
    let octets = [args, format.between(), kwargs].concat();
    Payload::encoded(format, octets.into(), args.len(), Some(start))
        .ok_or_else(|| EncodeError::Value("the arguments cannot be put together".to_owned()))
}

#[cfg(test)]
mod tests {
    use wamp_messages::{args, kwargs};

    use super::*;

    fn given(args: Option<&[i64]>, kwargs: Option<&wamp_messages::Dict>) -> Payload {
        let mut arguments = Arguments::new(Format::Json);
        if let Some(args) = args {
            arguments.set_args(args);
        }
        if let Some(kwargs) = kwargs {
            arguments.set_kwargs(kwargs);
        }
        arguments.into_payload().unwrap()
    }

    fn octets(payload: &Payload) -> &[u8] {
        payload.octets().map_or(b"", |octets| octets)
    }

    #[test]
    fn what_is_given_empty_is_as_if_it_were_not_given() {
        let page = kwargs! { page: 3 };
        assert_eq!(
            octets(&given(Some(&[1]), Some(&page))),
            br#"[1],{"page":3}"#
        );
        for args in [None, Some(&[][..])] {
            assert_eq!(octets(&given(args, Some(&page))), br#"[],{"page":3}"#);
        }
        for kwargs in [None, Some(&kwargs! {})] {
            assert_eq!(octets(&given(Some(&[1]), kwargs)), b"[1]");
            assert!(given(Some(&[]), kwargs).is_empty());
        }
    }

    #[test]
    fn the_order_of_giving_does_not_matter_and_the_last_counts() {
        let mut arguments = Arguments::new(Format::Json);
        arguments.set_kwargs(&kwargs! { page: 3 });
        arguments.set_args(&args![1]);
        arguments.set_args(&args![2]);
        let payload = arguments.into_payload().unwrap();
        assert_eq!(octets(&payload), br#"[2],{"page":3}"#);
    }
}
