//! One port for RawSocket and HTTP.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};
use tokio::net::TcpStream;
use wamp_net::{Listener, Spoken, sniff};

use crate::is_ready;

#[tokio::test]
async fn the_octet_of_rawsocket_is_rawsocket_and_every_other_is_http() {
    for octet in 0..=u8::MAX {
        let (mut client, server) = duplex(16);
        client.write_all(&[octet, 1, 2]).await.unwrap();
        drop(client);
        let (spoken, mut stream) = sniff(server).await.unwrap();
        let expected = match octet {
            0x7f => Spoken::RawSocket,
            _ => Spoken::Http,
        };
        assert_eq!(spoken, expected, "{octet:#04x}");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [octet, 1, 2]);
    }
}

#[tokio::test]
async fn a_client_that_leaves_without_a_word_is_told_so() {
    let (client, server) = duplex(16);
    drop(client);
    let error = sniff(server).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("before it said anything"));
}

#[tokio::test]
async fn it_waits_for_the_first_octet() {
    let (mut client, mut server) = duplex(16);
    assert!(is_ready(sniff(&mut server)).await.is_none());
    client.write_all(b"G").await.unwrap();
    assert_eq!(sniff(&mut server).await.unwrap().0, Spoken::Http);
}

#[tokio::test]
async fn octets_that_come_one_by_one_are_read_in_order() {
    // No more than one octet is ever in this pipe.
    let (mut client, server) = duplex(1);
    let sending = tokio::spawn(async move {
        client.write_all(b"\x7f\xf1\x00\x00").await.unwrap();
        client
    });
    let (spoken, mut stream) = sniff(server).await.unwrap();
    assert_eq!(spoken, Spoken::RawSocket);
    let mut hello = [0; 4];
    stream.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"\x7f\xf1\x00\x00");
    drop(sending.await.unwrap());
    assert_eq!(stream.read(&mut hello).await.unwrap(), 0);
}

#[tokio::test]
async fn a_read_without_room_does_not_lose_the_octet() {
    let (mut client, server) = duplex(16);
    client.write_all(b"GET").await.unwrap();
    let (_, mut stream) = sniff(server).await.unwrap();
    assert_eq!(stream.read(&mut []).await.unwrap(), 0);
    let mut all = [0; 3];
    stream.read_exact(&mut all).await.unwrap();
    assert_eq!(&all, b"GET");
}

#[tokio::test]
async fn both_directions_pass_over_tcp() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    client.write_all(b"\x7f\xf1\x00\x00").await.unwrap();
    let accepted = listener.accept().await.handshake().await.unwrap();
    let (spoken, mut stream) = accepted
        .permit
        .within(sniff(accepted.stream))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(spoken, Spoken::RawSocket);
    assert!(stream.is_write_vectored());

    let mut hello = [0; 4];
    stream.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"\x7f\xf1\x00\x00");
    let parts = [IoSlice::new(b"head "), IoSlice::new(b"payload")];
    assert_eq!(stream.write_vectored(&parts).await.unwrap(), 12);
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "head payload");
}

/// Notes how it is written to, and begins with an octet.
#[derive(Default)]
struct Notes {
    vectored: bool,
    written: Vec<Vec<u8>>,
}

impl AsyncRead for Notes {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buf.put_slice(b"G");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Notes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.push(buf.to_vec());
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.to_vec()).collect();
        self.written.push(all.clone());
        Poll::Ready(Ok(all.len()))
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn writes_of_several_slices_reach_the_stream_as_one() {
    for vectored in [false, true] {
        let notes = Notes {
            vectored,
            ..Notes::default()
        };
        let (_, mut stream) = sniff(notes).await.unwrap();
        assert_eq!(stream.is_write_vectored(), vectored);
        let parts = [IoSlice::new(b"a"), IoSlice::new(b"bc")];
        assert_eq!(stream.write_vectored(&parts).await.unwrap(), 3);
        assert_eq!(stream.get_ref().written, [b"abc"]);
    }
}
