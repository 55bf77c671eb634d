//! What the router passes on, from the octets of one transport to those of another.
//!
//! What is counted is all that a connection does: decode, route, encode, and write into a buffer
//! that is there already, as that of a socket would be.

use wamp_messages::message::{Call, Goodbye, Publish, Register, Subscribe, Yield};
use wamp_messages::options::{PublishOptions, Sparse};
use wamp_messages::{Payload, RequestId, Uri};
use wamp_router::{Realm, Router};
use wamp_serializers::{Serializer, encode_payload};

use super::{Path, Repeat, formats, named, pairs};
use crate::peer::{Peer, hello};

pub(super) fn paths() -> Vec<Path> {
    let alike = formats().map(|serializer| [serializer.clone(), serializer]);
    let mut paths = Vec::new();
    for ways in alike.into_iter().chain(pairs()) {
        let name = named(&ways);
        let (calls, results) = (ways.clone(), ways.clone());
        paths.push(Path::new(format!("call/{name}"), move || call(&calls)));
        paths.push(Path::new(format!("result/{name}"), move || {
            result(&results)
        }));
        for subscribers in [1, 100] {
            let (name, events) = (format!("event/to-{subscribers}/{name}"), ways.clone());
            paths.push(Path::new(name, move || event(&events, subscribers, 1)));
        }
    }
    let cbor = Serializer::cbor();
    let ways = [cbor.clone(), cbor.clone()];
    let publisher = cbor.clone();
    paths.extend([
        Path::new("event/of-1000-topics/cbor", move || event(&ways, 1, 1_000)),
        Path::new("acknowledged/cbor", move || acknowledged(&publisher)),
        Path::new("join-and-leave/cbor", move || join_and_leave(&cbor)),
    ]);
    paths
}

/// CALL, which becomes an INVOCATION.
fn call([from, to]: &[Serializer; 2]) -> Repeat {
    let mut calls = Calls::new(from, to);
    Box::new(move |meter| {
        calls.hear_call();
        meter.count(&mut || {
            calls.caller.run();
            calls.callee.run();
        });
        calls.hear_yield();
        calls.callee.run();
        calls.caller.run();
        calls.check();
    })
}

/// YIELD, which becomes a RESULT. The formats are those of callee and caller.
fn result([from, to]: &[Serializer; 2]) -> Repeat {
    let mut calls = Calls::new(to, from);
    Box::new(move |meter| {
        calls.hear_call();
        calls.caller.run();
        calls.callee.run();
        calls.hear_yield();
        meter.count(&mut || {
            calls.callee.run();
            calls.caller.run();
        });
        calls.check();
    })
}

/// PUBLISH, which becomes the EVENTs of some subscribers, while others have subscribed elsewhere.
fn event([from, to]: &[Serializer; 2], subscribers: usize, topics: usize) -> Repeat {
    let router = router();
    let mut publisher = Peer::join(&router, from);
    let topics: Vec<_> = (0..topics)
        .map(|n| Uri::new(format!("com.example.topic.{n}")).expect("a URI"))
        .collect();
    let mut peers: Vec<_> = (0..subscribers).map(|_| Peer::join(&router, to)).collect();
    for peer in &mut peers {
        for (request, topic) in (1..).zip(&topics) {
            peer.say(Subscribe {
                request: id(request),
                options: Sparse::empty(),
                topic: topic.clone(),
            });
        }
    }
    let payload = payload(from);
    let mut sent = 1 + topics.len() as u64;
    let mut numbers = 1..;
    let mut topics = topics.into_iter().cycle();
    Box::new(move |meter| {
        let (Some(number), Some(topic)) = (numbers.next(), topics.next()) else {
            return;
        };
        publisher.hear(Publish {
            request: id(number),
            options: Sparse::empty(),
            topic,
            payload: payload.clone(),
        });
        meter.count(&mut || {
            publisher.run();
            peers.iter_mut().for_each(Peer::run);
        });
        sent += 1;
        assert!(
            peers.iter().all(|peer| peer.sent() == sent),
            "every subscriber gets every event"
        );
    })
}

/// PUBLISH to nobody, which is answered by PUBLISHED.
fn acknowledged(serializer: &Serializer) -> Repeat {
    let mut publisher = Peer::join(&router(), serializer);
    let topic = Uri::from_static("com.example.topic");
    let payload = payload(serializer);
    let mut numbers = 1..;
    Box::new(move |meter| {
        let number = numbers.next().unwrap_or_default();
        let mut options: Sparse<PublishOptions> = Sparse::empty();
        options.acknowledge = Some(true);
        publisher.hear(Publish {
            request: id(number),
            options,
            topic: topic.clone(),
            payload: payload.clone(),
        });
        meter.count(&mut || publisher.run());
        assert_eq!(publisher.sent(), 1 + number, "every event is acknowledged");
    })
}

/// HELLO and GOODBYE, each with its answer.
fn join_and_leave(serializer: &Serializer) -> Repeat {
    let mut peer = Peer::connect(&router(), serializer);
    let mut sent = 0;
    Box::new(move |meter| {
        peer.hear(hello());
        peer.hear(Goodbye {
            details: Default::default(),
            reason: Uri::from_static("wamp.close.normal"),
        });
        meter.count(&mut || peer.run());
        sent += 2;
        assert_eq!(peer.sent(), sent, "WELCOME and GOODBYE");
    })
}

/// A caller and a callee.
struct Calls {
    caller: Peer,
    callee: Peer,
    procedure: Uri,
    asked: Payload,
    answered: Payload,
    /// How many calls there were so far, each of them with its number as id.
    calls: u64,
}

impl Calls {
    fn new(caller: &Serializer, callee: &Serializer) -> Self {
        let router = router();
        let (asked, answered) = (payload(caller), payload(callee));
        let caller = Peer::join(&router, caller);
        let mut callee = Peer::join(&router, callee);
        let procedure = Uri::from_static("com.example.procedure");
        callee.say(Register {
            request: id(1),
            options: Sparse::empty(),
            procedure: procedure.clone(),
        });
        Self {
            caller,
            callee,
            procedure,
            asked,
            answered,
            calls: 0,
        }
    }

    fn hear_call(&mut self) {
        self.calls += 1;
        self.caller.hear(Call {
            request: id(self.calls),
            options: Sparse::empty(),
            procedure: self.procedure.clone(),
            payload: self.asked.clone(),
        });
    }

    fn hear_yield(&mut self) {
        self.callee.hear(Yield {
            request: id(self.calls),
            options: Sparse::empty(),
            payload: self.answered.clone(),
        });
    }

    fn check(&self) {
        let sent = (self.caller.sent(), self.callee.sent());
        let expected = (1 + self.calls, 2 + self.calls);
        assert_eq!(sent, expected, "every INVOCATION and every RESULT");
    }
}

fn router() -> Router {
    Router::builder().realm(Realm::new("realm1")).build()
}

fn id(id: u64) -> RequestId {
    RequestId::new(id).expect("an id")
}

/// A text, of 32 octets with what is around it.
fn payload(serializer: &Serializer) -> Payload {
    let text = "x".repeat(30);
    encode_payload(&serializer.format(), &(text,), &()).expect("it can be serialized")
}
