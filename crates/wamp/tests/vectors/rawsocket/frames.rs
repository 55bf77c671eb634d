//! The headers of frames, and frames one after the other as our server reads them.

use std::collections::VecDeque;
use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use wamp_core::{ConnectionInfo, ReceiveError, Transport, TransportError};
use wamp_messages::{Message, Value};
use wamp_serializers::Serializer;
use wamp_transport_rawsocket::{
    AcceptOptions, FrameHeader, FrameKind, HandshakeRequest, MaxLength, RawSocketConfig,
    RawSocketTransport, accept,
};

use super::handshake::several_turns;
use super::{PIPE, four, number, pieces, send};
use crate::check::{Failure, Outcome, Verdict, ensure};
use crate::data::{Case, hex, shown};

/// A header, written and read.
pub(super) fn header(case: &Case) -> Outcome {
    let kind = kind(number(case, "type")?)?;
    let len = number(case, "length")?;
    if let Some(payload) = case.optional("payload").and_then(Value::as_str) {
        let found = hex(payload)?.len();
        ensure(found == len, || format!("the payload has {found} octets"))?;
    }
    let octets = four(&case.octets("header")?)?;
    let header = FrameHeader::new(kind, len).ok_or("it is too long for a frame")?;
    ensure(header.to_octets() == octets, || {
        format!("the header is {}", shown(&header.to_octets()))
    })?;
    let parsed = FrameHeader::parse(octets);
    ensure(parsed == Ok(header), || format!("it is read as {parsed:?}"))?;
    Ok(Verdict::Passed)
}

/// What arrives at a server, and what it does.
pub(super) async fn sequence(case: &Case) -> Outcome {
    let max_length = MaxLength::covering(number(case, "max_length")?);
    let (mut server, mut peer) = open(max_length).await?;
    let pieces = pieces(case, "octets")?;
    let mut received = Vec::new();
    // Whatever can be received is, while the octets come and after.
    let receiving = async {
        loop {
            match poll_fn(|cx| server.poll_receive(cx)).await {
                Ok(message) => received.push(message),
                Err(error) => return error,
            }
        }
    };
    let talking = async {
        send(&mut peer, &pieces).await?;
        several_turns().await;
        let ended = peer.shutdown().await;
        ended.map_err(|error| format!("the pipe does not close: {error}"))?;
        Ok::<_, Failure>(())
    };
    let (end, talked) = tokio::join!(receiving, talking);
    talked?;
    drop(server);
    let mut replies = Vec::new();
    let read = peer.read_to_end(&mut replies).await;
    read.map_err(|error| format!("the replies are not read: {error}"))?;

    let wanted = case.octets("replies")?;
    ensure(replies == *wanted, || {
        format!(
            "it replies {} instead of {}",
            shown(&replies),
            shown(&wanted)
        )
    })?;
    let result = case.text("result")?;
    let as_wanted = match &end {
        ReceiveError::Closed => result == "ok",
        ReceiveError::Lost(TransportError::Io(_)) => result == "incomplete",
        ReceiveError::Decode(_)
        | ReceiveError::Lost(TransportError::Protocol(_) | TransportError::TooLong { .. }) => {
            result == "fail"
        }
        _ => false,
    };
    ensure(as_wanted, || {
        format!("it ends with {end:?} instead of {result}")
    })?;
    let wanted = messages(case)?;
    ensure(received == wanted, || {
        format!("{received:?} instead of {wanted:?}")
    })?;
    Ok(Verdict::Passed)
}

/// The messages in the frames of a case, up to one that is none.
fn messages(case: &Case) -> Result<Vec<Message>, Failure> {
    let mut messages = VecDeque::new();
    for frame in case.list("frames")? {
        let frame = frame.as_dict().ok_or("a frame is no object")?;
        let payload = frame["payload"].as_str().ok_or("a frame has no payload")?;
        let kind = frame["type"].as_u64().ok_or("a frame has no type")?;
        if kind == 0
            && Serializer::json()
                .decode(hex(payload)?, &mut messages)
                .is_err()
        {
            ensure(case.text("result")? == "fail", || {
                format!("the frame {payload} holds no message")
            })?;
            break;
        }
    }
    Ok(messages.into())
}

/// Our server of JSON after its handshake, and its client.
async fn open(
    max_length: MaxLength,
) -> Result<(RawSocketTransport<DuplexStream>, DuplexStream), Failure> {
    let (mut peer, server) = tokio::io::duplex(PIPE);
    let request = HandshakeRequest {
        max_length: MaxLength::MAX,
        serializer: Serializer::json().rawsocket_id(),
    };
    let sent = peer.write_all(&request.to_octets()).await;
    sent.map_err(|error| format!("the request is not sent: {error}"))?;
    let config = RawSocketConfig::default().max_message_size(max_length.octets());
    let options = AcceptOptions::default().config(config);
    let accepted = accept(server, ConnectionInfo::new("pipe"), &options).await;
    let server = accepted.map_err(|error| format!("the handshake fails: {error}"))?;
    let reply = peer.read_exact(&mut [0; 4]).await;
    reply.map_err(|error| format!("the reply does not come: {error}"))?;
    Ok((server, peer))
}

fn kind(code: usize) -> Result<FrameKind, Failure> {
    match code {
        0 => Ok(FrameKind::MESSAGE),
        1 => Ok(FrameKind::PING),
        2 => Ok(FrameKind::PONG),
        code => Err(format!("the type {code} is not known").into()),
    }
}
