//! TLS, with a certificate that the system does not trust.

use std::fs;

use wamp::net::tls::ServerTls;

use crate::world::{World, command, finish};

#[tokio::test]
async fn a_router_is_trusted_by_the_file_of_its_authority() {
    let world = World::new().await;
    let made = rcgen::generate_simple_self_signed(["router.example".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = ServerTls::from_pem(&certificate, &key).unwrap();
    let server = world.router.listen("127.0.0.1:0").tls(tls).await.unwrap();
    let file = std::env::temp_dir().join(format!("wamp-ca-{}.pem", std::process::id()));
    fs::write(&file, certificate).unwrap();
    let path = file.to_str().unwrap();
    for url in [server.url(), server.rawsocket_url()] {
        let ping = ["ping", "--url", &url, "--count", "1", "--ca", path];
        let named = [&ping[..], &["--server-name", "router.example"]].concat();
        let output = finish(command(&named)).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""));
        // It is not for the host of the URL, and without the file nobody vouches for it.
        let output = finish(command(&ping)).await;
        output.failed(1, "cannot be reached by TLS");
        assert!(output.stderr.contains("or set --server-name"), "{output:?}");
        finish(command(&ping[..5]))
            .await
            .failed(1, "cannot be reached by TLS");
    }
    fs::write(&file, "no certificate").unwrap();
    let output = finish(command(&["ping", "--url", &server.url(), "--ca", path])).await;
    output.failed(1, &format!("--ca {path} holds no certificates in PEM"));
    fs::remove_file(&file).unwrap();
}
