//! RawSocket over a Unix domain socket: between programs of one machine, without a port.
//!
//! It is the transport that costs least, and the file system says who may connect: here the user
//! who runs the router, and nobody else.
//!
//! Run it with `cargo run --example rawsocket_unix`. The chapter `transports` of the guide has all
//! the others.

use std::error::Error;
use std::time::Duration;
use std::{env, fs, process};

use wamp::{Realm, Router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("wamp-example-{}", process::id()));
    fs::create_dir(&folder)?;
    let socket = folder.join("router.sock");

    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router.listen(format!("unix:{}", socket.display())).await?;
    println!("the router listens on {}", server.rawsocket_url());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&socket)?.permissions().mode() & 0o777;
        println!("the permissions of the socket are {mode:o}");
        assert_eq!(mode, 0o600);
    }

    let service = wamp::connect(server.rawsocket_url())
        .realm("com.example")
        .await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;

    // The same socket speaks WebSocket as well, for clients that have nothing else.
    for url in [server.rawsocket_url(), server.url()] {
        let client = wamp::connect(&url).realm("com.example").await?;
        let sum: i64 = client
            .call("com.example.add")
            .args((2, 3))
            .returns()
            .await?;
        println!("2 + 3 = {sum}, by {}", client.connection_info().transport);
        assert_eq!(sum, 5);
        client.leave().await?;
    }

    service.leave().await?;
    router.shutdown(Duration::from_secs(5)).await;
    fs::remove_dir_all(&folder)?;
    Ok(())
}
