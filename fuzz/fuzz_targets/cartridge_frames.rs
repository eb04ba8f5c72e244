//! libFuzzer's way into [`fuzz::cartridge::frames`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cartridge::frames(input));
