//! libFuzzer's way into [`fuzz::chap`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::chap::run(input));
