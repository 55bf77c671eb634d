//! Calls: handlers of every kind, and how they are called.
//!
//! The parameters of a handler are the arguments of the call; what comes beside them, such as
//! keyword arguments, details and the session, is a parameter as well. A result is a value, a
//! struct, or several values with names.
//!
//! Run it with `cargo run --example rpc`. The chapter `calls` of the guide explains all of it.

use std::error::Error;
use std::future::IntoFuture;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wamp::{
    ApplicationError, Args, CallDetails, CallError, Kwargs, Realm, Reply, Router, Session, args,
    kwargs,
};

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    cake: String,
    pieces: u32,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Bill {
    cents: u32,
    paid: bool,
}

/// The keyword arguments of `statistics`: a caller may leave out either.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Statistics {
    unit: Option<String>,
    squared: bool,
}

/// What it returns beside the sum.
#[derive(Deserialize)]
struct Counted {
    count: usize,
    unit: String,
}

/// A handler may be any async function. Structs come and go as dicts.
async fn order(order: Order) -> Result<Bill, ApplicationError> {
    println!("  the baker got {order:?}");
    Ok(Bill {
        cents: 350 * order.pieces,
        paid: false,
    })
}

async fn register(baker: &Session) -> Result<(), wamp::RegisterError> {
    baker.register("com.example.order", order).await?;

    // The second argument may be left out.
    baker
        .register(
            "com.example.greet",
            |name: String, greeting: Option<String>| async move {
                let greeting = greeting.unwrap_or_else(|| "Hello".to_owned());
                Ok(format!("{greeting}, {name}!"))
            },
        )
        .await?;

    // As many arguments as there are, keyword arguments, and a result of the same kind.
    baker
        .register(
            "com.example.statistics",
            |Args(numbers): Args<Vec<f64>>, Kwargs(wanted): Kwargs<Statistics>| async move {
                let of = |n: &f64| if wanted.squared { n * n } else { *n };
                let sum: f64 = numbers.iter().map(of).sum();
                let more = kwargs! { count: numbers.len(), unit: wanted.unit };
                Ok(Reply::new(args![sum]).with_kwargs(more))
            },
        )
        .await?;

    // What the call was about, and the session, to call others with. `?` passes on their errors.
    baker
        .register(
            "com.example.breakfast",
            |details: CallDetails, session: Session| async move {
                let (cake, pieces) = ("plum".to_owned(), 2);
                let call = session.call("com.example.order");
                let bill: Bill = call.args((Order { cake, pieces },)).returns().await?;
                Ok(format!("{} cost {} cents", details.procedure, bill.cents))
            },
        )
        .await?;

    baker
        .register("com.example.sourdough", || async {
            std::future::pending::<()>().await;
            Ok(())
        })
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router.listen("127.0.0.1:0").await?;
    let baker = wamp::connect(server.url()).realm("com.example").await?;
    let guest = wamp::connect(server.url()).realm("com.example").await?;
    register(&baker).await?;

    println!("a struct goes out, another comes back:");
    let order = Order {
        cake: "apple".to_owned(),
        pieces: 3,
    };
    let bill: Bill = guest
        .call("com.example.order")
        .args((order,))
        .returns()
        .await?;
    println!("  the guest got {bill:?}");
    assert_eq!(bill.cents, 1050);

    println!("an argument may be left out:");
    let greet = guest.call("com.example.greet");
    let short: String = greet.args(("Ada",)).returns().await?;
    let greet = guest.call("com.example.greet");
    let long: String = greet.args(("Ada", "Good morning")).returns().await?;
    println!("  {short}\n  {long}");
    assert_eq!(short, "Hello, Ada!");

    println!("keyword arguments go both ways:");
    let result = guest
        .call("com.example.statistics")
        .args([1, 2, 3])
        .kwargs(kwargs! { squared: true, unit: "m²" })
        .await?;
    let (sum, more): (f64, Counted) = (result.value()?, result.kwargs()?);
    println!("  {} numbers, squared: {sum} {}", more.count, more.unit);
    assert_eq!((sum, more.count), (14.0, 3));

    println!("a handler calls another:");
    let text: String = guest.call("com.example.breakfast").returns().await?;
    println!("  {text}");
    assert_eq!(text, "com.example.breakfast cost 700 cents");

    println!("two calls at once:");
    let order = |cake: &str| {
        let cake = cake.to_owned();
        let call = guest.call("com.example.order");
        call.args((Order { cake, pieces: 1 },))
            .returns::<Bill>()
            .into_future()
    };
    let (plum, cherry) = tokio::try_join!(order("plum"), order("cherry"))?;
    assert_eq!(plum, cherry);

    println!("a call that takes too long:");
    let slow = guest
        .call("com.example.sourdough")
        .timeout(Duration::from_millis(100));
    let error = slow.await.expect_err("sourdough takes longer than that");
    println!("  {error}");
    assert!(matches!(error, CallError::TimedOut(_)));

    guest.leave().await?;
    baker.leave().await?;
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
