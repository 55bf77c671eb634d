//! A router that listens, and sessions that connect to it.

use std::net::SocketAddr;
use std::time::Duration;

use wamp::core::OutboxLimits;
use wamp::{Dial, Permissions, Realm, Router, Serializer, Server, Session, StaticTickets, Ticket};

/// Every serializer that is built in.
pub(crate) fn serializers() -> Vec<Serializer> {
    let plain = [
        Serializer::cbor(),
        Serializer::msgpack(),
        Serializer::json(),
    ];
    let batched = plain.clone().map(Serializer::batched);
    plain.into_iter().chain(batched).collect()
}

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) server: Server,
}

impl World {
    /// A router with an open realm `realm1`, and a realm `closed` with tickets and permissions.
    pub(crate) async fn new() -> Self {
        Self::with_outboxes(OutboxLimits::default()).await
    }

    /// The same, with other bounds on what may wait to be sent to one session.
    pub(crate) async fn with_outboxes(limits: OutboxLimits) -> Self {
        let tickets = StaticTickets::new().with_principal("joe", "guest", "secret!!!");
        let permissions = Permissions::allow("com.example.").call().subscribe();
        let closed = Realm::new("closed")
            .role("guest", permissions)
            .authenticator(tickets);
        let router = Router::builder()
            .realm(Realm::new("realm1"))
            .realm(closed)
            // So long that a test fails in which anything waits for it.
            .closing_timeout(Duration::from_secs(3600))
            .outbox_limits(limits)
            .build();
        let server = router
            .listen("127.0.0.1:0")
            .await
            .expect("there is a free port");
        Self { router, server }
    }

    /// Where the router listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr().expect("it is TCP")
    }

    /// A session on the open realm, by the default serializer.
    pub(crate) async fn session(&self) -> Session {
        self.session_with(Serializer::cbor()).await
    }

    pub(crate) async fn session_with(&self, serializer: Serializer) -> Session {
        let dial = Dial::new(self.server.url()).serializers([serializer]);
        dial.connect()
            .realm("realm1")
            .await
            .expect("the realm is open")
    }

    /// A session on the closed realm.
    pub(crate) async fn guest(&self) -> Session {
        let connect = wamp::connect(self.server.url()).realm("closed");
        connect
            .auth(Ticket::new("joe", "secret!!!"))
            .await
            .expect("the ticket is right")
    }

    /// Waits until so many sessions are left on the open realm.
    pub(crate) async fn settle(&self, sessions: usize) {
        while self.router.session_count("realm1") != Some(sessions) {
            tokio::task::yield_now().await;
        }
    }
}

/// Bounds a test that would otherwise hang for ever when what it waits for does not come.
pub(crate) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, work)
        .await
        .expect("it ends, and does not hang")
}
