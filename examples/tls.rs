//! TLS: `wss://` and `rss://`, with a certificate that is made here and trusted by its root.
//!
//! A client trusts what its platform trusts, or the roots that it is given in its place. One that
//! was not given the root of this router does not connect, and says why.
//!
//! Run it with `cargo run --example tls`. Certificates in files, and how they are renewed while the
//! router runs, are in the chapter `transports` of the guide.

use std::error::Error;
use std::time::Duration;

use wamp::net::tls::{ClientTls, ClientTlsError, ServerTls};
use wamp::{ConnectError, Dial, Realm, Router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A real router reads its certificate from files: `ServerTls::from_pem_files`.
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let certificate = cert.pem();

    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router
        .listen("127.0.0.1:0")
        .tls(ServerTls::from_pem(
            &certificate,
            signing_key.serialize_pem(),
        )?)
        .await?;
    let service = router.session("com.example").await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;

    for url in [server.url(), server.rawsocket_url()] {
        let client = Dial::new(&url)
            .tls(ClientTls::default().root_pem(&certificate))
            .connect()
            .realm("com.example")
            .await?;
        let sum: i64 = client
            .call("com.example.add")
            .args((2, 3))
            .returns()
            .await?;
        assert_eq!(sum, 5);
        let tls = &client.connection_info().tls;
        let tls = tls.as_ref().ok_or("the connection is not encrypted")?;
        println!(
            "{url}: 2 + 3 = {sum}, over {} with {}",
            tls.version, tls.cipher_suite
        );
        client.leave().await?;
    }

    // A client that was given another root does not trust the certificate.
    let stranger = Dial::new(server.url())
        .tls(ClientTls::default().root_pem(another_root()?))
        .connect();
    let error = stranger.await.expect_err("the certificate is not trusted");
    println!("without its root: {error}");
    let ConnectError::Connect(cause) = &error else {
        return Err(error.into());
    };
    let unknown = cause.downcast_ref::<ClientTlsError>();
    assert!(
        matches!(unknown, Some(ClientTlsError::UnknownIssuer)),
        "{unknown:?}"
    );

    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

fn another_root() -> Result<String, rcgen::Error> {
    let mut params = rcgen::CertificateParams::default();
    let name = rcgen::DnType::CommonName;
    params.distinguished_name.push(name, "another authority");
    Ok(params.self_signed(&rcgen::KeyPair::generate()?)?.pem())
}
