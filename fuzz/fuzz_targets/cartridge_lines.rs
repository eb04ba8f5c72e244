//! libFuzzer's way into [`fuzz::cartridge::lines`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cartridge::lines(input));
