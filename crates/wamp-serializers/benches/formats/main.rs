//! What a message takes in each format, beside the bare library at the same task:
//! `cargo bench -p wamp-serializers`, with words to choose by such as `decode/json`.
//!
//! - `decode`: the octets of a CALL to its header, with the payload checked and not read; the
//!   library reads the same header and passes over the rest, of which it checks less.
//! - `encode`: a CALL with arguments of a type to octets.
//! - `encode-header`: a CALL without arguments, or with such as stay as they are.
//! - `decode-args`, `encode-args`: arguments alone, from octets to a type and back.
//! - `decode-result`: the same of what a call returned.
//! - `transcode`: arguments from one format to another; with libraries alone they become a value of
//!   any type in between.
//!
//! Cases are no arguments at all, texts of three lengths, and a record that is nested and has values
//! of many kinds.

mod library;

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use wamp_messages::message::Call;
use wamp_messages::options::Sparse;
use wamp_messages::{Message, Payload, RequestId, Uri};
use wamp_serializers::{decode_args, decode_result, encode_payload, transcode};

use self::library::Library;

criterion_group! {
    name = benches;
    // Short runs: there are many, and what they are compared with runs beside them.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(30);
    targets = cases
}
criterion_main!(benches);

fn cases(criterion: &mut Criterion) {
    for library in Library::ALL {
        let mut case = Case {
            criterion,
            name: "none",
            library,
            payload: Payload::empty(),
        };
        case.decode::<Header>();
        case.encode_header();
    }
    for (name, octets) in [("16", 16), ("1k", 1 << 10), ("64k", 64 << 10)] {
        case(criterion, name, "x".repeat(octets));
    }
    case(criterion, "record", Record::sample());
}

/// All tasks with one argument, in all formats.
fn case<T: Serialize + DeserializeOwned>(criterion: &mut Criterion, name: &str, arg: T) {
    let args = (arg,);
    for library in Library::ALL {
        let mut case = Case {
            criterion,
            name,
            library,
            payload: payload(library, &args),
        };
        case.decode::<HeaderAndArgs>();
        case.encode(&args);
        case.decode_args::<(T,)>();
        case.encode_args(&args);
        case.decode_result::<T>();
    }
    let [cbor, msgpack, json] = Library::ALL;
    for (library, to) in [(cbor, msgpack), (msgpack, json), (json, cbor)] {
        let mut case = Case {
            criterion,
            name,
            library,
            payload: payload(library, &args),
        };
        case.transcode(to);
    }
}

/// The code, the id, the options and the procedure of a CALL.
type Header = (u64, u64, IgnoredAny, String);

/// The same, and what follows.
type HeaderAndArgs = (u64, u64, IgnoredAny, String, IgnoredAny);

/// One argument in one format, or none.
struct Case<'a> {
    criterion: &'a mut Criterion,
    name: &'a str,
    library: Library,
    payload: Payload,
}

impl Case<'_> {
    fn decode<H: DeserializeOwned>(&mut self) {
        let library = self.library;
        let mut serializer = library.serializer();
        let frame = serializer.encode(&call(self.payload.clone()));
        let frame = frame.expect("it is encoded").to_bytes();
        let mut messages = VecDeque::new();
        self.compare(
            "decode",
            &library.serializer().name(),
            || {
                let decoded = serializer.decode(black_box(&frame).clone(), &mut messages);
                decoded.expect("it is decoded");
                messages.pop_front()
            },
            || library.read::<H>(black_box(&frame)),
        );
    }

    fn encode<A: Serialize>(&mut self, args: &A) {
        let library = self.library;
        let serializer = library.serializer();
        let options = BTreeMap::<String, bool>::new();
        self.compare(
            "encode",
            &serializer.name(),
            || {
                let call = call(payload(library, black_box(args)));
                serializer.encode(&call).expect("it is encoded").to_bytes()
            },
            || library.write(&(48, 7, &options, PROCEDURE, black_box(args))),
        );
    }

    fn encode_header(&mut self) {
        let library = self.library;
        let serializer = library.serializer();
        let call = call(self.payload.clone());
        let options = BTreeMap::<String, bool>::new();
        self.compare(
            "encode-header",
            &serializer.name(),
            || serializer.encode(black_box(&call)),
            || library.write(black_box(&(48, 7, &options, PROCEDURE))),
        );
    }

    fn decode_args<A: DeserializeOwned>(&mut self) {
        let (library, payload) = (self.library, self.payload.clone());
        let octets = payload.args().unwrap_or_default();
        self.compare(
            "decode-args",
            &library.serializer().name(),
            || decode_args::<A>(black_box(&payload)),
            || library.read::<A>(black_box(octets)),
        );
    }

    fn encode_args<A: Serialize>(&mut self, args: &A) {
        let library = self.library;
        self.compare(
            "encode-args",
            &library.serializer().name(),
            || payload(library, black_box(args)),
            || library.write(black_box(args)),
        );
    }

    fn decode_result<T: DeserializeOwned>(&mut self) {
        let (library, payload) = (self.library, self.payload.clone());
        let octets = payload.args().unwrap_or_default();
        self.compare(
            "decode-result",
            &library.serializer().name(),
            || decode_result::<T>(black_box(&payload)),
            || library.read::<(T,)>(black_box(octets)),
        );
    }

    fn transcode(&mut self, to: Library) {
        let (from, payload) = (self.library, self.payload.clone());
        let octets = payload.args().unwrap_or_default();
        let format = to.serializer().format();
        self.compare(
            "transcode",
            &format!("{}-{}", from.serializer().name(), to.serializer().name()),
            || transcode(black_box(&payload), &format),
            || to.write(&from.read::<serde_json::Value>(black_box(octets))),
        );
    }

    /// Measures a task as we do it and as the library does.
    fn compare<O, L>(
        &mut self,
        task: &str,
        formats: &str,
        mut ours: impl FnMut() -> O,
        mut theirs: impl FnMut() -> L,
    ) {
        let name = format!("{task}/{formats}/{}", self.name);
        let mut group = self.criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(self.payload.len() as u64));
        group.bench_function("wamp", |bencher| bencher.iter(&mut ours));
        group.bench_function(self.library.name(), |bencher| bencher.iter(&mut theirs));
        group.finish();
    }
}

fn call(payload: Payload) -> Message {
    Message::from(Call {
        request: RequestId::new(7).expect("an id"),
        options: Sparse::empty(),
        procedure: Uri::from_static(PROCEDURE),
        payload,
    })
}

fn payload(library: Library, args: &impl Serialize) -> Payload {
    let format = library.serializer().format();
    encode_payload(&format, args, &()).expect("it is serialized")
}

const PROCEDURE: &str = "com.example.procedure";

/// A station with its sensors.
#[derive(Serialize, Deserialize)]
struct Record {
    id: u64,
    name: String,
    position: [f64; 2],
    is_open: bool,
    replaced_by: Option<u64>,
    sensors: Vec<Sensor>,
}

#[derive(Serialize, Deserialize)]
struct Sensor {
    name: String,
    unit: String,
    samples: Vec<i32>,
    notes: BTreeMap<String, String>,
}

impl Record {
    fn sample() -> Self {
        let sensor = |n: usize| Sensor {
            name: format!("sensor {n}"),
            unit: "°C".to_owned(),
            samples: vec![0, 23, -24, 255, -1_000, 70_000],
            notes: [("since", "2019"), ("place", "on the roof")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        Self {
            id: 9_007_199_254_740_991,
            name: "com.example.station".to_owned(),
            position: [49.598_571, 11.003_284],
            is_open: true,
            replaced_by: None,
            sensors: (1..=8).map(sensor).collect(),
        }
    }
}
