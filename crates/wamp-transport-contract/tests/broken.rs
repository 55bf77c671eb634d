//! Transports that break the contract are found: each defect by the rule that it breaks.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use wamp_core::{
    CloseReason, ConnectionInfo, MemoryTransport, Outgoing, ReceiveError, SendError, Transport,
    TransportError,
};
use wamp_messages::{Format, Message};
use wamp_transport_contract::rules::{closing, delivery, flow, patience};
use wamp_transport_contract::{Ends, Options, Subject, in_virtual_time};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Defect {
    /// There is always room.
    Bottomless,
    /// Receiving says that there is nothing, though there is, and wakes nobody.
    Forgetful,
    /// What was not flushed is dropped when it closes.
    Hasty,
    /// A message that has no form is sent as nothing, and nobody is told.
    Lossy,
    /// It never ends closing.
    Patient,
    /// Messages are sent two by two, the second first.
    Swapping,
    /// Sending and receiving share one place for a waker.
    SharedWaker,
    /// Messages still come when it has closed.
    Undead,
}

struct Broken(Defect);

impl Subject for Broken {
    async fn open(&self, _: &Options) -> Ends {
        let (client, server) = MemoryTransport::pair(&Format::Json);
        let broken = |inner| BrokenTransport {
            inner,
            defect: self.0,
            held: VecDeque::new(),
            parity: false,
            closed: false,
        };
        Ends::new(broken(client), broken(server))
    }
}

struct BrokenTransport {
    inner: MemoryTransport,
    defect: Defect,
    held: VecDeque<Outgoing>,
    parity: bool,
    closed: bool,
}

impl Transport for BrokenTransport {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReceiveError>> {
        match self.defect {
            Defect::Forgetful => {
                self.parity = !self.parity;
                if self.parity {
                    return Poll::Pending;
                }
            }
            Defect::Undead if self.closed => {
                let publication = wamp_messages::PublicationId::ZERO;
                let message = wamp_messages::message::EventReceived { publication };
                return Poll::Ready(Ok(message.into()));
            }
            Defect::SharedWaker => drop(self.inner.poll_ready(cx)),
            _ => {}
        }
        self.inner.poll_receive(cx)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        match self.defect {
            Defect::Bottomless => Poll::Ready(Ok(())),
            _ => self.inner.poll_ready(cx),
        }
    }

    fn send(&mut self, message: &Outgoing) -> Result<(), SendError> {
        match self.defect {
            Defect::Hasty | Defect::Swapping => {
                self.held.push_back(message.clone());
                Ok(())
            }
            Defect::Lossy
                if message
                    .message()
                    .payload()
                    .is_some_and(|payload| payload.len() > 9) =>
            {
                Ok(())
            }
            _ => self.inner.send(message),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        while let Some(first) = self.held.pop_front() {
            if let (Defect::Swapping, Some(second)) = (self.defect, self.held.pop_front()) {
                let _ = self.inner.send(&second);
            }
            let _ = self.inner.send(&first);
        }
        self.inner.poll_flush(cx)
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), TransportError>> {
        self.closed = true;
        match self.defect {
            Defect::Patient => Poll::Pending,
            _ => self.inner.poll_close(cx, reason),
        }
    }

    fn abort(&mut self) {
        self.inner.abort();
    }

    fn format(&self) -> Format {
        self.inner.format()
    }

    fn info(&self) -> &ConnectionInfo {
        self.inner.info()
    }
}

macro_rules! found {
    ($($defect:ident: $set:ident::$rule:ident, $expected:literal;)*) => {$(
        #[test]
        #[should_panic(expected = $expected)]
        #[allow(non_snake_case, reason = "named after the defect")]
        fn $defect() {
            in_virtual_time($set::$rule(&Broken(Defect::$defect)));
        }
    )*};
}

found! {
    Bottomless: flow::a_hundred_megabytes_each_way_wait_and_then_pass, "no end to what it takes";
    Forgetful: delivery::messages_that_are_buffered_are_returned_without_waiting, "it is buffered";
    Hasty: delivery::what_was_sent_before_closing_arrives, "";
    Lossy: delivery::every_kind_of_message_arrives_as_it_was_sent, "the test hangs";
    Patient: patience::closing_ends_though_the_peer_does_nothing, "closing takes longer";
    SharedWaker: flow::room_wakes_whoever_waits_to_send, "the test hangs";
    Swapping: delivery::messages_arrive_in_the_order_in_which_they_were_sent, "";
    Undead: closing::a_closed_transport_takes_and_gives_nothing, "a message came after the end";
}
