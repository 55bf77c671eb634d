//! What a session holds at most of what a router sends, and of what it is to send itself.

use std::future::IntoFuture;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wamp_messages::message::{Invocation, Registered};
use wamp_messages::{Format, Message, RegistrationId, RequestId, error_uri};
use wamp_serializers::{decode_args, encode_payload};
use wamp_session::{ApplicationError, Registration, Session, SessionLimits};

use crate::script::Script;

fn registration() -> RegistrationId {
    RegistrationId::new(9).expect("an id")
}

fn invocation(request: u64, octets: usize) -> Invocation {
    let text = "x".repeat(octets);
    Invocation {
        request: RequestId::new(request).expect("an id"),
        registration: registration(),
        details: Default::default(),
        payload: encode_payload(&Format::Cbor, &(text,), &()).expect("it can be serialized"),
    }
}

/// Lets handlers go on, and tells of those that have begun.
#[derive(Clone)]
struct Gate {
    go: Arc<Semaphore>,
    begun: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        let (go, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        Self { go, begun }
    }
}

/// Registers a procedure whose calls all wait at the gate.
async fn register(script: &mut Script, session: &Session, gate: &Gate) -> Registration {
    let gate = gate.clone();
    let handler = move |_: String| {
        let gate = gate.clone();
        gate.begun.add_permits(1);
        async move {
            let permit = gate.go.acquire().await;
            permit
                .map_err(|_| ApplicationError::runtime("closed"))?
                .forget();
            Ok(())
        }
    };
    let registering = tokio::spawn(session.register("com.example.p", handler).into_future());
    let Message::Register(register) = script.receive().await else {
        panic!("no REGISTER")
    };
    let request = register.request;
    let registration = registration();
    script
        .send(Registered {
            request,
            registration,
        })
        .await;
    registering.await.expect("no panic").expect("it is granted")
}

#[tokio::test]
async fn the_arguments_of_those_that_wait_have_only_so_many_octets() {
    const OCTETS: usize = 10_000;
    let limits = SessionLimits::default()
        .concurrency(1)
        .backlog_octets(5 * OCTETS);
    let (mut script, session) = Script::joined_with(|c| c.limits(limits), []).await;
    let gate = Gate::new();
    let _registration = register(&mut script, &session, &gate).await;
    script.send(invocation(1, OCTETS)).await;
    gate.begun.acquire().await.expect("it begins").forget();
    for request in 2..=20 {
        script.send(invocation(request, OCTETS)).await;
    }
    let (mut refused, mut answered) = (Vec::new(), Vec::new());
    while refused.len() + answered.len() < 20 {
        match script.receive().await {
            Message::Error(error) => {
                assert_eq!(error.error, error_uri::UNAVAILABLE);
                let (text,) = decode_args::<(String,)>(&error.payload).expect("a text");
                assert_eq!(text, "too many calls wait for this callee");
                refused.push(error.request.as_u64());
                // Those that wait are answered when no more are refused.
                gate.go.add_permits(usize::from(refused.len() == 15) * 20);
            }
            Message::Yield(answer) => answered.push(answer.request.as_u64()),
            other => panic!("{other:?}"),
        }
    }
    // One has run, and four have waited: each weighs a bit more than its text.
    assert_eq!(answered, (1..=5).collect::<Vec<_>>());
    assert_eq!(refused, (6..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_router_that_asks_for_ever_and_reads_nothing_ends_the_session() {
    let limits = SessionLimits::default()
        .concurrency(1)
        .backlog(1)
        .outbox(1_000);
    let (mut script, session) = Script::joined_with(|c| c.limits(limits), []).await;
    let gate = Gate::new();
    let _registration = register(&mut script, &session, &gate).await;
    // Every refusal weighs more than 256 octets, and 16 MiB of them are the reserve.
    let mut request = 0;
    while session.is_open() {
        request += 1;
        assert!(request < (17 << 20) / 256, "memory is bounded");
        script.send(invocation(request, 0)).await;
        if request % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let details = session.closed().await;
    assert_eq!(details.reason, error_uri::CLOSE_TRANSPORT_LOST);
    let text = details.message.expect("a text");
    assert_eq!(text, "the router does not read what it is sent");
}
