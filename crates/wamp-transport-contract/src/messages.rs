//! Messages to be sent: of every kind, with payloads of every form.

use bytes::Bytes;
use wamp_messages::message::{
    Abort, Authenticate, Call, Cancel, Challenge, Error, Event, EventReceived, Goodbye, Hello,
    Interrupt, Invocation, Publish, Published, Register, Registered, Result, Subscribe, Subscribed,
    Unregister, Unregistered, Unsubscribe, Unsubscribed, Welcome, Yield,
};
use wamp_messages::{
    Binary, Dict, Format, Message, Payload, PublicationId, RegistrationId, RequestId, RequestType,
    SessionId, SubscriptionId, Uri, Value, args, kwargs,
};
use wamp_serializers::encode_payload;

/// EVENT_RECEIVED with a number.
pub(crate) fn numbered(number: u64) -> Message {
    let publication = PublicationId::new(number).expect("ids are small");
    EventReceived { publication }.into()
}

/// The number of such a message.
pub(crate) fn number(message: &Message) -> u64 {
    match message {
        Message::EventReceived(message) => message.publication.as_u64(),
        other => panic!("a message was received that was not sent: {other:?}"),
    }
}

/// An EVENT with a payload.
pub(crate) fn event(payload: Payload) -> Message {
    Event {
        subscription: SubscriptionId::new(1).expect("it is small"),
        publication: PublicationId::new(2).expect("it is small"),
        details: Default::default(),
        payload,
    }
    .into()
}

/// An EVENT whose only argument is a text of so many octets.
pub(crate) fn text(format: &Format, len: usize) -> Message {
    event(encode(format, &args!["x".repeat(len)], &Dict::new()))
}

pub(crate) fn encode(format: &Format, args: &[Value], kwargs: &Dict) -> Payload {
    encode_payload(format, args, kwargs).expect("every format has a form for it")
}

/// Arguments that every format has a form for.
pub(crate) fn values() -> Vec<Value> {
    args![
        Value::Null,
        true,
        -1,
        i64::MAX,
        u64::MAX,
        1.5,
        "",
        "Grüße \u{1f600}\n\"\\",
        Binary::from(Bytes::from_static(b"\0\xff")),
        args![args![], kwargs! {}],
        kwargs! { nested: args![kwargs! { key: 1 }] },
    ]
}

/// Payloads of every form, in a format.
pub(crate) fn payloads(format: &Format) -> Vec<Payload> {
    let none = Dict::new();
    let named = kwargs! { page: 3, "an odd \u{e9} key": args![] };
    vec![
        Payload::empty(),
        encode(format, &values(), &none),
        encode(format, &[], &named),
        encode(format, &values(), &named),
        // Lengths that need a wider field.
        encode(format, &args!["x".repeat(300), "y".repeat(70_000)], &none),
        Payload::opaque(Bytes::from_static(b"")),
        Payload::opaque(Bytes::from_static(b"\0\x01\xfe\xff")),
    ]
}

/// Every kind of message, those that have a payload with each of these.
pub(crate) fn messages(payloads: &[Payload]) -> Vec<Message> {
    let mut all = without_payload();
    for payload in payloads {
        all.extend(with_payload(payload));
    }
    all
}

fn with_payload(payload: &Payload) -> [Message; 7] {
    let (request, uri) = (request(), uri());
    let payload = payload.clone();
    [
        Error {
            request_type: RequestType::CALL,
            request,
            details: Default::default(),
            error: uri.clone(),
            payload: payload.clone(),
        }
        .into(),
        Publish {
            request,
            options: Default::default(),
            topic: uri.clone(),
            payload: payload.clone(),
        }
        .into(),
        event(payload.clone()),
        Call {
            request,
            options: Default::default(),
            procedure: uri,
            payload: payload.clone(),
        }
        .into(),
        Result {
            request,
            details: Default::default(),
            payload: payload.clone(),
        }
        .into(),
        Invocation {
            request,
            registration: registration(),
            details: Default::default(),
            payload: payload.clone(),
        }
        .into(),
        Yield {
            request,
            options: Default::default(),
            payload,
        }
        .into(),
    ]
}

fn without_payload() -> Vec<Message> {
    let (request, reason) = (request(), uri());
    let session = SessionId::new(1 << 53).expect("it is the greatest");
    let publication = PublicationId::new(1 << 53).expect("it is the greatest");
    let subscription = SubscriptionId::new(70_000).expect("it is small");
    let mut hello = Hello {
        realm: Some(uri()),
        details: Default::default(),
    };
    hello.details.agent = Some("Grüße".to_owned());
    hello.details.authextra = Some(kwargs! { list: args![1, "two", kwargs! {}] });
    let extra = kwargs! { challenge: "x" };
    vec![
        hello.into(),
        Welcome {
            session,
            details: Default::default(),
        }
        .into(),
        Abort {
            details: Default::default(),
            reason: reason.clone(),
        }
        .into(),
        Challenge {
            method: "ticket".to_owned(),
            extra: extra.clone(),
        }
        .into(),
        Authenticate {
            signature: "secret!!!".into(),
            extra,
        }
        .into(),
        Goodbye {
            details: Default::default(),
            reason: reason.clone(),
        }
        .into(),
        Published {
            request,
            publication,
        }
        .into(),
        Subscribe {
            request,
            options: Default::default(),
            topic: reason.clone(),
        }
        .into(),
        Subscribed {
            request,
            subscription,
        }
        .into(),
        Unsubscribe {
            request,
            subscription,
            options: None,
        }
        .into(),
        Unsubscribed {
            request,
            details: None,
        }
        .into(),
        EventReceived { publication }.into(),
        Cancel {
            request,
            options: Default::default(),
        }
        .into(),
        Register {
            request,
            options: Default::default(),
            procedure: reason,
        }
        .into(),
        Registered {
            request,
            registration: registration(),
        }
        .into(),
        Unregister {
            request,
            registration: registration(),
            options: None,
        }
        .into(),
        Unregistered {
            request,
            details: None,
        }
        .into(),
        Interrupt {
            request,
            options: Default::default(),
        }
        .into(),
    ]
}

fn request() -> RequestId {
    RequestId::new(1).expect("it is small")
}

fn registration() -> RegistrationId {
    RegistrationId::new(300).expect("it is small")
}

fn uri() -> Uri {
    Uri::from_static("com.example.something")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_kind_of_message_is_left_out() {
        let sent: BTreeSet<&str> = messages(&[Payload::empty()])
            .iter()
            .map(Message::name)
            .collect();
        let all: BTreeSet<&str> = Message::TYPES.iter().map(|(_, name)| *name).collect();
        assert_eq!(sent, all);
    }
}
