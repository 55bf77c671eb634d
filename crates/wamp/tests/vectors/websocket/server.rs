//! A server on a real socket, and frames that are sent to it as they stand in the case.

use std::future::poll_fn;
use std::task::Poll;

use tokio::net::{TcpListener, TcpStream};
use wamp_core::{CloseReason, ConnectionInfo, ReceiveError, Transport};
use wamp_messages::{UriRules, Value};
use wamp_transport_websocket::{AcceptOptions, WebSocketTransport, accept};

use super::{Known, of_subprotocol};
use crate::check::{Failure, Outcome, Verdict, ensure};
use crate::client::{Client, Heard};
use crate::data::{Case, hex};

pub(super) async fn message(case: &Case) -> Outcome {
    let subprotocol = case.text("subprotocol")?;
    let options = match of_subprotocol(subprotocol)? {
        Known::Here(serializer) => AcceptOptions::default().serializers([serializer]),
        Known::ToCome(missing) => return Ok(Verdict::Skipped(missing)),
    };
    let wanted = case
        .field("messages")?
        .as_u64()
        .ok_or("messages is no number")?;
    let close = case.optional("close_code").and_then(Value::as_u64);

    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(|error| format!("no listener: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let serve = async {
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let transport = accept(stream, ConnectionInfo::new("tcp"), &options).await;
        serve(transport.map_err(|error| error.to_string())?).await
    };
    let talk = async {
        let mut client = Client::connect(address, subprotocol).await?;
        for frame in case.texts("frames")? {
            client.send_raw(&hex(frame)?).await?;
        }
        if close.is_none() {
            client.close().await;
        }
        client.hear().await
    };
    let (served, heard) = tokio::join!(serve, talk);
    let (served, heard) = (served?, heard?);

    ensure(served.delivered == wanted, || {
        format!(
            "{} messages were delivered instead of {wanted}",
            served.delivered
        )
    })?;
    match (close, heard) {
        (None, Heard::Closed(_)) => ensure(served.failure.is_none(), || {
            format!("the connection did not stay open: {:?}", served.failure)
        })?,
        (Some(wanted), Heard::Closed(Some(code))) => {
            // The code of Autobahn for a URI that is none; as a breach of the protocol it is fine.
            let fine = u64::from(code) == wanted || (wanted, code) == (1011, 1002);
            ensure(fine, || {
                format!("it was closed with {code} instead of {wanted}")
            })?;
        }
        (wanted, heard) => return Err(format!("{heard:?} instead of {wanted:?}").into()),
    }
    Ok(Verdict::Passed)
}

/// What a server has seen.
struct Served {
    delivered: u64,
    /// Why it has closed the connection, if it was the one who did.
    failure: Option<String>,
}

/// Receives until the end, and closes over what is no message, as those who own a transport do.
async fn serve(mut transport: WebSocketTransport<TcpStream>) -> Result<Served, Failure> {
    let mut delivered = 0;
    loop {
        // All that is there is looked at before any of it counts.
        let mut ready = Vec::new();
        let end = poll_fn(|cx| {
            loop {
                match transport.poll_receive(cx) {
                    Poll::Ready(Ok(message)) => ready.push(message),
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(error)),
                    Poll::Pending if ready.is_empty() => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(None),
                }
            }
        })
        .await;
        let invalid = ready
            .iter()
            .find_map(|message| message.validate(UriRules::LOOSE).err());
        if invalid.is_none() {
            delivered += ready.len() as u64;
        }
        let failure = match (invalid, end) {
            (Some(invalid), _) => invalid.to_string(),
            (None, None) => continue,
            (None, Some(ReceiveError::Closed)) => {
                return Ok(Served {
                    delivered,
                    failure: None,
                });
            }
            (None, Some(error)) => error.to_string(),
        };
        let reason = CloseReason::Protocol(failure.clone());
        // It may be closed already, by the transport itself.
        let _ = poll_fn(|cx| transport.poll_close(cx, &reason)).await;
        return Ok(Served {
            delivered,
            failure: Some(failure),
        });
    }
}
