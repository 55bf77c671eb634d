//! Events, and the streams on which they come.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use wamp_core::CloseDetails;
use wamp_core::client::ListenerId;
use wamp_messages::options::Sparse;
use wamp_messages::{Payload, PublicationId, SessionId, SubscriptionId, Uri, message, options};
use wamp_serializers::{PayloadError, decode_args, decode_kwargs};

use crate::error::{SessionClosed, SubscribeError};
use crate::held::{Charge, Held};
use crate::session::{Answer, Refused, Session, Shared};

/// An event of a topic, not decoded until it is read.
#[derive(Debug, Clone)]
pub struct Event {
    payload: Payload,
    details: EventDetails,
    missed: u64,
    session: std::sync::Weak<Shared>,
}

impl Event {
    /// Reads the arguments into a type that is made of a list: a tuple, or a `Vec<Value>`.
    ///
    /// # Errors
    ///
    /// The arguments do not fit the type.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_args(&self.payload)
    }

    /// Reads the keyword arguments into a type that is made of a dict: a struct, or a `Dict`.
    ///
    /// # Errors
    ///
    /// The keyword arguments do not fit the type.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        decode_kwargs(&self.payload)
    }

    /// What the event came with.
    pub const fn details(&self) -> &EventDetails {
        &self.details
    }

    /// How many events were dropped right before this one, because the stream was not read in time
    /// and its [buffer](crate::Subscribe::buffer) was full.
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// The payload as it was received. It shares the buffer it was received in.
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    pub(crate) fn session(&self) -> Option<Session> {
        self.session.upgrade()?.session()
    }
}

/// Details of an event (Autobahn's `EventDetails`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EventDetails {
    /// The subscription by which it came.
    pub subscription: SubscriptionId,
    /// The publication.
    pub publication: PublicationId,
    /// The topic it was published to.
    pub topic: Uri,
    /// The options of the EVENT: the publisher, if it is disclosed, and more.
    pub options: Sparse<options::EventDetails>,
}

impl EventDetails {
    /// The publisher's session, if it is disclosed.
    pub fn publisher(&self) -> Option<SessionId> {
        self.options.publisher
    }

    /// The publisher's authid, if it is disclosed.
    pub fn publisher_authid(&self) -> Option<&str> {
        self.options.publisher_authid.as_deref()
    }

    /// The publisher's role, if it is disclosed.
    pub fn publisher_authrole(&self) -> Option<&str> {
        self.options.publisher_authrole.as_deref()
    }
}

/// A subscription, as the stream of its events.
///
/// Events come in the order in which they were published by each publisher. Several streams on one
/// topic share one subscription: the last that is dropped ends it. The stream ends with the session.
///
/// Events that are not read wait in a buffer; if it is full, those that come are dropped. The next
/// event that finds room says how many: [`Event::missed`]; and [`Subscription::missed`] says it at
/// any time.
pub struct Subscription {
    handle: SubscriptionHandle,
    events: Events,
    ended: bool,
}

impl Subscription {
    pub(crate) const fn new(handle: SubscriptionHandle, events: Events) -> Self {
        Self {
            handle,
            events,
            ended: false,
        }
    }

    /// The id of the subscription.
    pub const fn id(&self) -> SubscriptionId {
        self.handle.id
    }

    /// The topic.
    pub const fn topic(&self) -> &Uri {
        &self.handle.topic
    }

    /// How many events have been dropped so far, because the stream was not read in time: those
    /// that [`Event::missed`] has told of, and those since.
    pub fn missed(&self) -> u64 {
        self.events.missed.load(Ordering::Relaxed)
    }

    /// Waits for the next event; `None` when the subscription has ended.
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Ends the subscription, if no other stream shares it, and waits until it has ended.
    ///
    /// Dropped after it was first polled, the subscription ends all the same.
    ///
    /// # Errors
    ///
    /// The session has ended, or ends before the router answers, or the router refuses.
    pub async fn unsubscribe(mut self) -> Result<(), SubscribeError> {
        self.ended = true;
        self.handle.clone().unsubscribe().await
    }

    /// Takes handle and events apart; the subscription then ends by its handle.
    pub(crate) fn into_parts(mut self) -> (SubscriptionHandle, Events) {
        self.ended = true;
        let nothing = Events {
            queue: mpsc::channel(1).1,
            missed: Arc::default(),
        };
        (
            self.handle.clone(),
            std::mem::replace(&mut self.events, nothing),
        )
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events
            .queue
            .poll_recv(cx)
            .map(|queued| queued.map(|(event, _)| event))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if !self.ended {
            let handle = &self.handle;
            // If the session has ended, so has the subscription.
            let _ = handle
                .session
                .shared()
                .unsubscribe((handle.id, handle.listener), None);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").field(&self.handle).finish()
    }
}

/// A subscription with a handler (Autobahn's `ISubscription`).
///
/// Dropping it does nothing: the handler goes on until it is unsubscribed or the session ends.
#[derive(Clone)]
pub struct SubscriptionHandle {
    id: SubscriptionId,
    listener: ListenerId,
    topic: Uri,
    session: Session,
}

impl SubscriptionHandle {
    pub(crate) const fn new(
        id: SubscriptionId,
        listener: ListenerId,
        topic: Uri,
        session: Session,
    ) -> Self {
        Self {
            id,
            listener,
            topic,
            session,
        }
    }

    /// The id of the subscription.
    pub const fn id(&self) -> SubscriptionId {
        self.id
    }

    /// The topic.
    pub const fn topic(&self) -> &Uri {
        &self.topic
    }

    /// Ends the subscription, if no other stream or handler shares it, and waits until it has ended.
    /// Events that have come before are still handled.
    ///
    /// Dropped after it was first polled, the subscription ends all the same.
    ///
    /// # Errors
    ///
    /// The session has ended, or ends before the router answers, or the router refuses.
    pub async fn unsubscribe(self) -> Result<(), SubscribeError> {
        let (sender, receiver) = oneshot::channel();
        let shared = self.session.shared();
        if shared.unsubscribe((self.id, self.listener), Some(sender))? {
            received(receiver).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for SubscriptionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionHandle")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// The events that wait to be read.
#[derive(Debug)]
pub(crate) struct Events {
    queue: mpsc::Receiver<(Event, Charge)>,
    /// How many events found no room.
    missed: Arc<AtomicU64>,
}

impl Events {
    /// The next event; its octets do not wait any more.
    pub(crate) async fn recv(&mut self) -> Option<Event> {
        self.queue.recv().await.map(|(event, _)| event)
    }
}

/// The other end of a stream: where the session's task puts its events.
#[derive(Debug)]
pub(crate) struct Listener {
    topic: Uri,
    events: mpsc::Sender<(Event, Charge)>,
    held: Held,
    /// How many events found no room.
    missed: Arc<AtomicU64>,
    /// How many of them the events that found room have told of.
    told: AtomicU64,
}

impl Listener {
    pub(crate) fn new(topic: Uri, buffer: usize, octets: usize) -> (Self, Events) {
        let (events, receiver) = mpsc::channel(buffer.max(1));
        let missed = Arc::<AtomicU64>::default();
        let listener = Self {
            topic,
            events,
            held: Held::new(octets),
            missed: Arc::clone(&missed),
            told: AtomicU64::new(0),
        };
        let events = Events {
            queue: receiver,
            missed,
        };
        (listener, events)
    }

    /// Hands an event over; it never waits.
    pub(crate) fn deliver(&self, event: &message::Event, session: &Arc<Shared>) {
        let place = self.events.try_reserve().ok();
        let admitted =
            place.and_then(|place| Some((place, self.held.charge(event.payload.len())?)));
        let Some((place, charge)) = admitted else {
            let before = self.missed.fetch_add(1, Ordering::Relaxed);
            if before == self.told.load(Ordering::Relaxed) {
                tracing::warn!(topic = %self.topic, "events are dropped: they are not read in time");
            }
            return;
        };
        let missed = self.missed.load(Ordering::Relaxed);
        let mut options = event.details.clone();
        let mut payload = event.payload.clone();
        if !charge.is_first() {
            payload = payload.detach();
            if let Some(topic) = options.topic.as_ref().map(Uri::detached) {
                options.topic = Some(topic);
            }
        }
        let details = EventDetails {
            subscription: event.subscription,
            publication: event.publication,
            topic: options.topic.clone().unwrap_or_else(|| self.topic.clone()),
            options,
        };
        let event = Event {
            payload,
            details,
            missed: missed - self.told.swap(missed, Ordering::Relaxed),
            session: Arc::downgrade(session),
        };
        place.send((event, charge));
    }
}

/// Waits for the answer to a request.
pub(crate) async fn received<T>(receiver: oneshot::Receiver<Answer<T>>) -> Answer<T> {
    receiver.await.unwrap_or_else(|_| {
        let details = CloseDetails::transport_lost("the session's task has ended");
        Err(Refused::Closed(SessionClosed(details)))
    })
}
