//! A router that says what the test tells it to say.

use std::future::{IntoFuture, poll_fn};

use wamp_core::{CloseReason, MemoryTransport, Outgoing, ReceiveError, Transport};
use wamp_messages::message::{Error, Goodbye, Hello, Result as CallResult, Welcome};
use wamp_messages::options::WelcomeDetails;
use wamp_messages::{
    Feature, Format, Message, RequestId, RequestType, Role, Roles, SessionId, Uri,
};
use wamp_serializers::encode_payload;
use wamp_session::{Connect, Session};

/// The router's end of a transport.
pub(crate) struct Script(MemoryTransport);

impl Script {
    /// Both ends of a transport: the script, and what a session connects over.
    pub(crate) fn new() -> (Self, MemoryTransport) {
        let (router, client) = MemoryTransport::pair(&Format::Cbor);
        (Self(router), client)
    }

    /// A script with a session that has joined.
    pub(crate) async fn joined() -> (Self, Session) {
        Self::joined_with(|connect| connect, []).await
    }

    /// A script with a session that has joined, a dealer of these features.
    pub(crate) async fn joined_with(
        configure: impl FnOnce(Connect) -> Connect,
        features: impl IntoIterator<Item = Feature>,
    ) -> (Self, Session) {
        let (mut script, transport) = Self::new();
        let connect = configure(Connect::over(transport).realm("realm1"));
        let opening = tokio::spawn(connect.into_future());
        script.expect_hello().await;
        script.send(welcome_with(features)).await;
        let session = opening.await.expect("no panic").expect("the session opens");
        (script, session)
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        poll_fn(|cx| self.0.poll_ready(cx))
            .await
            .expect("the client is there");
        self.0
            .send(&Outgoing::from(message))
            .expect("the client is there");
        poll_fn(|cx| self.0.poll_flush(cx))
            .await
            .expect("the client is there");
    }

    pub(crate) async fn receive(&mut self) -> Message {
        poll_fn(|cx| self.0.poll_receive(cx))
            .await
            .expect("the client sends a message")
    }

    pub(crate) async fn expect_hello(&mut self) -> Hello {
        match self.receive().await {
            Message::Hello(hello) => hello,
            other => panic!("HELLO was expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_goodbye(&mut self) -> Goodbye {
        match self.receive().await {
            Message::Goodbye(goodbye) => goodbye,
            other => panic!("GOODBYE was expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_closed(&mut self) {
        let received = poll_fn(|cx| self.0.poll_receive(cx)).await;
        assert!(
            matches!(received, Err(ReceiveError::Closed)),
            "{received:?}"
        );
    }

    pub(crate) async fn close(&mut self) {
        let _ = poll_fn(|cx| self.0.poll_close(cx, &CloseReason::Normal)).await;
    }

    pub(crate) fn abort(&mut self) {
        self.0.abort();
    }
}

pub(crate) fn welcome() -> Welcome {
    welcome_with([])
}

fn welcome_with(features: impl IntoIterator<Item = Feature>) -> Welcome {
    let mut details = WelcomeDetails::default();
    details.roles = Some(
        Roles::none()
            .with(Role::Broker, [])
            .with(Role::Dealer, features),
    );
    details.authid = Some("joe".to_owned());
    Welcome {
        session: SessionId::new(77).expect("an id"),
        details: Box::new(details),
    }
}

/// The RESULT of a call, with one value.
pub(crate) fn result(request: RequestId, value: impl serde::Serialize) -> CallResult {
    let payload = encode_payload(&Format::Cbor, &(value,), &()).expect("it can be serialized");
    CallResult {
        request,
        details: Default::default(),
        payload,
    }
}

/// An ERROR with a text.
pub(crate) fn error(
    request_type: RequestType,
    request: RequestId,
    uri: &'static str,
    text: &str,
) -> Error {
    let payload = encode_payload(&Format::Cbor, &(text,), &()).expect("it can be serialized");
    Error {
        request_type,
        request,
        details: Default::default(),
        error: Uri::from_static(uri),
        payload,
    }
}
