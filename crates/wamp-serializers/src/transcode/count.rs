//! How many elements the lists and dicts have whose source does not tell.

use wamp_messages::wire::DecodeError;
#[cfg(feature = "cbor")]
use wamp_messages::wire::DecodeErrorKind;

#[cfg(feature = "cbor")]
use crate::token::{Scanner, Token};

/// Counts the elements of the lists and the pairs of the dicts of a JSON document, in the order in
/// which they open.
///
/// It takes for granted that the document is well formed: of others the counts mean nothing.
#[cfg(feature = "json")]
pub(super) fn json(octets: &[u8], _: usize) -> Result<Vec<u32>, DecodeError> {
    let mut counts: Vec<u32> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        at += 1;
        match octet {
            b' ' | b'\t' | b'\n' | b'\r' | b':' => continue,
            b']' | b'}' => {
                open.pop();
                continue;
            }
            _ => {}
        }
        // A comma stands before each element but the first, which is seen by its first octet.
        if let Some(count) = open.last().and_then(|&opened| counts.get_mut(opened)) {
            *count = match octet {
                b',' => count.saturating_add(1),
                _ => (*count).max(1),
            };
        }
        match octet {
            b'[' | b'{' => {
                open.push(counts.len());
                counts.push(0);
            }
            b'"' => at = behind_string(octets, at),
            _ => {}
        }
    }
    Ok(counts)
}

/// Where the string ends whose first character stands at `at`.
#[cfg(feature = "json")]
fn behind_string(octets: &[u8], mut at: usize) -> usize {
    while let Some(&octet) = octets.get(at) {
        at += 1;
        match octet {
            b'"' => break,
            b'\\' => at += 1,
            _ => {}
        }
    }
    at
}

/// Counts the elements of the open lists and the pairs of the open dicts of a document, in the
/// order in which they open.
#[cfg(feature = "cbor")]
pub(super) fn tokens<'a, S: Scanner<'a>>(
    octets: &'a [u8],
    max_depth: usize,
) -> Result<Vec<u32>, DecodeError> {
    /// A list or dict that was entered.
    struct Level {
        /// Which count it has, if it is an open one.
        counted: Option<usize>,
        dict: bool,
        items: u32,
    }

    let mut scanner = S::new(octets, max_depth)?;
    let mut counts = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    loop {
        let entered = match scanner.token()? {
            // The item that a tag stands before is the one that counts.
            Token::Tag(_) => continue,
            Token::List(len) => Some((len, false)),
            Token::Dict(len) => Some((len, true)),
            Token::End => {
                let Some(level) = levels.pop() else {
                    return Ok(counts);
                };
                if let Some(count) = level.counted.and_then(|at| counts.get_mut(at)) {
                    *count = level.items / if level.dict { 2 } else { 1 };
                }
                if levels.is_empty() {
                    return Ok(counts);
                }
                continue;
            }
            _ => None,
        };
        if let Some(level) = levels.last_mut() {
            level.items = level.items.checked_add(1).ok_or_else(|| {
                DecodeError::new(DecodeErrorKind::Range("so many elements"), scanner.offset())
            })?;
        }
        match entered {
            Some((len, dict)) => {
                let counted = len.is_none().then(|| {
                    counts.push(0);
                    counts.len() - 1
                });
                levels.push(Level {
                    counted,
                    dict,
                    items: 0,
                });
            }
            None if levels.is_empty() => return Ok(counts),
            None => {}
        }
    }
}

/// Counts nothing: MessagePack declares every length.
#[cfg(feature = "msgpack")]
pub(super) const fn declared(_: &[u8], _: usize) -> Result<Vec<u32>, DecodeError> {
    Ok(Vec::new())
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;

    #[test]
    fn json_is_counted_in_the_order_of_opening() {
        let text = br#" [ 1 , [ ] , { "a" : [ "x,]\"," ] , "b" : {} } , [[[1,2,3]]] ] "#;
        assert_eq!(json(text, 0).unwrap(), [4, 0, 2, 1, 0, 1, 1, 3]);
        assert_eq!(json(b"[]", 0).unwrap(), [0]);
        assert_eq!(json(b"[[],[]]", 0).unwrap(), [2, 0, 0]);
    }
}
