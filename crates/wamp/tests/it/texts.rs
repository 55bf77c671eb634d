//! What people are told who cannot connect.

use tokio::net::TcpListener;
use wamp::net::ListenLimits;
use wamp::{Dial, Realm, Router};

async fn told(url: &str) -> String {
    let connecting = wamp::connect(url).realm("realm1").await;
    connecting.expect_err("nobody is there").to_string()
}

#[tokio::test]
async fn the_address_of_a_router_that_is_not_there_is_said_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let text = told(&format!("ws://{address}/ws")).await;
    assert_eq!(text.matches(&address).count(), 1, "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_url_that_is_none_is_shown_with_what_to_do() {
    let text = told("127.0.0.1:8090").await;
    assert!(text.contains("127.0.0.1:8090: "), "{text}");
    assert!(text.contains("write ws:// before it"), "{text}");
    let text = told("http://router.example").await;
    assert!(text.contains("http://router.example: "), "{text}");
    assert!(text.contains("none of WAMP's"), "{text}");
}

#[tokio::test]
async fn a_password_in_a_url_is_not_repeated() {
    for url in ["ws://joe:secret@h/", "wss://joe:secret@h/", "joe:secret@h"] {
        let text = told(url).await;
        assert!(!text.contains("secret"), "{text}");
        let shown = format!("{:?}", Dial::new(url));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_client_too_many_is_told_so_and_welcome_when_another_has_gone() {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let limits = ListenLimits::default().connections(1);
    let server = router.listen("127.0.0.1:0").limits(limits).await;
    let url = server.expect("there is a free port").url();
    let only = wamp::connect(&url).realm("realm1").await;
    let only = only.expect("there is room for one");
    let text = told(&url).await;
    assert!(text.contains("503"), "{text}");
    assert!(text.contains("too many connections"), "{text}");

    only.leave().await.expect("it is open");
    // The place is free when the connection has ended, which is after the session has.
    while wamp::connect(&url).realm("realm1").await.is_err() {}
}
