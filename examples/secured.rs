//! A router that knows who may do what: roles, their permissions, and tickets to get in.
//!
//! Guests need no ticket and may only read the clock; the clock itself has one, and so has the
//! owner, who may set it. What nobody was permitted is denied.
//!
//! Run it with `cargo run --example secured`. The chapter `running_a_router` of the guide explains
//! it; over a network, tickets need TLS, as in the example `tls`.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wamp::messages::error_uri;
use wamp::{CallError, ConnectError, Permissions, Realm, Router, Session, StaticTickets, Ticket};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tickets = StaticTickets::new()
        .with_principal("clock", "service", "tick-tock-4711")
        .with_principal("ada", "owner", "lovelace-1815");
    let realm = Realm::new("com.example")
        .role("guest", Permissions::allow("com.example.clock.get").call())
        .role("owner", Permissions::allow("com.example.clock.").call())
        .role(
            "service",
            Permissions::allow("com.example.clock.").register(),
        )
        .anonymous("guest")
        .authenticator(tickets);
    let router = Router::builder().realm(realm).build();
    let server = router.listen("127.0.0.1:0").await?;

    let clock = wamp::connect(server.url())
        .realm("com.example")
        .auth(Ticket::new("clock", "tick-tock-4711"))
        .await?;
    let hour = Arc::new(AtomicU32::new(7));
    let (get, set) = (Arc::clone(&hour), hour);
    clock
        .register("com.example.clock.get", move || {
            let hour = get.load(Ordering::Relaxed);
            async move { Ok(hour) }
        })
        .await?;
    clock
        .register("com.example.clock.set", move |hour: u32| {
            set.store(hour, Ordering::Relaxed);
            async { Ok(()) }
        })
        .await?;

    let ada = wamp::connect(server.url())
        .realm("com.example")
        .auth(Ticket::new("ada", "lovelace-1815"))
        .await?;
    println!("ada has the role {}", role_of(&ada));
    ada.call("com.example.clock.set").args((9,)).await?;

    let guest = wamp::connect(server.url()).realm("com.example").await?;
    println!("a guest has the role {}", role_of(&guest));
    let hour: u32 = guest.call("com.example.clock.get").returns().await?;
    println!("  it is {hour} o'clock");
    assert_eq!(hour, 9);

    let denied = guest.call("com.example.clock.set").args((23,)).await;
    let Err(CallError::Application(error)) = denied else {
        panic!("a guest may not set the clock: {denied:?}");
    };
    println!("  {error}");
    assert_eq!(*error.uri(), error_uri::NOT_AUTHORIZED);

    let thief = wamp::connect(server.url())
        .realm("com.example")
        .auth(Ticket::new("ada", "guessed"));
    let Err(ConnectError::Aborted(details)) = thief.await else {
        panic!("the ticket was wrong");
    };
    println!("with a wrong ticket: {details}");
    assert_eq!(details.reason, error_uri::NOT_AUTHORIZED);

    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

fn role_of(session: &Session) -> &str {
    session.details().authrole.as_deref().unwrap_or("none")
}
