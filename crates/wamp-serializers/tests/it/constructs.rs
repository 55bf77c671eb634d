//! The guide's table of constructs, cell by cell: what becomes of each construct of each format in
//! each other, on its way through a router.
//!
//! Each line is a value in one format and what it is in all three: `=` untouched, `refused` with an
//! error for its sender alone, `door` when a message that has it is not even read. JSON is written
//! as text, MessagePack and CBOR in hexadecimal.

use std::collections::VecDeque;

use wamp_messages::{EncodeError, Message, Payload};
use wamp_serializers::{Serializer, transcode};

const TABLE: &str = r#"
# What all formats have
null                            | json    | null                               | =                                  | c0                                 | f6
null                            | msgpack | c0                                 | null                               | =                                  | f6
null                            | cbor    | f6                                 | null                               | c0                                 | =
true                            | json    | true                               | =                                  | c3                                 | f5
false                           | msgpack | c2                                 | false                              | =                                  | f4
true                            | cbor    | f5                                 | true                               | c3                                 | =
text                            | json    | "h\u00e9\ud83d\ude00\n"            | =                                  | a868c3a9f09f98800a                 | 6868c3a9f09f98800a
text                            | msgpack | a868c3a9f09f98800a                 | "hé😀\n"                           | =                                  | 6868c3a9f09f98800a
text                            | cbor    | 6868c3a9f09f98800a                 | "hé😀\n"                           | a868c3a9f09f98800a                 | =
control characters              | msgpack | a4010a2f22                         | "\u0001\n/\""                      | =                                  | 64010a2f22
nested                          | json    | [ [], {"b": [1], "a": {}} ]        | =                                  | 929082a16291 01a16180              | 8280a261628101 6161a0
nested                          | msgpack | 929082a1629101a16180               | [[],{"b":[1],"a":{}}]              | =                                  | 8280a2616281016161a0
nested                          | cbor    | 8280a2616281016161a0               | [[],{"b":[1],"a":{}}]              | 929082a1629101a16180               | =
long form of a head             | msgpack | dd00000001 d90161                  | ["a"]                              | =                                  | 816161
long form of a head             | cbor    | 9b0000000000000001 780161          | ["a"]                              | 91a161                             | =

# Integers
the largest                     | json    | 18446744073709551615               | =                                  | cfffffffffffffffff                 | 1bffffffffffffffff
the largest                     | msgpack | cfffffffffffffffff                 | 18446744073709551615               | =                                  | 1bffffffffffffffff
the largest                     | cbor    | 1bffffffffffffffff                 | 18446744073709551615               | cfffffffffffffffff                 | =
the least of 64 bits            | json    | -9223372036854775808               | =                                  | d38000000000000000                 | 3b7fffffffffffffff
the least of 64 bits            | msgpack | d38000000000000000                 | -9223372036854775808               | =                                  | 3b7fffffffffffffff
the least of 64 bits            | cbor    | 3b7fffffffffffffff                 | -9223372036854775808               | d38000000000000000                 | =
longer than needed              | msgpack | d30000000000000001                 | 1                                  | =                                  | 01
longer than needed              | cbor    | 1b0000000000000001                 | 1                                  | 01                                 | =
below 64 bits                   | json    | -9223372036854775809               | =                                  | refused                            | 3b8000000000000000
below 64 bits                   | cbor    | 3b8000000000000000                 | -9223372036854775809               | refused                            | =
the least of CBOR               | json    | -18446744073709551616              | =                                  | refused                            | 3bffffffffffffffff
the least of CBOR               | cbor    | 3bffffffffffffffff                 | -18446744073709551616              | refused                            | =
above 64 bits                   | json    | 18446744073709551616               | =                                  | refused                            | refused
below the least of CBOR         | json    | -18446744073709551617              | =                                  | refused                            | refused
bignum, tag 2                   | cbor    | c249010000000000000000             | refused                            | refused                            | =
bignum, tag 3                   | cbor    | c349010000000000000000             | refused                            | refused                            | =
zero with a sign, no float      | json    | -0                                 | =                                  | 00                                 | 00

# Floats
64 bits                         | json    | 0.1                                | =                                  | cb3fb999999999999a                 | fb3fb999999999999a
64 bits                         | msgpack | cb3fb999999999999a                 | 0.1                                | =                                  | fb3fb999999999999a
64 bits                         | cbor    | fb3fb999999999999a                 | 0.1                                | cb3fb999999999999a                 | =
whole                           | json    | 1.0                                | =                                  | cb3ff0000000000000                 | fb3ff0000000000000
whole                           | json    | 1e2                                | =                                  | cb4059000000000000                 | fb4059000000000000
whole                           | msgpack | cb3ff0000000000000                 | 1.0                                | =                                  | fb3ff0000000000000
whole                           | cbor    | fb3ff0000000000000                 | 1.0                                | cb3ff0000000000000                 | =
more digits than a float has    | json    | 0.1000000000000000055511151231257  | =                                  | cb3fb999999999999a                 | fb3fb999999999999a
32 bits                         | msgpack | ca3dcccccd                         | 0.10000000149011612                | =                                  | fa3dcccccd
32 bits                         | cbor    | fa3dcccccd                         | 0.10000000149011612                | ca3dcccccd                         | =
16 bits                         | cbor    | f93e00                             | 1.5                                | ca3fc00000                         | =
16 bits, the least              | cbor    | f90001                             | 5.960464477539063e-8               | ca33800000                         | =
zero with a sign                | json    | -0.0                               | =                                  | cb8000000000000000                 | fb8000000000000000
zero with a sign                | msgpack | cb8000000000000000                 | -0.0                               | =                                  | fb8000000000000000
zero with a sign                | cbor    | f98000                             | -0.0                               | ca80000000                         | =
NaN                             | msgpack | cb7ff8000000000000                 | refused                            | =                                  | fb7ff8000000000000
NaN                             | msgpack | ca7fc00000                         | refused                            | =                                  | fa7fc00000
NaN                             | cbor    | f97e00                             | refused                            | ca7fc00000                         | =
NaN                             | json    | NaN                                | door                               | door                               | door
infinity                        | msgpack | cb7ff0000000000000                 | refused                            | =                                  | fb7ff0000000000000
minus infinity                  | msgpack | caff800000                         | refused                            | =                                  | faff800000
infinity                        | cbor    | fb7ff0000000000000                 | refused                            | cb7ff0000000000000                 | =
minus infinity                  | cbor    | f9fc00                             | refused                            | caff800000                         | =
infinity                        | json    | Infinity                           | door                               | door                               | door
beyond the range of floats      | json    | 1e400                              | door                               | door                               | door

# Text
begins with NUL                 | msgpack | a3006162                           | refused                            | =                                  | 63006162
begins with NUL                 | cbor    | 63006162                           | refused                            | a3006162                           | =
NUL further on                  | json    | "a\u0000b"                         | =                                  | a3610062                           | 63610062
NUL further on                  | msgpack | a3610062                           | "a\u0000b"                         | =                                  | 63610062
NUL further on                  | cbor    | 63610062                           | "a\u0000b"                         | a3610062                           | =
lone surrogate                  | json    | "\ud800"                           | door                               | door                               | door
lone surrogate                  | json    | "\udc00\ud800"                     | door                               | door                               | door
lone surrogate                  | msgpack | a3eda080                           | door                               | door                               | door
lone surrogate                  | cbor    | 63eda080                           | door                               | door                               | door
not UTF-8                       | msgpack | a1ff                               | door                               | door                               | door
not UTF-8                       | cbor    | 61ff                               | door                               | door                               | door

# Byte strings
octets                          | json    | "\u0000AAH/"                       | =                                  | c4030001ff                         | 430001ff
octets                          | msgpack | c4030001ff                         | "\u0000AAH/"                       | =                                  | 430001ff
octets                          | cbor    | 430001ff                           | "\u0000AAH/"                       | c4030001ff                         | =
octets, padded                  | msgpack | c4020001                           | "\u0000AAE="                       | =                                  | 420001
octets, escaped                 | json    | "\u0000\/\/8\u003d"                | =                                  | c402ffff                           | 42ffff
none                            | json    | "\u0000"                           | =                                  | c400                               | 40
none                            | msgpack | c400                               | "\u0000"                           | =                                  | 40
none                            | cbor    | 40                                 | "\u0000"                           | c400                               | =
no base64                       | json    | "\u0000!!!!"                       | door                               | door                               | door
base64 without padding          | json    | "\u0000AA"                         | door                               | door                               | door

# Dicts
order of keys                   | json    | {"b":1,"a":2}                      | =                                  | 82a16201a16102                     | a2616201616102
equal keys                      | json    | {"a":1,"a":2}                      | =                                  | 82a16101a16102                     | a2616101616102
equal keys                      | msgpack | 82a16101a16102                     | {"a":1,"a":2}                      | =                                  | a2616101616102
equal keys                      | cbor    | a2616101616102                     | {"a":1,"a":2}                      | 82a16101a16102                     | =
integer as key                  | msgpack | 820701ff02                         | {"7":1,"-1":2}                     | =                                  | a207012002
integer as key                  | cbor    | a207012002                         | {"7":1,"-1":2}                     | 820701ff02                         | =
integer and its text as keys    | msgpack | 820701a13702                       | {"7":1,"7":2}                      | =                                  | a20701613702
integer below 64 bits as key    | cbor    | a13b800000000000000001             | {"-9223372036854775809":1}         | refused                            | =
key that begins with NUL        | json    | {"\u0000a":1}                      | =                                  | 81a2006101                         | a162006101
key that begins with NUL        | msgpack | 81a2006101                         | {"\u0000a":1}                      | =                                  | a162006101
key that begins with NUL        | cbor    | a162006101                         | {"\u0000a":1}                      | 81a2006101                         | =
byte string as key              | msgpack | 81c4016101                         | refused                            | =                                  | refused
byte string as key              | cbor    | a1416101                           | refused                            | refused                            | =
boolean as key                  | msgpack | 81c301                             | refused                            | =                                  | refused
boolean as key                  | cbor    | a1f501                             | refused                            | refused                            | =
null as key                     | msgpack | 81c001                             | refused                            | =                                  | refused
null as key                     | cbor    | a1f601                             | refused                            | refused                            | =
float as key                    | msgpack | 81cb3ff000000000000001             | refused                            | =                                  | refused
float as key                    | cbor    | a1f93c0001                         | refused                            | refused                            | =
list as key                     | msgpack | 8191a16101                         | refused                            | =                                  | refused
list as key                     | cbor    | a181616101                         | refused                            | refused                            | =
dict as key                     | msgpack | 818001                             | refused                            | =                                  | refused
dict as key                     | cbor    | a1a001                             | refused                            | refused                            | =
tagged key                      | cbor    | a1c1616101                         | refused                            | refused                            | =

# What one format has alone
undefined                       | cbor    | f7                                 | null                               | c0                                 | =
undefined, as JavaScript has it | msgpack | d40000                             | null                               | =                                  | f7
simple value                    | cbor    | e0                                 | refused                            | refused                            | =
simple value                    | cbor    | f8ff                               | refused                            | refused                            | =
tag, a date as text             | cbor    | c06161                             | refused                            | refused                            | =
tag, a date as number           | cbor    | c11a514b67b0                       | refused                            | refused                            | =
tag, octets of JavaScript       | cbor    | d84041 ff                          | "\u0000/w=="                       | c401ff                             | =
tag, octets that are no bytes   | cbor    | d8406161                           | refused                            | refused                            | =
tag, octets within another      | cbor    | c1d84041 ff                        | refused                            | refused                            | =
tag, a list                     | cbor    | d9010280                           | refused                            | refused                            | =
tag, this is CBOR               | cbor    | d9d9f700                           | refused                            | refused                            | =
extension                       | msgpack | d40501                             | refused                            | =                                  | refused
extension, none of its octets   | msgpack | c70005                             | refused                            | =                                  | refused
extension, timestamp            | msgpack | d6ff00000000                       | refused                            | =                                  | refused
open text                       | cbor    | 7f616162 6263ff                    | "abc"                              | a3616263                           | =
open text, empty                | cbor    | 7fff                               | ""                                 | a0                                 | =
open byte string                | cbor    | 5f4100 4101ff                      | "\u0000AAE="                       | c4020001                           | =
open list                       | cbor    | 9f019f02ff80ff                     | [1,[2],[]]                         | 9301910290                         | =
open dict                       | cbor    | bf61619f01bf62 6162f6ffffff        | {"a":[1,{"ab":null}]}              | 81a161920181a26162c0               | =
open text as key                | cbor    | a17f6161ff01                       | {"a":1}                            | 81a16101                           | =
reserved octet                  | msgpack | c1                                 | door                               | door                               | door
stray break                     | cbor    | ff                                 | door                               | door                               | door
"#;

/// A value of one format, and what it is in each.
struct Row {
    name: &'static str,
    from: Format,
    value: Vec<u8>,
    to: [Cell; 3],
}

#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Octets(Vec<u8>),
    Refused,
    Door,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Json,
    MsgPack,
    Cbor,
}

const FORMATS: [Format; 3] = [Format::Json, Format::MsgPack, Format::Cbor];

impl Format {
    fn named(name: &str) -> Self {
        match name {
            "json" => Self::Json,
            "msgpack" => Self::MsgPack,
            "cbor" => Self::Cbor,
            _ => panic!("no format {name}"),
        }
    }

    fn serializer(self) -> Serializer {
        match self {
            Self::Json => Serializer::json(),
            Self::MsgPack => Serializer::msgpack(),
            Self::Cbor => Serializer::cbor(),
        }
    }

    fn octets(self, text: &str) -> Vec<u8> {
        if self == Self::Json {
            return text.as_bytes().to_vec();
        }
        let digits: Vec<_> = text.chars().filter(|digit| *digit != ' ').collect();
        let octets = digits.chunks(2).map(String::from_iter);
        octets
            .map(|octet| u8::from_str_radix(&octet, 16).unwrap())
            .collect()
    }

    /// The arguments that are the value alone.
    fn args(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Json => [b"[", value, b"]"].concat(),
            Self::MsgPack => [b"\x91", value].concat(),
            Self::Cbor => [b"\x81", value].concat(),
        }
    }

    /// An EVENT with the value as its only argument, as a peer sends it.
    fn event(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Json => [b"[36,1,2,{},", &*self.args(value), b"]"].concat(),
            Self::MsgPack => [b"\x95\x24\x01\x02\x80", &*self.args(value)].concat(),
            Self::Cbor => [b"\x85\x18\x24\x01\x02\xa0", &*self.args(value)].concat(),
        }
    }

    /// Receives it.
    fn receive(self, value: &[u8]) -> Option<Payload> {
        let mut received = VecDeque::new();
        let frame = self.event(value).into();
        self.serializer().decode(frame, &mut received).ok()?;
        match received.pop_front() {
            Some(Message::Event(event)) => Some(event.payload),
            message => panic!("no EVENT but {message:?}"),
        }
    }
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| line.contains(" | "));
    lines
        .map(|line| {
            let columns: Vec<_> = line.split(" | ").map(str::trim).collect();
            let [name, from, value, to @ ..] = &*columns else {
                panic!("no row: {line}");
            };
            let from = Format::named(from);
            let value = from.octets(value);
            let cell = |format: Format| match to[format as usize] {
                "=" => {
                    assert_eq!(format, from, "{line}");
                    Cell::Octets(value.clone())
                }
                "refused" => Cell::Refused,
                "door" => Cell::Door,
                octets => Cell::Octets(format.octets(octets)),
            };
            let to = FORMATS.map(cell);
            Row {
                name,
                from,
                value,
                to,
            }
        })
        .collect()
}

/// What the value is for a peer of another format.
fn pass_on(row: &Row, to: Format) -> Cell {
    let Some(payload) = row.from.receive(&row.value) else {
        return Cell::Door;
    };
    match transcode(&payload, &to.serializer().format()) {
        Ok(payload) => {
            let args = payload.args().unwrap();
            // The value stands between the list's head and, in JSON, its end.
            Cell::Octets(args[1..args.len() - usize::from(to == Format::Json)].to_vec())
        }
        Err(EncodeError::NotRepresentable { .. }) => Cell::Refused,
        Err(error) => panic!("{}: {error}", row.name),
    }
}

#[test]
fn every_construct_becomes_what_the_table_says() {
    let mut wrong = Vec::new();
    for row in rows() {
        for to in FORMATS {
            let cell = pass_on(&row, to);
            if cell != row.to[to as usize] {
                let expected = &row.to[to as usize];
                let show = |cell: &Cell| match cell {
                    Cell::Octets(octets) if to == Format::Json => {
                        String::from_utf8_lossy(octets).into_owned()
                    }
                    Cell::Octets(octets) => octets.iter().map(|o| format!("{o:02x}")).collect(),
                    cell => format!("{cell:?}"),
                };
                wrong.push(format!(
                    "{} {:?} -> {to:?}: {}, not {}",
                    row.name,
                    row.from,
                    show(&cell),
                    show(expected)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_passed_on_is_read_by_the_peer() {
    for row in rows() {
        for to in FORMATS {
            if let Cell::Octets(value) = &row.to[to as usize] {
                assert!(to.receive(value).is_some(), "{} to {to:?}", row.name);
            }
        }
    }
}

#[test]
fn the_table_has_rows_from_each_format_and_cells_of_each_kind() {
    let rows = rows();
    for from in FORMATS {
        assert!(rows.iter().filter(|row| row.from == from).count() > 20);
    }
    for to in FORMATS {
        let cells = || rows.iter().map(|row| &row.to[to as usize]);
        assert!(cells().any(|cell| *cell == Cell::Refused));
        assert!(cells().any(|cell| *cell == Cell::Door));
    }
}

#[test]
fn the_same_format_shares_the_octets() {
    for row in rows() {
        let Some(payload) = row.from.receive(&row.value) else {
            continue;
        };
        let passed = transcode(&payload, &row.from.serializer().format()).unwrap();
        let address = |payload: &Payload| payload.octets().unwrap().as_ptr();
        assert_eq!(address(&passed), address(&payload));
    }
}
