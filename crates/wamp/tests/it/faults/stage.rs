//! A router, with sessions that have nothing to do with what goes wrong.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use wamp::websocket::{self, WebSocketConfig};
use wamp::{
    ApplicationError, Connect, ConnectionInfo, Permissions, Realm, RealmCounts, Router, Serializer,
    Session, StaticTickets, Subscription, Ticket, Transport,
};
use wamp_transport_rawsocket::{self as rawsocket, RawSocketConfig};

/// The realm that everything happens on.
pub(crate) const REALM: &str = "com.example";

/// By which transport the conversation is held, with which serializer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    RawSocket(&'static str),
    WebSocket(&'static str),
}

impl Kind {
    fn serializer(self) -> Serializer {
        let (Self::RawSocket(name) | Self::WebSocket(name)) = self;
        Serializer::from_name(name).expect("it is compiled in")
    }

    /// Opens the client's end.
    pub(crate) async fn connect<S>(
        self,
        stream: S,
        times: Times,
    ) -> Result<Box<dyn Transport>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (serializer, info) = (self.serializer(), ConnectionInfo::new("test"));
        match self {
            Self::RawSocket(_) => {
                let options = rawsocket::ConnectOptions::default()
                    .handshake_timeout(times.handshake)
                    .config(times.rawsocket());
                let connected = rawsocket::connect(stream, info, &serializer, &options).await;
                boxed(connected)
            }
            Self::WebSocket(_) => {
                let options = websocket::ConnectOptions::default()
                    .serializers([serializer])
                    .handshake_timeout(times.handshake)
                    .config(times.websocket());
                boxed(websocket::connect(stream, info, "localhost", "/", &options).await)
            }
        }
    }

    /// Serves the client at the other end of a stream, until its connection has ended. Why a client
    /// is not accepted is for the client to tell.
    async fn serve<S>(self, router: Router, stream: S, times: Times)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (serializer, info) = (self.serializer(), ConnectionInfo::new("test"));
        match self {
            Self::RawSocket(_) => {
                let options = rawsocket::AcceptOptions::default()
                    .serializers([serializer])
                    .handshake_timeout(times.handshake)
                    .config(times.rawsocket());
                if let Ok(transport) = rawsocket::accept(stream, info, &options).await {
                    router.accept(transport).await;
                }
            }
            Self::WebSocket(_) => {
                let options = websocket::AcceptOptions::default()
                    .serializers([serializer])
                    .handshake_timeout(times.handshake)
                    .config(times.websocket());
                if let Ok(transport) = websocket::accept(stream, info, &options).await {
                    router.accept(transport).await;
                }
            }
        }
    }
}

fn boxed<T: Transport, E: std::error::Error>(
    connected: Result<T, E>,
) -> Result<Box<dyn Transport>, String> {
    match connected {
        Ok(transport) => Ok(Box::new(transport)),
        Err(error) => Err(error.to_string()),
    }
}

/// How long what does not come is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Until a transport is open; for the router, until HELLO and from there to the session, too.
    pub(crate) handshake: Duration,
    /// Until a session is open.
    pub(crate) connect: Duration,
    /// Between pings, and until they are answered.
    pub(crate) ping: Duration,
    /// Until a transport is closed.
    pub(crate) close: Duration,
}

/// As they are for everybody.
impl Default for Times {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            connect: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            close: Duration::from_secs(5),
        }
    }
}

impl Times {
    /// So short that a test in real time can wait for them.
    pub(crate) fn short() -> Self {
        Self {
            handshake: Duration::from_secs(1),
            connect: Duration::from_secs(2),
            ping: Duration::from_millis(500),
            close: Duration::from_secs(1),
        }
    }

    fn rawsocket(self) -> RawSocketConfig {
        RawSocketConfig::default()
            .ping_interval(Some(self.ping))
            .pong_timeout(self.ping)
            .close_timeout(self.close)
            // One side begins, and the other joins in; here both do.
            .ping_unknown(true)
    }

    fn websocket(self) -> WebSocketConfig {
        WebSocketConfig::default()
            .ping_interval(Some(self.ping))
            .pong_timeout(self.ping)
            .close_timeout(self.close)
    }
}

pub(crate) struct Stage {
    pub(crate) times: Times,
    pub(crate) router: Router,
    pub(crate) bystanders: Bystanders,
    /// How much there is when the bystanders are alone.
    counts: RealmCounts,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with_times(Times::default()).await
    }

    pub(crate) async fn with_times(times: Times) -> Self {
        let tickets = StaticTickets::new().with_principal("joe", "user", "secret!!!");
        let realm = Realm::new(REALM)
            .role("user", Permissions::all())
            .authenticator(tickets);
        let router = Router::builder()
            .realm(realm)
            .handshake_timeout(times.handshake)
            .closing_timeout(times.close)
            .build();
        let bystanders = Bystanders::new(&router).await;
        let counts = router.counts(REALM).expect("there is the realm");
        Self {
            times,
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
        tokio::spawn(kind.serve(self.router.clone(), stream, self.times))
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
