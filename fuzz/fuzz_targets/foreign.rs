//! libFuzzer's way into [`fuzz::foreign`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::foreign::run(input));
