//! Octets that mean nothing, or nearly something: each ends in an error, none in a panic.

use tokio::io::{AsyncWriteExt, duplex};
use wamp_core::{ReceiveError, Transport};
use wamp_transport_rawsocket::{AcceptOptions, ConnectOptions, RawSocketConfig, accept, connect};

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

    fn octet(&mut self) -> u8 {
        u8::try_from(self.next(256)).unwrap()
    }

    /// Changes a few octets, cuts or doubles a part.
    fn spoil(&mut self, octets: &mut Vec<u8>) {
        for _ in 0..=self.next(3) {
            let at = self.next(octets.len());
            match self.next(4) {
                0 => octets[at] = self.octet(),
                1 => octets[at] ^= 1 << self.next(8),
                2 => octets.truncate(at.max(1)),
                _ => octets.extend_from_within(at..),
            }
        }
    }
}

/// Receives until there is nothing more; returns how many messages came, good or bad.
async fn drain(server: &mut Piped) -> (usize, usize) {
    let (mut good, mut bad) = (0, 0);
    loop {
        match receive(server).await {
            Ok(_) => good += 1,
            Err(ReceiveError::Decode(_)) => bad += 1,
            Err(_) => return (good, bad),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn spoiled_frames_end_in_an_error() {
    let mut noise = Noise(0x5eed);
    let good = [
        frame(FrameKind::MESSAGE, b"[337,5]"),
        frame(FrameKind::PING, b"are you there"),
        frame(FrameKind::MESSAGE, b"[337,6]"),
        frame(FrameKind::PONG, b""),
        frame(FrameKind::MESSAGE, &[b' '; 200]),
    ]
    .concat();
    let mut received = 0;
    for _ in 0..3000 {
        let mut octets = good.clone();
        noise.spoil(&mut octets);
        let config = RawSocketConfig::default().max_message_size(1024);
        let (mut server, mut peer) = server("json", &config).await;
        peer.send_octets(&octets).await;
        drop(peer);
        let (good, bad) = drain(&mut server).await;
        // No more than frames in all.
        assert!((good + bad) * 4 <= octets.len());
        received += good;
        server.abort();
    }
    assert!(received > 0);
}

#[tokio::test(start_paused = true)]
async fn random_octets_end_in_an_error() {
    let mut noise = Noise(0xfeed);
    for name in ["json", "msgpack", "cbor"] {
        for _ in 0..2000 {
            let len = noise.next(64) + 1;
            let mut octets: Vec<u8> = (0..len).map(|_| noise.octet()).collect();
            // Half of them begin with the header of a short frame.
            if noise.next(2) == 0 {
                octets.splice(
                    ..0,
                    [
                        u8::try_from(noise.next(3)).unwrap(),
                        0,
                        0,
                        noise.octet() / 4,
                    ],
                );
            }
            let (mut server, mut peer) = server(name, &RawSocketConfig::default()).await;
            peer.send_octets(&octets).await;
            drop(peer);
            drain(&mut server).await;
            assert!(close(&mut server).await.is_ok() || receive(&mut server).await.is_err());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn random_handshakes_end_one_way_or_the_other() {
    let mut noise = Noise(0x5eed);
    let (options, policy) = (ConnectOptions::default(), AcceptOptions::default());
    let (mut accepted, mut connected) = (0, 0);
    for _ in 0..3000 {
        let mut octets = vec![0x7f, 0xf1, 0, 0];
        noise.spoil(&mut octets);
        let (mut peer, server) = duplex(PIPE);
        peer.write_all(&octets).await.unwrap();
        accepted += usize::from(accept(server, info(), &policy).await.is_ok());

        let (mut peer, client) = duplex(PIPE);
        peer.write_all(&octets).await.unwrap();
        let json = serializer("json");
        connected += usize::from(connect(client, info(), &json, &options).await.is_ok());
    }
    // The noise is small enough that some are none the worse.
    assert!(accepted > 0 && accepted < 3000, "{accepted}");
    assert!(connected > 0 && connected < 3000, "{connected}");
}
