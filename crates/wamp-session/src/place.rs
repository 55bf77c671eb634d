//! What a session sends, in one step with its tables.

use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wamp_core::client::{Client, ListenerId, Pending};
use wamp_core::{CloseDetails, Outgoing};
use wamp_messages::{Message, RegistrationId, RequestId, SubscriptionId, Uri, error_uri, message};

use crate::error::SessionClosed;
use crate::session::{Answer, Shared, State, Waiting};

/// The tables of an open session, locked for one message: what they say of it and its place in the
/// outbox are taken together, so that ids leave in order.
pub(crate) struct Place<'a> {
    shared: &'a Shared,
    state: MutexGuard<'a, State>,
}

impl Place<'_> {
    pub(crate) fn client(&mut self) -> &mut Client<Waiting> {
        &mut self.state.client
    }

    /// Enters a request, and sends it.
    pub(crate) fn request(
        mut self,
        pending: Pending<Waiting>,
        message: impl FnOnce(RequestId) -> Message,
    ) -> RequestId {
        let id = self.client().request(pending);
        self.send(message(id));
        id
    }

    pub(crate) fn unsubscribe(
        self,
        subscription: SubscriptionId,
        waiting: Option<oneshot::Sender<Answer<()>>>,
    ) {
        self.request(Pending::Unsubscribe(waiting), |request| {
            message::Unsubscribe {
                request,
                subscription,
                options: None,
            }
            .into()
        });
    }

    pub(crate) fn send(self, message: Message) {
        // A closed outbox means that the task is about to end the session, and every request with it.
        let pushed = self.shared.outbox.push(Outgoing::from(message));
        drop(self.state);
        pushed.wake();
    }
}

/// What the router has granted, until it is taken: dropped before, it is given back.
pub(crate) struct Granted<T: Copy> {
    shared: Arc<Shared>,
    granted: T,
    give_back: fn(&Shared, T),
    kept: bool,
}

impl<T: Copy> Granted<T> {
    pub(crate) fn new(shared: &Arc<Shared>, granted: T, give_back: fn(&Shared, T)) -> Self {
        Self {
            shared: Arc::clone(shared),
            granted,
            give_back,
            kept: false,
        }
    }

    /// Takes it.
    pub(crate) fn keep(mut self) -> T {
        self.kept = true;
        self.granted
    }
}

impl<T: Copy> Drop for Granted<T> {
    fn drop(&mut self) {
        if !self.kept {
            (self.give_back)(&self.shared, self.granted);
        }
    }
}

impl<T: Copy> fmt::Debug for Granted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted").finish_non_exhaustive()
    }
}

impl Shared {
    /// Locks the tables for one message to be sent, if the session is open.
    pub(crate) fn enter(&self) -> Result<Place<'_>, SessionClosed> {
        let state = self.lock();
        if let Some(details) = &state.closed {
            return Err(SessionClosed(details.clone()));
        }
        if !state.lifecycle.is_established() {
            let leaving = Uri::from_static(error_uri::CLOSE_NORMAL);
            let text = "the session is being left".to_owned();
            return Err(SessionClosed(CloseDetails::new(leaving, Some(text))));
        }
        let shared = self;
        Ok(Place { shared, state })
    }

    /// Waits for room in the outbox, and locks the tables, so that nobody else takes it.
    pub(crate) fn poll_enter(&self, cx: &Context<'_>) -> Poll<Result<Place<'_>, SessionClosed>> {
        let place = self.enter()?;
        ready!(self.outbox.poll_room(cx));
        Poll::Ready(Ok(place))
    }

    /// Sends a request that waits for no room.
    pub(crate) fn request(
        &self,
        pending: Pending<Waiting>,
        message: impl FnOnce(RequestId) -> Message,
    ) -> Result<RequestId, SessionClosed> {
        Ok(self.enter()?.request(pending, message))
    }

    /// Answers an invocation, unless the session or the invocation has ended.
    pub(crate) fn answer(&self, invocation: RequestId, message: Message) {
        if let Ok(mut place) = self.enter()
            && place.client().answer(invocation)
        {
            place.send(message);
        }
    }

    /// Answers an invocation when there is room in the outbox.
    pub(crate) async fn answer_with_room(&self, invocation: RequestId, message: Message) {
        let mut message = Some(message);
        std::future::poll_fn(|cx| {
            if let Ok(mut place) = ready!(self.poll_enter(cx))
                && place.client().answer(invocation)
                && let Some(message) = message.take()
            {
                place.send(message);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Removes a listener, and asks for the end of its subscription if it was the last: in one
    /// step, as a SUBSCRIBE that came between would be granted what then ends. Whether it asked.
    pub(crate) fn unsubscribe(
        &self,
        (subscription, listener): (SubscriptionId, ListenerId),
        waiting: Option<oneshot::Sender<Answer<()>>>,
    ) -> Result<bool, SessionClosed> {
        let mut place = self.enter()?;
        let last = place.client().remove_listener(subscription, listener);
        if last {
            place.unsubscribe(subscription, waiting);
        }
        Ok(last)
    }

    /// Asks for the end of a registration.
    pub(crate) fn unregister(
        &self,
        registration: RegistrationId,
        waiting: oneshot::Sender<Answer<()>>,
    ) -> Result<(), SessionClosed> {
        let pending = Pending::Unregister {
            registration,
            waiting,
        };
        self.request(pending, |request| {
            message::Unregister {
                request,
                registration,
                options: None,
            }
            .into()
        })?;
        Ok(())
    }
}
