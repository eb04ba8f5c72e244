//! libFuzzer's way into [`fuzz::login`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::login::run(input));
