//! The serializers as their users see them: frames in, messages out, and back.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod batches;
mod constructs;
mod differential;
mod door;
mod foreign;
mod frames;
mod kept;
mod messages;
mod oracle;
mod round_trip;
mod typed;

use std::collections::VecDeque;

use wamp_messages::{DecodeError, Message};
use wamp_serializers::Serializer;

const FORMATS: [&str; 3] = ["json", "msgpack", "cbor"];

fn serializer(name: &str) -> Serializer {
    Serializer::from_name(name).unwrap()
}

/// Decodes a frame of one message.
fn decode(name: &str, frame: &[u8]) -> Result<Message, DecodeError> {
    let mut messages = VecDeque::new();
    let result = serializer(name).decode(frame.to_vec().into(), &mut messages);
    assert_eq!(
        messages.len(),
        usize::from(result.is_ok()),
        "an error delivers nothing"
    );
    result?;
    Ok(messages.remove(0).unwrap())
}

fn encode(name: &str, message: &Message) -> Vec<u8> {
    serializer(name).encode(message).unwrap().to_bytes().into()
}

/// The octets that a dump in hexadecimal digits stands for.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
