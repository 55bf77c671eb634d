//! Octets that mean nothing, or nearly something: each ends in an error, none in a panic.

use tokio::io::{AsyncWriteExt, duplex};
use wamp_core::{ConnectionInfo, Transport};
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, WebSocketConfig, accept, connect};

use crate::support::*;

/// A generator of numbers that are the same on every run (xorshift64).
struct Noise(u64);

impl Noise {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
    }

    /// Changes a few octets, cuts or doubles a part.
    fn spoil(&mut self, octets: &mut Vec<u8>) {
        for _ in 0..=self.next(3) {
            let at = self.next(octets.len());
            match self.next(4) {
                0 => octets[at] = u8::try_from(self.next(256)).unwrap(),
                1 => octets[at] ^= 1 << self.next(8),
                2 => octets.truncate(at.max(1)),
                _ => octets.extend_from_within(at..),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn spoiled_frames_end_in_an_error() {
    let mut noise = Noise(0x5eed);
    let mut good = Vec::new();
    good.extend(frame(0x01, b"[33", true));
    good.extend(frame(PING, b"are you there", true));
    good.extend(frame(0x80, b"7,5]", true));
    good.extend(frame(TEXT, &[b' '; 200], true));
    good.extend(frame(CLOSE, b"\x03\xe8bye", true));
    for _ in 0..3000 {
        let mut octets = good.clone();
        noise.spoil(&mut octets);
        let config = WebSocketConfig::default().max_message_size(1000);
        let (mut server, mut peer) = server("json", &config).await;
        peer.stream.write_all(&octets).await.unwrap();
        drop(peer);
        let mut messages = 0;
        loop {
            match receive(&mut server).await {
                // No more than frames in all.
                Ok(_) => messages += 1,
                Err(wamp_core::ReceiveError::Decode(_)) => {}
                Err(_) => break,
            }
            assert!(messages <= octets.len());
        }
        server.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn spoiled_handshakes_end_one_way_or_the_other() {
    let request = b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
    let mut noise = Noise(0x5eed);
    let (offer, policy) = (ConnectOptions::default(), AcceptOptions::default());
    let info = || ConnectionInfo::new("pipe");
    let mut accepted = 0;
    for _ in 0..3000 {
        let (mut peer, server) = duplex(PIPE);
        let mut octets = request.to_vec();
        noise.spoil(&mut octets);
        peer.write_all(&octets).await.unwrap();
        accepted += usize::from(accept(server, info(), &policy).await.is_ok());

        let (mut peer, client) = duplex(PIPE);
        let mut octets = answer.to_vec();
        noise.spoil(&mut octets);
        peer.write_all(&octets).await.unwrap();
        assert!(connect(client, info(), "h", "/", &offer).await.is_err());
    }
    // The noise is small enough that some requests are none the worse.
    assert!(accepted > 0 && accepted < 3000, "{accepted}");
}
