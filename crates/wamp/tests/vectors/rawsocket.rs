//! rawsocket.json: the handshake, the headers of frames, and frames one after the other.

mod frames;
mod handshake;

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, DuplexStream};
use wamp_messages::Value;
use wamp_serializers::Serializer;

use crate::check::{Check, Failure, Outcome, Verdict};
use crate::client::block_on;
use crate::data::{Case, Data, hex};
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
        "handshake-octet" => handshake::octet(case),
        "server-handshake" => block_on(handshake::server(case)),
        "client-handshake" => block_on(handshake::client(case)),
        "frame" => frames::header(case),
        "frame-sequence" => block_on(frames::sequence(case)),
        kind => Err(format!("the kind {kind:?} is not known").into()),
    };
    match checked {
        Ok(Verdict::Skipped(missing)) => Ok(Verdict::Skipped(missing)),
        _ if !case.is_binding() => Ok(Verdict::NotBinding),
        checked => checked,
    }
}

/// Enough for all octets of a case, so that nobody has to wait for the other to read.
const PIPE: usize = 16 * 1024;

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

/// The names behind the ids of the specification.
fn name_of(id: u64) -> Result<&'static str, Failure> {
    let names = ["json", "msgpack", "cbor", "ubjson", "flatbuffers"];
    let at = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
    let name = at.and_then(|at| names.get(at));
    name.copied()
        .ok_or_else(|| format!("no serializer has the id {id}").into())
}

fn number(case: &Case, field: &str) -> Result<usize, Failure> {
    let number = case.field(field)?.as_u64();
    number
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| format!("the field {field:?} is no number").into())
}

/// The first four octets.
fn four(octets: &[u8]) -> Result<[u8; 4], Failure> {
    match octets.first_chunk() {
        Some(four) => Ok(*four),
        None => Err("there are fewer than four octets".into()),
    }
}

/// The pieces in which the octets of a field arrive.
fn pieces(case: &Case, field: &str) -> Result<Vec<Bytes>, Failure> {
    match case.optional("chunks").and_then(Value::as_list) {
        Some(_) => case.texts("chunks")?.into_iter().map(hex).collect(),
        None => Ok(vec![case.octets(field)?]),
    }
}

/// Sends the pieces, each when the other side had time to read the one before.
async fn send(stream: &mut DuplexStream, pieces: &[Bytes]) -> Result<(), Failure> {
    for piece in pieces {
        let sent = stream.write_all(piece).await;
        sent.map_err(|error| format!("nothing more can be sent: {error}"))?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
