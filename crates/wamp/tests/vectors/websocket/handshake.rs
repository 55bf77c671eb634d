//! The handshake of WebSocket, as far as subprotocols go: our server, then our client.

use std::collections::HashMap;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wamp_core::ConnectionInfo;
use wamp_messages::Value;
use wamp_serializers::Serializer;
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, accept, connect};

use super::{Known, of_subprotocol, serializer};
use crate::check::{Failure, Outcome, Verdict, ensure};
use crate::data::Case;

/// Enough for a request and its answer, so that nobody has to wait for the other to read.
const PIPE: usize = 16 * 1024;

/// Our server answers a request.
pub(super) async fn negotiate(case: &Case) -> Outcome {
    let chosen = case.optional("chosen").and_then(Value::as_str);
    if let Some(chosen) = chosen
        && let Known::ToCome(missing) = of_subprotocol(chosen)?
    {
        return Ok(Verdict::Skipped(missing));
    }
    // What is to come and was not chosen makes no difference.
    let mut supported = Vec::new();
    for name in case.texts("supported")? {
        if let Known::Here(serializer) = serializer(name)? {
            supported.push(serializer);
        }
    }
    let mut options = AcceptOptions::default().serializers(supported);
    if is_lenient(case)? {
        options = options.fallback(Serializer::json());
    }

    let headers = match case.optional("headers") {
        Some(_) => case
            .texts("headers")?
            .into_iter()
            .map(str::to_owned)
            .collect(),
        None => match case.texts("offered")?.join(", ") {
            none if none.is_empty() => Vec::new(),
            offered => vec![offered],
        },
    };
    let mut request = "GET / HTTP/1.1\r\n\
         Host: localhost\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        .to_owned();
    for header in headers {
        request += &format!("Sec-WebSocket-Protocol: {header}\r\n");
    }
    request += "\r\n";

    let (mut client, server) = tokio::io::duplex(PIPE);
    let told = async {
        let written = client.write_all(request.as_bytes()).await;
        written.map_err(|error| error.to_string())?;
        let head = Head::read(&mut client).await;
        // A server that refuses waits until its answer was taken.
        drop(client);
        head
    };
    let info = ConnectionInfo::new("pipe");
    let (head, accepted) = tokio::join!(told, accept(server, info, &options));
    let head = head?;

    let status = case.field("http_status")?.as_u64();
    ensure(head.status() == status, || {
        format!("the status is {:?} instead of {status:?}", head.status())
    })?;
    let found = head
        .headers
        .get("sec-websocket-protocol")
        .map(String::as_str);
    ensure(found == chosen, || {
        format!("{found:?} was chosen instead of {chosen:?}")
    })?;
    ensure(accepted.is_ok() == (status == Some(101)), || {
        format!("the server itself has {:?}", accepted.map(drop))
    })?;
    Ok(Verdict::Passed)
}

/// Our client gets an answer.
pub(super) async fn client_accept(case: &Case) -> Outcome {
    let offered = case.texts("offered")?;
    let mut serializers = Vec::new();
    for subprotocol in &offered {
        match of_subprotocol(subprotocol)? {
            Known::Here(serializer) => serializers.push(serializer),
            Known::ToCome(missing) => return Ok(Verdict::Skipped(missing)),
        }
    }
    let mut options = ConnectOptions::default().serializers(serializers);
    if is_lenient(case)? {
        options = options.fallback(Serializer::json());
    }

    let (client, mut server) = tokio::io::duplex(PIPE);
    let answer = async {
        let head = Head::read(&mut server).await?;
        let header = |name: &str| head.headers.get(name).cloned().unwrap_or_default();
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n",
            derive_accept_key(header("sec-websocket-key").as_bytes()),
        );
        if case.field("answered")?.as_str().is_some() {
            answer += &format!("Sec-WebSocket-Protocol: {}\r\n", case.text("answered")?);
        }
        answer += "\r\n";
        let written = server.write_all(answer.as_bytes()).await;
        written.map_err(|error| error.to_string())?;
        Ok::<_, Failure>(header("sec-websocket-protocol"))
    };
    let info = ConnectionInfo::new("pipe");
    let connecting = connect(client, info, "localhost", "/", &options);
    let (asked, connected) = tokio::join!(answer, connecting);

    let asked = asked?;
    let asked: Vec<_> = asked.split(',').map(str::trim).collect();
    ensure(asked == offered, || {
        format!("it offers {asked:?} instead of {offered:?}")
    })?;
    ensure(connected.is_ok() == case.bool("accept")?, || {
        format!("it has {:?}", connected.map(drop))
    })?;
    Ok(Verdict::Passed)
}

/// Whether the side in question falls back to JSON where no subprotocol was agreed on.
fn is_lenient(case: &Case) -> Result<bool, Failure> {
    match case.optional("strict") {
        Some(_) => Ok(!case.bool("strict")?),
        None => Ok(false),
    }
}

/// The head of an HTTP request or answer.
struct Head {
    line: String,
    /// By their names in lower case; several of one name with commas between.
    headers: HashMap<String, String>,
}

impl Head {
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, Failure> {
        let mut octets = Vec::new();
        while !octets.ends_with(b"\r\n\r\n") {
            let octet = stream.read_u8().await;
            octets.push(octet.map_err(|error| format!("the head is cut short: {error}"))?);
        }
        let text = String::from_utf8_lossy(&octets);
        let mut lines = text.lines().map(str::to_owned);
        let line = lines.next().unwrap_or_default();
        let mut headers: HashMap<String, String> = HashMap::new();
        for line in lines {
            if let Some((name, value)) = line.split_once(':') {
                let values = headers.entry(name.to_ascii_lowercase()).or_default();
                if !values.is_empty() {
                    *values += ", ";
                }
                *values += value.trim();
            }
        }
        Ok(Self { line, headers })
    }

    /// The status of an answer.
    fn status(&self) -> Option<u64> {
        self.line.split(' ').nth(1)?.parse().ok()
    }
}
