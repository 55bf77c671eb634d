//! Octets in a place of their own, made to be shared.

use bytes::Bytes;

/// Copies octets to a place of their own, of which pieces can be shared.
///
/// Whoever decodes a message shares its frame: URI and payload are pieces of it. [`Bytes`] that are
/// a vector make their counter only then, by an allocation of its own. Here short octets, which most
/// messages are, stand beside the counter.
pub fn shared_copy(octets: &[u8]) -> Bytes {
    match octets.len() {
        0 => Bytes::new(),
        1..=64 => Place::<64>::copy(octets),
        65..=128 => Place::<128>::copy(octets),
        129..=256 => Place::<256>::copy(octets),
        257..=512 => Place::<512>::copy(octets),
        _ => Bytes::copy_from_slice(octets),
    }
}

/// At most `N` octets.
struct Place<const N: usize> {
    octets: [u8; N],
    len: usize,
}

impl<const N: usize> Place<N> {
    fn copy(octets: &[u8]) -> Bytes {
        let mut place = Self {
            octets: [0; N],
            len: octets.len().min(N),
        };
        place.octets[..place.len].copy_from_slice(&octets[..place.len]);
        Bytes::from_owner(place)
    }
}

impl<const N: usize> AsRef<[u8]> for Place<N> {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_any_length_are_copied() {
        for len in (0..600).chain([10_000]) {
            let octets: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            assert_eq!(shared_copy(&octets), octets);
        }
    }
}
