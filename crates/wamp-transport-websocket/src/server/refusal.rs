//! A refused request, and the HTTP answer that says so.

use crate::http::header::{self, HeaderName, HeaderValue};
use crate::http::{Response, StatusCode};
use crate::server::is_own;

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
///
/// It converts into an [`http::Response`](crate::http::Response) with a body of one's choice.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} ({text})")]
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
        let upgrade = self.upgrade();
        let connection = if upgrade.is_some() {
            "close, Upgrade"
        } else {
            "close"
        };
        let mut answer = format!(
            "HTTP/1.1 {}\r\n\
             Connection: {connection}\r\n\
             Content-Type: {TEXT}\r\n\
             Content-Length: {}\r\n",
            self.status,
            self.text.len() + 1,
        )
        .into_bytes();
        if let Some(protocol) = upgrade {
            write_header(&mut answer, header::UPGRADE.as_str(), protocol.as_bytes());
        }
        for (name, value) in self.more_headers() {
            write_header(&mut answer, name.as_str(), value.as_bytes());
        }
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(self.text.as_bytes());
        answer.push(b'\n');
        answer
    }

    /// The protocol that the connection could be upgraded to. Beside the header that names it
    /// there is one, `Connection`, that says so.
    fn upgrade(&self) -> Option<&HeaderValue> {
        let mut headers = self.headers.iter();
        headers
            .find(|(name, _)| name == header::UPGRADE)
            .map(|(_, value)| value)
    }

    fn more_headers(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.headers.iter().filter(|(name, _)| !is_own(name))
    }
}

/// The answer of an HTTP server in which the router is mounted. How long the body is, and whether
/// the connection is kept, is the server's to say.
impl<B: From<String>> From<Refusal> for Response<B> {
    fn from(mut refusal: Refusal) -> Self {
        refusal.text.push('\n');
        let mut response = Self::new(std::mem::take(&mut refusal.text).into());
        *response.status_mut() = refusal.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
        if let Some(protocol) = refusal.upgrade() {
            headers.insert(header::UPGRADE, protocol.clone());
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        for (name, value) in refusal.more_headers() {
            headers.append(name, value.clone());
        }
        response
    }
}

pub(super) fn write_header(answer: &mut Vec<u8>, name: &str, value: &[u8]) {
    answer.extend_from_slice(name.as_bytes());
    answer.extend_from_slice(b": ");
    answer.extend_from_slice(value);
    answer.extend_from_slice(b"\r\n");
}

const TEXT: &str = "text/plain; charset=utf-8";
