//! The handshake of RawSocket: its octets, our server, and our client.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, DuplexStream};
use wamp_core::{ConnectionInfo, ReceiveError, Transport};
use wamp_messages::Value;
use wamp_transport_rawsocket::{
    AcceptError, AcceptOptions, ConnectError, ConnectOptions, HandshakeReply, HandshakeRequest,
    MaxLength, RawSocketConfig, RawSocketTransport, accept, connect,
};

use super::{Known, PIPE, four, name_of, number, pieces, send, serializer};
use crate::check::{Failure, Outcome, Verdict, ensure};
use crate::data::{Case, shown};
use crate::missing::Missing;

/// A request, written and read.
pub(super) fn octet(case: &Case) -> Outcome {
    let id = number(case, "serializer_id")?;
    let name = case.text("serializer")?;
    ensure(name_of(id as u64)? == name, || {
        format!("the id {id} is not that of {name}")
    })?;
    if let Known::Here(serializer) = serializer(name)? {
        let found = serializer.rawsocket_id();
        ensure(usize::from(found) == id, || {
            format!("the serializer {name} has the id {found}")
        })?;
    }
    let request = HandshakeRequest {
        max_length: MaxLength::covering(number(case, "max_length")?),
        serializer: u8::try_from(id).map_err(|_| "the id is too large")?,
    };
    let octets = four(&case.octets("request")?)?;
    ensure(request.to_octets() == octets, || {
        format!("{request:?} is {}", shown(&request.to_octets()))
    })?;
    let parsed = HandshakeRequest::parse(octets);
    ensure(parsed == Ok(request), || {
        format!("it is read as {parsed:?}")
    })?;
    let max = request.max_length.octets();
    ensure(max >= number(case, "max_length")?, || {
        format!("it stands for {max} octets")
    })?;
    Ok(Verdict::Passed)
}

/// Our server gets a request.
pub(super) async fn server(case: &Case) -> Outcome {
    let own = MaxLength::covering(number(case, "server_max_length")?);
    if let Some(missing) = accepted_to_come(case, own)? {
        return Ok(Verdict::Skipped(missing));
    }
    // What is to come and is not asked for makes no difference.
    let mut supported = Vec::new();
    for id in case.list("server_serializers")? {
        let id = id.as_u64().ok_or("an id is no number")?;
        if let Known::Here(serializer) = serializer(name_of(id)?)? {
            supported.push(serializer);
        }
    }
    // What the client accepts is then seen as it is.
    let config = RawSocketConfig::default().max_message_size(own.octets());
    let options = AcceptOptions::default()
        .serializers(supported)
        .config(config.extended_length(true));

    let (mut client, server) = tokio::io::duplex(PIPE);
    let pieces = pieces(case, "request")?;
    let accepting = accept(server, ConnectionInfo::new("pipe"), &options);
    let talking = async {
        send(&mut client, &pieces).await?;
        if case.text("expected")? == "incomplete" {
            return expect_silence(client).await;
        }
        let reply = four_or_end(&mut client).await?;
        if case.text("expected")? != "accept" {
            // A server that refuses waits until its answer was taken.
            drop(client);
            return Ok((reply, None));
        }
        Ok((reply, Some(client)))
    };
    let (accepted, talked) = tokio::join!(accepting, talking);
    let (reply, client) = talked?;
    let wanted = match case.optional("reply") {
        Some(_) => case.octets("reply")?.to_vec(),
        None => Vec::new(),
    };
    ensure(reply == wanted, || {
        format!(
            "the reply is {} instead of {}",
            shown(&reply),
            shown(&wanted)
        )
    })?;
    match (case.text("expected")?, accepted) {
        ("accept", Ok(transport)) => {
            let name = case.text("serializer")?;
            check_open(case, transport, name, client).await
        }
        ("fail", Err(AcceptError::Refused { error, .. })) => check_code(case, error.code()),
        ("fail", Err(AcceptError::NotRawSocket { .. })) => check_no_code(case),
        ("incomplete", Err(AcceptError::Closed)) => Ok(Verdict::Passed),
        (wanted, accepted) => Err(format!("{:?} instead of {wanted}", accepted.map(drop)).into()),
    }
}

/// Our client gets a reply.
pub(super) async fn client(case: &Case) -> Outcome {
    let request = HandshakeRequest::parse(four(&case.octets("request")?)?);
    let request = request.map_err(|error| format!("the request is none: {error}"))?;
    let name = case.text("serializer")?;
    let serializer = match serializer(name)? {
        Known::Here(serializer) => serializer,
        Known::ToCome(missing) => {
            let reply = HandshakeReply::parse(four(&case.octets("reply")?)?);
            check_accepted(case, reply.ok(), request.serializer)?;
            return Ok(Verdict::Skipped(missing));
        }
    };
    let config = RawSocketConfig::default().max_message_size(request.max_length.octets());
    let options = ConnectOptions::default().config(config.extended_length(true));

    let (client, mut server) = tokio::io::duplex(PIPE);
    let pieces = pieces(case, "reply")?;
    let connecting = connect(client, ConnectionInfo::new("pipe"), &serializer, &options);
    let talking = async {
        let asked = four_or_end(&mut server).await?;
        send(&mut server, &pieces).await?;
        if case.text("expected")? == "incomplete" {
            expect_silence(server).await?;
            return Ok((asked, None));
        }
        Ok::<_, Failure>((asked, Some(server)))
    };
    let (connected, talked) = tokio::join!(connecting, talking);
    let (asked, server) = talked?;
    ensure(asked == request.to_octets(), || {
        format!("it asks with {}", shown(&asked))
    })?;
    match (case.text("expected")?, connected) {
        ("accept", Ok(transport)) => check_open(case, transport, name, server).await,
        ("fail", Err(ConnectError::Refused { error })) => {
            if let Some(text) = case.optional("error_text").and_then(Value::as_str) {
                ensure(error.to_string().contains(text), || {
                    format!("the error is told as {error}")
                })?;
            }
            check_code(case, error.code())
        }
        (
            "fail",
            Err(
                ConnectError::NotRawSocket { .. }
                | ConnectError::OtherSerializer { .. }
                | ConnectError::ReservedBits { .. },
            ),
        ) => check_no_code(case),
        ("incomplete", Err(ConnectError::Closed { .. })) => Ok(Verdict::Passed),
        (wanted, connected) => Err(format!("{:?} instead of {wanted}", connected.map(drop)).into()),
    }
}

/// Whether a server would have to accept a serializer that is not there yet. What the octets alone
/// show is checked all the same.
fn accepted_to_come(case: &Case, own: MaxLength) -> Result<Option<Missing>, Failure> {
    let Some(name) = case.optional("serializer").and_then(Value::as_str) else {
        return Ok(None);
    };
    let Known::ToCome(missing) = serializer(name)? else {
        return Ok(None);
    };
    let request = HandshakeRequest::parse(four(&case.octets("request")?)?);
    let request = request.map_err(|error| format!("the request is read as {error}"))?;
    let wanted = name_of(u64::from(request.serializer))?;
    ensure(wanted == name, || format!("it asks for {wanted}"))?;
    let max = request.max_length.octets();
    ensure(max == number(case, "peer_max_length")?, || {
        format!("it is read with {max} octets")
    })?;
    let reply = HandshakeReply::Accepted {
        max_length: own,
        serializer: request.serializer,
    };
    ensure(reply.to_octets() == *case.octets("reply")?, || {
        format!("the reply is {}", shown(&reply.to_octets()))
    })?;
    Ok(Some(missing))
}

/// Checks a reply that accepts, by its octets alone.
fn check_accepted(case: &Case, reply: Option<HandshakeReply>, id: u8) -> Result<(), Failure> {
    let max = number(case, "peer_max_length")?;
    match reply {
        Some(HandshakeReply::Accepted {
            max_length,
            serializer,
        }) if max_length.octets() == max && serializer == id => Ok(()),
        other => Err(format!("the reply is read as {other:?}").into()),
    }
}

/// Checks a connection that was accepted, and counts what was sent over it already.
async fn check_open(
    case: &Case,
    mut transport: RawSocketTransport<DuplexStream>,
    name: &str,
    peer: Option<DuplexStream>,
) -> Outcome {
    let info = transport.info();
    ensure(
        info.serializer == name && info.transport == "rawsocket",
        || format!("it is {} with {}", info.transport, info.serializer),
    )?;
    let max = number(case, "peer_max_length")?;
    ensure(transport.max_len() == Some(max), || {
        format!("it sends up to {:?} octets", transport.max_len())
    })?;
    drop(peer);
    let wanted = match case.optional("messages") {
        Some(_) => number(case, "messages")?,
        None => 0,
    };
    let mut messages = 0;
    loop {
        match poll_fn(|cx| transport.poll_receive(cx)).await {
            Ok(_) => messages += 1,
            Err(ReceiveError::Closed) => break,
            Err(error) => return Err(format!("it does not stay open: {error}").into()),
        }
    }
    ensure(messages == wanted, || {
        format!("{messages} messages came instead of {wanted}")
    })?;
    Ok(Verdict::Passed)
}

fn check_code(case: &Case, code: u8) -> Outcome {
    let wanted = number(case, "error_code")?;
    ensure(usize::from(code) == wanted, || {
        format!("the error is {code} instead of {wanted}")
    })?;
    Ok(Verdict::Passed)
}

fn check_no_code(case: &Case) -> Outcome {
    ensure(case.optional("error_code").is_none(), || {
        "there is no error code".into()
    })?;
    Ok(Verdict::Passed)
}

/// Four octets, or what there is until the end.
async fn four_or_end(stream: &mut DuplexStream) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let read = stream.take(4).read_to_end(&mut octets).await;
    read.map_err(|error| format!("nothing can be read: {error}"))?;
    Ok(octets)
}

/// Sees that the other side waits for more, and goes.
async fn expect_silence(
    mut stream: DuplexStream,
) -> Result<(Vec<u8>, Option<DuplexStream>), Failure> {
    let mut octet = [0];
    tokio::select! {
        biased;
        read = stream.read(&mut octet) => {
            Err(format!("instead of waiting it does {read:?}").into())
        }
        () = several_turns() => Ok((Vec::new(), None)),
    }
}

/// Lets the other side of a pipe do whatever it can.
pub(super) async fn several_turns() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}
