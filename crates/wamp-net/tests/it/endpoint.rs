//! URLs, and what they stand for.

use proptest::prelude::*;
use wamp_net::{Address, Endpoint, EndpointError, Host, Protocol};

fn parse(url: &str) -> Result<Endpoint, EndpointError> {
    url.parse()
}

/// Takes a URL apart: the address as text, whether it is TLS, and the target of WebSocket.
fn parts(url: &str) -> (String, bool, Option<String>) {
    let endpoint = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let address = match endpoint.address() {
        Address::Tcp { host, port } => format!("{host} {port}"),
        Address::Unix { path } => path.to_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    let target = match endpoint.protocol() {
        Protocol::WebSocket { target } => Some(target.clone()),
        Protocol::RawSocket => None,
        other => panic!("{other:?}"),
    };
    (address, endpoint.is_tls(), target)
}

#[test]
fn a_url_of_a_host_is_taken_apart() {
    let cases = [
        ("ws://localhost", "localhost 80", false, "/"),
        ("ws://localhost:", "localhost 80", false, "/"),
        ("WS://LocalHost:8080", "localhost 8080", false, "/"),
        ("ws://a.b-c_d/ws", "a.b-c_d 80", false, "/ws"),
        ("ws://h/a/b?c=d&e=f:g@h", "h 80", false, "/a/b?c=d&e=f:g@h"),
        ("ws://h?c=d", "h 80", false, "/?c=d"),
        ("ws://127.0.0.1:65535/", "127.0.0.1 65535", false, "/"),
        ("ws://[::1]/ws", "[::1] 80", false, "/ws"),
        ("ws://[2001:DB8::1]:81/ws", "[2001:db8::1] 81", false, "/ws"),
        ("ws://unix/ws", "unix 80", false, "/ws"),
        ("wss://h", "h 443", true, "/"),
        ("WsS://h:80/ws?x", "h 80", true, "/ws?x"),
        ("wss://[::1]:8443", "[::1] 8443", true, "/"),
    ];
    for (url, address, is_tls, target) in cases {
        let expected = (address.to_owned(), is_tls, Some(target.to_owned()));
        assert_eq!(parts(url), expected, "{url}");
    }
    let cases = [
        ("rs://h", "h 80", false),
        ("rs://h/", "h 80", false),
        ("RS://[::1]:8081", "[::1] 8081", false),
        ("rss://h", "h 443", true),
        ("rss://10.0.0.1:8081/", "10.0.0.1 8081", true),
        ("rs://unix", "unix 80", false),
    ];
    for (url, address, is_tls) in cases {
        assert_eq!(parts(url), (address.to_owned(), is_tls, None), "{url}");
    }
}

#[test]
fn a_url_of_a_unix_socket_is_taken_apart() {
    let cases = [
        ("unix:/run/wamp.sock", "/run/wamp.sock", false),
        ("UNIX:///run/wamp.sock", "/run/wamp.sock", false),
        ("unix:////run", "//run", false),
        ("unix:wamp.sock", "wamp.sock", false),
        ("unix:../a/b", "../a/b", false),
        ("unix:8080", "8080", false),
        ("unix:/a b/\u{fc}", "/a b/\u{fc}", false),
        ("unix:/a%20b%25%3F%23%3a", "/a b%?#:", false),
        ("unix:/a:b@c", "/a:b@c", false),
        ("rs+unix:/run/wamp.sock", "/run/wamp.sock", false),
        ("rss+unix:/run/wamp.sock", "/run/wamp.sock", true),
        // Autobahn's.
        ("rs://unix:/tmp/file.sock", "/tmp/file.sock", false),
        ("rs://unix:file.sock", "file.sock", false),
        ("rs://unix:../file.sock", "../file.sock", false),
        ("rss://Unix:/tmp/file.sock", "/tmp/file.sock", true),
        ("rs://unix:80.sock", "80.sock", false),
        ("rs://unix:./80", "./80", false),
    ];
    for (url, path, is_tls) in cases {
        assert_eq!(parts(url), (path.to_owned(), is_tls, None), "{url}");
    }
    let cases = [
        ("ws+unix:/run/wamp.sock", "/run/wamp.sock", false, "/"),
        ("ws+unix:/a:", "/a", false, "/"),
        ("ws+unix:/a:/ws?x=y:z", "/a", false, "/ws?x=y:z"),
        ("ws+unix:/a:?x=y", "/a", false, "/?x=y"),
        ("WS+unix:///a:/ws", "/a", false, "/ws"),
        ("ws+unix:a/b:/ws", "a/b", false, "/ws"),
        ("ws+unix:/a%3Ab:/ws", "/a:b", false, "/ws"),
        ("wss+unix:/a:/ws", "/a", true, "/ws"),
        // Autobahn's, with a target.
        ("ws://unix:/tmp/file.sock", "/tmp/file.sock", false, "/"),
        ("ws://unix:/tmp/f:/ws?x", "/tmp/f", false, "/ws?x"),
        ("wss://unix:f:/ws", "f", true, "/ws"),
    ];
    for (url, path, is_tls, target) in cases {
        let expected = (path.to_owned(), is_tls, Some(target.to_owned()));
        assert_eq!(parts(url), expected, "{url}");
    }
}

#[test]
fn what_is_no_endpoint_is_refused_and_says_why() {
    use EndpointError::*;
    let cases = [
        ("", NoScheme),
        ("localhost", NoScheme),
        ("localhost:8080", NoScheme),
        ("127.0.0.1:8090", NoScheme),
        ("[::1]:8090/ws", NoScheme),
        ("/run/wamp.sock", NoScheme),
        ("http://localhost", UnknownScheme),
        ("tcp+unix://localhost", UnknownScheme),
        ("unix+unix:///a", UnknownScheme),
        ("+unix:///a", UnknownScheme),
        ("ws:localhost", NoHost),
        ("rss:localhost", NoHost),
        ("ws://", NoHost),
        ("ws:///ws", NoHost),
        ("rs://", NoHost),
        ("ws://:80", NoHost),
        ("ws://h:0", BadPort),
        ("ws://h:65536", BadPort),
        ("ws://h:+80", BadPort),
        ("ws://h:80a", BadPort),
        ("ws://::1/", BadHost),
        ("ws://::1:80/", BadHost),
        ("ws://[::1", BadHost),
        ("ws://[::1]80", BadHost),
        ("ws://[::1%25eth0]/", BadHost),
        ("ws://[127.0.0.1]/", BadHost),
        ("ws://h h/", BadHost),
        ("ws://h\r\nx/", BadHost),
        ("ws://b\u{fc}cher.example/", BadHost),
        ("ws://h/a b", BadTarget),
        ("ws://h/a\r\nX: y", BadTarget),
        ("ws://h/\u{fc}", BadTarget),
        ("ws+unix:/a:/b c", BadTarget),
        ("ws://h/#there", Fragment),
        ("unix:/a#b", Fragment),
        ("ws://user:secret@h/", Credentials),
        ("rss://user:secret@h", Credentials),
        ("rs://h/ws", RawSocketTarget),
        ("rss://h?x", RawSocketTarget),
        ("unix:", NoUnixPath),
        ("unix://", NoUnixPath),
        ("rs://unix:", NoUnixPath),
        ("ws+unix:", NoUnixPath),
        ("ws+unix::/ws", NoUnixPath),
        ("unix://run/wamp.sock", UnixHost),
        ("ws+unix://localhost/a", UnixHost),
        ("unix:/a\0b", UnixPathNul),
        ("unix:/a%00b", UnixPathNul),
        ("unix:/a?b", BadUnixPath),
        ("unix:/a\n", BadUnixPath),
        ("ws+unix:/a?x=y", BadUnixPath),
        ("unix:/a%", BadEscape),
        ("unix:/a%2", BadEscape),
        ("unix:/a%+2", BadEscape),
        ("unix:/a%\u{fc}\u{fc}", BadEscape),
        ("ws+unix:/a:ws", UnixTarget),
        ("ws+unix:/a:b:/ws", UnixTarget),
        ("rs://unix:8080", Ambiguous),
        ("ws://unix:8080/ws", Ambiguous),
        ("wss://UNIX:8080?x", Ambiguous),
    ];
    for (url, error) in cases {
        assert_eq!(parse(url), Err(error), "{url:?}");
    }
}

#[test]
fn what_is_to_be_done_about_a_url_is_said_without_repeating_it() {
    let text = |url| parse(url).unwrap_err().to_string();
    assert!(text("127.0.0.1:8090").contains("write ws:// before it"));
    assert!(text("/run/x").contains("unix: before the path"));
    assert!(text("http://h").contains("none of WAMP's"));
    assert!(text("rs://h/ws").contains("ws:// or wss:// if WebSocket is meant"));
    for url in [
        "http://joe:secret@h",
        "ws://joe:secret@h/",
        "rs://secret/secret",
        "ws://secret secret/",
        "ws://h:secret/",
        "ws://h/secret#secret",
        "unix://secret",
        "unix:/secret%",
        "ws+unix:/secret:secret",
    ] {
        assert!(!text(url).contains("secret"), "{url}");
    }
}

#[test]
fn an_endpoint_is_written_in_one_way() {
    for (url, written) in [
        ("ws://h", "ws://h/"),
        ("ws://h:80/a?b", "ws://h/a?b"),
        ("wss://H:443", "wss://h/"),
        ("wss://h:80", "wss://h:80/"),
        ("ws://h:443", "ws://h:443/"),
        ("ws://[::1]", "ws://[::1]/"),
        ("rs://h:80/", "rs://h"),
        ("rss://10.0.0.1:8080", "rss://10.0.0.1:8080"),
        ("rs://unix:/a", "unix:/a"),
        ("rss://unix:a", "rss+unix:a"),
        ("ws://unix:/a:/ws", "ws+unix:/a:/ws"),
        ("wss://unix:/a:/", "wss+unix:/a"),
        ("unix:////a", "unix:////a"),
        ("unix:/a b:%c3%bc%ff", "unix:/a%20b%3A%C3%BC%FF"),
    ] {
        // Paths beyond UTF-8 are not on every platform.
        if cfg!(unix) || !url.contains("%ff") {
            assert_eq!(parse(url).unwrap().to_string(), written, "{url}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_parsed_as_the_same(
        scheme in "(ws|wss|rs|rss)(:|\\+unix:)|unix:",
        slashes in "(//|///|////)?(unix:)?",
        rest in "[a-z0-9:/?%@\\[\\]. ü]{0,12}|(%[0-9a-f]{2}|[/:a]){1,8}",
    ) {
        if let Ok(endpoint) = parse(&format!("{scheme}{slashes}{rest}")) {
            let written = endpoint.to_string();
            prop_assert_eq!(parse(&written), Ok(endpoint), "{}", written);
        }
    }

    #[test]
    fn nothing_that_is_parsed_panics(url in "(ws|rss?|unix|ws\\+unix)?(:|://)\\PC*") {
        drop(parse(&url));
    }
}

#[test]
fn the_authority_leaves_out_the_port_of_the_scheme() {
    let authority = |url: &str| parse(url).unwrap().authority();
    assert_eq!(authority("ws://h:80/x"), "h");
    assert_eq!(authority("ws://[::1]:8080"), "[::1]:8080");
    assert_eq!(authority("wss://h/x"), "h");
    assert_eq!(authority("wss://h:80"), "h:80");
    assert_eq!(authority("rs://h:443"), "h:443");
    assert_eq!(authority("ws+unix:/run/wamp.sock:/ws"), "localhost");
}

#[test]
fn a_host_is_a_name_or_an_address() {
    assert_eq!("Ab.c".parse(), Ok(Host::Name("ab.c".into())));
    assert_eq!("10.0.0.1".parse(), Ok(Host::Ip([10, 0, 0, 1].into())));
    assert_eq!("::1".parse::<Host>(), Err(EndpointError::BadHost));
}
