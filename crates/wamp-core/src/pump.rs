//! The pump: moves what waits in an outbox into a transport.

use std::task::{Context, Poll};

use wamp_messages::{Format, Message};

use crate::outbox::Outbox;
use crate::outgoing::Outgoing;
use crate::transport::{
    CloseReason, ConnectionInfo, ReceiveError, SendError, Transport, TransportError, Undeliverable,
};

/// A transport with its outgoing side driven from an outbox.
///
/// The task of a connection owns it and polls both directions at every wake. Everything that waits
/// is handed over before it is flushed once, so that many messages cost one write.
#[derive(Debug)]
pub struct Pump<T> {
    transport: T,
    unflushed: bool,
}

impl<T: Transport> Pump<T> {
    /// Takes a transport.
    pub const fn new(transport: T) -> Self {
        Self {
            transport,
            unflushed: false,
        }
    }

    /// Sends what waits in the outbox, as far as the transport takes it; ready when the outbox was
    /// empty and everything is flushed. Pending, it wakes the task for a new message too.
    ///
    /// What cannot be sent to this peer goes to `undeliverable`.
    ///
    /// # Errors
    ///
    /// The transport is lost.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Outbox,
        mut undeliverable: impl FnMut(Outgoing, Undeliverable),
    ) -> Poll<Result<(), TransportError>> {
        let mut emptied = false;
        while let Poll::Ready(ready) = self.transport.poll_ready(cx) {
            ready?;
            let Poll::Ready(message) = outbox.poll_pop(cx) else {
                emptied = true;
                break;
            };
            match self.transport.send(&message) {
                Ok(()) => self.unflushed = true,
                Err(SendError::Undeliverable(why)) => undeliverable(message, why),
                Err(SendError::Lost(error)) => return Poll::Ready(Err(error)),
            }
        }
        if self.unflushed {
            if self.transport.poll_flush(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.unflushed = false;
        }
        if emptied {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Receives the next message.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        self.transport.poll_receive(cx)
    }

    /// Closes the transport in order.
    pub fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        self.transport.poll_close(cx, reason)
    }

    /// Destroys the transport.
    pub fn abort(&mut self) {
        self.transport.abort();
    }

    /// The format in which payloads are best handed to the transport.
    pub fn format(&self) -> Format {
        self.transport.format()
    }

    /// How long a message may be that the transport sends, in octets, if that is bounded.
    pub fn max_len(&self) -> Option<usize> {
        self.transport.max_len()
    }

    /// What is known of the connection.
    pub fn info(&self) -> &ConnectionInfo {
        self.transport.info()
    }

    /// Gives the transport back.
    pub fn into_transport(self) -> T {
        self.transport
    }
}
