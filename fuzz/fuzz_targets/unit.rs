//! libFuzzer's way into [`fuzz::unit`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::unit::run(input));
