//! A serializer of one's own: one session speaks it, another speaks CBOR, and a router lies between.
//!
//! Run it with `cargo run --example own_serializer`. The format is in `own_serializer/tlv.rs`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wamp::{Args, Dial, Dict, Realm, Reply, Router, Serializer, Value, args, kwargs};

use crate::tlv::Tlv;

#[path = "own_serializer/tlv.rs"]
mod tlv;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The router speaks both formats; each client says which it prefers.
    let tlv = Serializer::foreign(Arc::new(Tlv));
    let both = [tlv.clone(), Serializer::cbor()];
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router
        .listen("127.0.0.1:0")
        .websocket(|options| options.serializers(both))
        .await?;
    let join = async |serializer: Serializer| {
        let dial = Dial::new(server.url()).serializers([serializer]);
        let session = dial.connect().realm("com.example").await?;
        println!("joined with {}", session.connection_info().serializer);
        Ok::<_, wamp::ConnectError>(session)
    };
    let service = join(tlv.clone()).await?;
    let colleague = join(tlv).await?;
    let client = join(Serializer::cbor()).await?;

    // The router rewrites the call from CBOR to the own format, and the result back again.
    service
        .register(
            "com.example.echo",
            |Args(values): Args<Vec<Value>>| async move { Ok(Reply::new(values)) },
        )
        .await?;
    let sent = args![
        args![null_and_integers(), 1.5, -0.0, f64::INFINITY],
        "Grüße",
        Bytes::from_static(b"\0\xff"),
        kwargs! { nested: args![kwargs! {}, Value::Null] },
    ];
    let result = client.call("com.example.echo").args(&sent).await?;
    let received: Vec<Value> = result.args()?;
    println!("sent by CBOR      {sent:?}");
    println!("came back by TLV  {received:?}");
    assert_eq!(received, sent);

    // An event goes to a peer of the same format untouched, to the other one rewritten.
    let mut same = colleague.subscribe("com.example.news").await?;
    let mut other = client.subscribe("com.example.news").await?;
    service
        .publish("com.example.news")
        .args((42, "the answer"))
        .kwargs(kwargs! { source: "tlv" })
        .acknowledge()
        .await?;
    for events in [&mut same, &mut other] {
        let event = events.next().await.ok_or("the subscription has ended")?;
        let (number, text): (u8, String) = event.args()?;
        let more: Dict = event.kwargs()?;
        let format = event.payload().format();
        println!("received as {format:?}: {number}, {text:?}, {more:?}");
        assert_eq!((number, &*text), (42, "the answer"));
        assert_eq!(more, kwargs! { source: "tlv" });
    }

    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

fn null_and_integers() -> Vec<Value> {
    args![Value::Null, true, 0, -1, i64::MIN, i64::MAX, u64::MAX]
}
