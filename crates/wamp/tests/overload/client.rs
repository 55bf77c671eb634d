//! A client that speaks JSON over RawSocket or WebSocket by itself, so that it can stop reading.

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::router::REALM;

/// A session of a client that reads only when it is told to.
pub(crate) struct Client {
    stream: TcpStream,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    RawSocket,
    WebSocket,
}

impl Client {
    /// Connects and joins.
    pub(crate) async fn join(address: &str, kind: Kind) -> Result<Self> {
        Self::join_over(TcpStream::connect(address).await?, kind).await
    }

    /// The same over a socket in which as little as possible can wait, by RawSocket.
    pub(crate) async fn join_narrow(address: &str) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4 << 10)?;
        let stream = socket.connect(address.parse()?).await?;
        Self::join_over(stream, Kind::RawSocket).await
    }

    async fn join_over(mut stream: TcpStream, kind: Kind) -> Result<Self> {
        match kind {
            Kind::RawSocket => {
                stream.write_all(&[0x7f, 0xf1, 0, 0]).await?;
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).await?;
                ensure!(
                    answer[..2] == [0x7f, 0xf1],
                    "the handshake is answered by {answer:?}"
                );
            }
            Kind::WebSocket => {
                stream.write_all(UPGRADE.as_bytes()).await?;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                ensure!(head.starts_with(b"HTTP/1.1 101 "), "the upgrade is refused");
            }
        }
        let mut client = Self { stream, kind };
        client
            .say(&format!(
                r#"[1,"{REALM}",{{"roles":{{"subscriber":{{}},"callee":{{}}}}}}]"#
            ))
            .await?;
        let welcome = client.hear().await?;
        ensure!(welcome.starts_with("[2,"), "no WELCOME but {welcome}");
        Ok(client)
    }

    pub(crate) async fn subscribe(&mut self, topic: &str) -> Result<()> {
        self.say(&format!(r#"[32,1,{{}},"{topic}"]"#)).await?;
        let answer = self.hear().await?;
        ensure!(answer.starts_with("[33,1,"), "no SUBSCRIBED but {answer}");
        Ok(())
    }

    pub(crate) async fn say(&mut self, message: &str) -> Result<()> {
        let octets = message.as_bytes();
        let short = u8::try_from(octets.len()).ok().filter(|len| *len < 126);
        let short = short.context("this client says short things only")?;
        let mut frame = match self.kind {
            Kind::RawSocket => vec![0, 0, 0, short],
            // Masked with zeros.
            Kind::WebSocket => vec![0x81, 0x80 | short, 0, 0, 0, 0],
        };
        frame.extend_from_slice(octets);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Reads one message; what the transport says of its own is passed over.
    pub(crate) async fn hear(&mut self) -> Result<String> {
        loop {
            let (is_message, len) = match self.kind {
                Kind::RawSocket => {
                    let head = self.stream.read_u32().await?;
                    (head >> 24 == 0, head & 0x00ff_ffff)
                }
                Kind::WebSocket => {
                    let first = self.stream.read_u8().await?;
                    let len = match self.stream.read_u8().await? {
                        126 => u32::from(self.stream.read_u16().await?),
                        127 => u32::try_from(self.stream.read_u64().await?)?,
                        len => u32::from(len),
                    };
                    if first == 0x88 {
                        bail!("the router has closed the WebSocket");
                    }
                    (first == 0x81, len)
                }
            };
            let mut octets = vec![0; usize::try_from(len)?];
            self.stream.read_exact(&mut octets).await?;
            if is_message {
                return Ok(String::from_utf8(octets)?);
            }
        }
    }
}

/// The first argument of an EVENT, if it is one and that a number.
pub(crate) fn event_number(message: &str) -> Option<u64> {
    let (_, arguments) = message.strip_prefix("[36,")?.split_once(",{},[")?;
    let end = arguments.find([',', ']'])?;
    arguments.get(..end)?.parse().ok()
}

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
