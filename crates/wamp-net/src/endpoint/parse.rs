//! From a URL to an endpoint.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::endpoint::{Address, Endpoint, EndpointError, Protocol, default_port};
use crate::percent;

pub(super) fn endpoint(url: &str) -> Result<Endpoint, EndpointError> {
    let (scheme, rest) = url.split_once(':').ok_or(EndpointError::NoScheme)?;
    let scheme = scheme.to_ascii_lowercase();
    let (over, is_unix) = match scheme.strip_suffix("+unix") {
        Some(over) => (over, true),
        None if scheme == "unix" => ("rs", true),
        None => (&*scheme, false),
    };
    let (is_websocket, is_tls) = match over {
        "rs" => (false, false),
        "rss" => (false, true),
        "ws" => (true, false),
        "wss" => (true, true),
        _ if rest.starts_with("//") => return Err(EndpointError::UnknownScheme),
        // What stands before the colon is the host.
        _ => return Err(EndpointError::NoScheme),
    };
    if rest.contains('#') {
        return Err(EndpointError::Fragment);
    }
    let (address, target) = if is_unix {
        unix(without_empty_host(rest)?, is_websocket)?
    } else {
        let rest = rest.strip_prefix("//").ok_or(EndpointError::NoHost)?;
        match autobahn_unix(rest)? {
            Some(text) => unix(text, is_websocket)?,
            None => tcp(rest, is_tls)?,
        }
    };
    let protocol = match target {
        "" | "/" if !is_websocket => Protocol::RawSocket,
        _ if !is_websocket => return Err(EndpointError::RawSocketTarget),
        target => Protocol::WebSocket {
            target: parse_target(target)?,
        },
    };
    Ok(Endpoint {
        address,
        is_tls,
        protocol,
    })
}

/// Reads `HOST[:PORT][/PATH][?QUERY]`.
fn tcp(text: &str, is_tls: bool) -> Result<(Address, &str), EndpointError> {
    let end = text.find(['/', '?']).unwrap_or(text.len());
    let (authority, target) = text.split_at(end);
    if authority.contains('@') {
        return Err(EndpointError::Credentials);
    }
    let (host, port) = split_port(authority)?;
    let host = host.parse()?;
    let port = port.map_or_else(|| Ok(default_port(is_tls)), parse_port)?;
    Ok((Address::Tcp { host, port }, target))
}

/// Splits `HOST:PORT`, leaving the brackets of an IPv6 address alone.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<&str>), EndpointError> {
    let after_host = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    match port.strip_prefix(':') {
        // RFC 3986 allows the colon without a port.
        Some("") => Ok((host, None)),
        Some(port) if port.contains(':') => Err(EndpointError::BadHost),
        Some(port) => Ok((host, Some(port))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(EndpointError::BadHost),
    }
}

pub(crate) fn parse_port(text: &str) -> Result<u16, EndpointError> {
    // `parse` alone would take a sign.
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(EndpointError::BadPort);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(EndpointError::BadPort),
        Ok(port) => Ok(port),
    }
}

fn parse_target(target: &str) -> Result<String, EndpointError> {
    if !target.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(EndpointError::BadTarget);
    }
    Ok(match target.as_bytes().first() {
        Some(b'/') => target.to_owned(),
        _ => format!("/{target}"),
    })
}

/// Removes the `//` before an absolute path, between which and the path a host could stand.
fn without_empty_host(text: &str) -> Result<&str, EndpointError> {
    match text.strip_prefix("//") {
        Some("") => Err(EndpointError::NoUnixPath),
        Some(path) if path.starts_with('/') => Ok(path),
        Some(_) => Err(EndpointError::UnixHost),
        None => Ok(text),
    }
}

/// What follows `unix:` where a host would stand, as Autobahn writes Unix domain sockets.
fn autobahn_unix(text: &str) -> Result<Option<&str>, EndpointError> {
    let Some((host, path)) = text.split_once(':') else {
        return Ok(None);
    };
    if !host.eq_ignore_ascii_case("unix") {
        return Ok(None);
    }
    let first = path.split(['/', '?', ':']).next().unwrap_or(path);
    if !first.is_empty() && first.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(EndpointError::Ambiguous);
    }
    Ok(Some(path))
}

/// Reads `FILE`, and with WebSocket `FILE[:TARGET]`.
fn unix(text: &str, is_websocket: bool) -> Result<(Address, &str), EndpointError> {
    let (path, target) = match text.split_once(':') {
        Some((path, target)) if is_websocket => (path, target),
        _ => (text, ""),
    };
    if !target.is_empty() && !target.starts_with(['/', '?']) {
        return Err(EndpointError::UnixTarget);
    }
    if path.contains('\0') {
        return Err(EndpointError::UnixPathNul);
    }
    if path.contains(|character: char| character == '?' || character.is_control()) {
        return Err(EndpointError::BadUnixPath);
    }
    let octets = percent::decode(path).ok_or(EndpointError::BadEscape)?;
    if octets.is_empty() {
        return Err(EndpointError::NoUnixPath);
    }
    if octets.contains(&0) {
        return Err(EndpointError::UnixPathNul);
    }
    let path = os_string(octets).ok_or(EndpointError::BadEscape)?;
    let path = PathBuf::from(path);
    Ok((Address::Unix { path }, target))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every path is one")]
fn os_string(octets: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;

    Some(OsString::from_vec(octets))
}

#[cfg(not(unix))]
fn os_string(octets: Vec<u8>) -> Option<OsString> {
    String::from_utf8(octets).ok().map(OsString::from)
}
