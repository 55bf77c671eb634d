//! The handshake within an HTTP server, as values: requests that it has received, and its answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use wamp_core::{ConnectionInfo, Transport};
use wamp_transport_websocket::http::{HeaderMap, HeaderValue, Request, Response, Version};
use wamp_transport_websocket::{AcceptOptions, Refusal, accept};

use crate::support::*;

const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
const JSON: (&str, &str) = ("sec-websocket-protocol", "wamp.2.json");

/// A request with the headers of a handshake, and others.
fn request(target: &str, more: &[(&str, &str)]) -> Request<&'static str> {
    let handshake = [
        ("host", "localhost"),
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
    ];
    with_headers(target, &[&handshake, more].concat())
}

fn with_headers(target: &str, headers: &[(&str, &str)]) -> Request<&'static str> {
    let builder = headers
        .iter()
        .fold(Request::get(target), |builder, (name, value)| {
            builder.header(*name, *value)
        });
    builder.body("a body of whatever type").unwrap()
}

/// The options with everything that can refuse.
fn options() -> AcceptOptions {
    AcceptOptions::default()
        .path("/ws")
        .origins(["https://app.example"])
        .on_request(|request| {
            if request.uri().query() == Some("evil") {
                return Err(Refusal::new("402".parse().unwrap(), "Not without a coin."));
            }
            let mut headers = HeaderMap::new();
            headers.append("set-cookie", HeaderValue::from_static("a=b"));
            headers.append("set-cookie", HeaderValue::from_static("c=d"));
            headers.insert("upgrade", HeaderValue::from_static("mischief"));
            Ok(headers)
        })
}

/// Status, headers but for those of the connection alone, and body, as lines.
fn shown(status: u16, headers: &[(String, String)], body: &str) -> String {
    let ignored = ["connection", "content-length"];
    let mut lines: Vec<String> = headers
        .iter()
        .filter(|(name, _)| !ignored.contains(&&**name))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.sort();
    format!("{status}\n{}\n\n{body}", lines.join("\n"))
}

/// What the HTTP server answers.
fn mounted(request: &Request<&str>) -> Response<String> {
    match options().upgrade(request) {
        Ok(upgrade) => upgrade.response(),
        Err(refusal) => refusal.into(),
    }
}

/// What is answered to the same request over a stream of octets.
async fn accepted(request: &Request<&str>) -> String {
    let mut octets = format!(
        "{} {} {:?}\r\n",
        request.method(),
        request.uri(),
        request.version()
    );
    for (name, value) in request.headers() {
        octets += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    octets += "\r\n";
    let (mut client, server) = duplex(64 << 10);
    client.write_all(octets.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    drop(accept(server, ConnectionInfo::new("pipe"), &options()).await);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    shown(status.parse().unwrap(), &headers, body)
}

#[tokio::test]
async fn a_mounted_router_answers_as_one_with_a_socket_of_its_own() {
    let mut post = request("/ws", &[KEY, JSON]);
    *post.method_mut() = "POST".parse().unwrap();
    let mut old = request("/ws", &[KEY, JSON]);
    *old.version_mut() = Version::HTTP_10;
    let origin = |origin| request("/ws", &[KEY, JSON, ("origin", origin)]);
    let cases = [
        (request("/ws", &[KEY, JSON]), 101),
        (request("/ws?a=b", &[KEY, JSON]), 101),
        (origin("https://app.example"), 101),
        (origin("https://evil.example"), 403),
        (request("/other", &[KEY, JSON]), 404),
        (request("/ws?evil", &[KEY, JSON]), 402),
        (request("/ws", &[KEY]), 400),
        (
            request("/ws", &[KEY, ("sec-websocket-protocol", "mqtt")]),
            400,
        ),
        (request("/ws", &[JSON]), 400),
        (request("/ws", &[KEY, KEY, JSON]), 400),
        (with_headers("/ws", &[("host", "localhost")]), 426),
        (post, 405),
        (old, 426),
    ];
    for (request, status) in cases {
        let response = mounted(&request);
        assert_eq!(response.status(), status, "{request:?}");
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let shown = shown(status, &headers, response.body());
        assert_eq!(shown, accepted(&request).await, "{request:?}");
    }
}

#[test]
fn the_answer_has_every_header_that_belongs_to_it_and_no_other() {
    let response = mounted(&request("/ws", &[KEY, JSON]));
    let headers: Vec<(&str, &str)> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        headers,
        [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-protocol", "wamp.2.json"),
            ("set-cookie", "a=b"),
            ("set-cookie", "c=d"),
        ],
    );
}

#[test]
fn a_refusal_leaves_the_connection_to_the_http_server() {
    let response = mounted(&with_headers("/ws", &[("host", "localhost")]));
    assert_eq!(response.headers()["connection"], "Upgrade");
    let response = mounted(&request("/other", &[KEY, JSON]));
    assert!(!response.headers().contains_key("connection"));
    assert!(!response.headers().contains_key("content-length"));
}

#[tokio::test]
async fn a_fallback_is_used_without_being_announced() {
    let options = AcceptOptions::default().fallback(serializer("json"));
    let upgrade = options.upgrade(&request("/", &[KEY])).unwrap();
    let response: Response<()> = upgrade.response();
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    let (_client, server) = duplex(PIPE);
    let accepted = upgrade.accept(server, ConnectionInfo::new("pipe")).await;
    assert_eq!(accepted.info().serializer, "json");
}

#[tokio::test]
async fn the_connection_knows_its_request_and_keeps_the_limits() {
    let config = wamp_transport_websocket::WebSocketConfig::default().max_message_size(100);
    let upgrade = options()
        .config(config)
        .upgrade(&request("/ws?a=b", &[KEY, JSON, ("cookie", "e=f")]))
        .unwrap();
    let (mut client, server) = duplex(PIPE);
    let mut info = ConnectionInfo::new("pipe");
    info.peer_addr = Some("192.0.2.1:81".parse().unwrap());
    let mut accepted = upgrade.accept(server, info).await;

    let info = accepted.info();
    assert_eq!((info.transport, &*info.serializer), ("websocket", "json"));
    assert_eq!(info.peer_addr, Some("192.0.2.1:81".parse().unwrap()));
    assert_eq!(info.http_path.as_deref(), Some("/ws"));
    assert_eq!(info.header("cookie"), Some("e=f"));
    assert_eq!(accepted.max_len(), Some(100));

    let octets = frame(TEXT, b"[337,5]", true);
    client.write_all(&octets).await.unwrap();
    assert_eq!(receive(&mut accepted).await.unwrap(), numbered(5));
}

#[test]
fn a_callback_sees_what_the_http_server_knows_of_the_request() {
    #[derive(Clone)]
    struct Client(&'static str);
    let options = AcceptOptions::default().on_request(|request| match request.extensions().get() {
        Some(Client("known")) => Ok(HeaderMap::new()),
        _ => Err(Refusal::new("401".parse().unwrap(), "Who are you?")),
    });
    let mut request = request("/", &[KEY, JSON]);
    assert_eq!(options.upgrade(&request).unwrap_err().status(), 401);
    request.extensions_mut().insert(Client("known"));
    assert!(options.upgrade(&request).is_ok());
}

#[test]
fn an_upgrade_is_shown_without_its_headers() {
    let request = request("/ws", &[KEY, JSON, ("cookie", "secret")]);
    let upgrade = options().upgrade(&request).unwrap();
    assert!(!format!("{upgrade:?}").contains("secret"));
}
