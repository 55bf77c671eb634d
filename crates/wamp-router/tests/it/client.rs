//! A client that says what it is told to.

use std::future::poll_fn;

use wamp_core::{CloseReason, MemoryTransport, ReceiveError, Transport};
use wamp_messages::message::{
    Abort, Call, Goodbye, Hello, Publish, Register, Subscribe, Welcome, Yield,
};
use wamp_messages::options::HelloDetails;
use wamp_messages::{
    Format, Message, Payload, PublicationId, RegistrationId, RequestId, Role, Roles,
    SubscriptionId, Uri, error_uri,
};
use wamp_router::{Realm, Router, RouterBuilder};
use wamp_serializers::{decode_args, encode_payload};

pub(crate) const REALM: &str = "com.example";

/// A router with one open realm, in the making.
pub(crate) fn open() -> RouterBuilder {
    Router::builder().realm(Realm::new(REALM))
}

pub(crate) struct Client<T = MemoryTransport> {
    transport: T,
}

impl Client {
    /// Opens a transport, and says nothing.
    pub(crate) fn connect(router: &Router) -> Self {
        Self::over(router.attach())
    }

    /// Joins the open realm.
    pub(crate) async fn join(router: &Router) -> Self {
        let mut client = Self::connect(router);
        client.send(hello(Some(REALM))).await;
        client.welcome().await;
        client
    }
}

impl<T: Transport> Client<T> {
    pub(crate) const fn over(transport: T) -> Self {
        Self { transport }
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        poll_fn(|cx| self.transport.poll_ready(cx)).await.unwrap();
        self.transport.send(&message.into().into()).unwrap();
        poll_fn(|cx| self.transport.poll_flush(cx)).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Message {
        poll_fn(|cx| self.transport.poll_receive(cx)).await.unwrap()
    }

    /// Sends a message, and receives one.
    pub(crate) async fn ask(&mut self, message: impl Into<Message>) -> Message {
        self.send(message).await;
        self.receive().await
    }

    pub(crate) async fn welcome(&mut self) -> Welcome {
        match self.receive().await {
            Message::Welcome(welcome) => welcome,
            other => panic!("{other:?} is no WELCOME"),
        }
    }

    /// Waits for an ABORT, and for the end of the transport behind it.
    pub(crate) async fn aborted(&mut self) -> Abort {
        let Message::Abort(abort) = self.receive().await else {
            panic!("no ABORT came");
        };
        self.closed().await;
        abort
    }

    /// Waits for the end of the transport, in order.
    pub(crate) async fn closed(&mut self) {
        let end = poll_fn(|cx| self.transport.poll_receive(cx)).await;
        assert!(matches!(end, Err(ReceiveError::Closed)), "{end:?}");
    }

    /// Waits for the end of the transport, drops what comes before, and tells whether it was in
    /// order.
    pub(crate) async fn ended(&mut self) -> bool {
        loop {
            match poll_fn(|cx| self.transport.poll_receive(cx)).await {
                Ok(_) => {}
                Err(error) => return matches!(error, ReceiveError::Closed),
            }
        }
    }

    pub(crate) async fn close(&mut self) {
        let reason = CloseReason::Normal;
        poll_fn(|cx| self.transport.poll_close(cx, &reason))
            .await
            .unwrap();
    }

    /// Receives nothing that was caused by what was said before: an answer to a question comes
    /// first.
    pub(crate) async fn hears_nothing(&mut self, request: u64) {
        let mut publish = publish(request, "com.nobody");
        publish.options.acknowledge = Some(true);
        let answer = self.ask(publish).await;
        assert!(matches!(answer, Message::Published(_)), "{answer:?}");
    }

    pub(crate) async fn subscribe(&mut self, request: u64, topic: &str) -> SubscriptionId {
        match self.ask(subscribe(request, topic)).await {
            Message::Subscribed(subscribed) => subscribed.subscription,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn publish(&mut self, request: u64, topic: &str) -> PublicationId {
        let mut publish = publish(request, topic);
        publish.options.acknowledge = Some(true);
        match self.ask(publish).await {
            Message::Published(published) => published.publication,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn register(&mut self, request: u64, procedure: &str) -> RegistrationId {
        match self.ask(register(request, procedure)).await {
            Message::Registered(registered) => registered.registration,
            other => panic!("{other:?}"),
        }
    }

    /// Receives an INVOCATION, and returns its id.
    pub(crate) async fn invoked(&mut self) -> RequestId {
        match self.receive().await {
            Message::Invocation(invocation) => invocation.request,
            other => panic!("{other:?}"),
        }
    }

    /// Receives an ERROR, and returns its URI and its text.
    pub(crate) async fn failed(&mut self) -> (String, String) {
        match self.receive().await {
            Message::Error(error) => {
                let (text,) = decode_args::<(String,)>(&error.payload).unwrap();
                (error.error.to_string(), text)
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn id(request: u64) -> RequestId {
    RequestId::new(request).unwrap()
}

pub(crate) fn payload(arg: u64) -> Payload {
    encode_payload(&Format::Cbor, &(arg,), &()).unwrap()
}

pub(crate) fn hello(realm: Option<&str>) -> Hello {
    hello_with(realm, |_| {})
}

pub(crate) fn hello_with(realm: Option<&str>, change: impl FnOnce(&mut HelloDetails)) -> Hello {
    let mut details = Box::new(HelloDetails::default());
    details.roles = Some(Roles::none().with(Role::Caller, []));
    change(&mut details);
    let realm = realm.map(Uri::from_wire);
    Hello { realm, details }
}

pub(crate) fn goodbye() -> Goodbye {
    let reason = Uri::from_static(error_uri::CLOSE_NORMAL);
    wamp_core::lifecycle::goodbye(reason, None)
}

pub(crate) fn subscribe(request: u64, topic: &str) -> Subscribe {
    Subscribe {
        request: id(request),
        options: Default::default(),
        topic: Uri::from_wire(topic),
    }
}

pub(crate) fn publish(request: u64, topic: &str) -> Publish {
    Publish {
        request: id(request),
        options: Default::default(),
        topic: Uri::from_wire(topic),
        payload: payload(request),
    }
}

pub(crate) fn register(request: u64, procedure: &str) -> Register {
    Register {
        request: id(request),
        options: Default::default(),
        procedure: Uri::from_wire(procedure),
    }
}

pub(crate) fn call(request: u64, procedure: &str) -> Call {
    Call {
        request: id(request),
        options: Default::default(),
        procedure: Uri::from_wire(procedure),
        payload: payload(request),
    }
}

pub(crate) fn answer(invocation: RequestId) -> Yield {
    Yield {
        request: invocation,
        options: Default::default(),
        payload: payload(7),
    }
}
