//! Subscriptions, while they are asked for.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use wamp_core::client::Pending;
use wamp_messages::options::{Sparse, SubscribeOptions};
use wamp_messages::{InvalidUri, MatchPolicy, Uri, message};

use crate::error::{ApplicationError, SubscribeError};
use crate::executor::panic_text;
use crate::handler::EventHandler;
use crate::observer::UserError;
use crate::session::{Refused, Session, Shared};
use crate::subscription::{Event, Events, Listener, Subscription, SubscriptionHandle, received};

impl Session {
    /// Subscribes to a topic: a stream of its events (specification: Basic Profile, "Subscribing
    /// and Unsubscribing").
    ///
    /// ```
    /// # async fn example(session: wamp_session::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut ticks = session.subscribe("com.example.tick").await?;
    /// while let Some(event) = ticks.next().await {
    ///     let (count, label): (u32, String) = event.args()?;
    ///     println!("{count}: {label}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self, topic: impl AsRef<str>) -> Subscribe {
        Subscribe {
            session: self.clone(),
            topic: Uri::pattern(topic.as_ref()),
            options: Sparse::empty(),
            buffer: 1024,
            buffer_octets: 16 << 20,
        }
    }
}

/// A subscription that is being asked for; awaiting it asks.
#[must_use = "a topic is subscribed when this is awaited"]
pub struct Subscribe {
    session: Session,
    topic: Result<Uri, InvalidUri>,
    options: Sparse<SubscribeOptions>,
    buffer: usize,
    buffer_octets: usize,
}

impl Subscribe {
    /// How many events may wait to be read, 1024 unless said otherwise; at least 1.
    pub fn buffer(mut self, events: usize) -> Self {
        self.buffer = events;
        self
    }

    /// How many octets the events that wait may have, 16 MiB unless said otherwise. One is always
    /// taken, whatever its length.
    pub fn buffer_octets(mut self, octets: usize) -> Self {
        self.buffer_octets = octets;
        self
    }

    /// Sets options that have no method of their own.
    pub fn options(mut self, set: impl FnOnce(&mut SubscribeOptions)) -> Self {
        set(&mut self.options);
        self
    }

    /// Has events handled by an async function or closure, one after the other, in their order.
    ///
    /// ```
    /// # async fn example(session: wamp_session::Session) -> Result<(), wamp_session::SubscribeError> {
    /// let ticks = session
    ///     .subscribe("com.example.tick")
    ///     .handler(|count: u32, label: String| async move { println!("{count}: {label}") })
    ///     .await?;
    /// ticks.unsubscribe().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn handler<M, H: EventHandler<M>>(self, handler: H) -> SubscribeWithHandler<M, H> {
        SubscribeWithHandler {
            subscribe: self,
            handler,
            marker: PhantomData,
        }
    }

    async fn subscribe(self) -> Result<Subscription, SubscribeError> {
        let (topic, options) = (self.topic?, self.options);
        let policy = options.match_policy.clone().unwrap_or(MatchPolicy::EXACT);
        if policy == MatchPolicy::EXACT {
            Uri::new(&*topic)?;
        }
        let shared = Arc::clone(self.session.shared());
        std::future::poll_fn(|cx| shared.outbox.poll_room(cx)).await;
        let topic = topic.detached();
        let (listener, events) = Listener::new(topic.clone(), self.buffer, self.buffer_octets);
        let (waiting, receiver) = oneshot::channel();
        let key = (topic.clone(), policy);
        let pending = Pending::Subscribe {
            topic: key,
            waiting,
            listener,
        };
        let asked = topic.clone();
        shared.request(pending, |request| {
            message::Subscribe {
                request,
                options,
                topic: asked,
            }
            .into()
        })?;
        let (id, listener) = received(receiver).await?.keep();
        let handle = SubscriptionHandle::new(id, listener, topic, self.session);
        Ok(Subscription::new(handle, events))
    }
}

impl fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Dropped before it is ready, the subscription is not asked for, or ended when it is granted.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.subscribe())
    }
}

/// A subscription with a handler that is being asked for; awaiting it asks.
#[must_use = "a topic is subscribed when this is awaited"]
pub struct SubscribeWithHandler<M, H> {
    subscribe: Subscribe,
    handler: H,
    marker: PhantomData<fn() -> M>,
}

impl<M, H> fmt::Debug for SubscribeWithHandler<M, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SubscribeWithHandler")
            .field(&self.subscribe)
            .finish()
    }
}

impl<M, H: EventHandler<M>> IntoFuture for SubscribeWithHandler<M, H> {
    type Output = Result<SubscriptionHandle, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Dropped before it is ready, the subscription is not asked for, or ended when it is granted.
    fn into_future(self) -> Self::IntoFuture {
        let (subscribe, handler) = (self.subscribe, self.handler);
        let handle: Box<HandleFn> = Box::new(move |event| handler.handle(event));
        Box::pin(async move {
            let shared = Arc::clone(subscribe.session.shared());
            let (handle_of_user, events) = subscribe.subscribe().await?.into_parts();
            tokio::spawn(handle_events(shared, events, handle));
            Ok(handle_of_user)
        })
    }
}

type HandleFn = dyn Fn(&Event) -> crate::handler::HandledFuture + Send + Sync;

/// Handles the events of one subscription in their order, until it has ended.
async fn handle_events(shared: Arc<Shared>, mut events: Events, handle: Box<HandleFn>) {
    while let Some(event) = events.recv().await {
        // The handler may panic before it returns its future, or in it.
        let handled = async { handle(&event).await };
        let error = match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(panic) => ApplicationError::runtime(panic_text(&*panic)),
        };
        shared.user_error(&UserError {
            uri: event.details().topic.clone(),
            error,
        });
    }
}

impl From<Refused> for SubscribeError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Application(error) => Self::Application(error),
            Refused::Closed(closed) => Self::Closed(closed),
            Refused::Undeliverable(error) => Self::Send(error),
        }
    }
}
