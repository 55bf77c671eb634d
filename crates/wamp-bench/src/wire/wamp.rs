//! A session without the comforts of one: messages straight into a transport.

use std::future::poll_fn;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result, bail};
use wamp::core::{MemoryTransport, Outgoing};
use wamp::messages::message::{Call, Hello, Publish, Register, Subscribe, Yield};
use wamp::messages::options::HelloDetails;
use wamp::messages::{Format, Message, RequestId, Role, Roles};
use wamp::serializers::encode_payload;
use wamp::{Connector, Dial, Payload, Serializer, Transport, Uri};

use super::{Got, Wire};

/// What a session asks for, again and again.
#[derive(Debug, Clone)]
pub(crate) enum Asks {
    Nothing,
    Call(Uri),
    Publish { topic: Uri, acknowledge: bool },
}

/// A session.
pub(crate) struct WampWire<T = Box<dyn Transport>> {
    transport: T,
    asks: Asks,
    payload: Payload,
    last: RequestId,
}

/// Opens a connection and joins a realm.
pub(crate) async fn join(
    url: &str,
    realm: &str,
    serializer: &Serializer,
    payload: usize,
) -> Result<WampWire> {
    let dial = Dial::new(url).serializers([serializer.clone()]);
    let transport = Connector::connect(&dial).await?;
    WampWire::join(transport, realm, payload).await
}

impl WampWire<MemoryTransport> {
    /// Joins a realm of a router in this process.
    pub(crate) async fn join_within(
        router: &wamp::Router,
        realm: &str,
        payload: usize,
    ) -> Result<Self> {
        Self::join(router.attach(), realm, payload).await
    }
}

impl<T: Transport> WampWire<T> {
    pub(crate) async fn join(transport: T, realm: &str, payload: usize) -> Result<Self> {
        let mut details = Box::new(HelloDetails::default());
        details.roles = Some(
            [
                Role::Caller,
                Role::Callee,
                Role::Publisher,
                Role::Subscriber,
            ]
            .into_iter()
            .fold(Roles::none(), |roles, role| roles.with(role, [])),
        );
        let payload = of_len(&transport.format(), payload)?;
        let mut wire = Self {
            transport,
            asks: Asks::Nothing,
            payload,
            last: RequestId::ZERO,
        };
        let realm = Some(Uri::new(realm)?);
        match wire.exchange(Hello { realm, details }).await? {
            Message::Welcome(_) => Ok(wire),
            other => bail!("HELLO is answered by {other:?}"),
        }
    }

    /// Says what is asked for from now on.
    pub(crate) fn asking(mut self, asks: Asks) -> Self {
        self.asks(asks);
        self
    }

    /// Says what is asked for from now on.
    pub(crate) fn asks(&mut self, asks: Asks) {
        self.asks = asks;
    }

    pub(crate) async fn register(&mut self, procedure: &Uri) -> Result<()> {
        let register = Register {
            request: self.next(),
            options: Default::default(),
            procedure: procedure.clone(),
        };
        match self.exchange(register).await? {
            Message::Registered(_) => Ok(()),
            other => bail!("REGISTER is answered by {other:?}"),
        }
    }

    pub(crate) async fn subscribe(&mut self, topic: &Uri) -> Result<()> {
        let subscribe = Subscribe {
            request: self.next(),
            options: Default::default(),
            topic: topic.clone(),
        };
        match self.exchange(subscribe).await? {
            Message::Subscribed(_) => Ok(()),
            other => bail!("SUBSCRIBE is answered by {other:?}"),
        }
    }

    /// Leaves the realm, and closes the transport.
    pub(crate) async fn leave(mut self) -> Result<()> {
        let reason = Uri::from_static(wamp::messages::error_uri::CLOSE_NORMAL);
        let goodbye = wamp::core::lifecycle::goodbye(reason, None);
        match self.exchange(goodbye).await? {
            Message::Goodbye(_) => {}
            other => bail!("GOODBYE is answered by {other:?}"),
        }
        let reason = wamp::core::CloseReason::Normal;
        Ok(poll_fn(|cx| self.transport.poll_close(cx, &reason)).await?)
    }

    async fn exchange(&mut self, message: impl Into<Message>) -> Result<Message> {
        let message = Outgoing::from(message.into());
        poll_fn(|cx| self.transport.poll_ready(cx)).await?;
        self.transport.send(&message)?;
        poll_fn(|cx| self.transport.poll_flush(cx)).await?;
        Ok(poll_fn(|cx| self.transport.poll_receive(cx)).await?)
    }

    fn next(&mut self) -> RequestId {
        self.last = self.last.next();
        self.last
    }
}

impl<T: Transport> Wire for WampWire<T> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Got>> {
        self.transport.poll_receive(cx).map(|received| {
            Ok(match received? {
                Message::Invocation(invocation) => Got::Request(invocation.request.as_u64()),
                Message::Result(_) | Message::Published(_) | Message::Event(_) => Got::Answer,
                other => bail!("the router sent {other:?}"),
            })
        })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.transport.poll_ready(cx).map_err(Into::into)
    }

    fn ask(&mut self) -> Result<()> {
        let request = self.next();
        let payload = self.payload.clone();
        let message: Message = match &self.asks {
            Asks::Nothing => bail!("this session asks for nothing"),
            Asks::Call(procedure) => call(request, procedure.clone(), payload).into(),
            Asks::Publish { topic, acknowledge } => {
                let mut publish = Publish {
                    request,
                    options: Default::default(),
                    topic: topic.clone(),
                    payload,
                };
                publish.options.acknowledge = acknowledge.then_some(true);
                publish.into()
            }
        };
        Ok(self.transport.send(&message.into())?)
    }

    fn answer(&mut self, request: u64) -> Result<()> {
        let request = RequestId::new(request).context("an invocation has an id")?;
        let answer = Yield {
            request,
            options: Default::default(),
            payload: self.payload.clone(),
        };
        Ok(self.transport.send(&Message::from(answer).into())?)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.transport.poll_flush(cx).map_err(Into::into)
    }
}

/// How long the messages of a workload are, in octets: what the limit copies is as long.
pub(crate) fn message_len(serializer: &Serializer, payload: usize) -> Result<usize> {
    let payload = of_len(&serializer.format(), payload)?;
    let request = RequestId::new(1_000).context("it is an id")?;
    let call = call(
        request,
        Uri::from_static("com.example.procedure.0"),
        payload,
    );
    let frame = serializer.encode(&call.into())?;
    Ok(frame.len())
}

fn call(request: RequestId, procedure: Uri, payload: Payload) -> Call {
    Call {
        request,
        options: Default::default(),
        procedure,
        payload,
    }
}

/// One argument, a text of so many octets.
fn of_len(format: &Format, len: usize) -> Result<Payload> {
    Ok(encode_payload(format, &("x".repeat(len),), &())?)
}
