//! One end of a transport, as futures.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use wamp_core::{CloseReason, Outgoing, ReceiveError, SendError, Transport, TransportError};
use wamp_messages::Message;

/// One end of a transport, with its polls as futures.
///
/// Each future can be dropped at any time: nothing is lost with it.
pub struct End(Box<dyn Transport>);

impl End {
    /// Takes an end.
    pub fn new(transport: impl Transport) -> Self {
        Self(Box::new(transport))
    }

    /// The transport.
    pub fn transport(&mut self) -> &mut dyn Transport {
        &mut *self.0
    }

    /// Receives a message.
    ///
    /// # Errors
    ///
    /// As [`Transport::poll_receive`].
    pub async fn receive(&mut self) -> Result<Message, ReceiveError> {
        poll_fn(|cx| self.0.poll_receive(cx)).await
    }

    /// Waits until a message may be sent, and hands it over. It is not flushed.
    ///
    /// # Errors
    ///
    /// As [`Transport::poll_ready`] and [`Transport::send`].
    pub async fn send(&mut self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        let message = message.into();
        poll_fn(|cx| self.0.poll_ready(cx)).await?;
        self.0.send(&message)
    }

    /// Flushes what was sent.
    ///
    /// # Errors
    ///
    /// As [`Transport::poll_flush`].
    pub async fn flush(&mut self) -> Result<(), TransportError> {
        poll_fn(|cx| self.0.poll_flush(cx)).await
    }

    /// Sends a message and flushes it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`flush`](Self::flush).
    pub async fn tell(&mut self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        self.send(message).await?;
        Ok(self.flush().await?)
    }

    /// Closes the transport in order.
    ///
    /// # Errors
    ///
    /// As [`Transport::poll_close`].
    pub async fn close(&mut self, reason: &CloseReason) -> Result<(), TransportError> {
        poll_fn(|cx| self.0.poll_close(cx, reason)).await
    }

    /// Polls once, with nobody to be woken.
    pub(crate) fn once<T>(
        &mut self,
        poll: impl FnOnce(&mut dyn Transport, &mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        match poll(&mut *self.0, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    /// Receives until there is nothing more: the messages, and why there are no more.
    pub(crate) async fn receive_all(&mut self) -> (Vec<Message>, ReceiveError) {
        let mut messages = Vec::new();
        loop {
            match self.receive().await {
                Ok(message) => messages.push(message),
                Err(error) => return (messages, error),
            }
        }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("End").field(self.0.info()).finish()
    }
}
