//! A peer that speaks WebSocket octet by octet, and what makes tests short.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use wamp_core::{CloseReason, ConnectionInfo, Outgoing, ReceiveError, Transport, TransportError};
use wamp_messages::message::{EventReceived, Message};
use wamp_messages::{PublicationId, message};
use wamp_serializers::Serializer;
use wamp_transport_websocket::{
    AcceptOptions, ConnectOptions, Role, WebSocketConfig, WebSocketTransport, accept, connect,
};

pub(crate) type Piped = WebSocketTransport<DuplexStream>;

/// How many octets a pipe holds.
pub(crate) const PIPE: usize = 4096;

pub(crate) fn serializer(name: &str) -> Serializer {
    Serializer::from_name(name).unwrap()
}

/// The message `[337, id]`.
pub(crate) fn numbered(id: u64) -> Message {
    let publication = PublicationId::new(id).unwrap();
    Message::EventReceived(EventReceived { publication })
}

/// An EVENT with so many octets of payload.
pub(crate) fn event(len: usize) -> Message {
    Message::Event(message::Event {
        subscription: wamp_messages::SubscriptionId::new(1).unwrap(),
        publication: PublicationId::new(2).unwrap(),
        details: Default::default(),
        payload: wamp_messages::Payload::opaque(vec![b'x'; len].into()),
    })
}

pub(crate) fn send(transport: &mut impl Transport, message: &Message) {
    transport.send(&Outgoing::One(message.clone())).unwrap();
}

pub(crate) async fn flush(transport: &mut impl Transport) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_flush(cx)).await
}

pub(crate) async fn receive(transport: &mut impl Transport) -> Result<Message, ReceiveError> {
    poll_fn(|cx| transport.poll_receive(cx)).await
}

pub(crate) async fn close(
    transport: &mut impl Transport,
    reason: CloseReason,
) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_close(cx, &reason)).await
}

/// Both sides, after a handshake.
pub(crate) async fn pair(offer: &ConnectOptions, policy: &AcceptOptions) -> (Piped, Piped) {
    let (client, server) = duplex(PIPE);
    let info = || ConnectionInfo::new("pipe");
    let (client, server) = tokio::join!(
        connect(client, info(), "localhost", "/", offer),
        accept(server, info(), policy),
    );
    (client.unwrap(), server.unwrap())
}

/// A server after its handshake, and its client as octets.
pub(crate) async fn server(name: &str, config: &WebSocketConfig) -> (Piped, RawPeer) {
    upgraded(name, Role::Server, config).await
}

/// A client after its handshake, and its server as octets.
pub(crate) async fn client(name: &str, config: &WebSocketConfig) -> (Piped, RawPeer) {
    upgraded(name, Role::Client, config).await
}

async fn upgraded(name: &str, role: Role, config: &WebSocketConfig) -> (Piped, RawPeer) {
    let (ours, theirs) = duplex(PIPE);
    let info = ConnectionInfo::new("pipe");
    let ours = WebSocketTransport::from_upgraded(ours, serializer(name), role, info, config).await;
    let peer = RawPeer {
        stream: theirs,
        masks: role == Role::Server,
    };
    (ours, peer)
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// The other side of a WebSocket, written by hand.
pub(crate) struct RawPeer {
    pub(crate) stream: DuplexStream,
    masks: bool,
}

impl RawPeer {
    /// Sends a frame; `first` is its first octet.
    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        let octets = frame(first, payload, self.masks);
        self.stream.write_all(&octets).await.unwrap();
    }

    pub(crate) async fn send_close(&mut self, code: u16, reason: &str) {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.send(CLOSE, &payload).await;
    }

    /// Receives a frame: its first octet and its payload, unmasked.
    pub(crate) async fn receive(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let second = self.stream.read_u8().await.unwrap();
        // Only clients mask, and they all do.
        assert_eq!(second & 0x80 != 0, !self.masks);
        let len = match second & 0x7f {
            126 => usize::from(self.stream.read_u16().await.unwrap()),
            127 => usize::try_from(self.stream.read_u64().await.unwrap()).unwrap(),
            len => usize::from(len),
        };
        let mut mask = [0; 4];
        if !self.masks {
            self.stream.read_exact(&mut mask).await.unwrap();
        }
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.unwrap();
        for (octet, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *octet ^= mask;
        }
        (first, payload)
    }

    /// Receives a close frame: its code and reason.
    pub(crate) async fn receive_close(&mut self) -> (u16, String) {
        let (first, payload) = self.receive().await;
        assert_eq!(first, CLOSE);
        let (code, reason) = payload.split_at(2);
        let code = u16::from_be_bytes(code.try_into().unwrap());
        (code, String::from_utf8(reason.to_vec()).unwrap())
    }

    /// Whether the stream has ended in order.
    pub(crate) async fn is_at_end(&mut self) -> bool {
        self.stream.read(&mut [0]).await.unwrap() == 0
    }
}

/// A frame as octets.
pub(crate) fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut octets = vec![first];
    let bit = if masked { 0x80 } else { 0 };
    match payload.len() {
        len @ 0..=125 => octets.push(bit | u8::try_from(len).unwrap()),
        len @ 126..=0xffff => {
            octets.push(bit | 126);
            octets.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            octets.push(bit | 127);
            octets.extend(u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    if !masked {
        octets.extend(payload);
        return octets;
    }
    let mask = [1, 2, 3, 4];
    octets.extend(mask);
    octets.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(octet, mask)| octet ^ mask),
    );
    octets
}
