//! A client of WebSocket that knows nothing of WAMP but that its messages are lists.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use wamp_messages::Value;

use crate::check::Failure;

/// Whoever says nothing for so long will never say anything.
const LIMIT: Duration = Duration::from_secs(10);

/// How long it takes to see that there is no answer.
const SOON: Duration = Duration::from_secs(1);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: WebSocketStream<TcpStream>,
}

/// What happens on a connection.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The other side sends a message.
    Message(Vec<Value>),
    /// The other side closes the connection, with a code unless it just drops it.
    Closed(Option<u16>),
}

impl Client {
    /// Connects with one subprotocol.
    pub(crate) async fn connect(address: SocketAddr, subprotocol: &str) -> Result<Self, Failure> {
        let failed = |what: &dyn std::fmt::Display| format!("no connection to {address}: {what}");
        let tcp = TcpStream::connect(address).await;
        let tcp = tcp.map_err(|error| failed(&error))?;
        let request = format!("ws://{address}/").into_client_request();
        let mut request = request.map_err(|error| failed(&error))?;
        let header = HeaderValue::from_str(subprotocol).map_err(|error| failed(&error))?;
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", header);
        let opened = tokio_tungstenite::client_async(request, tcp);
        match time::timeout(LIMIT, opened).await {
            Ok(Ok((stream, _))) => Ok(Self { stream }),
            Ok(Err(error)) => Err(failed(&error).into()),
            Err(_) => Err(failed(&"no answer").into()),
        }
    }

    /// Sends a text message.
    pub(crate) async fn send_text(&mut self, text: String) -> Result<(), Failure> {
        let sent = self.stream.send(Message::text(text)).await;
        sent.map_err(|error| format!("nothing more can be sent: {error}").into())
    }

    /// Sends octets as they are: frames, or what is none.
    pub(crate) async fn send_raw(&mut self, octets: &[u8]) -> Result<(), Failure> {
        let sent = self.stream.get_mut().write_all(octets).await;
        sent.map_err(|error| format!("nothing more can be sent: {error}").into())
    }

    /// Waits for what happens next.
    pub(crate) async fn hear(&mut self) -> Result<Heard, Failure> {
        let heard = time::timeout(LIMIT, self.next()).await;
        heard.unwrap_or_else(|_| Err("no answer, and the connection stays open".into()))
    }

    /// Waits a little for what happens next.
    pub(crate) async fn hear_soon(&mut self) -> Result<Option<Heard>, Failure> {
        match time::timeout(SOON, self.next()).await {
            Ok(heard) => heard.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Waits for the end of the connection, whatever comes before, and returns its code.
    pub(crate) async fn hear_close(&mut self) -> Result<Option<u16>, Failure> {
        let end = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(close))) => {
                        return close.map(|close| close.code.into());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        let ended = time::timeout(LIMIT, end).await;
        ended.map_err(|_| "the connection stays open".into())
    }

    /// Begins to close the connection; what still comes can be heard.
    pub(crate) async fn close(&mut self) {
        // The other side may have closed it already, which is as good.
        let _ = self.stream.close(None).await;
    }

    async fn next(&mut self) -> Result<Heard, Failure> {
        loop {
            return match self.stream.next().await {
                None => Ok(Heard::Closed(None)),
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(Value::List(message)) => Ok(Heard::Message(message)),
                    _ => Err(format!("{:?} is no list in JSON", text.as_str()).into()),
                },
                Some(Ok(Message::Close(close))) => {
                    Ok(Heard::Closed(close.map(|close| close.code.into())))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(other)) => Err(format!("{other:?} is no text").into()),
                Some(Err(
                    tungstenite::Error::ConnectionClosed
                    | tungstenite::Error::AlreadyClosed
                    | tungstenite::Error::Io(_)
                    | tungstenite::Error::Protocol(
                        tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                    ),
                )) => Ok(Heard::Closed(None)),
                Some(Err(error)) => Err(error.to_string().into()),
            };
        }
    }
}

/// Runs a future, and the tasks that it starts, on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(future)
}
