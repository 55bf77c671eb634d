//! What a router does that this project's own never does.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Running, bounded, command};

/// A router that says what the test wants it to say, over RawSocket in JSON.
struct Script(TcpStream);

impl Script {
    /// Starts the program, and plays the router until it has joined.
    async fn with(args: &[&str]) -> (Self, Running) {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let mut command = command(args);
        command.args(["--url", &format!("rs://{address}"), "--serializer", "json"]);
        let running = Running::of(command);
        let (mut stream, _) = bounded(listener.accept()).await.expect("it connects");
        let mut handshake = [0; 4];
        let read = stream.read_exact(&mut handshake).await;
        read.expect("it shakes hands");
        let written = stream.write_all(&[0x7f, 0xf1, 0, 0]).await;
        written.expect("it shakes hands");
        let mut script = Self(stream);
        assert_eq!(script.receive().await[0], 1);
        let roles = json!({"broker": {}, "dealer": {}});
        script
            .send(&json!([2, 7, {"roles": roles, "agent": HOSTILE}]))
            .await;
        (script, running)
    }

    async fn send(&mut self, message: &Value) {
        let octets = message.to_string().into_bytes();
        let len = u32::try_from(octets.len()).expect("it is short");
        let frame = [&len.to_be_bytes()[..], &octets].concat();
        self.0.write_all(&frame).await.expect("it is connected");
    }

    async fn receive(&mut self) -> Value {
        let len = bounded(self.0.read_u32()).await.expect("a message comes");
        let mut octets = vec![0; len as usize];
        let read = self.0.read_exact(&mut octets).await;
        read.expect("a message comes");
        serde_json::from_slice(&octets).expect("it is JSON")
    }

    /// Lets the program leave, and closes the connection.
    async fn bid_farewell(mut self) {
        assert_eq!(self.receive().await[0], 6);
        let bye = json!([6, {}, "wamp.close.goodbye_and_out"]);
        self.send(&bye).await;
    }

    /// Grants the subscription that is asked for.
    async fn subscribed(&mut self) {
        let subscribe = self.receive().await;
        assert_eq!(subscribe[0], 32);
        self.send(&json!([33, subscribe[1], 5])).await;
    }
}

/// What would set the title of a terminal, color it, go back in its line, and turn its text around.
const HOSTILE: &str = "\u{1b}]0;title\u{7}\u{9b}31m\r\u{202e}name";

#[tokio::test]
async fn what_the_router_calls_itself_controls_no_terminal() {
    let (mut script, mut running) = Script::with(&["ping", "--count", "1"]).await;
    let line = running.line().await;
    let expected = r"joined realm1 of \u{1b}]0;title\u{7}\u{9b}31m\r\u{202e}name in ";
    assert!(line.starts_with(expected), "{line:?}");
    let call = script.receive().await;
    let error = "wamp.error.no_such_procedure";
    script.send(&json!([8, 48, call[1], {}, error])).await;
    assert!(running.line().await.starts_with("round trip 1: "));
}

#[tokio::test]
async fn the_words_of_an_error_control_no_terminal_in_json_either() {
    let (mut script, running) = Script::with(&["call", "com.example.add", "--json"]).await;
    let call = script.receive().await;
    script
        .send(&json!([8, 48, call[1], {}, "com.example.error", [HOSTILE]]))
        .await;
    assert_eq!(script.receive().await[0], 6);
    drop(script);
    let (_, rest) = running.end().await;
    let line = rest.trim_end_matches('\n');
    let error: Value = serde_json::from_str(line).expect("it is JSON");
    assert_eq!(error["message"], HOSTILE);
    let controls = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!line.contains(controls), "{line:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_ping_without_any_answer_that_is_interrupted_has_found_nothing_out() {
    let (mut script, running) = Script::with(&["ping"]).await;
    assert_eq!(script.receive().await[0], 48);
    running.signal("INT").await;
    assert_eq!(script.receive().await[0], 6);
    drop(script);
    let (status, _) = running.end().await;
    assert_eq!(status.code(), Some(130));
}

#[tokio::test]
async fn subscriptions_that_the_router_ends_end_the_program() {
    let args = ["subscribe", "com.example.tick", "--json"];
    let (mut script, mut running) = Script::with(&args).await;
    script.subscribed().await;
    running.note().await;
    let why = json!({"subscription": 5, "reason": "com.example.gone"});
    script.send(&json!([35, 0, why])).await;
    script.bid_farewell().await;
    let (status, rest) = running.end().await;
    assert_eq!(status.code(), Some(1));
    let error = json!({"error": "ended", "message": "the router has ended the subscriptions"});
    assert_eq!(rest, format!("{error}\n"));
}

#[tokio::test]
async fn a_registration_that_the_router_ends_ends_the_program() {
    let args = ["register", "com.example.echo", "--echo"];
    let (mut script, mut running) = Script::with(&args).await;
    let register = script.receive().await;
    script.send(&json!([65, register[1], 5])).await;
    running.note().await;
    let why = json!({"registration": 5, "reason": "com.example.gone"});
    script.send(&json!([67, 0, why])).await;
    script.bid_farewell().await;
    let (status, rest) = running.end().await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(rest, "error: the router has ended the registration\n");
}

#[tokio::test]
async fn a_connection_that_is_lost_in_a_call_is_told() {
    let (mut script, running) = Script::with(&["call", "com.example.add"]).await;
    assert_eq!(script.receive().await[0], 48);
    drop(script);
    let (status, rest) = running.end().await;
    assert_eq!(status.code(), Some(1));
    assert!(
        rest.starts_with("error: wamp.close.transport_lost: the session has ended"),
        "{rest}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_signal_does_not_wait_for_the_routers_goodbye() {
    let (mut script, mut running) = Script::with(&["subscribe", "com.example.tick"]).await;
    script.subscribed().await;
    running.note().await;
    running.signal("INT").await;
    // UNSUBSCRIBE, and GOODBYE.
    assert_eq!(script.receive().await[0], 34);
    assert_eq!(script.receive().await[0], 6);
    running.signal("INT").await;
    let (status, rest) = running.end().await;
    // It would have said that the router has not answered.
    assert_eq!((status.code(), &*rest), (Some(0), ""));
}
