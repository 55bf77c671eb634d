//! Publications.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use tokio::sync::oneshot;
use wamp_core::CloseDetails;
use wamp_core::client::Pending;
use wamp_messages::options::{PublishOptions, Sparse};
use wamp_messages::{InvalidUri, PublicationId, RequestId, SessionId, Uri, message};

use crate::arguments::Arguments;
use crate::error::{PublishError, SessionClosed};
use crate::session::{Session, Shared};

impl Session {
    /// Publishes an event to a topic (specification: Basic Profile, "Publishing and Events").
    ///
    /// ```
    /// # async fn example(session: wamp_session::Session) -> Result<(), wamp_session::PublishError> {
    /// session.publish("com.example.tick").args((1, "one")).await?;
    /// let publication = session.publish("com.example.tick").args((2, "two")).acknowledge().await?;
    /// println!("published as {}", publication.id());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without [`acknowledge`](Publish::acknowledge) it is done when it waits to be sent, and a
    /// router that refuses it does not say so.
    pub fn publish(&self, topic: impl AsRef<str>) -> Publish {
        Publish {
            arguments: Arguments::new(self.shared().format.clone()),
            shared: Arc::clone(self.shared()),
            topic: Uri::new(topic.as_ref()),
            options: Sparse::empty(),
        }
    }
}

/// A publication that is being put together; awaiting it makes it.
#[must_use = "an event is published when this is awaited"]
pub struct Publish {
    shared: Arc<Shared>,
    topic: Result<Uri, InvalidUri>,
    options: Sparse<PublishOptions>,
    arguments: Arguments,
}

impl Publish {
    /// Gives arguments: a tuple, a list, or `args![..]`.
    pub fn args<A: Serialize>(mut self, args: A) -> Self {
        self.arguments.set_args(&args);
        self
    }

    /// Gives keyword arguments: a struct, a map, or `kwargs!{..}`.
    pub fn kwargs<K: Serialize>(mut self, kwargs: K) -> Self {
        self.arguments.set_kwargs(&kwargs);
        self
    }

    /// Whether the publisher gets no event, even if it has subscribed; true unless said otherwise.
    pub fn exclude_me(mut self, exclude: bool) -> Self {
        self.options.exclude_me = Some(exclude);
        self
    }

    /// Excludes sessions: they get no event.
    pub fn exclude(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Self {
        self.options.exclude = Some(sessions.into_iter().collect());
        self
    }

    /// Lets only these sessions get the event, if they have subscribed. None at all are nobody.
    pub fn eligible(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Self {
        self.options.eligible = Some(sessions.into_iter().collect());
        self
    }

    /// Excludes principals by their authid: none of their sessions gets the event.
    pub fn exclude_authid<T: Into<String>>(mut self, authids: impl IntoIterator<Item = T>) -> Self {
        self.options.exclude_authid = Some(authids.into_iter().map(Into::into).collect());
        self
    }

    /// Lets only sessions of these principals get the event, by their authid.
    pub fn eligible_authid<T: Into<String>>(
        mut self,
        authids: impl IntoIterator<Item = T>,
    ) -> Self {
        self.options.eligible_authid = Some(authids.into_iter().map(Into::into).collect());
        self
    }

    /// Excludes roles: none of their sessions gets the event.
    pub fn exclude_authrole<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.options.exclude_authrole = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Lets only sessions of these roles get the event.
    pub fn eligible_authrole<T: Into<String>>(
        mut self,
        roles: impl IntoIterator<Item = T>,
    ) -> Self {
        self.options.eligible_authrole = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Sets options that have no method of their own.
    pub fn options(mut self, set: impl FnOnce(&mut PublishOptions)) -> Self {
        set(&mut self.options);
        self
    }

    /// Waits until the router has accepted the event.
    pub fn acknowledge(mut self) -> AcknowledgedPublish {
        self.options.acknowledge = Some(true);
        AcknowledgedPublish(self)
    }

    /// The PUBLISH, but for its id.
    fn prepare(self) -> Result<Box<message::Publish>, PublishError> {
        let (topic, payload) = (self.topic?, self.arguments.into_payload()?);
        self.shared.check_len(&topic, payload.len())?;
        Ok(Box::new(message::Publish {
            request: RequestId::ZERO,
            options: self.options,
            topic,
            payload,
        }))
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Publish {
    type Output = Result<(), PublishError>;
    type IntoFuture = PublishFuture;

    fn into_future(self) -> PublishFuture {
        PublishFuture {
            shared: Arc::clone(&self.shared),
            publish: Some(self.prepare()),
        }
    }
}

/// A publication that waits for room in the outbox.
///
/// Dropped before it is ready, nothing is published.
#[must_use = "a future does nothing unless polled"]
pub struct PublishFuture {
    shared: Arc<Shared>,
    publish: Option<Result<Box<message::Publish>, PublishError>>,
}

impl Future for PublishFuture {
    type Output = Result<(), PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(Err(error)) = this.publish.take_if(|publish| publish.is_err()) {
            return Poll::Ready(Err(error));
        }
        let mut place = ready!(this.shared.poll_enter(cx))?;
        let Some(Ok(mut publish)) = this.publish.take() else {
            return Poll::Pending;
        };
        publish.request = place.client().request_unanswered();
        place.send((*publish).into());
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for PublishFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture").finish_non_exhaustive()
    }
}

/// A publication that the router is asked to acknowledge; awaiting it makes it.
#[must_use = "an event is published when this is awaited"]
#[derive(Debug)]
pub struct AcknowledgedPublish(Publish);

impl IntoFuture for AcknowledgedPublish {
    type Output = Result<Publication, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Dropped after it was first polled, the event is published all the same.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let shared = Arc::clone(&self.0.shared);
            let mut publish = Some(self.0.prepare()?);
            let (sender, receiver) = oneshot::channel();
            let mut sender = Some(sender);
            std::future::poll_fn(|cx| {
                let place = ready!(shared.poll_enter(cx))?;
                if let (Some(mut publish), Some(sender)) = (publish.take(), sender.take()) {
                    place.request(Pending::Publish(sender), |request| {
                        publish.request = request;
                        (*publish).into()
                    });
                }
                Poll::Ready(Ok::<_, SessionClosed>(()))
            })
            .await?;
            let ended = || CloseDetails::transport_lost("the session's task has ended");
            let published = receiver.await.map_err(|_| SessionClosed(ended()))??;
            Ok(Publication(published.publication))
        })
    }
}

/// An event that the router has accepted (Autobahn's `IPublication`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication(PublicationId);

impl Publication {
    /// The id of the publication, which its events carry.
    pub const fn id(self) -> PublicationId {
        self.0
    }
}
