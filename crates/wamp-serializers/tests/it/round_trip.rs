//! What is written is read again, in every format, and is the same.

use proptest::prelude::*;
use wamp_messages::{Dict, Message, Payload, Value};
use wamp_serializers::{decode_args, decode_kwargs};

use crate::messages::message;
use crate::{FORMATS, decode, encode};

/// Arguments and keyword arguments, or the octets of an opaque payload.
type Contents = (Vec<Value>, Dict, Option<Vec<u8>>);

/// The message without its payload, and what its payload says.
fn parts(mut message: Message) -> (Message, Option<Contents>) {
    let payload = message.payload_mut().map(std::mem::take);
    let contents = |payload: Payload| match payload.as_opaque() {
        Some(octets) => (Vec::new(), Dict::new(), Some(octets.to_vec())),
        None => (
            decode_args(&payload).unwrap(),
            decode_kwargs(&payload).unwrap(),
            None,
        ),
    };
    (message, payload.map(contents))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_message_is_the_same_after_every_format(message in message()) {
        for format in FORMATS {
            let read = decode(format, &encode(format, &message)).unwrap();
            prop_assert_eq!(parts(read), parts(message.clone()));
        }
    }

    #[test]
    fn what_was_read_is_written_octet_for_octet(message in message()) {
        for format in FORMATS {
            let frame = encode(format, &message);
            prop_assert_eq!(encode(format, &decode(format, &frame).unwrap()), frame);
        }
    }

    #[test]
    fn a_message_survives_a_way_through_all_formats(message in message(), order in 0..6usize) {
        let mut passed = message.clone();
        for format in FORMATS.iter().cycle().skip(order).take(7) {
            passed = decode(format, &encode(format, &passed)).unwrap();
        }
        prop_assert_eq!(parts(passed), parts(message));
    }
}
