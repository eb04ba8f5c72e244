//! libFuzzer's way into [`fuzz::cartridge::segment`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cartridge::segment(input));
