#![no_main]

libfuzzer_sys::fuzz_target!(|frame: &[u8]| wamp_serializers_fuzz::format("cbor", frame));
