//! What the log tells of a connection, and what it does not.
//!
//! It is a program of its own, whose tests run one after the other: what one of them wants to be
//! told decides for the whole process what is looked at.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use wamp::{Dial, Permissions, Realm, Router, Server, StaticTickets, Ticket};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        let octets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&octets).into_owned()
    }
}

impl io::Write for Kept {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Keeps what is logged on this thread, up to a level, when no other test does.
async fn keep(level: tracing::Level) -> (Kept, MutexGuard<'static, ()>, DefaultGuard) {
    static ALONE: AsyncMutex<()> = AsyncMutex::const_new(());
    let alone = ALONE.lock().await;
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(kept.clone());
    (kept, alone, subscriber.set_default())
}

/// A realm for those who have a ticket.
fn closed() -> Realm {
    Realm::new("closed")
        .role("guest", Permissions::allow("com.example.").call())
        .authenticator(StaticTickets::new().with_principal("joe", "guest", "secret!!!"))
}

/// A router that listens, with a realm.
async fn listening(realm: Realm) -> Server {
    let router = Router::builder().realm(realm).build();
    let server = router.listen("127.0.0.1:0").await;
    server.expect("there is a free port")
}

/// Says this over RawSocket in JSON, and waits until all of it is handled.
async fn say(address: SocketAddr, messages: &[Value]) {
    talk(address, messages).await.expect("the router listens");
}

async fn talk(address: SocketAddr, messages: &[Value]) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&[0x7f, 0xf1, 0, 0]).await?;
    for message in messages {
        let octets = message.to_string().into_bytes();
        stream.write_u32(octets.len() as u32).await?;
        stream.write_all(&octets).await?;
    }
    stream.shutdown().await?;
    // The other end is closed after that.
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

#[tokio::test]
async fn a_client_can_be_followed_and_no_secret_is_told() {
    let (kept, _alone, _guard) = keep(tracing::Level::TRACE).await;
    let server = listening(closed()).await;
    let client = |ticket: &'static str| {
        Dial::new(server.url())
            .websocket(|options| options.header("Cookie", "chocolate"))
            .connect()
            .realm("closed")
            .auth(Ticket::new("joe", ticket))
    };
    let session = client("secret!!!").await.unwrap();
    let id = session.details().session;
    session
        .call("com.example.nothing")
        .args(("payload-of-mine",))
        .await
        .unwrap_err();
    session.leave().await.unwrap();
    client("wrong-ticket").await.unwrap_err();

    let text = kept.text();
    let line = |wanted: &str| {
        let mut lines = text.lines();
        let found = lines.find(|line| line.contains(wanted));
        found.unwrap_or_else(|| panic!("no {wanted:?} in\n{text}"))
    };
    for wanted in ["a session joins", "a session was left"] {
        let line = line(wanted);
        let span = format!(":session{{id={id} realm=closed}}");
        assert!(
            line.contains("connection{id=1 transport=\"websocket\""),
            "{line}"
        );
        assert!(
            line.contains(" peer=127.0.0.1:") && line.contains(&span),
            "{line}"
        );
    }
    let refused = line("a client was refused");
    assert!(refused.contains("INFO connection{id=2 "), "{refused}");
    assert!(
        refused.contains("reason=wamp.error.not_authorized"),
        "{refused}"
    );
    for secret in ["secret!!!", "wrong-ticket", "chocolate", "payload-of-mine"] {
        // What the libraries below tell at TRACE is theirs.
        let told = text
            .lines()
            .filter(|line| line.contains(": wamp") || line.contains(" wamp"));
        assert_eq!(
            told.filter(|line| line.contains(secret)).count(),
            0,
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_a_client_says_does_not_pass_for_a_line_of_the_log() {
    const HOSTILE: &str = "bye\n2026-01-01T00:00:00Z ERROR all is lost\u{1b}[31m";
    let (kept, _alone, _guard) = keep(tracing::Level::DEBUG).await;
    let server = listening(Realm::new("realm1")).await;
    let address = server.local_addr().unwrap();
    for last in [
        json!([6, {"message": HOSTILE}, "wamp.close.\u{1b}[31mred"]),
        json!([3, {"message": HOSTILE}, "wamp.close.\u{1b}[31mred"]),
    ] {
        let hello = json!([1, "realm1", {"roles": {"caller": {}}}]);
        say(address, &[hello, last]).await;
    }
    let text = kept.text();
    for wanted in ["a session was left", "a session was aborted"] {
        assert!(text.contains(wanted), "{text}");
    }
    assert!(
        !text.lines().any(|line| line.starts_with("2026-01-01")),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[tokio::test]
async fn who_is_refused_is_named_also_where_nothing_else_is_told() {
    let (kept, _alone, _guard) = keep(tracing::Level::INFO).await;
    let server = listening(closed()).await;
    let client = Dial::new(server.url()).connect().realm("com.nowhere");
    client.await.unwrap_err();
    let text = kept.text();
    let refused = text
        .lines()
        .find(|line| line.contains("a client was refused"));
    let refused = refused.unwrap_or_else(|| panic!("{text}"));
    assert!(
        refused.contains("connection{id=1 transport=\"websocket\""),
        "{refused}"
    );
    assert!(refused.contains(" peer=127.0.0.1:"), "{refused}");
    assert!(
        refused.contains("reason=wamp.error.no_such_realm"),
        "{refused}"
    );
    assert!(!text.contains("DEBUG"), "{text}");
}

#[tokio::test]
async fn a_client_whose_hello_is_wrong_is_refused_in_the_log_too() {
    let (kept, _alone, _guard) = keep(tracing::Level::INFO).await;
    let server = listening(Realm::new("realm1")).await;
    let address = server.local_addr().unwrap();
    say(address, &[json!([1, "realm1", {"roles": {}}])]).await;
    say(address, &[json!([1, "a b", {"roles": {"caller": {}}}])]).await;
    let text = kept.text();
    for reason in ["wamp.error.protocol_violation", "wamp.error.invalid_uri"] {
        let wanted = format!("a client was refused reason={reason} ");
        assert!(text.contains(&wanted), "no {wanted:?} in\n{text}");
    }
}
