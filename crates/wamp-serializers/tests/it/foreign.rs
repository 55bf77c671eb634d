//! A serializer that is not the specification's.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wamp_messages::{
    DecodeError, DecodeErrorKind, Dict, EncodeError, ForeignFormat, Format, Message, Payload, Value,
};
use wamp_serializers::{ForeignSerializer, Serializer, decode_args, decode_kwargs, encode_payload};

use crate::decode;

/// CBOR under another name, behind an octet that says so.
#[derive(Debug)]
struct Marked;

const MARK: u8 = 0x2a;

impl Marked {
    /// The payload under another name.
    fn rename(payload: &Payload, format: Format) -> Payload {
        let (Some(octets), Some(args)) = (payload.octets(), payload.args()) else {
            return payload.clone();
        };
        let kwargs = payload.kwargs().map(|kwargs| octets.len() - kwargs.len());
        Payload::encoded(format, octets.clone(), args.len(), kwargs).unwrap()
    }
}

impl ForeignFormat for Marked {
    fn name(&self) -> &str {
        "marked"
    }

    fn encode(&self, args: &[Value], kwargs: &Dict) -> Result<Payload, EncodeError> {
        let payload = encode_payload(&Format::Cbor, args, kwargs)?;
        Ok(Self::rename(&payload, Format::Foreign(Arc::new(Self))))
    }

    fn decode(&self, payload: &Payload) -> Result<(Vec<Value>, Dict), DecodeError> {
        let payload = Self::rename(payload, Format::Cbor);
        let malformed = |_| DecodeError::new(DecodeErrorKind::Truncated, 0);
        Ok((
            decode_args(&payload).map_err(malformed)?,
            decode_kwargs(&payload).map_err(malformed)?,
        ))
    }
}

impl ForeignSerializer for Marked {
    fn rawsocket_id(&self) -> u8 {
        12
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn encode_message(&self, message: &Message) -> Result<Bytes, EncodeError> {
        let mut message = message.clone();
        if let Some(payload) = message.payload_mut() {
            assert!(
                payload
                    .format()
                    .is_none_or(|format| format.name() == "marked")
            );
            *payload = Self::rename(payload, Format::Cbor);
        }
        let mut out = BytesMut::from(&[MARK][..]);
        Serializer::cbor().encode(&message)?.write_to(&mut out);
        Ok(out.freeze())
    }

    fn decode_message(&self, mut frame: Bytes) -> Result<Message, DecodeError> {
        if frame.first() != Some(&MARK) {
            let reason = "it has no mark";
            let format = "marked";
            return Err(DecodeError::new(
                DecodeErrorKind::Syntax { format, reason },
                0,
            ));
        }
        let mut messages = VecDeque::new();
        Serializer::cbor().decode(frame.split_off(1), &mut messages)?;
        let mut message = messages.pop_front().unwrap();
        if let Some(payload) = message.payload_mut() {
            *payload = Self::rename(payload, Format::Foreign(Arc::new(Self)));
        }
        Ok(message)
    }
}

#[test]
fn messages_of_other_formats_pass_through_a_foreign_one_and_back() {
    let json = br#"[48,1,{"timeout":7},"a.b",[1,"two",[null]],{"k":-1.5}]"#;
    let mut foreign = Serializer::foreign(Arc::new(Marked));
    for serializer in [foreign.clone(), foreign.clone().batched()] {
        foreign = serializer;
        let mut out = BytesMut::new();
        foreign
            .append(&decode("json", json).unwrap(), &mut out)
            .unwrap();
        let mut received = VecDeque::new();
        foreign.decode(out.freeze(), &mut received).unwrap();
        assert_eq!(
            received[0].payload().unwrap().format(),
            Some(&foreign.format())
        );
        let back = Serializer::json().encode(&received[0]).unwrap();
        assert_eq!(&*back.to_bytes(), json);
    }
}

#[test]
fn a_foreign_serializer_is_known_by_its_own_names() {
    let foreign = Serializer::foreign(Arc::new(Marked));
    assert_eq!(foreign.subprotocol(), "wamp.2.marked");
    assert_eq!(foreign.rawsocket_id(), 12);
    assert!(foreign.is_binary() && !foreign.is_batched());
    assert_eq!(foreign.batched().subprotocol(), "wamp.2.marked.batched");
}

#[test]
fn an_error_of_a_foreign_serializer_is_handed_on() {
    let mut foreign = Serializer::foreign(Arc::new(Marked));
    let error = foreign
        .decode(
            Bytes::from_static(b"\x83\x11\x01\x02"),
            &mut VecDeque::new(),
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "malformed marked: it has no mark (octet 0)"
    );
}
