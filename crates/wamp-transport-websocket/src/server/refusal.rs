//! A refused request, and the HTTP answer that says so.

use std::fmt;

use crate::http::StatusCode;
use crate::http::header::{self, HeaderName, HeaderValue};
use crate::server::OWN_HEADERS;

/// A refusal of a request: an HTTP status, and a text that says why.
///
/// ```
/// use wamp_transport_websocket::http::StatusCode;
/// use wamp_transport_websocket::{AcceptOptions, Refusal};
///
/// let options = AcceptOptions::default().on_request(|request| {
///     match request.headers().get("authorization") {
///         Some(_) => Ok(Default::default()),
///         None => Err(Refusal::new(StatusCode::UNAUTHORIZED, "Who are you?")),
///     }
/// });
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    text: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// Refuses with a status of 300 or above (any other becomes 403) and a text.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let refuses = status.as_u16() >= 300;
        Self {
            status: if refuses {
                status
            } else {
                StatusCode::FORBIDDEN
            },
            text: text.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header to the answer; those that say how long it is, and how it ends, are left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole answer.
    pub(super) fn to_octets(&self) -> Vec<u8> {
        // A connection that could be upgraded says so beside the header that names to what.
        let mut upgrades = self
            .headers
            .iter()
            .filter(|(name, _)| name == header::UPGRADE);
        let upgrade = upgrades.next().map(|(_, value)| value);
        let connection = if upgrade.is_some() {
            "close, Upgrade"
        } else {
            "close"
        };
        let mut answer = format!(
            "HTTP/1.1 {}\r\n\
             Connection: {connection}\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n",
            self.status,
            self.text.len() + 1,
        )
        .into_bytes();
        if let Some(protocol) = upgrade {
            write_header(&mut answer, &header::UPGRADE, protocol);
        }
        write_headers(
            &mut answer,
            self.headers.iter().map(|(name, value)| (name, value)),
        );
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(self.text.as_bytes());
        answer.push(b'\n');
        answer
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.status, self.text)
    }
}

/// Writes headers, but not those that the handshake sets itself.
pub(super) fn write_headers<'a>(
    answer: &mut Vec<u8>,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) {
    for (name, value) in headers {
        if !OWN_HEADERS.contains(name) {
            write_header(answer, name, value);
        }
    }
}

fn write_header(answer: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    answer.extend_from_slice(name.as_str().as_bytes());
    answer.extend_from_slice(b": ");
    answer.extend_from_slice(value.as_bytes());
    answer.extend_from_slice(b"\r\n");
}
