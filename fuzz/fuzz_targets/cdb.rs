//! libFuzzer's way into [`fuzz::cdb`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cdb::run(input));
