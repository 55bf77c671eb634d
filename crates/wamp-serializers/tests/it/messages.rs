//! Random messages.

use proptest::collection::vec;
use proptest::prelude::*;
use wamp_messages::message::{
    Call, Error, Event, Goodbye, Hello, Invocation, Publish, Published, Register, Result as Return,
    Subscribe, Unregistered, Welcome, Yield,
};
use wamp_messages::{Dict, Format, Message, Payload, RequestType, Uri, Value};
use wamp_serializers::encode_payload;

/// Any value that all formats have a form for.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        any::<u64>().prop_map(Value::from),
        (-70_000..70_000i64).prop_map(Value::Integer),
        any::<f64>()
            .prop_filter("JSON has no NaN", |float| float.is_finite())
            .prop_map(Value::Float),
        text().prop_map(Value::String),
        vec(any::<u8>(), 0..40).prop_map(|octets| Value::Bytes(octets.into())),
    ];
    scalar.prop_recursive(5, 40, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::List),
            vec((key(), inner), 0..20).prop_map(|pairs| Value::Dict(pairs.into_iter().collect())),
        ]
    })
}

/// Texts of all planes, with what must be escaped; none begins with NUL, for which JSON has no form.
fn text() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        "[ -~]{0,40}",
        vec(any::<char>(), 0..20).prop_map(String::from_iter),
        "[\\x00-\\x1f\"\\\\/\u{7f}\u{2028}]{0,9}",
    ];
    any.prop_filter("it begins with NUL", |text| !text.starts_with('\0'))
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,12}",
        vec(any::<char>(), 0..6).prop_map(String::from_iter)
    ]
}

fn dict() -> impl Strategy<Value = Dict> {
    vec((key(), value()), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

/// Keys of options that no table knows, with values that are not null: those are dropped.
fn extra() -> impl Strategy<Value = Dict> {
    vec(("x_[a-z]{1,6}", value()), 0..3).prop_map(|pairs| pairs.into_iter().collect())
}

fn uri() -> impl Strategy<Value = Uri> {
    "[a-z0-9_]{1,9}(\\.[a-z0-9_]{1,9}){0,3}".prop_map(|uri| Uri::new(&*uri).unwrap())
}

/// Payloads of every format, and opaque ones.
pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    let format = prop_oneof![
        Just(Format::Json),
        Just(Format::MsgPack),
        Just(Format::Cbor)
    ];
    prop_oneof![
        1 => Just(Payload::empty()),
        1 => vec(any::<u8>(), 0..300).prop_map(|octets| Payload::opaque(octets.into())),
        8 => (format, vec(value(), 0..5), dict()).prop_map(|(format, args, kwargs)| {
            encode_payload(&format, &args, &kwargs).unwrap()
        }),
    ]
}

/// A message with options of every kind of field: known ones, unknown ones, none.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let id = 1..=(1u64 << 53);
    let request = id.clone().prop_map(|id| id.try_into().unwrap());
    let options = (
        any::<Option<bool>>(),
        any::<Option<u64>>(),
        proptest::option::of(text()),
        extra(),
    );
    (0..13, id, request, uri(), payload(), options, dict()).prop_map(
        |(kind, id, request, uri, payload, (flag, number, text, extra), dict)| match kind {
            0 => {
                let mut call = Call {
                    request,
                    options: Default::default(),
                    procedure: uri,
                    payload,
                };
                call.options.receive_progress = flag;
                call.options.timeout = number;
                call.options.enc_key = text;
                call.options.extra = extra;
                call.into()
            }
            1 => {
                let mut publish = Publish {
                    request,
                    options: Default::default(),
                    topic: uri,
                    payload,
                };
                publish.options.acknowledge = flag;
                publish.options.exclude = number.map(|_| vec![id.try_into().unwrap()]);
                publish.options.eligible_authid = text.map(|text| vec![text, String::new()]);
                publish.options.forward_for = flag.map(|_| vec![dict]);
                publish.options.extra = extra;
                publish.into()
            }
            2 => {
                let mut event = Event {
                    subscription: id.try_into().unwrap(),
                    publication: id.try_into().unwrap(),
                    details: Default::default(),
                    payload,
                };
                event.details.topic = flag.map(|_| uri);
                event.details.trustlevel = number;
                event.details.publisher_authid = text;
                event.details.extra = extra;
                event.into()
            }
            3 => {
                let mut welcome = Welcome {
                    session: id.try_into().unwrap(),
                    details: Default::default(),
                };
                welcome.details.authextra = number.map(|_| dict);
                welcome.details.authid = text;
                welcome.details.resumed = flag;
                welcome.details.extra = extra;
                welcome.into()
            }
            4 => {
                let mut hello = Hello {
                    realm: flag.map(|_| uri),
                    details: Default::default(),
                };
                hello.details.agent = text;
                hello.details.extra = extra;
                hello.into()
            }
            5 => {
                let mut error = Error {
                    request_type: RequestType::CALL,
                    request,
                    details: Default::default(),
                    error: uri,
                    payload,
                };
                error.details.extra = extra;
                error.into()
            }
            6 => Message::from(Published {
                request,
                publication: id.try_into().unwrap(),
            }),
            7 => {
                let mut goodbye = Goodbye {
                    details: Default::default(),
                    reason: uri,
                };
                goodbye.details.message = text;
                goodbye.into()
            }
            8 => Return {
                request,
                details: Default::default(),
                payload,
            }
            .into(),
            9 => Yield {
                request,
                options: Default::default(),
                payload,
            }
            .into(),
            10 => Invocation {
                request,
                registration: id.try_into().unwrap(),
                details: Default::default(),
                payload,
            }
            .into(),
            11 => Unregistered {
                request,
                details: flag.map(|_| Default::default()),
            }
            .into(),
            12 => Subscribe {
                request,
                options: Default::default(),
                topic: uri,
            }
            .into(),
            _ => Register {
                request,
                options: Default::default(),
                procedure: uri,
            }
            .into(),
        },
    )
}
