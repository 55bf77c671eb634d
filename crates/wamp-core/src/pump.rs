//! The pump: moves what waits in an outbox into a transport.

use std::task::{Context, Poll};

use wamp_messages::{Format, Message};

use crate::outbox::Outbox;
use crate::outgoing::Outgoing;
use crate::transport::{
    CloseReason, ConnectionInfo, Octets, ReceiveError, SendError, Transport, TransportError,
    Undeliverable,
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

    /// How many octets have crossed the connection.
    pub fn octets(&self) -> Octets {
        self.transport.octets()
    }

    /// Gives the transport back.
    pub fn into_transport(self) -> T {
        self.transport
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use wamp_messages::message::{EventReceived, Goodbye};
    use wamp_messages::{EncodeError, PublicationId, Uri};

    use super::*;
    use crate::outbox::OutboxLimits;

    /// Takes some messages, has no form for GOODBYE, and writes down what it is asked for.
    #[derive(Debug)]
    struct Scripted {
        room: usize,
        log: Vec<&'static str>,
        info: ConnectionInfo,
    }

    impl Transport for Scripted {
        fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
            Poll::Pending
        }

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            match self.room {
                0 => Poll::Pending,
                _ => Poll::Ready(Ok(())),
            }
        }

        fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
            if let Message::Goodbye(_) = message.message() {
                let error = EncodeError::Value("too sad".to_owned());
                return Err(Undeliverable::Encode(error).into());
            }
            self.room -= 1;
            self.log.push("send");
            Ok(())
        }

        fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            self.log.push("flush");
            Poll::Ready(Ok(()))
        }

        fn poll_close(
            &mut self,
            _: &mut Context<'_>,
            _: &CloseReason,
        ) -> Poll<Result<(), TransportError>> {
            Poll::Ready(Ok(()))
        }

        fn abort(&mut self) {}

        fn format(&self) -> Format {
            Format::Json
        }

        fn info(&self) -> &ConnectionInfo {
            &self.info
        }
    }

    /// What becomes of messages in an outbox: whether all left, what was done, what came back.
    fn pump(room: usize, messages: Vec<Message>) -> (bool, Vec<&'static str>, Vec<&'static str>) {
        let outbox = Outbox::new(OutboxLimits::default());
        for message in messages {
            outbox.push(message.into()).wake();
        }
        let mut pump = Pump::new(Scripted {
            room,
            log: Vec::new(),
            info: ConnectionInfo::new("script"),
        });
        let mut returned = Vec::new();
        let cx = &mut Context::from_waker(Waker::noop());
        let sent = pump.poll_send(cx, &outbox, |message, _| {
            returned.push(message.message().name());
        });
        (sent.is_ready(), pump.into_transport().log, returned)
    }

    fn message() -> Message {
        EventReceived {
            publication: PublicationId::ZERO,
        }
        .into()
    }

    #[test]
    fn all_that_waits_is_flushed_once() {
        let (done, log, _) = pump(9, vec![message(), message(), message()]);
        assert!(done);
        assert_eq!(log, ["send", "send", "send", "flush"]);
    }

    #[test]
    fn what_the_transport_has_taken_is_flushed_even_if_it_takes_no_more() {
        let (done, log, _) = pump(1, vec![message(), message()]);
        assert!(!done);
        assert_eq!(log, ["send", "flush"]);
    }

    #[test]
    fn what_cannot_be_sent_comes_back_and_the_others_leave() {
        let goodbye = Goodbye {
            details: Default::default(),
            reason: Uri::from_static("com.example.bye"),
        };
        let (done, log, returned) = pump(9, vec![message(), goodbye.into(), message()]);
        assert!(done);
        assert_eq!(log, ["send", "send", "flush"]);
        assert_eq!(returned, ["GOODBYE"]);
    }

    #[test]
    fn nothing_is_flushed_when_nothing_was_sent() {
        assert_eq!(pump(9, Vec::new()), (true, Vec::new(), Vec::new()));
    }
}
