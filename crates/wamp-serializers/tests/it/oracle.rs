//! What other people's libraries make of a frame, to compare the scanners with.
//!
//! Where they differ from the scanners on purpose is listed in [`agrees`].

use std::fmt;
use std::io::Cursor;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use wamp_messages::{DecodeError, DecodeErrorKind};

/// Anything that a frame can hold. Floats are compared by their bits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Integer(i128),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Dict(Vec<(Self, Self)>),
}

/// Reads a whole frame with serde_json, rmp-serde or serde_cbor.
pub(crate) fn read(format: &str, frame: &[u8]) -> Result<Tree, String> {
    match format {
        "json" => serde_json::from_slice(frame).map_err(|error| error.to_string()),
        "msgpack" => {
            let mut deserializer = rmp_serde::Deserializer::new(Cursor::new(frame));
            let tree =
                Tree::deserialize(&mut deserializer).map_err(|error| format!("{error:?}"))?;
            if (deserializer.position() as usize) < frame.len() {
                return Err("octets follow".to_owned());
            }
            Ok(tree)
        }
        "cbor" => serde_cbor::from_slice(frame).map_err(|error| error.to_string()),
        other => panic!("no oracle for {other}"),
    }
}

/// Checks that the scanner and the library agree on whether a frame is well formed.
///
/// They differ where
/// - the scanner has refused the message for another reason than its octets, or its depth;
/// - JSON: the base64 of a byte string is malformed, of which serde_json knows nothing;
/// - MessagePack: a text is not UTF-8, of which rmp-serde makes a byte string;
/// - CBOR: a character is split between two chunks of a text, which serde_cbor joins first (RFC
///   8949, 3.2.3 forbids it); a simple value has no name, which serde_cbor refuses.
pub(crate) fn agrees<T>(
    format: &str,
    frame: &[u8],
    scanned: &Result<T, DecodeError>,
) -> Result<(), String> {
    let known = match (read(format, frame), scanned) {
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => true,
        (Err(reason), Ok(_)) => {
            format == "cbor"
                && reason.contains("unassigned")
                && frame
                    .iter()
                    .any(|octet| matches!(octet, 0xe0..=0xf3 | 0xf8))
        }
        (Ok(_), Err(error)) => match error.kind() {
            DecodeErrorKind::Syntax { reason, .. } => {
                format == "json" && *reason == "a byte string that is no base64"
            }
            DecodeErrorKind::Utf8 => {
                format == "msgpack" || format == "cbor" && frame.contains(&0x7f)
            }
            DecodeErrorKind::Trailing | DecodeErrorKind::Truncated => false,
            _ => true,
        },
    };
    if known {
        return Ok(());
    }
    Err(format!(
        "{format} {frame:02x?}: the library says {:?}, the scanner {:?}",
        read(format, frame),
        scanned.as_ref().map(drop)
    ))
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree::Integer(value))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Tree, E> {
        i128::try_from(value).map(Tree::Integer).map_err(E::custom)
    }

    fn visit_f32<E: serde::de::Error>(self, value: f32) -> Result<Tree, E> {
        self.visit_f64(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value.to_bits()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_bytes<E>(self, octets: &[u8]) -> Result<Tree, E> {
        Ok(Tree::Bytes(octets.to_owned()))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Tree, D::Error> {
        Tree::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key()? {
            pairs.push((key, map.next_value()?));
        }
        Ok(Tree::Dict(pairs))
    }
}
