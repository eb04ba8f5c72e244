//! The memory's file: its text, its loss, and crashes while it is replaced.

use super::*;
use crate::label::tests::label;
use crate::store::{Fault, LyingStore, MemoryStore};
use crate::{Cartridge, Settings};

const OWNER: Uuid = Uuid::from_u128(0x1234);
const NOW: u64 = 1_800_000_000_000;

fn attribute(value: &[u8]) -> Attribute {
    Attribute {
        format: 1,
        value: value.to_vec(),
    }
}

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.count_load(DriveName {
        vendor: "IBM".to_owned(),
        serial: "1234567890".to_owned(),
    });
    memory.life.written_bytes = 1 << 40;
    memory.attributes.set(0, 0x0801, attribute(b"LTFS"));
    memory
        .attributes
        .set(1, 0x080c, attribute(&[0, 0xff, 0x80]));
    memory
}

fn store_with(text: Option<&[u8]>) -> MemoryStore {
    let mut store = MemoryStore::new();
    if let Some(text) = text {
        store.replace_memory(text).unwrap();
    }
    store
}

fn load(text: Option<&[u8]>, used: bool) -> (Memory, MemoryState) {
    Memory::load(&store_with(text), &label(1000), used, NOW)
}

#[test]
fn what_was_written_is_read() {
    let text = memory().emit(OWNER).unwrap();
    assert!(text.starts_with(b"{\"capstan_memory\":1,\"cartridge\":\""));
    assert_eq!(load(Some(&text), true), (memory(), MemoryState::Good));
}

#[test]
fn any_flipped_bit_is_found_and_replaced_by_a_new_memory() {
    let text = memory().emit(OWNER).unwrap();
    for bit in (0..text.len() * 8).step_by(7) {
        let mut damaged = text.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (found, state) = load(Some(&damaged), true);
        assert!(matches!(state, MemoryState::Lost { .. }), "bit {bit}");
        assert!(found.attributes.iter().next().is_none());
        assert!(found.change_reference > 1_000_000, "taken from the clock");
    }
    for length in 0..text.len() {
        let (_, state) = load(Some(&text[..length]), true);
        assert!(matches!(state, MemoryState::Lost { .. }), "{length} bytes");
    }
}

#[test]
fn memory_of_another_cartridge_or_version_is_not_taken() {
    let other = memory().emit(Uuid::from_u128(7)).unwrap();
    let newer = format!("{{\"capstan_memory\":2,\"cartridge\":\"{OWNER}\"}}");
    for text in [other, sealed_line::seal(&newer)] {
        let (_, state) = load(Some(&text), true);
        assert!(matches!(state, MemoryState::Lost { .. }));
    }
}

#[test]
fn fields_that_are_not_known_or_not_there_do_no_harm() {
    let line = format!("{{\"capstan_memory\":1,\"cartridge\":\"{OWNER}\",\"loads\":3,\"x\":[]}}");
    let (found, state) = load(Some(&sealed_line::seal(&line)), true);
    assert_eq!(state, MemoryState::Good);
    assert_eq!((found.loads, found.change_reference), (3, 1));
}

#[test]
fn only_an_unused_cartridge_begins_with_the_first_change_reference() {
    let (blank, state) = load(None, false);
    assert_eq!((blank.change_reference, state), (1, MemoryState::New));
    let (used, state) = load(None, true);
    assert_eq!(state, MemoryState::New);
    assert_eq!(used.change_reference, 1_800_000_001);
}

#[test]
fn change_reference_never_says_unknown() {
    let mut memory = Memory::default();
    for (from, to) in [(1, 2), (0xffff_fffd, 0xffff_fffe), (0xffff_fffe, 1), (0, 1)] {
        memory.change_reference = from;
        memory.advance_change_reference();
        assert_eq!(memory.change_reference, to);
    }
}

#[test]
fn four_drives_are_remembered() {
    let mut memory = Memory::default();
    for serial in 0..6 {
        memory.count_load(DriveName {
            vendor: "IBM".to_owned(),
            serial: serial.to_string(),
        });
    }
    let serials: Vec<_> = memory.drives.iter().map(|drive| &*drive.serial).collect();
    assert_eq!(serials, ["5", "4", "3", "2"]);
    assert_eq!(memory.loads, 6);
}

#[test]
fn a_memory_that_is_too_large_is_refused_and_the_old_one_stays() {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(1 << 30)).unwrap();
    let settings = Settings::default();
    let mut cartridge = Cartridge::open(Box::new(store), settings).unwrap().0;
    cartridge.set_memory(memory()).unwrap();
    let mut large = memory();
    for id in 0..60 {
        large.attributes.set(0, id, attribute(&[0; 4096]));
    }
    assert!(matches!(
        cartridge.set_memory(large),
        Err(Error::MemoryFull)
    ));
    assert_eq!(*cartridge.memory(), memory());
}

/// The machine stops at each operation while the memory is replaced three times. Each time the old or
/// the new one is there afterwards, whatever was acknowledged is, and the blocks are.
#[test]
fn a_crash_leaves_the_old_memory_or_the_new_one() {
    let prepared = LyingStore::new();
    Cartridge::create(Box::new(prepared.clone()), &label(1 << 30)).unwrap();
    let mut outcomes = std::collections::BTreeSet::new();
    let first = prepared.operations();
    for stop in first..first + 40 {
        for seed in 0..4 {
            let store = prepared.fork();
            store.inject(stop, Fault::Stop);
            let (acknowledged, tried) = write_and_remember(&store, seed);
            let left = store.crash(seed);
            let (cartridge, report) = Cartridge::open(Box::new(left), settings(seed)).unwrap();
            let found = cartridge.memory().loads;
            assert!(found == acknowledged || found == tried, "{found}: {stop}");
            assert!(!matches!(report.memory, MemoryState::Lost { .. }));
            assert!(cartridge.end_of_data().object >= acknowledged);
            outcomes.insert((acknowledged, found == tried));
        }
    }
    assert!(outcomes.contains(&(1, true)) && outcomes.contains(&(1, false)));
    assert!(outcomes.contains(&(3, true)), "all three got through");
}

/// Appends a block, synchronizes and replaces the memory, three times or until the machine stops.
/// Returns how many loads the last memory told that was acknowledged, and the last that was tried.
fn write_and_remember(store: &LyingStore, seed: u64) -> (u64, u64) {
    let mut told = (0, 0);
    let Ok((mut cartridge, _)) = Cartridge::open(Box::new(store.clone()), settings(seed)) else {
        return told;
    };
    for loads in 1..=3 {
        let block = bytes::Bytes::from_static(b"block");
        if cartridge.append_block(block).is_err() || cartridge.synchronize().is_err() {
            break;
        }
        told.1 = loads;
        let memory = Memory { loads, ..memory() };
        if cartridge.set_memory(memory).is_err() {
            break;
        }
        told.0 = loads;
    }
    told
}

fn settings(seed: u64) -> Settings {
    Settings {
        reserve_step_bytes: 4096,
        environment: std::sync::Arc::new(crate::SeededEnvironment::new(seed)),
        ..Settings::default()
    }
}
