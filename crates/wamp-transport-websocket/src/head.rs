//! The head of an HTTP request or response, read within bounds.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;

use crate::http::header::{HeaderMap, HeaderName, HeaderValue};

/// A head, and the octets that came with it and belong to what follows.
#[derive(Debug)]
pub(crate) struct Head {
    octets: Vec<u8>,
    end: usize,
}

#[derive(Debug)]
pub(crate) enum HeadError {
    /// The stream ended before the head did.
    Closed,
    Io(io::Error),
    /// What arrives does not begin like HTTP.
    NotHttp,
    TooLong,
}

impl Head {
    /// Reads a head. Its end is looked for in new octets only, so that one that comes octet by
    /// octet costs no more than another.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, HeadError> {
        let mut octets = Vec::with_capacity(CHUNK);
        let mut searched = 0_usize;
        loop {
            octets.reserve(CHUNK);
            match stream.read_buf(&mut octets).await {
                Ok(0) => return Err(HeadError::Closed),
                Ok(_) => {}
                Err(error) => return Err(HeadError::Io(error)),
            }
            // A method, or the "HTTP" of a response.
            if !octets[0].is_ascii_uppercase() {
                return Err(HeadError::NotHttp);
            }
            let from = searched.saturating_sub(3);
            searched = octets.len();
            match find_end(&octets[from..]).map(|end| from + end) {
                Some(end) if end <= MAX_HEAD => return Ok(Self { octets, end }),
                None if octets.len() < MAX_HEAD => {}
                Some(_) | None => return Err(HeadError::TooLong),
            }
        }
    }

    /// Parses the head.
    pub(crate) fn parse<T: TryParse>(&self) -> Result<T, Error> {
        match T::try_parse(&self.octets[..self.end])? {
            Some((_, parsed)) => Ok(parsed),
            None => Err(Error::Protocol(ProtocolError::HandshakeIncomplete)),
        }
    }

    /// What follows the head.
    pub(crate) fn into_rest(mut self) -> Vec<u8> {
        self.octets.split_off(self.end)
    }
}

/// Where the empty line ends.
fn find_end(octets: &[u8]) -> Option<usize> {
    let at = |pattern: &[u8]| {
        let mut windows = octets.windows(pattern.len());
        windows
            .position(|window| window == pattern)
            .map(|at| at + pattern.len())
    };
    match (at(b"\n\r\n"), at(b"\n\n")) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether a header that is a list of tokens has one of them, whatever its case.
pub(crate) fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut tokens = values.flat_map(|value| value.split(','));
    tokens.any(|found| found.trim().eq_ignore_ascii_case(token))
}

/// Headers as a [`ConnectionInfo`](wamp_core::ConnectionInfo) has them.
pub(crate) fn to_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    headers.iter().map(pair).collect()
}

/// The longest head. Browsers with many cookies stay below it.
const MAX_HEAD: usize = 16 << 10;

const CHUNK: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::handshake::server::Request;

    use super::*;

    const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nHost: h\r\n\r\n";

    /// A stream that gives the octets in two pieces.
    fn in_two(octets: &[u8], at: usize) -> impl AsyncRead + Unpin {
        let (first, second) = octets.split_at(at);
        first.chain(second)
    }

    #[tokio::test]
    async fn what_follows_the_head_is_kept() {
        let octets = [REQUEST, b"\x81\x80rest"].concat();
        for at in [1, 20, REQUEST.len(), REQUEST.len() + 2] {
            let mut stream = in_two(&octets, at);
            let head = Head::read(&mut stream).await.unwrap();
            assert_eq!(head.parse::<Request>().unwrap().uri().path(), "/ws");
            let mut rest = head.into_rest();
            stream.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"\x81\x80rest", "cut at {at}");
        }
    }

    #[tokio::test]
    async fn the_end_is_found_wherever_the_octets_are_cut() {
        for at in 1..REQUEST.len() {
            let head = Head::read(&mut in_two(REQUEST, at)).await.unwrap();
            assert!(head.parse::<Request>().is_ok(), "cut at {at}");
        }
    }

    async fn error(octets: &[u8]) -> HeadError {
        Head::read(&mut &*octets).await.unwrap_err()
    }

    #[tokio::test]
    async fn what_is_no_head_is_refused_early() {
        assert!(matches!(error(b"").await, HeadError::Closed));
        assert!(matches!(
            error(b"GET / HTTP/1.1\r\n").await,
            HeadError::Closed
        ));
        assert!(matches!(error(b"\x7f\xf3\0\0").await, HeadError::NotHttp));
        assert!(matches!(error(b"\x16\x03\x01").await, HeadError::NotHttp));
        assert!(matches!(error(&[b'A'; 100_000]).await, HeadError::TooLong));
    }

    #[test]
    fn tokens_are_found_in_any_place_and_case() {
        let mut headers = HeaderMap::new();
        let name = || HeaderName::from_static("connection");
        headers.append(name(), "close".parse().unwrap());
        headers.append(name(), "Keep-Alive, upgradE".parse().unwrap());
        assert!(has_token(&headers, name(), "Upgrade"));
        assert!(!has_token(&headers, name(), "alive"));
    }
}
