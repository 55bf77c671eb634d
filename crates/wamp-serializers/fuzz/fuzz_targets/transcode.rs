#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wamp_serializers_fuzz::transcode(data));
