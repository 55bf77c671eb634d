//! websocket.json: subprotocols, types of frames, and what a server does with what it receives.

mod handshake;
mod server;

use std::future::poll_fn;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use wamp_core::{ConnectionInfo, Outgoing, Transport};
use wamp_messages::Value;
use wamp_messages::message::EventReceived;
use wamp_messages::{Message, PublicationId};
use wamp_serializers::Serializer;
use wamp_transport_websocket::{
    Role, Subprotocol, WebSocketConfig, WebSocketTransport, default_serializers,
};

use crate::check::{Check, Failure, Outcome, Verdict, ensure};
use crate::client::block_on;
use crate::data::{Case, Data};
use crate::missing::Missing;

pub(crate) fn checks(data: &Data) -> Vec<Check> {
    data.cases
        .iter()
        .map(|case| {
            let case = Arc::clone(case);
            Check::new(case.name.clone(), move || check(&case))
        })
        .collect()
}

fn check(case: &Case) -> Outcome {
    let checked = match case.text("kind")? {
        "negotiate" => block_on(handshake::negotiate(case)),
        "client-accept" => block_on(handshake::client_accept(case)),
        "identifier" => identifier(case),
        "frame-type" => block_on(frame_type(case)),
        "message" => block_on(server::message(case)),
        "default-order" => default_order(case),
        kind => Err(format!("the kind {kind:?} is not known").into()),
    };
    match checked {
        Ok(Verdict::Skipped(missing)) => Ok(Verdict::Skipped(missing)),
        _ if !case.is_binding() => Ok(Verdict::NotBinding),
        checked => checked,
    }
}

fn identifier(case: &Case) -> Outcome {
    let subprotocol = case.text("subprotocol")?;
    let parsed = Subprotocol::parse(subprotocol);
    let version = case.field("version")?;
    // What names no serializer is no identifier, whether it has a version or not.
    let wanted = match case.optional("serializer").and_then(Value::as_str) {
        None | Some("") => None,
        Some(serializer) => Some((version.as_u64(), serializer)),
    };
    let found = parsed.map(|found| (Some(u64::from(found.version)), found.serializer));
    ensure(found == wanted, || {
        format!("{subprotocol:?} is {found:?} instead of {wanted:?}")
    })?;
    Ok(Verdict::Passed)
}

/// Writes a message and looks at the first octet of its frame.
async fn frame_type(case: &Case) -> Outcome {
    let serializer = match serializer(case.text("serializer")?)? {
        Known::Here(serializer) => serializer,
        Known::ToCome(missing) => return Ok(Verdict::Skipped(missing)),
    };
    ensure(
        serializer.subprotocol() == case.text("subprotocol")?,
        || format!("its subprotocol is {}", serializer.subprotocol()),
    )?;
    let (mut wire, stream) = tokio::io::duplex(1024);
    let mut transport = WebSocketTransport::from_upgraded(
        stream,
        serializer,
        Role::Server,
        ConnectionInfo::new("pipe"),
        &WebSocketConfig::default(),
    )
    .await;
    let publication = PublicationId::new(1).map_err(|error| error.to_string())?;
    let message = Message::from(EventReceived { publication });
    let sent = transport.send(&Outgoing::from(message));
    sent.map_err(|error| error.to_string())?;
    let flushed = poll_fn(|cx| transport.poll_flush(cx)).await;
    flushed.map_err(|error| error.to_string())?;
    let first = wire.read_u8().await.map_err(|error| error.to_string())?;

    let opcode = case
        .field("opcode")?
        .as_u64()
        .ok_or("the opcode is no integer")?;
    let kind = match case.text("message_type")? {
        "text" => 1,
        "binary" => 2,
        other => return Err(format!("the type {other:?} is not known").into()),
    };
    ensure(opcode == kind, || {
        "type and opcode of the case differ".into()
    })?;
    let found = u64::from(first & 0x0f);
    ensure(found == opcode, || {
        format!("the opcode is {found} instead of {opcode}")
    })?;
    Ok(Verdict::Passed)
}

/// What is offered when nothing is configured, but for what is to come.
fn default_order(case: &Case) -> Outcome {
    let mut wanted = Vec::new();
    for subprotocol in case.texts("subprotocols")? {
        match of_subprotocol(subprotocol)? {
            Known::Here(_) => wanted.push(subprotocol.to_owned()),
            Known::ToCome(_) => {}
        }
    }
    let found = default_serializers();
    let found: Vec<_> = found.iter().map(Serializer::subprotocol).collect();
    ensure(found == wanted, || {
        format!("{found:?} instead of {wanted:?}")
    })?;
    Ok(Verdict::Passed)
}

/// A serializer that a case names.
enum Known {
    Here(Serializer),
    ToCome(Missing),
}

fn serializer(name: &str) -> Result<Known, Failure> {
    match (Serializer::from_name(name), Missing::serializer(name)) {
        (Some(serializer), _) => Ok(Known::Here(serializer)),
        (None, Some(missing)) => Ok(Known::ToCome(missing)),
        (None, None) => Err(format!("there is no serializer {name:?}").into()),
    }
}

fn of_subprotocol(subprotocol: &str) -> Result<Known, Failure> {
    let name = subprotocol.strip_prefix("wamp.2.");
    serializer(name.ok_or_else(|| format!("{subprotocol:?} is no subprotocol of WAMP"))?)
}
