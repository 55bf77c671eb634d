//! A server on a real socket, and frames that are sent to it as they stand in the case.

use std::future::poll_fn;
use std::task::Poll;

use tokio::net::{TcpListener, TcpStream};
use wamp::{Realm, Router};
use wamp_core::{CloseReason, ConnectionInfo, ReceiveError, Transport};
use wamp_messages::UriRules;
use wamp_serializers::Serializer;
use wamp_transport_websocket::{AcceptOptions, WebSocketTransport, accept};

use super::{Known, of_subprotocol};
use crate::check::{Failure, Outcome, Verdict, ensure};
use crate::client::Client;
use crate::data::{Case, hex};

pub(super) async fn message(case: &Case) -> Outcome {
    let subprotocol = case.text("subprotocol")?;
    let serializer = match of_subprotocol(subprotocol)? {
        Known::Here(serializer) => serializer,
        Known::ToCome(missing) => return Ok(Verdict::Skipped(missing)),
    };
    on_transport(case, subprotocol, &serializer).await?;
    if case.optional("close_code").is_some() {
        on_router(case, subprotocol, &serializer).await?;
    }
    Ok(Verdict::Passed)
}

/// The transport alone, with an owner who counts what is delivered.
async fn on_transport(
    case: &Case,
    subprotocol: &str,
    serializer: &Serializer,
) -> Result<(), Failure> {
    let options = AcceptOptions::default().serializers([serializer.clone()]);
    let wanted = case
        .field("messages")?
        .as_u64()
        .ok_or("messages is no number")?;
    let open = case.optional("close_code").is_none();

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
        send_frames(&mut client, case).await?;
        if open {
            client.close().await;
        }
        client.hear_close().await
    };
    let (served, closed) = tokio::join!(serve, talk);
    let (served, closed) = (served?, closed?);

    ensure(served.delivered == wanted, || {
        format!(
            "{} messages were delivered instead of {wanted}",
            served.delivered
        )
    })?;
    if open {
        return ensure(served.failure.is_none(), || {
            format!("the connection did not stay open: {:?}", served.failure)
        });
    }
    check_code(case, closed)
}

/// Our router, which also has its say in what is no message for it.
async fn on_router(case: &Case, subprotocol: &str, serializer: &Serializer) -> Result<(), Failure> {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let server = router
        .listen("127.0.0.1:0")
        .websocket(|options| options.serializers([serializer.clone()]))
        .await
        .map_err(|error| format!("the router does not listen: {error}"))?;
    let address = server.local_addr().ok_or("the router listens on TCP")?;
    let mut client = Client::connect(address, subprotocol).await?;
    send_frames(&mut client, case).await?;
    let checked = check_code(case, client.hear_close().await?);
    checked.map_err(|failure| format!("by the router {}", failure.0).into())
}

async fn send_frames(client: &mut Client, case: &Case) -> Result<(), Failure> {
    for frame in case.texts("frames")? {
        client.send_raw(&hex(frame)?).await?;
    }
    Ok(())
}

fn check_code(case: &Case, closed: Option<u16>) -> Result<(), Failure> {
    let wanted = case.field("close_code")?.as_u64();
    // Autobahn closes with 1011 over a URI that is none; as a breach of the protocol it is fine.
    let fine = closed.map(u64::from) == wanted || (wanted, closed) == (Some(1011), Some(1002));
    ensure(fine, || {
        format!("it was closed with {closed:?} instead of {wanted:?}")
    })
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
