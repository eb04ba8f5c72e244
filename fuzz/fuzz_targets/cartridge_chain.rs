//! libFuzzer's way into [`fuzz::cartridge::chain`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cartridge::chain(input));
