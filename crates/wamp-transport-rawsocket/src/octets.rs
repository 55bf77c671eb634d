//! Reading and writing the octets of a handshake, on either side.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::handshake::{HANDSHAKE, MAGIC};

/// Why there are no four octets of a handshake.
#[derive(Debug)]
pub(crate) enum NoOctets {
    /// The stream ended before.
    Closed,
    Io(io::Error),
    /// The first octet is already wrong, and the others are not waited for.
    NotRawSocket {
        first: u8,
    },
}

/// Reads the octets of a handshake, and none that follow.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<[u8; 4], NoOctets> {
    let mut octets = [0; HANDSHAKE];
    let mut filled = 0;
    while filled < HANDSHAKE {
        match stream.read(&mut octets[filled..]).await {
            Ok(0) => return Err(NoOctets::Closed),
            Ok(read) => filled += read,
            Err(error) => return Err(NoOctets::Io(error)),
        }
        if octets[0] != MAGIC {
            return Err(NoOctets::NotRawSocket { first: octets[0] });
        }
    }
    Ok(octets)
}
