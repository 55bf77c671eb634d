//! What can be wrong with a URL.

/// Why a URL names no endpoint. The texts never repeat the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is a host of the name `unix` with its port, or a Unix domain socket with a number as its
    /// file.
    #[error(
        "the URL can be read in two ways: for a Unix socket whose file is a number, write unix: \
         and its path without rs:// or ws:// before it; for a host that is called 'unix', write \
         its address"
    )]
    Ambiguous,
    /// A percent sign is not followed by two hexadecimal digits, or they stand for an octet that a
    /// path cannot have on this platform.
    #[error("the URL's path of a Unix socket has a '%' that encodes nothing; write it as %25")]
    BadEscape,
    /// The host is neither a name nor an address.
    #[error(
        "the URL's host is neither a name of ASCII letters, digits, '-', '.' and '_' nor an \
         address; write an IPv6 address in brackets, and an international name in its xn-- form"
    )]
    BadHost,
    /// The port is no number in 1..=65535.
    #[error("the URL's port is no number between 1 and 65535")]
    BadPort,
    /// The path or query has characters that a URL does not have.
    #[error("the URL's path or query has a space or a character beyond ASCII; percent-encode it")]
    BadTarget,
    /// The path of a Unix domain socket has a question mark or a control character.
    #[error(
        "the URL's path of a Unix socket has a '?' or a control character; percent-encode what is \
         part of the path ('?' as %3F), and write what WebSocket requests behind a colon, as in \
         ws+unix:/run/wamp.sock:/ws"
    )]
    BadUnixPath,
    /// The URL holds a user name or password.
    #[error("the URL holds a user name or password; hand them to the authentication instead")]
    Credentials,
    /// The URL has a fragment, which is meaningless here.
    #[error("the URL has a fragment ('#'), which means nothing to a connection; remove it")]
    Fragment,
    /// There is no host.
    #[error("the URL names no host; it should read like ws://localhost:8080/ws")]
    NoHost,
    /// There is no scheme.
    #[error(
        "the URL has no scheme: write ws:// before it, as in ws://localhost:8080/ws, or unix: \
         before the path of a Unix socket"
    )]
    NoScheme,
    /// There is no path of a Unix domain socket.
    #[error("the URL names no Unix socket; it should read like unix:/run/wamp.sock")]
    NoUnixPath,
    /// A URL of RawSocket has a path or query.
    #[error(
        "the URL has a path or query, which RawSocket has not; remove it, or write ws:// or \
         wss:// if WebSocket is meant"
    )]
    RawSocketTarget,
    /// A URL of a Unix domain socket has a host.
    #[error(
        "the URL has a host before the path of its Unix socket; write one slash or three, as in \
         unix:/run/wamp.sock or unix:///run/wamp.sock"
    )]
    UnixHost,
    /// The path of a Unix domain socket has a NUL.
    #[error("the URL's path of a Unix socket has a NUL, which no file can have in its name")]
    UnixPathNul,
    /// What is requested over a Unix domain socket does not begin with a slash.
    #[error(
        "behind the second colon of the URL stands what WebSocket requests, which begins with a \
         slash, as in ws+unix:/run/wamp.sock:/ws; write a colon of the path before it as %3A"
    )]
    UnixTarget,
    /// The scheme is not one of WAMP's.
    #[error(
        "the URL's scheme is none of WAMP's, which are ws, wss, rs, rss, unix, ws+unix, rss+unix and \
         wss+unix; it should read like ws://localhost:8080/ws"
    )]
    UnknownScheme,
}
