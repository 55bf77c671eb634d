//! Which serializers RawSocket has.

use wamp_serializers::Serializer;

/// The serializers that are offered and supported unless others are named, in the order in which a
/// client tries them: CBOR, MessagePack, JSON.
pub fn default_serializers() -> Vec<Serializer> {
    let names = ["cbor", "msgpack", "json"];
    names
        .into_iter()
        .filter_map(Serializer::from_name)
        .collect()
}

/// The id that stands for a serializer in the handshake, if it has one: batches do not exist here,
/// and a foreign serializer says what it likes.
pub(crate) fn id(serializer: &Serializer) -> Option<u8> {
    let id = serializer.rawsocket_id();
    (!serializer.is_batched() && (1..=15).contains(&id)).then_some(id)
}

/// Names serializers in an error.
pub(crate) fn names<'a>(serializers: impl IntoIterator<Item = &'a Serializer>) -> String {
    let names: Vec<_> = serializers.into_iter().map(Serializer::name).collect();
    match &names[..] {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
