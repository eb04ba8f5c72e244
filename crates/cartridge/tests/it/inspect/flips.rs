//! One bit after the other.

use cartridge::MemoryStore;
use cartridge::inspect::Severity;

use super::{
    Files, assert_true, cartridge, cartridge_with, encrypted_settings, inspect, read_by_cartridge,
    read_by_inspection,
};
use crate::model::Object;

/// One bit of every byte of every file: found, located in its file, and, where objects are lost, by
/// their numbers; and what is served is what was written.
#[test]
fn a_flipped_bit_of_any_byte_is_found_and_located() {
    flip_all(&cartridge(), 1);
}

/// Of the segments every 23rd byte will do: only the seals are different.
#[test]
fn a_flipped_bit_is_found_on_a_cartridge_that_is_encrypted_at_rest() {
    flip_all(&cartridge_with(&encrypted_settings()), 23);
}

fn flip_all((store, objects): &(MemoryStore, Vec<Object>), step: usize) {
    let files = Files::of(store);
    let count = files.segments.len() + 4;
    std::thread::scope(|scope| {
        for half in 0..2 {
            let mut files = files.clone();
            scope.spawn(move || {
                for number in 0..count {
                    let length = files.file(number).len();
                    let step = if number < 4 { 1 } else { step };
                    for at in (0..length).step_by(step).filter(|at| at % 2 == half) {
                        // Headers have a test of their own for each bit; their reserved bytes are many.
                        let reserved = at < 8192 && (280..4088).contains(&(at % 4096));
                        if number < 4 || !reserved || at % 64 == half {
                            flip(&mut files, objects, number, at);
                        }
                    }
                }
            });
        }
    });
}

fn flip(files: &mut Files, objects: &[Object], number: usize, at: usize) {
    let bit = 1 << (at % 8);
    files.file(number)[at] ^= bit;
    let what = format!("{} at {at}", files.name(number));
    let store = files.store();
    let inspection = inspect(&store);
    let verification = inspection.verify(|_| {});
    let name = files.name(number);
    let mut found = verification.findings.iter().filter(|it| it.file == name);
    let located = found.any(|finding| {
        let bytes = finding.bytes.clone();
        bytes.is_none_or(|bytes| bytes.contains(&(at as u64)))
    });
    assert!(located, "{what}: {:?}", verification.findings);
    let read = read_by_inspection(&inspection);
    assert_true(&read, objects, &what);
    // What is not read is told of by its number, but for a tail that nothing proves.
    let lost = verification
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Lost);
    let lost: Vec<_> = lost.filter_map(|it| it.place.clone()).collect();
    let locked = name == "key";
    for (number, object) in read.iter().enumerate().filter(|_| !locked) {
        let told = lost
            .iter()
            .any(|place| place.objects.contains(&(number as u64)));
        assert_eq!(object.is_none(), told, "{what}: object {number}");
    }
    let torn = objects.len() - read.len();
    assert!(torn <= 2, "{what}: {torn} objects");
    if let Some(read) = read_by_cartridge(&store) {
        assert_true(&read, objects, &what);
    }
    files.file(number)[at] ^= bit;
}
