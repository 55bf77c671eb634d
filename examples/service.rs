//! A service that outlives its router: it connects again, and registers again, until it is refused.
//!
//! Nothing reconnects by itself yet. What a service of yours takes from here are `serve`, `run` and
//! `may_help`. The program is also the router, which it stops and starts again on the same port;
//! and at last one that wants a ticket, which the service does not have. So it ends by itself.
//!
//! Run it with `cargo run --example service`; with `RUST_LOG=debug` it tells what it does.

use std::error::Error;
use std::time::Duration;

use tokio::sync::mpsc;
use wamp::messages::error_uri;
use wamp::net::EndpointError;
use wamp::{ConnectError, Permissions, Realm, RegisterError, Router, Session, StaticTickets};

/// What the service does with a session. All of it is done anew with each.
async fn serve(session: &Session) -> Result<(), RegisterError> {
    session
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;
    Ok(())
}

/// Serves, and connects again when the session has ended, until that cannot help. `ready` is told
/// each time that it serves.
async fn run(url: &str, ready: mpsc::Sender<()>) -> Result<(), ConnectError> {
    let mut pause = SHORTEST;
    loop {
        match wamp::connect(url).realm("com.example").await {
            Ok(session) => match serve(&session).await {
                Ok(()) => {
                    pause = SHORTEST;
                    ready.send(()).await.unwrap_or_default();
                    println!("service: the session ended: {}", session.closed().await);
                }
                // Such as a procedure that the session before still has: the router does not know
                // yet that it is gone.
                Err(error) => println!("service: it cannot register: {error}"),
            },
            Err(error) if !may_help(&error) => return Err(error),
            Err(error) => println!("service: {error}"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Whether trying again may help: not where the router knows the client and does not want it, nor
/// where the program itself is wrong.
fn may_help(error: &ConnectError) -> bool {
    match error {
        ConnectError::Aborted(details) => !matches!(
            details.reason.as_str(),
            error_uri::NOT_AUTHORIZED
                | error_uri::NO_MATCHING_AUTH_METHOD
                | error_uri::NO_SUCH_REALM
                | error_uri::NO_SUCH_ROLE
        ),
        // Nobody listens there, or not yet. But a URL that is none stays so.
        ConnectError::Connect(error) => error.downcast_ref::<EndpointError>().is_none(),
        ConnectError::TimedOut(_) | ConnectError::Transport(_) => true,
        _ => false,
    }
}

/// Longer pauses are kinder to a router that has many services, and comes back to all at once.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let open = || Router::builder().realm(Realm::new("com.example")).build();

    let router = open();
    let server = router.listen("127.0.0.1:0").await?;
    let (url, address) = (server.url(), server.address().to_string());
    println!("the router listens on {url}");

    let (ready, mut serves) = mpsc::channel(1);
    let service = tokio::spawn({
        let url = url.clone();
        async move { run(&url, ready).await }
    });
    serves.recv().await.ok_or("the service has ended")?;
    ask(&url).await?;

    router.shutdown(Duration::from_secs(5)).await;
    println!("the router is gone");
    let router = open();
    router.listen(&address).await?;
    println!("the router is back");
    serves.recv().await.ok_or("the service has ended")?;
    ask(&url).await?;

    router.shutdown(Duration::from_secs(5)).await;
    let tickets = StaticTickets::new().with_principal("joe", "user", "secret!!!");
    let realm = Realm::new("com.example")
        .role("user", Permissions::all())
        .authenticator(tickets);
    let router = Router::builder().realm(realm).build();
    router.listen(&address).await?;
    println!("the router is back, and wants a ticket");
    let Err(error) = service.await? else {
        return Err("the service has none".into());
    };
    println!("the service gives up: {error}");
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// A client of the service.
async fn ask(url: &str) -> Result<(), Box<dyn Error>> {
    let client = wamp::connect(url).realm("com.example").await?;
    let sum: i64 = client
        .call("com.example.add")
        .args((2, 3))
        .returns()
        .await?;
    println!("client: 2 + 3 = {sum}");
    client.leave().await?;
    Ok(())
}
