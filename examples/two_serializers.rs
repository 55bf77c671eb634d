//! Two clients of different formats: one speaks JSON, the other CBOR, and they call each other.
//!
//! The router rewrites arguments and results on their way: integers of 64 bits, byte strings and
//! floats arrive as what they were. What the other format has no form for is refused, and its
//! sender is told; nobody loses the connection over it.
//!
//! Run it with `cargo run --example two_serializers`. The chapter `payloads` of the guide has the
//! table of what becomes of everything.

use std::error::Error;
use std::time::Duration;

use wamp::messages::error_uri;
use wamp::{Binary, CallError, Dial, Realm, Router, Serializer, Session, Value, args};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router.listen("127.0.0.1:0").await?;
    let join = async |serializer: Serializer| {
        let dial = Dial::new(server.url()).serializers([serializer]);
        let session = dial.connect().realm("com.example").await?;
        println!("joined with {}", session.connection_info().serializer);
        Ok::<Session, wamp::ConnectError>(session)
    };
    let json = join(Serializer::json()).await?;
    let cbor = join(Serializer::cbor()).await?;

    let echo = |value: Value| async move { Ok(value) };
    json.register("com.example.echo.json", echo).await?;
    cbor.register("com.example.echo.cbor", echo).await?;

    println!("there and back again, from either side:");
    let picture = Binary::from(&b"\0\x01\xfe\xff"[..]);
    let values = args![
        i64::MIN,
        u64::MAX,
        1.0,
        0.1,
        picture,
        "Grüße 🎈",
        args![true, Value::Null]
    ];
    for sent in values {
        let (from_cbor, from_json): (Value, Value) = tokio::try_join!(
            echoed(&cbor, "com.example.echo.json", &sent),
            echoed(&json, "com.example.echo.cbor", &sent),
        )?;
        println!("  {sent:?}");
        assert_eq!((&from_cbor, &from_json), (&sent, &sent));
    }

    println!("what JSON has no form for is refused, wherever it comes up:");
    // The client that speaks JSON learns it before anything is sent.
    let error = echoed(&json, "com.example.echo.cbor", &f64::NAN.into()).await;
    let error = error.expect_err("JSON has no NaN");
    println!("  {error}");
    assert!(matches!(error, CallError::Arguments(_)));
    // CBOR has NaN, and the router finds that the callee does not.
    let error = echoed(&cbor, "com.example.echo.json", &f64::NAN.into()).await;
    let error = error.expect_err("the callee speaks JSON");
    println!("  {error}");
    let CallError::Application(said) = error else {
        return Err(error.into());
    };
    assert_eq!(*said.uri(), error_uri::INVALID_PAYLOAD);

    // Both sessions go on.
    for session in [&cbor, &json] {
        session.leave().await?;
    }
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn echoed(session: &Session, procedure: &str, value: &Value) -> Result<Value, CallError> {
    session.call(procedure).args((value,)).returns().await
}
