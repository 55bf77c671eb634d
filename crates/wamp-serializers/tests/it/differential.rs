//! The scanners against libraries that decode everything: they accept the same octets.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::messages::message;
use crate::oracle::agrees;
use crate::{FORMATS, decode, encode};

/// A CALL with one argument: what stands before and behind it.
fn around(format: &str) -> (&'static [u8], &'static [u8]) {
    match format {
        "json" => (b"[48,1,{},\"a\",[", b"]]"),
        "msgpack" => (b"\x95\x30\x01\x80\xa1a\x91", b""),
        _ => (b"\x85\x18\x30\x01\xa0\x61a\x81", b""),
    }
}

/// Pieces of which documents are made, well formed or not.
fn piece(format: &'static str) -> BoxedStrategy<Vec<u8>> {
    let pieces: &[&[u8]] = match format {
        "json" => &[
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b":",
            b"\"",
            b"\"\"",
            b"\"a\"",
            b"\"a\":",
            b"0",
            b"-",
            b"1",
            b"9",
            b".",
            b"e",
            b"E",
            b"+",
            b"e400",
            b"e-400",
            b"1e308",
            b"true",
            b"false",
            b"null",
            b"tru",
            b" ",
            b"\t",
            b"\n",
            b"\r",
            b"\\",
            b"\\u",
            b"\\u0000",
            b"\\ud83d",
            b"\\ude00",
            b"\\n",
            b"\\x",
            b"\\/",
            b"AA==",
            b"QQ==",
            b"\x00",
            b"\x1f",
            b"\x7f",
            b"\xc3\xa4",
            b"\xff",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x98\x80",
            b"18446744073709551616",
            b"-9223372036854775809",
            b"NaN",
            b"/",
            b"//",
            b"'",
        ],
        "msgpack" => &[
            b"\x90",
            b"\x91",
            b"\x92",
            b"\x80",
            b"\x81",
            b"\x82",
            b"\xa0",
            b"\xa1a",
            b"\xa3abc",
            b"\xa2\xc3\xa4",
            b"\xa1\xc3",
            b"\xd9\x01a",
            b"\xda\x00\x01a",
            b"\xdb\x00\x00\x00\x01a",
            b"\xc4\x00",
            b"\xc4\x02ab",
            b"\xc5\x00\x01",
            b"\xc6\x00\x00\x00\x01",
            b"\xdc\x00\x01",
            b"\xdd\x00\x00\x00\x01",
            b"\xde\x00\x01",
            b"\xdf\x00\x00\x00\x01",
            b"\xdd\xff\xff\xff",
            b"\xca\x7f\xc0\x00\x00",
            b"\xcb",
            b"\xcc",
            b"\xcd",
            b"\xce",
            b"\xcf",
            b"\xd0",
            b"\xd1",
            b"\xd2",
            b"\xd3",
            b"\xd4\x00\x00",
            b"\xd5\x05",
            b"\xd8",
            b"\xc7\x01",
            b"\xc8\x00\x00",
            b"\xc9\x00\x00\x00\x00",
            b"\xc0",
            b"\xc1",
            b"\xc2",
            b"\xc3",
            b"\xe0",
            b"\x7f",
        ],
        _ => &[
            b"\x80",
            b"\x81",
            b"\x82",
            b"\x9f",
            b"\xa0",
            b"\xa1",
            b"\xbf",
            b"\xff",
            b"\x60",
            b"\x61a",
            b"\x62\xc3\xa4",
            b"\x61\xc3",
            b"\x7f",
            b"\x5f",
            b"\x40",
            b"\x42ab",
            b"\x78",
            b"\x79\x00\x01a",
            b"\x98\x01",
            b"\x99\x00\x01",
            b"\x9a\x00\x00\x00\x01",
            b"\x9b",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xbb\x80\x00\x00\x00\x00\x00\x00\x00",
            b"\xb8\x01",
            b"\xc0",
            b"\xc1",
            b"\xd8\x20",
            b"\xd9\xd9\xf7",
            b"\xdf",
            b"\x1c",
            b"\x1f",
            b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x18\x20",
            b"\x38\x01",
            b"\xf4",
            b"\xf6",
            b"\xf7",
            b"\xe0",
            b"\xf8\x18",
            b"\xf8\xff",
            b"\xf9\x7e\x00",
            b"\xfa",
            b"\xfb",
            b"\xfc",
            b"\x5e",
            b"\x7c",
            b"\x00",
            b"\x20",
        ],
    };
    prop_oneof![
        8 => select(pieces).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..3),
    ]
    .boxed()
}

/// Puts a few faults into octets.
fn mutate(octets: &mut Vec<u8>, faults: &[(Index, u8, u8)]) {
    for (index, kind, octet) in faults {
        if octets.is_empty() {
            return;
        }
        let at = index.index(octets.len());
        match kind % 4 {
            0 => octets[at] = *octet,
            1 => octets[at] ^= 1 << (octet % 8),
            2 => octets.insert(at, *octet),
            _ => {
                octets.remove(at);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn scanner_and_library_agree_on_documents_of_random_pieces(
        (format, pieces) in select(&FORMATS[..])
            .prop_flat_map(|format| (Just(format), vec(piece(format), 0..12)))
    ) {
        let (before, behind) = around(format);
        let frame = [before, &pieces.concat(), behind].concat();
        prop_assert_eq!(agrees(format, &frame, &decode(format, &frame)), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn scanner_and_library_agree_on_messages_with_faults(
        format in select(&FORMATS[..]),
        message in message(),
        faults in vec(any::<(Index, u8, u8)>(), 0..4),
    ) {
        let mut frame = encode(format, &message);
        mutate(&mut frame, &faults);
        prop_assert_eq!(agrees(format, &frame, &decode(format, &frame)), Ok(()));
    }
}
