//! What is done with the octets of one message: read, checked, written, rewritten.

use std::collections::VecDeque;
use std::hint::black_box;

use serde::{Deserialize, Serialize};
use wamp_messages::message::Call;
use wamp_messages::options::Sparse;
use wamp_messages::{Message, Payload, RequestId, Uri};
use wamp_serializers::{Serializer, decode_args, encode_payload, transcode};

use super::{Path, Repeat, formats, named, pairs};

pub(super) fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    for serializer in formats() {
        let mut add = |path: &str, prepare: fn(&Serializer) -> Repeat| {
            let (name, serializer) = (format!("{path}/{}", serializer.name()), serializer.clone());
            paths.push(Path::new(name, move || prepare(&serializer)));
        };
        add("scan/none", |format| scan(format, Payload::empty()));
        add("scan/1k", |format| {
            scan(format, payload(format, &args(KIB)))
        });
        add("scan/64k", |format| {
            scan(format, payload(format, &args(64 * KIB)))
        });
        add("scan/64k-of-text", |format| {
            scan(format, payload(format, &("x".repeat(64 * KIB),)))
        });
        add("encode", encode);
        add("decode-args/1k", typed_decode);
        add("encode-args/1k", typed_encode);
    }
    for ways in pairs() {
        let name = format!("transcode/1k/{}", named(&ways));
        paths.push(Path::new(name, move || rewrite(&ways)));
    }
    paths
}

/// A CALL is decoded: its header is read, and its payload checked.
fn scan(serializer: &Serializer, payload: Payload) -> Repeat {
    let mut serializer = serializer.clone();
    let frame = serializer.encode(&call(payload)).expect("it has a form");
    let mut messages = VecDeque::new();
    Box::new(move |meter| {
        // A frame of its own, as it comes from a transport.
        let mut frame = Some(frame.to_bytes());
        meter.count(&mut || {
            let frame = frame.take().unwrap_or_default();
            let decoded = serializer.decode(frame, &mut messages);
            decoded.expect("it is well formed");
            black_box(messages.pop_front());
        });
    })
}

/// A CALL is encoded, around a payload that stays as it is.
fn encode(serializer: &Serializer) -> Repeat {
    let serializer = serializer.clone();
    let message = call(payload(&serializer, &args(KIB)));
    Box::new(move |meter| {
        meter.count(&mut || {
            let _ = black_box(serializer.encode(black_box(&message)));
        });
    })
}

/// Arguments are read into a type.
fn typed_decode(serializer: &Serializer) -> Repeat {
    let payload = payload(serializer, &args(KIB));
    Box::new(move |meter| {
        meter.count(&mut || {
            let args = decode_args::<Args>(black_box(&payload));
            black_box(args.expect("they are of that type"));
        });
    })
}

/// Arguments of a type are written.
fn typed_encode(serializer: &Serializer) -> Repeat {
    let format = serializer.format();
    let args = args(KIB);
    Box::new(move |meter| {
        meter.count(&mut || {
            let _ = black_box(encode_payload(&format, black_box(&args), &()));
        });
    })
}

/// A payload is rewritten in another format.
fn rewrite([from, to]: &[Serializer; 2]) -> Repeat {
    let payload = payload(from, &args(KIB));
    let to = to.format();
    Box::new(move |meter| {
        meter.count(&mut || {
            let _ = black_box(transcode(black_box(&payload), &to));
        });
    })
}

fn call(payload: Payload) -> Message {
    Message::from(Call {
        request: RequestId::new(7).expect("an id"),
        options: Sparse::empty(),
        procedure: Uri::from_static("com.example.procedure"),
        payload,
    })
}

fn payload(serializer: &Serializer, args: &impl Serialize) -> Payload {
    encode_payload(&serializer.format(), args, &()).expect("it can be serialized")
}

/// What is sent: a number, a name, and so many records as make up its length.
type Args = (u64, String, Vec<Record>);

/// Values of several kinds.
#[derive(Serialize, Deserialize, Clone)]
struct Record {
    id: u64,
    name: String,
    value: f64,
    valid: bool,
    note: Option<String>,
    samples: Vec<i32>,
}

/// Arguments of about so many octets.
fn args(octets: usize) -> Args {
    let record = |id| Record {
        id,
        name: format!("sensor {id}"),
        value: 21.375 + id as f64,
        valid: id % 3 > 0,
        note: (id % 4 == 0).then(|| "replaced in spring".to_owned()),
        samples: vec![1, -20, 300, -40_000],
    };
    let records = (1_000..).take(octets / RECORD).map(record).collect();
    (1, "com.example.station".to_owned(), records)
}

const KIB: usize = 1 << 10;

/// About how many octets a record takes.
const RECORD: usize = 100;
