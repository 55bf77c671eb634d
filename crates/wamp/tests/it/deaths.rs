use std::future::IntoFuture;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, http::Uri};
use wamp::{CallError, Session};

use crate::world::{World, bounded};

/// A client that speaks WebSocket by itself, so that it can misbehave.
struct Raw(WebSocketStream<TcpStream>);

impl Raw {
    async fn connect(world: &World) -> Self {
        let stream = TcpStream::connect(world.address())
            .await
            .expect("it listens");
        let uri: Uri = world.server.url().parse().expect("a URL");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("wamp.2.json");
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .expect("it is accepted");
        Self(socket)
    }

    async fn joined(world: &World) -> Self {
        let mut raw = Self::connect(world).await;
        raw.say(r#"[1,"realm1",{"roles":{"caller":{},"callee":{}}}]"#)
            .await;
        assert!(raw.hear().await.starts_with("[2,"));
        raw
    }

    async fn say(&mut self, text: &str) {
        self.0
            .send(Message::text(text))
            .await
            .expect("the router reads");
    }

    async fn hear(&mut self) -> String {
        match bounded(self.0.next()).await {
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    async fn expect_close(&mut self, code: CloseCode) {
        match bounded(self.0.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, code),
            other => panic!("a close frame was expected, not {other:?}"),
        }
        // The answer to it is on its way; then the router closes the connection first.
        match bounded(self.0.next()).await {
            None => {}
            other => panic!("the end was expected, not {other:?}"),
        }
    }
}

async fn slow_callee(world: &World) -> (Raw, Session, oneshot::Receiver<()>) {
    let mut callee = Raw::joined(world).await;
    callee.say(r#"[64,1,{},"com.example.slow"]"#).await;
    assert!(callee.hear().await.starts_with("[65,1,"));
    let caller = world.session().await;
    let (_, begun) = oneshot::channel();
    (callee, caller, begun)
}

#[tokio::test]
async fn a_callee_that_dies_leaves_no_caller_hanging() {
    let world = World::new().await;
    let (mut callee, caller, _begun) = slow_callee(&world).await;
    let calling = tokio::spawn(caller.call("com.example.slow").into_future());
    assert!(callee.hear().await.starts_with("[68,1,"));
    // The socket is gone without a word.
    drop(callee);
    match bounded(calling).await.unwrap() {
        Err(CallError::Application(error)) => assert_eq!(error.uri(), "wamp.error.canceled"),
        other => panic!("{other:?}"),
    }
    let again = caller.call("com.example.slow").await.unwrap_err();
    assert!(
        again
            .to_string()
            .starts_with("wamp.error.no_such_procedure"),
        "{again}"
    );
}

#[tokio::test]
async fn a_caller_that_dies_leaves_nothing_behind() {
    let world = World::new().await;
    let (mut callee, caller, _begun) = slow_callee(&world).await;
    let calling = tokio::spawn(caller.call("com.example.slow").into_future());
    assert!(callee.hear().await.starts_with("[68,1,"));
    calling.abort();
    caller.leave().await.unwrap();
    drop(caller);
    world.settle(1).await;
    callee.say("[70,1,{},[1]]").await;
    // The late answer hurts nobody: the callee goes on.
    callee.say(r#"[48,2,{},"com.example.nothing"]"#).await;
    assert!(callee.hear().await.contains("wamp.error.no_such_procedure"));
}

#[tokio::test]
async fn garbage_gets_an_abort_that_says_what_was_wrong_and_a_close_code() {
    let world = World::new().await;
    let bystander = world.session().await;
    let garbage = [
        ("{\"not\":\"a list\"}", "protocol_violation"),
        ("[48,1,{},\"com.example.p\"", "protocol_violation"),
        ("[48,1,{},\"com.example.p\",{}]", "protocol_violation"),
        ("[999]", "protocol_violation"),
        (
            "[1,\"realm1\",{\"roles\":{\"caller\":{}}}]",
            "protocol_violation",
        ),
        ("[50,1,{}]", "protocol_violation"),
        ("[70,99,{}]", "protocol_violation"),
    ];
    for (text, reason) in garbage {
        let mut raw = Raw::joined(&world).await;
        raw.say(text).await;
        let abort = raw.hear().await;
        assert!(
            abort.starts_with("[3,{\"message\":") && abort.contains(reason),
            "{abort}"
        );
        raw.expect_close(CloseCode::Protocol).await;
    }
    assert!(bystander.is_open());
    world.settle(1).await;
}

#[tokio::test]
async fn a_binary_frame_of_json_is_refused() {
    let world = World::new().await;
    let mut raw = Raw::joined(&world).await;
    raw.0.send(Message::binary(&b"[5]"[..])).await.unwrap();
    raw.expect_close(CloseCode::Protocol).await;
    world.settle(0).await;
}

#[tokio::test]
async fn a_socket_that_is_cut_in_a_frame_ends_its_session() {
    let world = World::new().await;
    let raw = Raw::joined(&world).await;
    world.settle(1).await;
    let mut stream = raw.0.into_inner();
    // The header of a masked text frame of 100 octets, and no more.
    stream
        .write_all(&[0x81, 0xe4, 1, 2, 3, 4, b'['])
        .await
        .unwrap();
    drop(stream);
    bounded(world.settle(0)).await;
}

#[tokio::test]
async fn a_session_can_be_left_and_joined_again_on_one_connection() {
    let world = World::new().await;
    let mut raw = Raw::joined(&world).await;
    for _ in 0..3 {
        raw.say(r#"[6,{},"wamp.close.normal"]"#).await;
        assert_eq!(raw.hear().await, r#"[6,{},"wamp.close.goodbye_and_out"]"#);
        world.settle(0).await;
        raw.say(r#"[1,"realm1",{"roles":{"caller":{}}}]"#).await;
        assert!(raw.hear().await.starts_with("[2,"));
    }
}

#[tokio::test]
async fn a_router_that_shuts_down_says_goodbye_to_all() {
    let world = World::new().await;
    let (one, two) = (world.session().await, world.guest().await);
    bounded(world.router.shutdown(Duration::from_secs(30))).await;
    for session in [one, two] {
        assert_eq!(
            bounded(session.closed()).await.reason,
            "wamp.close.system_shutdown"
        );
    }
    let refused = wamp::connect(world.server.url()).realm("realm1").await;
    assert!(refused.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_come_and_go_leave_nothing_behind() {
    let world = World::new().await;
    let mut tasks = Vec::new();
    for n in 0..50_u64 {
        let url = world.server.url();
        tasks.push(tokio::spawn(async move {
            let session = wamp::connect(url)
                .realm("realm1")
                .await
                .expect("it is open");
            let topic = format!("com.example.t{}", n % 5);
            let _stream = session.subscribe(&topic).await.expect("it is open");
            session
                .publish(&topic)
                .args((n,))
                .acknowledge()
                .await
                .expect("it is open");
            let _ = session.register(&topic, || async { Ok(()) }).await;
            let _ = session.call(&topic).await;
            // Some leave, others just vanish.
            if n % 2 == 0 {
                session.leave().await.expect("it was open");
            }
        }));
    }
    for task in tasks {
        bounded(task).await.unwrap();
    }
    bounded(world.settle(0)).await;
}
