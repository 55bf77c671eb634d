//! Close codes and their reasons (RFC 6455, section 7.4).

use std::io;

use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};
use wamp_core::{CloseReason, TransportError};

/// The close frame that tells a peer why.
pub(crate) fn frame(reason: &CloseReason) -> CloseFrame {
    let code = match reason {
        CloseReason::Normal => CloseCode::Normal,
        CloseReason::GoingAway => CloseCode::Away,
        CloseReason::Protocol(_) => CloseCode::Protocol,
        CloseReason::InvalidData(_) => CloseCode::Invalid,
        CloseReason::TooLong(_) => CloseCode::Size,
        // The enum may grow; what is not known here is our own affair.
        CloseReason::Internal(_) | _ => CloseCode::Error,
    };
    CloseFrame {
        code,
        reason: Utf8Bytes::from(shorten(reason.text())),
    }
}

/// What the peer's close frame means: nothing to complain about, or an error.
pub(crate) fn peer_closed(frame: Option<&CloseFrame>) -> Result<(), TransportError> {
    let Some(CloseFrame { code, reason }) = frame else {
        return Ok(());
    };
    match code {
        CloseCode::Normal | CloseCode::Away | CloseCode::Status => Ok(()),
        code => {
            let (code, reason) = (u16::from(*code), reason.as_str().to_owned());
            Err(TransportError::ClosedByPeer { code, reason })
        }
    }
}

/// What is left to do after an error of the WebSocket below.
pub(crate) enum Failure {
    /// The peer broke a rule and is to be told which; here it is the error.
    Tell(CloseReason, TransportError),
    /// There is nobody to be told.
    Lost(TransportError),
}

pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            let text = format!("a message of {size} octets or more; {max_size} are accepted");
            let (len, max) = (size, max_size);
            Failure::Tell(
                CloseReason::TooLong(text),
                TransportError::TooLong { len, max },
            )
        }
        Error::Utf8(_) => {
            let text = "a text is no UTF-8".to_owned();
            let error = TransportError::Protocol(text.clone());
            Failure::Tell(CloseReason::InvalidData(text), error)
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Failure::Lost(
            io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the peer is gone without closing it",
            )
            .into(),
        ),
        Error::Protocol(error) => against_the_rules(error.to_string()),
        error => Failure::Lost(lost(error)),
    }
}

/// What is left to do when the peer sent what is against the rules.
pub(crate) fn against_the_rules(text: String) -> Failure {
    let error = TransportError::Protocol(text.clone());
    Failure::Tell(CloseReason::Protocol(text), error)
}

/// An error after which the connection is no use, whoever is to blame.
pub(crate) fn lost(error: Error) -> TransportError {
    match error {
        Error::Io(error) => error.into(),
        Error::ConnectionClosed | Error::AlreadyClosed => TransportError::Closed,
        error => TransportError::Protocol(error.to_string()),
    }
}

/// As much of a text as a close frame holds beside its code.
fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_REASON_LEN)]
}

const MAX_REASON_LEN: usize = 123;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_code() {
        let text = || "why".to_owned();
        let cases = [
            (CloseReason::Normal, 1000, ""),
            (CloseReason::GoingAway, 1001, ""),
            (CloseReason::Protocol(text()), 1002, "why"),
            (CloseReason::InvalidData(text()), 1007, "why"),
            (CloseReason::TooLong(text()), 1009, "why"),
            (CloseReason::Internal(text()), 1011, "why"),
        ];
        for (reason, code, text) in cases {
            let frame = frame(&reason);
            assert_eq!((u16::from(frame.code), frame.reason.as_str()), (code, text));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shorten(&"x".repeat(123)).len(), 123);
        assert_eq!(shorten(&"x".repeat(124)).len(), 123);
        // Two octets each: the 62nd would end at 124.
        assert_eq!(shorten(&"\u{e9}".repeat(100)).len(), 122);
    }
}
