//! Which serializer a connection uses: the subprotocols of WebSocket, as pure functions.

use wamp_serializers::Serializer;

/// Picks the serializer of a connection, on the server: the first subprotocol that the client
/// offers and the server supports.
///
/// `offered` are the values of the request's `Sec-WebSocket-Protocol` headers, each of them one
/// subprotocol or several with commas between.
///
/// ```
/// # #[cfg(all(feature = "json", feature = "cbor"))] {
/// use wamp_serializers::Serializer;
/// use wamp_transport_websocket::negotiate;
///
/// let supported = [Serializer::json(), Serializer::cbor()];
/// let picked = negotiate(["wamp.2.msgpack, wamp.2.cbor", "wamp.2.json"], &supported);
/// assert_eq!(picked.unwrap().subprotocol(), "wamp.2.cbor");
/// # }
/// ```
pub fn negotiate<'a>(
    offered: impl IntoIterator<Item = &'a str>,
    supported: &[Serializer],
) -> Option<Serializer> {
    offered
        .into_iter()
        .flat_map(|value| value.split(','))
        .find_map(|subprotocol| find(subprotocol, supported))
}

/// Finds the serializer that the server picked, on the client: one of those that were offered.
pub fn accept_answer(offered: &[Serializer], answered: &str) -> Option<Serializer> {
    find(answered, offered)
}

/// The serializers that are offered and supported unless others are named, in the order in which a
/// client offers them.
///
/// It is the order of Autobahn|Python: CBOR, MessagePack, JSON, each of them batched first.
/// Batched, many small messages share a frame, and a server without batches picks the same format
/// without. Batched JSON comes last but one, because Autobahn|Python and Crossbar.io separate its
/// messages by another octet than the specification.
pub fn default_serializers() -> Vec<Serializer> {
    let names = [
        "cbor.batched",
        "cbor",
        "msgpack.batched",
        "msgpack",
        "json.batched",
        "json",
    ];
    names
        .into_iter()
        .filter_map(Serializer::from_name)
        .collect()
}

/// A WebSocket subprotocol of WAMP, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subprotocol<'a> {
    /// The version of WAMP. It is 2 in all that this crate speaks.
    pub version: u32,
    /// The name of the serializer, such as `json` or `cbor.batched`.
    pub serializer: &'a str,
}

impl<'a> Subprotocol<'a> {
    /// Takes a subprotocol such as `wamp.2.json` apart; others are not WAMP's.
    pub fn parse(subprotocol: &'a str) -> Option<Self> {
        let (version, serializer) = subprotocol.strip_prefix("wamp.")?.split_once('.')?;
        if serializer.is_empty() || !version.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        let version = version.parse().ok()?;
        Some(Self {
            version,
            serializer,
        })
    }
}

fn find(subprotocol: &str, among: &[Serializer]) -> Option<Serializer> {
    let subprotocol = Subprotocol::parse(subprotocol.trim_matches([' ', '\t']))?;
    let mut among = among.iter().filter(|_| subprotocol.version == 2);
    among
        .find(|known| known.name() == subprotocol.serializer)
        .cloned()
}

/// The subprotocols of serializers, as they stand in a header.
pub(crate) fn header(serializers: &[Serializer]) -> String {
    let names: Vec<_> = serializers.iter().map(Serializer::subprotocol).collect();
    names.join(", ")
}

#[cfg(all(test, feature = "json", feature = "msgpack", feature = "cbor"))]
mod tests {
    use super::*;

    #[allow(clippy::unwrap_used, reason = "a helper of tests is a test")]
    fn named(names: &[&str]) -> Vec<Serializer> {
        names
            .iter()
            .map(|name| Serializer::from_name(name).unwrap())
            .collect()
    }

    const ALL: &[&str] = &[
        "json",
        "msgpack",
        "cbor",
        "json.batched",
        "msgpack.batched",
        "cbor.batched",
    ];

    #[test]
    fn the_server_takes_the_clients_first_that_it_supports() {
        let cases: &[(&[&str], &[&str], Option<&str>)] = &[
            (&["wamp.2.json"], &["json"], Some("json")),
            (&["wamp.2.cbor"], &["json", "cbor"], Some("cbor")),
            (
                &["wamp.2.cbor", "wamp.2.json"],
                &["json", "cbor"],
                Some("cbor"),
            ),
            (
                &["wamp.2.json", "wamp.2.cbor"],
                &["cbor", "json"],
                Some("json"),
            ),
            (
                &["wamp.2.flatbuffers", "wamp.2.msgpack"],
                &["json", "msgpack"],
                Some("msgpack"),
            ),
            (&["wamp.2.json.batched"], ALL, Some("json.batched")),
            (&["wamp.2.msgpack.batched"], ALL, Some("msgpack.batched")),
            (
                &["wamp.2.cbor.batched", "wamp.2.cbor"],
                ALL,
                Some("cbor.batched"),
            ),
            (
                &["wamp.2.cbor.batched", "wamp.2.cbor"],
                &["cbor"],
                Some("cbor"),
            ),
            (&["wamp.2.cbor"], &["json"], None),
            (&[], &["json"], None),
            (&["mqtt", "chat"], &["json"], None),
            (&["chat", "wamp.2.json"], &["json"], Some("json")),
            (&["wamp.1.json", "wamp"], &["json"], None),
            (&["wamp.2.cbor,wamp.2.json"], &["json"], Some("json")),
            (&["wamp.2.cbor ,\twamp.2.json "], &["json"], Some("json")),
            (
                &["", ",,", "wamp.2.", "wamp.2.json"],
                &["json"],
                Some("json"),
            ),
            (
                &["WAMP.2.JSON", "wamp.2.json2", "xwamp.2.json"],
                &["json"],
                None,
            ),
        ];
        for (offered, supported, expected) in cases {
            let picked = negotiate(offered.iter().copied(), &named(supported));
            let picked = picked.as_ref().map(Serializer::name);
            assert_eq!(picked.as_deref(), *expected, "{offered:?} {supported:?}");
        }
    }

    #[test]
    fn the_client_accepts_only_what_it_offered() {
        let cases: &[(&[&str], &str, Option<&str>)] = &[
            (&["json"], "wamp.2.json", Some("json")),
            (&["cbor", "json"], "wamp.2.json", Some("json")),
            (&["cbor"], "wamp.2.json", None),
            (&["json"], "chat", None),
            (&["json"], "", None),
            (&["cbor", "json"], "wamp.2.cbor, wamp.2.json", None),
        ];
        for (offered, answered, expected) in cases {
            let picked = accept_answer(&named(offered), answered);
            let picked = picked.as_ref().map(Serializer::name);
            assert_eq!(picked.as_deref(), *expected, "{offered:?} {answered}");
        }
    }

    #[test]
    fn a_subprotocol_names_version_and_serializer() {
        let parse =
            |text| Subprotocol::parse(text).map(|parsed| (parsed.version, parsed.serializer));
        assert_eq!(parse("wamp.2.json"), Some((2, "json")));
        assert_eq!(
            parse("wamp.2.msgpack.batched"),
            Some((2, "msgpack.batched"))
        );
        assert_eq!(parse("wamp.1.json"), Some((1, "json")));
        for foreign in [
            "wamp",
            "wamp.",
            "wamp.2",
            "wamp.2.",
            "wamp..json",
            "wamp.+2.json",
            "chat",
        ] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_default_order_is_autobahns() {
        assert_eq!(
            header(&default_serializers()),
            "wamp.2.cbor.batched, wamp.2.cbor, wamp.2.msgpack.batched, wamp.2.msgpack, \
             wamp.2.json.batched, wamp.2.json",
        );
    }
}
