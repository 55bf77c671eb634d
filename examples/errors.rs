//! Errors: those of an application, from its own enum to the wire and back, and all the others.
//!
//! A shop answers with errors of its own; the client makes its own enum of them again. Then
//! everything else goes wrong that can: nobody registered, no permission, arguments that do not
//! fit, no answer in time, a router that is gone and one that never was.
//!
//! Run it with `cargo run --example errors`. The chapter `errors` of the guide has the whole list.

use std::error::Error;
use std::time::Duration;

use serde::Deserialize;
use wamp::messages::error_uri;
use wamp::{ApplicationError, CallError, ConnectError, Permissions, Realm, Router, kwargs};

/// What can go wrong in the shop. Both sides share this type.
#[derive(Debug, PartialEq)]
enum ShopError {
    SoldOut { left: u32 },
    Closed,
}

const SOLD_OUT: &str = "com.example.error.sold_out";
const CLOSED: &str = "com.example.error.closed";

/// To the wire: what a caller gets to see. With it, `?` works in handlers.
impl From<ShopError> for ApplicationError {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::SoldOut { left } => {
                Self::new(SOLD_OUT, format!("only {left} left")).with_kwargs(kwargs! { left })
            }
            ShopError::Closed => Self::new(CLOSED, "come back tomorrow"),
        }
    }
}

/// From the wire. What is none of the shop's is given back as it is.
impl TryFrom<CallError> for ShopError {
    type Error = CallError;

    fn try_from(error: CallError) -> Result<Self, CallError> {
        #[derive(Deserialize)]
        struct SoldOut {
            left: u32,
        }
        let CallError::Application(said) = &error else {
            return Err(error);
        };
        match said.uri().as_str() {
            SOLD_OUT => match said.kwargs() {
                Ok(SoldOut { left }) => Ok(Self::SoldOut { left }),
                Err(_) => Err(error),
            },
            CLOSED => Ok(Self::Closed),
            _ => Err(error),
        }
    }
}

fn sell(pieces: u32) -> Result<u32, ShopError> {
    match pieces {
        0 => Err(ShopError::Closed),
        1..=12 => Ok(12 - pieces),
        _ => Err(ShopError::SoldOut { left: 12 }),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let guests = Permissions::all().and(Permissions::allow("com.example.safe.").subscribe());
    let realm = Realm::new("com.example")
        .role("guest", guests)
        .anonymous("guest");
    let router = Router::builder().realm(realm).build();
    let server = router.listen("127.0.0.1:0").await?;
    let shop = wamp::connect(server.url()).realm("com.example").await?;
    let guest = wamp::connect(server.url()).realm("com.example").await?;
    shop.register("com.example.sell", |pieces: u32| async move {
        Ok(sell(pieces)?)
    })
    .await?;
    shop.register("com.example.wait", || async {
        std::future::pending::<()>().await;
        Ok(())
    })
    .await?;

    println!("what the shop says is its own enum again:");
    for (pieces, expected) in [
        (13, ShopError::SoldOut { left: 12 }),
        (0, ShopError::Closed),
    ] {
        let call = guest.call("com.example.sell").args((pieces,));
        let error = ShopError::try_from(call.await.expect_err("it has no cake to sell"))?;
        println!("  {pieces} pieces: {error:?}");
        assert_eq!(error, expected);
    }

    println!("what the router or the library says in place of the callee has a URI, too:");
    let call = guest.call("com.example.buy");
    expect_uri(call.await, error_uri::NO_SUCH_PROCEDURE);
    let call = guest.call("com.example.safe.open");
    expect_uri(call.await, error_uri::NOT_AUTHORIZED);
    let call = guest.call("com.example.sell").args(("many",));
    expect_uri(call.await, error_uri::INVALID_ARGUMENT);
    let again = guest
        .register("com.example.sell", || async { Ok(()) })
        .await;
    println!("  {}", again.expect_err("the shop has registered it"));

    println!("every other variant is this side's:");
    let call = guest.call("com example").await;
    let error = call.expect_err("a URI has no blanks");
    println!("  {error}");
    assert!(matches!(error, CallError::Uri(_)));
    let call = guest
        .call("com.example.sell")
        .args((1,))
        .returns::<String>();
    let error = call.await.expect_err("it returns a number");
    println!("  {error}");
    assert!(matches!(error, CallError::Result(_)));
    let call = guest
        .call("com.example.wait")
        .timeout(Duration::from_millis(100));
    let error = call.await.expect_err("nobody answers that");
    println!("  {error}");
    assert!(matches!(error, CallError::TimedOut(_)));

    println!("when the router is gone:");
    router.shutdown(Duration::from_secs(5)).await;
    let error = guest.call("com.example.sell").args((1,)).await;
    let error = error.expect_err("the session has ended");
    println!("  {error}");
    let CallError::Closed(ended) = error else {
        return Err(error.into());
    };
    assert_eq!(ended.0.reason, error_uri::SYSTEM_SHUTDOWN);
    connect_again(server.url()).await;
    Ok(())
}

/// What a program can do about a connection that does not come about: say it, and try again later.
async fn connect_again(url: String) {
    match wamp::connect(url).realm("com.example").await {
        Ok(_) => panic!("nobody listens there any more"),
        // The router is there, and does not want this session: trying again does not help.
        Err(ConnectError::Aborted(details)) => panic!("it was refused: {details}"),
        Err(error) => println!("  {error}"),
    }
}

fn expect_uri(result: Result<wamp::CallResult, CallError>, uri: &str) {
    match result {
        Err(CallError::Application(error)) => {
            println!("  {error}");
            assert_eq!(*error.uri(), uri);
        }
        other => panic!("{other:?} is not {uri}"),
    }
}
