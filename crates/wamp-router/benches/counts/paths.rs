//! The ways through the code whose cost is on file: what is done, and how to prepare it.

mod payloads;
mod routing;

use wamp_serializers::Serializer;

/// Counts what is done. It is given one operation at a time, and nothing of what prepares it.
pub(crate) trait Meter {
    fn count(&mut self, operation: &mut dyn FnMut());
}

/// Prepares an operation and has it counted, as often as it is called.
pub(crate) type Repeat = Box<dyn FnMut(&mut dyn Meter)>;

/// A way through the code.
pub(crate) struct Path {
    /// What is done, how much of it, and in which formats, such as `scan/1k/json`.
    pub(crate) name: String,
    prepare: Box<dyn Fn() -> Repeat>,
}

impl Path {
    fn new(name: impl Into<String>, prepare: impl Fn() -> Repeat + 'static) -> Self {
        Self {
            name: name.into(),
            prepare: Box::new(prepare),
        }
    }

    /// Goes this way some times uncounted, so that tables and buffers have grown, and then counted.
    pub(crate) fn run(&self, meter: &mut dyn Meter) {
        let mut repeat = (self.prepare)();
        for _ in 0..UNCOUNTED {
            repeat(&mut Unheeded);
        }
        for _ in 0..COUNTED {
            repeat(meter);
        }
    }
}

/// Every way that is on file.
pub(crate) fn all() -> Vec<Path> {
    let mut paths = routing::paths();
    paths.extend(payloads::paths());
    paths
}

/// A runtime for the timers of connections; none of them elapses.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build();
    runtime.expect("a runtime can be built")
}

/// How many operations are counted.
pub(crate) const COUNTED: u32 = 200;

/// How many go before, uncounted.
const UNCOUNTED: u32 = 100;

/// Lets an operation be done and counts nothing.
struct Unheeded;

impl Meter for Unheeded {
    fn count(&mut self, operation: &mut dyn FnMut()) {
        operation();
    }
}

fn formats() -> [Serializer; 3] {
    [
        Serializer::cbor(),
        Serializer::msgpack(),
        Serializer::json(),
    ]
}

/// Each format with the next, so that every one is rewritten once and written once.
fn pairs() -> [[Serializer; 2]; 3] {
    let [cbor, msgpack, json] = formats();
    [
        [cbor.clone(), msgpack.clone()],
        [msgpack, json.clone()],
        [json, cbor],
    ]
}

/// The format, or both, as the end of a name.
fn named([from, to]: &[Serializer; 2]) -> String {
    if from.format() == to.format() {
        return from.name().into_owned();
    }
    format!("{}-{}", from.name(), to.name())
}
