//! Proxies of SOCKS5 (RFC 1928), with user name and password (RFC 1929).

use std::net::IpAddr;

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
    let methods: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_LOGIN, PASSWORD],
        None => &[VERSION, 1, NO_LOGIN],
    };
    stream.write_all(methods).await?;
    stream.flush().await?;
    let [version, method] = read(stream).await?;
    if version != VERSION {
        return Err(NOT_SOCKS);
    }
    match (method, credentials) {
        (NO_LOGIN, _) => {}
        (PASSWORD, Some(credentials)) => log_in(stream, credentials).await?,
        (NONE_ACCEPTED, None) => return Err(ProxyError::NoCredentials),
        (NONE_ACCEPTED, Some(_)) => return Err(ProxyError::UnknownMethod),
        _ => {
            return Err(ProxyError::BadAnswer(
                "it picks a method that was not offered",
            ));
        }
    }
    stream.write_all(&request(host, port)).await?;
    stream.flush().await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(NOT_SOCKS);
    }
    if reply != 0 {
        return Err(ProxyError::Refused(format!("{:?}", meaning(reply))));
    }
    // Where the proxy connects from is of no interest, but has to be read.
    match kind {
        IPV4 => drop(read::<6>(stream).await?),
        IPV6 => drop(read::<18>(stream).await?),
        NAME => {
            let [len] = read(stream).await?;
            let mut rest = [0; u8::MAX as usize + 2];
            stream.read_exact(&mut rest[..usize::from(len) + 2]).await?;
        }
        _ => return Err(ProxyError::BadAnswer("its address is of an unknown kind")),
    }
    Ok(())
}

async fn log_in(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    credentials: &Credentials,
) -> Result<(), ProxyError> {
    let mut request = Zeroizing::new(Vec::with_capacity(3 + 2 * usize::from(u8::MAX)));
    request.push(LOGIN_VERSION);
    for text in [&credentials.user, &credentials.password] {
        request.push(len(text));
        request.extend_from_slice(text);
    }
    stream.write_all(&request).await?;
    stream.flush().await?;
    // Some write the version of SOCKS here instead of that of the login.
    let [_, status] = read(stream).await?;
    match status {
        0 => Ok(()),
        _ => Err(ProxyError::Credentials),
    }
}

fn request(host: &Host, port: u16) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host {
        Host::Ip(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Host::Ip(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Host::Name(name) => {
            request.extend([NAME, len(name.as_bytes())]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    request
}

/// The length of what was found to fit when it was parsed.
fn len(text: &[u8]) -> u8 {
    u8::try_from(text.len()).unwrap_or(u8::MAX)
}

async fn read<const N: usize>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<[u8; N], ProxyError> {
    let mut octets = [0; N];
    stream.read_exact(&mut octets).await?;
    Ok(octets)
}

/// RFC 1928, section 6.
const fn meaning(reply: u8) -> &'static str {
    match reply {
        1 => "general SOCKS server failure",
        2 => "connection not allowed by ruleset",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "an unassigned reply",
    }
}

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTED: u8 = 0xFF;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const NOT_SOCKS: ProxyError = ProxyError::BadAnswer("it does not speak SOCKS5");

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens when a proxy answers like this to `host`, and what it was sent.
    async fn answered(
        host: &str,
        answer: &[u8],
        credentials: Option<&Credentials>,
    ) -> (Result<(), ProxyError>, Vec<u8>) {
        let (mut client, mut proxy) = tokio::io::duplex(1 << 16);
        proxy.write_all(answer).await.unwrap();
        proxy.shutdown().await.unwrap();
        let host = host.parse().unwrap();
        let result = open(&mut client, &host, 258, credentials).await;
        drop(client);
        let mut sent = Vec::new();
        proxy.read_to_end(&mut sent).await.unwrap();
        (result, sent)
    }

    #[tokio::test]
    async fn each_kind_of_address_is_asked_for_and_answered() {
        let four = [5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
        let (result, sent) = answered("10.1.2.3", &four, None).await;
        result.unwrap();
        assert_eq!(sent, [5, 1, 0, 5, 1, 0, 1, 10, 1, 2, 3, 1, 2]);

        let name = b"\x05\x00\x05\x00\x00\x03\x01h\x00\x50";
        let (result, sent) = answered("h.example", name, None).await;
        result.unwrap();
        assert_eq!(sent, b"\x05\x01\x00\x05\x01\x00\x03\x09h.example\x01\x02");

        let mut six = vec![5, 0, 5, 0, 0, 4];
        six.extend([0; 18]);
        let (result, sent) = answered("[::1]", &six, None).await;
        result.unwrap();
        assert_eq!(sent[..7], [5, 1, 0, 5, 1, 0, 4]);
        assert_eq!(sent.len(), 7 + 16 + 2);
    }

    #[tokio::test]
    async fn it_reads_no_further_than_the_answer() {
        let (mut client, mut proxy) = tokio::io::duplex(1 << 16);
        let answer = [5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80, b'!'];
        proxy.write_all(&answer).await.unwrap();
        let host = "h".parse().unwrap();
        open(&mut client, &host, 1, None).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'!');
    }

    fn credentials() -> Credentials {
        Credentials {
            user: Zeroizing::new(b"joe".to_vec()),
            password: Zeroizing::new(b"secret".to_vec()),
        }
    }

    #[tokio::test]
    async fn user_name_and_password_are_sent_to_a_proxy_that_asks() {
        let answer = [5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let (result, sent) = answered("h", &answer, Some(&credentials())).await;
        result.unwrap();
        assert!(sent.starts_with(b"\x05\x02\x00\x02\x01\x03joe\x06secret\x05\x01"));

        let (result, sent) = answered("h", &[5, 2, 1, 1], Some(&credentials())).await;
        assert!(matches!(result, Err(ProxyError::Credentials)));
        assert!(sent.ends_with(b"secret"));
    }

    #[tokio::test]
    async fn user_name_and_password_are_not_sent_to_a_proxy_that_does_not_ask() {
        let answer = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let (result, sent) = answered("h", &answer, Some(&credentials())).await;
        result.unwrap();
        assert!(!sent.windows(6).any(|window| window == b"secret"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        for garbage in [
            b"HTTP/1.1 400 Bad Request\r\n\r\n" as &[u8],
            &[4, 0],
            &[5, 2],
            &[5, 7],
            &[5, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            &[5, 0, 5, 0, 0, 9, 0, 0],
        ] {
            let (result, _) = answered("h", garbage, None).await;
            let error = result.unwrap_err();
            assert!(matches!(error, ProxyError::BadAnswer(_)), "{error}");
        }
        for short in [&[] as &[u8], &[5], &[5, 0], &[5, 0, 5, 0, 0, 3, 255, 0]] {
            let (result, _) = answered("h", short, None).await;
            let error = result.unwrap_err();
            assert!(matches!(error, ProxyError::Closed), "{error}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_reason() {
        let (result, _) = answered("h", &[5, 0, 5, 5, 0, 1], None).await;
        assert_eq!(
            result.unwrap_err().to_string(),
            "it answers \"connection refused\""
        );
        let (result, _) = answered("h", &[5, 255], None).await;
        assert!(matches!(result, Err(ProxyError::NoCredentials)));
        let (result, _) = answered("h", &[5, 255], Some(&credentials())).await;
        assert!(matches!(result, Err(ProxyError::UnknownMethod)));
    }
}
