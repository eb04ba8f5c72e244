//! libFuzzer's way into [`fuzz::cartridge::directory`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cartridge::directory(input));
