//! A router, with sessions that have nothing to do with what goes wrong.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use wamp::websocket::{self, AcceptOptions, ConnectOptions};
use wamp::{
    ApplicationError, Connect, ConnectionInfo, Permissions, Realm, RealmCounts, Router, Serializer,
    Session, StaticTickets, Subscription, Ticket, Transport,
};

/// The realm that everything happens on.
pub(crate) const REALM: &str = "com.example";

/// By which transport the conversation is held, with which serializer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    WebSocket(&'static str),
}

impl Kind {
    fn serializer(self) -> Serializer {
        let Self::WebSocket(name) = self;
        Serializer::from_name(name).expect("it is compiled in")
    }

    /// Opens the client's end.
    pub(crate) async fn connect<S>(self, stream: S) -> Result<Box<dyn Transport>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let options = ConnectOptions::default().serializers([self.serializer()]);
        let info = ConnectionInfo::new("test");
        match websocket::connect(stream, info, "localhost", "/", &options).await {
            Ok(transport) => Ok(Box::new(transport)),
            Err(error) => Err(error.to_string()),
        }
    }
}

pub(crate) struct Stage {
    pub(crate) router: Router,
    pub(crate) bystanders: Bystanders,
    /// How much there is when the bystanders are alone.
    counts: RealmCounts,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let tickets = StaticTickets::new().with_principal("joe", "user", "secret!!!");
        let realm = Realm::new(REALM)
            .role("user", Permissions::all())
            .authenticator(tickets);
        let router = Router::builder().realm(realm).build();
        let bystanders = Bystanders::new(&router).await;
        let counts = router.counts(REALM).expect("there is the realm");
        Self {
            router,
            bystanders,
            counts,
        }
    }

    /// Serves the client at the other end of a stream.
    pub(crate) fn serve<S>(&self, kind: Kind, stream: S) -> JoinHandle<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        tokio::spawn(async move {
            let options = AcceptOptions::default().serializers([kind.serializer()]);
            let info = ConnectionInfo::new("test");
            // Why it was not accepted is for the client to tell.
            let _ = router.accept_stream(stream, info, &options).await;
        })
    }

    /// Waits until nothing is left of any session but the bystanders'; it is not waited for long.
    pub(crate) async fn assert_empty(&self) {
        let settling = async {
            while self.router.counts(REALM) != Some(self.counts) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let settled = tokio::time::timeout(Duration::from_secs(10), settling).await;
        let counts = self.router.counts(REALM);
        assert!(settled.is_ok(), "something is left of it: {counts:?}");
    }
}

/// Two sessions that call each other and publish: nothing may be lost, and nothing be late.
pub(crate) struct Bystanders {
    callee: Session,
    caller: Session,
    events: Subscription,
    round: u64,
}

impl Bystanders {
    async fn new(router: &Router) -> Self {
        let join = async || {
            let joining = Connect::over(router.attach()).realm(REALM);
            let joining = joining.auth(Ticket::new("joe", "secret!!!"));
            joining.await.expect("the ticket is right")
        };
        let (callee, caller) = (join().await, join().await);
        callee
            .register("com.bystander.add", |n: u64| async move { Ok(n + 1) })
            .await
            .expect("it is free");
        callee
            .register("com.bystander.fail", |text: String| async move {
                Err::<(), _>(ApplicationError::new("com.bystander.error", text))
            })
            .await
            .expect("it is free");
        let events = callee.subscribe("com.bystander.topic").await;
        Self {
            callee,
            caller,
            events: events.expect("it is allowed"),
            round: 0,
        }
    }

    /// Goes on for a while, as if nothing were.
    pub(crate) async fn round(&mut self) {
        for _ in 0..3 {
            self.round += 1;
            let calling = self.caller.call("com.bystander.add").args((self.round,));
            let sum: u64 = calling.returns().await.expect("no call fails");
            assert_eq!(sum, self.round + 1);
            let publishing = self
                .caller
                .publish("com.bystander.topic")
                .args((self.round,));
            publishing.acknowledge().await.expect("it is published");
            let event = self.events.next().await.expect("they are subscribed");
            let (round,): (u64,) = event.args().expect("it is a number");
            assert_eq!((round, event.missed()), (self.round, 0));
        }
    }

    pub(crate) async fn leave(self) {
        for session in [self.callee, self.caller] {
            assert!(session.leave().await.expect("it is open").is_clean());
        }
    }
}
