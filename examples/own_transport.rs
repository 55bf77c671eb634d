//! A transport of one's own: messages behind their lengths, over any stream of octets.
//!
//! Run it with `cargo run --example own_transport`. The transport is in `own_transport/framed.rs`;
//! that it is a good one is tested by the contract of all transports, in `own_transport/tests.rs`.

use std::error::Error;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use wamp::{Connect, ConnectError, Realm, Router, Serializer, Session};

use crate::framed::Framed;

#[path = "own_transport/framed.rs"]
mod framed;
#[cfg(test)]
#[path = "own_transport/tests.rs"]
mod tests;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The router serves whoever connects. Nothing is negotiated: both sides speak CBOR.
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn({
        let router = router.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(router.accept(Framed::new(stream, Serializer::cbor())));
            }
        }
    });
    let join = async || {
        let stream = TcpStream::connect(address).await?;
        let transport = Framed::new(stream, Serializer::cbor());
        let session: Result<Session, ConnectError> =
            Connect::over(transport).realm("com.example").await;
        Ok::<Session, Box<dyn Error>>(session?)
    };

    let service = join().await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;
    let client = join().await?;
    let sum: i64 = client
        .call("com.example.add")
        .args((2, 3))
        .returns()
        .await?;
    let info = client.connection_info();
    println!(
        "2 + 3 = {sum}, by {} over {}",
        info.serializer, info.transport
    );
    assert_eq!(sum, 5);

    client.leave().await?;
    service.leave().await?;
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
