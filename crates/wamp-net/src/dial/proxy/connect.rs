//! HTTP proxies: `CONNECT` (RFC 9110, section 9.3.6).

use data_encoding::BASE64;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::dial::proxy::{Credentials, ProxyError};
use crate::endpoint::Host;

pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &Host,
    port: u16,
    credentials: Option<&Credentials>,
) -> Result<(), ProxyError> {
    stream.write_all(&request(host, port, credentials)).await?;
    stream.flush().await?;
    let head = read_head(stream).await?;
    let (status, reason) = parse_status(&head).ok_or(NOT_HTTP)?;
    match status {
        // Any of them, not 200 alone.
        200..=299 => Ok(()),
        407 if credentials.is_some() => Err(ProxyError::Credentials),
        407 => Err(ProxyError::NoCredentials),
        _ => Err(ProxyError::Refused(format!(
            "with the HTTP status {status} {reason:?}"
        ))),
    }
}

fn request(host: &Host, port: u16, credentials: Option<&Credentials>) -> Zeroizing<Vec<u8>> {
    let mut request = Zeroizing::new(Vec::with_capacity(MAX_HEAD));
    let head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    request.extend_from_slice(head.as_bytes());
    if let Some(Credentials { user, password }) = credentials {
        let pair = Zeroizing::new([&user[..], b":", &password[..]].concat());
        let encoded = Zeroizing::new(BASE64.encode(&pair));
        request.extend_from_slice(b"Proxy-Authorization: Basic ");
        request.extend_from_slice(encoded.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Reads the head of the answer, up to the empty line.
///
/// Nothing may follow it: the client speaks first in all that is tunnelled. So there is no need to
/// read octet by octet in order to leave the rest alone.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, ProxyError> {
    let mut head = vec![0; MAX_HEAD];
    let mut len = 0;
    loop {
        let read = stream.read(&mut head[len..]).await?;
        if read == 0 {
            return Err(ProxyError::Closed);
        }
        // The empty line may have begun in what was read before.
        let from = len.saturating_sub(END.len() - 1);
        len += read;
        if !head[..len].starts_with(&PREFIX[..len.min(PREFIX.len())]) {
            return Err(NOT_HTTP);
        }
        let end = head[from..len]
            .windows(END.len())
            .position(|window| window == END);
        match end.map(|at| from + at + END.len()) {
            Some(end) if end == len => {
                head.truncate(len);
                return Ok(head);
            }
            Some(_) => return Err(ProxyError::BadAnswer("it speaks before it is asked")),
            None if len == head.len() => {
                return Err(ProxyError::BadAnswer("the head of its answer has no end"));
            }
            None => {}
        }
    }
}

/// The status, and as much of its reason as is worth repeating.
fn parse_status(head: &[u8]) -> Option<(u16, String)> {
    let line = head.split(|octet| *octet == b'\r').next()?;
    let line = line.strip_prefix(PREFIX)?;
    let [minor, b' ', status @ ..] = line else {
        return None;
    };
    let (status, reason) = status.split_at_checked(3)?;
    let separated = reason.first().is_none_or(|octet| *octet == b' ');
    if !minor.is_ascii_digit() || !status.iter().all(u8::is_ascii_digit) || !separated {
        return None;
    }
    let status = str::from_utf8(status).ok()?.parse().ok()?;
    let reason = String::from_utf8_lossy(reason);
    Some((status, reason.trim().chars().take(MAX_REASON).collect()))
}

const PREFIX: &[u8] = b"HTTP/1.";
const END: &[u8] = b"\r\n\r\n";
const NOT_HTTP: ProxyError = ProxyError::BadAnswer("it does not speak HTTP/1.1");
const MAX_HEAD: usize = 16 * 1024;
const MAX_REASON: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &[&[u8]]) -> Result<(), ProxyError> {
        let (mut client, mut proxy) = tokio::io::duplex(1 << 16);
        let answering = async {
            let mut asked = vec![0; request(&host(), 443, None).len()];
            proxy.read_exact(&mut asked).await.unwrap();
            assert_eq!(
                String::from_utf8(asked).unwrap(),
                "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"
            );
            for part in answer {
                proxy.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(proxy);
        };
        let host = host();
        tokio::join!(open(&mut client, &host, 443, None), answering).0
    }

    fn host() -> Host {
        "[::1]".parse().unwrap()
    }

    #[tokio::test]
    async fn any_success_opens_the_way_however_it_arrives() {
        answered(&[b"HTTP/1.1 200 Connection established\r\n\r\n"])
            .await
            .unwrap();
        answered(&[b"HTTP/1.0 204\r\nVia: x\r\n\r\n"])
            .await
            .unwrap();
        let octets: Vec<&[u8]> = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n".chunks(1).collect();
        answered(&octets).await.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_status() {
        let error = answered(&[b"HTTP/1.1 403 Not \x1b[31mthis\r\n\r\n"]).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "it answers with the HTTP status 403 \"Not \\u{1b}[31mthis\""
        );
        let error = answered(&[b"HTTP/1.1 407 X\r\n\r\n"]).await;
        assert!(matches!(error, Err(ProxyError::NoCredentials)));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        let long = [b'x'; MAX_HEAD];
        for garbage in [
            &[b"SSH-2.0-OpenSSH_9.6\r\n" as &[u8]] as &[&[u8]],
            &[b"\x05\x00"],
            &[b"HTTP/1.1 2000 OK\r\n\r\n"],
            &[b"HTTP/1.1 20\r\n\r\n"],
            &[b"HTTP/1.1 +20 OK\r\n\r\n"],
            &[b"HTTP/1.1\r\n\r\n"],
            &[b"HTTP/2 200 OK\r\n\r\n"],
            &[b"HTTP/1.1 200 OK\r\n\r\nhello"],
            &[b"HTTP/1.1 200 OK\r\n", &long],
        ] {
            let error = answered(garbage).await.unwrap_err();
            assert!(matches!(error, ProxyError::BadAnswer(_)), "{error}");
        }
        for short in [b"" as &[u8], b"HTT", b"HTTP/1.1 200 OK\r\n\r"] {
            let error = answered(&[short]).await.unwrap_err();
            assert!(matches!(error, ProxyError::Closed), "{error}");
        }
    }
}
