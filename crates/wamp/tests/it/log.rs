//! What the log tells of a connection, and what it does not.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use wamp::{Dial, Ticket};

use crate::world::World;

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

/// Keeps what is logged on this thread, up to a level.
fn keep(level: tracing::Level) -> (Kept, DefaultGuard) {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(kept.clone());
    (kept, subscriber.set_default())
}

#[tokio::test]
async fn a_client_can_be_followed_and_no_secret_is_told() {
    let (kept, _guard) = keep(tracing::Level::TRACE);
    let world = World::new().await;
    let client = |ticket: &'static str| {
        Dial::new(world.server.url())
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
async fn who_is_refused_is_named_also_where_nothing_else_is_told() {
    let (kept, _guard) = keep(tracing::Level::INFO);
    let world = World::new().await;
    let client = Dial::new(world.server.url()).connect().realm("com.nowhere");
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
