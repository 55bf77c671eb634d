//! A peer that speaks RawSocket octet by octet, and what makes tests short.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use wamp_core::{CloseReason, ConnectionInfo, Outgoing, ReceiveError, Transport, TransportError};
use wamp_messages::message::{EventReceived, Message};
use wamp_messages::{PublicationId, message};
use wamp_serializers::Serializer;
use wamp_transport_rawsocket::{
    AcceptOptions, ConnectOptions, FrameHeader, HandshakeReply, HandshakeRequest, MaxLength,
    RawSocketConfig, RawSocketTransport, accept, connect,
};

pub(crate) use wamp_transport_rawsocket::FrameKind;

pub(crate) type Piped = RawSocketTransport<DuplexStream>;

/// How many octets a pipe holds.
pub(crate) const PIPE: usize = 4096;

pub(crate) fn serializer(name: &str) -> Serializer {
    Serializer::from_name(name).unwrap()
}

pub(crate) fn info() -> ConnectionInfo {
    ConnectionInfo::new("pipe")
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

/// An EVENT that has so many octets in CBOR altogether.
pub(crate) fn event_of(len: usize) -> Message {
    let encoded = |payload| Serializer::cbor().encode(&event(payload)).unwrap().len();
    // What stands around a payload gets no longer when the payload gets shorter.
    let shortest = 2 * len - encoded(len);
    let payload = (shortest..len).find(|payload| encoded(*payload) == len);
    event(payload.unwrap())
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

pub(crate) async fn close(transport: &mut impl Transport) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_close(cx, &CloseReason::Normal)).await
}

/// Both sides, after a handshake.
pub(crate) async fn pair(
    name: &str,
    offer: &RawSocketConfig,
    policy: &RawSocketConfig,
) -> (Piped, Piped) {
    let (client, server) = duplex(PIPE);
    let serializer = serializer(name);
    let options = ConnectOptions::default().config(offer.clone());
    let policy = AcceptOptions::default().config(policy.clone());
    let (client, server) = tokio::join!(
        connect(client, info(), &serializer, &options),
        accept(server, info(), &policy),
    );
    (client.unwrap(), server.unwrap())
}

/// A server after its handshake, and its client as octets, which accepts all lengths.
pub(crate) async fn server(name: &str, config: &RawSocketConfig) -> (Piped, RawPeer) {
    server_for(name, config, MaxLength::MAX).await
}

/// The same with another length that the client accepts.
pub(crate) async fn server_for(
    name: &str,
    config: &RawSocketConfig,
    max_length: MaxLength,
) -> (Piped, RawPeer) {
    let (ours, mut stream) = duplex(PIPE);
    let request = HandshakeRequest {
        max_length,
        serializer: serializer(name).rawsocket_id(),
    };
    stream.write_all(&request.to_octets()).await.unwrap();
    let policy = AcceptOptions::default().config(config.clone());
    let ours = accept(ours, info(), &policy).await.unwrap();
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.unwrap();
    (ours, RawPeer { stream })
}

/// A client after its handshake, and its server as octets.
pub(crate) async fn client(
    name: &str,
    config: &RawSocketConfig,
    max_length: MaxLength,
) -> (Piped, RawPeer) {
    let (ours, mut stream) = duplex(PIPE);
    let serializer = serializer(name);
    let reply = HandshakeReply::Accepted {
        max_length,
        serializer: serializer.rawsocket_id(),
    };
    stream.write_all(&reply.to_octets()).await.unwrap();
    let options = ConnectOptions::default().config(config.clone());
    let ours = connect(ours, info(), &serializer, &options).await.unwrap();
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.unwrap();
    (ours, RawPeer { stream })
}

/// The other side of a RawSocket, written by hand.
pub(crate) struct RawPeer {
    pub(crate) stream: DuplexStream,
}

impl RawPeer {
    pub(crate) async fn send(&mut self, kind: FrameKind, payload: &[u8]) {
        self.send_octets(&frame(kind, payload)).await;
    }

    pub(crate) async fn send_octets(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// Receives a frame: its header as it stands, and its payload.
    pub(crate) async fn receive_raw(&mut self) -> ([u8; 4], Vec<u8>) {
        let mut octets = [0; 4];
        self.stream.read_exact(&mut octets).await.unwrap();
        let header = FrameHeader::parse(octets).unwrap();
        let mut payload = vec![0; header.payload_len()];
        self.stream.read_exact(&mut payload).await.unwrap();
        (octets, payload)
    }

    pub(crate) async fn receive(&mut self) -> (FrameKind, Vec<u8>) {
        let (octets, payload) = self.receive_raw().await;
        (FrameHeader::parse(octets).unwrap().kind(), payload)
    }

    /// Whether the stream has ended in order.
    pub(crate) async fn is_at_end(&mut self) -> bool {
        self.stream.read(&mut [0]).await.unwrap() == 0
    }
}

/// A frame as octets.
pub(crate) fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader::new(kind, payload.len()).unwrap();
    [&header.to_octets(), payload].concat()
}
