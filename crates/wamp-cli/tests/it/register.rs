//! `wamp register`, but for what its commands do.

use std::time::Duration;

use wamp::{CallError, Dict, Value, args, kwargs};

use crate::world::{World, bounded};

#[tokio::test]
async fn an_echo_returns_its_arguments() {
    let world = World::new().await;
    let session = world.session().await;
    let mut running = world.start(&["register", "com.example.echo", "--echo"]);
    assert_eq!(running.note().await, "registered com.example.echo");
    let call = session.call("com.example.echo").args(args![1, "two"]);
    let result = call.kwargs(kwargs! { three: 3 }).await.unwrap();
    assert_eq!(result.args::<Vec<Value>>().unwrap(), args![1, "two"]);
    assert_eq!(result.kwargs::<Dict>().unwrap(), kwargs! { three: 3 });
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_is_how_it_ends() {
    let world = World::new().await;
    for signal in ["INT", "TERM"] {
        let mut running = world.start(&["register", "com.example.echo", "--echo"]);
        running.note().await;
        assert_eq!(world.router.session_count("realm1"), Some(1));
        running.signal(signal).await;
        let (status, rest) = running.end().await;
        assert_eq!((status.code(), &*rest), (Some(0), ""));
        world.settle(0).await;
    }
    let session = world.session().await;
    let error = session.call("com.example.echo").await.unwrap_err();
    assert!(matches!(error, CallError::Application(_)), "{error}");
}

#[tokio::test]
async fn a_procedure_that_is_taken_is_an_error() {
    let world = World::new().await;
    let session = world.session().await;
    let handler = || async { Ok(()) };
    session.register("com.example.echo", handler).await.unwrap();
    world
        .run(&["register", "com.example.echo", "--echo"])
        .await
        .failed(1, "error: wamp.error.procedure_already_exists: ");
}

#[tokio::test]
async fn a_router_that_goes_away_is_told_with_the_reason() {
    let world = World::new().await;
    let mut running = world.start(&["register", "com.example.echo", "--echo", "--json"]);
    running.note().await;
    bounded(world.router.shutdown(Duration::from_secs(60))).await;
    let (status, rest) = running.end().await;
    assert_eq!(status.code(), Some(1), "{rest}");
    let error: serde_json::Value = serde_json::from_str(&rest).unwrap();
    assert_eq!(error["error"], "wamp.close.system_shutdown");
}
