//! What a router answers to a request that fails.

use wamp_messages::message::Error;
use wamp_messages::options::Sparse;
use wamp_messages::{EncodeError, Format, Payload, RequestId, RequestType, Uri};
use wamp_serializers::encode_payload;

/// Why a request is refused: an error URI and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    uri: &'static str,
    text: String,
}

impl Refusal {
    pub(crate) fn new(uri: &'static str, text: impl Into<String>) -> Self {
        Self {
            uri,
            text: text.into(),
        }
    }

    /// The error URI.
    pub(crate) const fn uri(&self) -> &'static str {
        self.uri
    }

    /// The ERROR that tells the requester.
    pub(crate) fn to_error(&self, request_type: RequestType, request: RequestId) -> Error {
        error(request_type, request, self.uri, &self.text)
    }
}

/// Makes an ERROR whose one argument is a text for people.
pub(crate) fn error(
    request_type: RequestType,
    request: RequestId,
    uri: &'static str,
    text: &str,
) -> Error {
    Error {
        request_type,
        request,
        details: Sparse::empty(),
        error: Uri::from_static(uri),
        payload: explain(text),
    }
}

/// A payload of one text. It is short, because it is written under the lock of the realm.
fn explain(text: &str) -> Payload {
    let text = shorten(text);
    own_payload(|format| encode_payload(format, &(text,), &()))
}

/// A payload of the router's own, in any format that was compiled in; peers of other formats get it
/// rewritten like any other.
pub(crate) fn own_payload(encode: impl Fn(&Format) -> Result<Payload, EncodeError>) -> Payload {
    [Format::Json, Format::MsgPack, Format::Cbor]
        .iter()
        .find_map(|format| encode(format).ok())
        .unwrap_or_default()
}

/// The beginning of a text for people, which may quote what a peer sent, and that may be long.
pub(crate) fn shorten(text: &str) -> &str {
    const MAX_CHARS: usize = 300;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

/// Passes on how a payload is encoded, from options to details: every field that says so has the
/// same name in all of them.
macro_rules! pass_on_encoding {
    ($from:expr => $to:expr) => {
        $crate::realm::reply::pass_on_encoding!(@ $from => $to =>
            enc_algo enc_key enc_serializer ppt_scheme ppt_serializer ppt_cipher ppt_keyid)
    };
    (@ $from:expr => $to:expr => $($field:ident)*) => {
        $(if let Some(field) = &$from.$field {
            $to.$field = Some(field.clone());
        })*
    };
}
pub(crate) use pass_on_encoding;
