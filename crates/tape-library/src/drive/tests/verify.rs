//! VERIFY(6) and (16): reading without data, or comparing with what the initiator sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use cartridge::{MemoryStore, SegmentStore};
use scsi::{SenseKey, Status};

use super::faulty_store::FaultyStore;
use super::harness::*;

const VTE: u8 = 0x20;
const VBF: u8 = 0x08;
const IMMED: u8 = 0x04;
const BYTCMP: u8 = 0x02;
const FIXED: u8 = 0x01;
const MISCOMPARE: u8 = 0xe;

fn verify(bits: u8, length: u32) -> [u8; 6] {
    let [_, high, middle, low] = length.to_be_bytes();
    [0x13, bits, high, middle, low, 0]
}

/// Blocks of 512 bytes 0 to 2, mark 3, block 4 of 100 bytes, mark 5; end of data is 6.
fn recorded() -> Rig {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    for seed in 0..3 {
        rig.write(noise(512, seed));
    }
    rig.filemarks(1);
    rig.write(noise(100, 4));
    rig.filemarks(1);
    rig.rewind();
    rig
}

#[test]
fn blocks_are_verified_as_they_would_be_read() {
    let rig = recorded();
    rig.good(&verify(FIXED, 2));
    assert_eq!(rig.position(), 2);
    rig.good(&verify(0, 512));
    assert_eq!(rig.position(), 3);
    rig.rewind();
    let response = rig.run(&verify(FIXED | IMMED, 9));
    assert_check(&response, sense(FILEMARK | NO_SENSE, Some(6), [0, 1]));
    assert_eq!(rig.position(), 4, "behind the mark");
    let response = rig.run(&verify(FIXED, 1));
    assert_check(&response, sense(ILI | NO_SENSE, Some(1), [0, 0]));
    assert_eq!(rig.position(), 5, "behind the odd block");
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    let response = rig.run(&verify(0, 77));
    assert_check(&response, sense(BLANK_CHECK, Some(77), [0, 5]));
}

#[test]
fn a_variable_block_has_to_have_the_length_named() {
    let rig = recorded();
    for (length, residue) in [(500, -12), (600, 88)] {
        rig.rewind();
        let response = rig.run(&verify(0, length));
        assert_check(&response, sense(ILI | NO_SENSE, Some(residue), [0, 0]));
        assert_eq!(rig.position(), 1);
    }
}

#[test]
fn verifying_nothing_moves_nothing() {
    let rig = recorded();
    for bits in [0, FIXED, VBF, BYTCMP] {
        rig.good(&verify(bits, 0));
        assert_eq!(rig.position(), 0);
    }
}

#[test]
fn verify_by_filemarks_passes_blocks_and_counts_marks() {
    let rig = recorded();
    rig.good(&verify(VBF, 1));
    assert_eq!(rig.position(), 4);
    rig.rewind();
    rig.good(&verify(VBF, 2));
    assert_eq!(rig.position(), 6);
    rig.rewind();
    let response = rig.run(&verify(VBF, 5));
    assert_check(&response, sense(BLANK_CHECK, Some(3), [0, 5]));
    assert_eq!(rig.position(), 6);
    rig.rewind();
    let response = rig.run(&verify(VBF | FIXED, 2));
    assert_check(&response, sense(ILI | NO_SENSE, Some(1), [0, 0]));
    assert_eq!(rig.position(), 5, "behind the odd block");
}

#[test]
fn verify_to_the_end_of_data_ends_there_and_is_good() {
    let rig = recorded();
    rig.good(&verify(VTE, 0));
    assert_eq!(rig.position(), 6);
    rig.good(&verify(VTE, 0x1234));
    rig.rewind();
    let response = rig.run(&verify(VTE | FIXED, 0));
    assert_check(&response, sense(ILI | NO_SENSE, None, [0, 0]));
    assert_eq!(rig.position(), 5);
}

#[test]
fn what_excludes_each_other_is_refused() {
    let rig = recorded();
    rig.set_block_length(0);
    for (bits, bit) in [
        (VTE | VBF, 3),
        (VTE | BYTCMP, 1),
        (VBF | BYTCMP, 1),
        (FIXED, 0),
        (VBF | FIXED, 0),
    ] {
        let response = rig.run(&verify(bits, 1));
        assert_check(&response, invalid_field(true, 1, Some(bit)));
    }
    assert_eq!(rig.position(), 0);
}

#[test]
fn equal_bytes_compare_well() {
    let rig = recorded();
    let data = [noise(512, 0), noise(512, 1)].concat();
    let response = rig.run_with(&verify(FIXED | BYTCMP, 2), data);
    assert_eq!(
        (response.status, response.data_out_length),
        (Status::Good, 1024)
    );
    assert!(response.data_in.is_empty());
    let response = rig.run_with(&verify(BYTCMP, 512), noise(512, 2));
    assert_eq!(response.status, Status::Good);
    assert_eq!(rig.position(), 3);
}

#[test]
fn a_byte_that_differs_is_a_miscompare_behind_its_block() {
    let rig = recorded();
    let mut data = [noise(512, 0), noise(512, 1), noise(512, 2)].concat();
    data[512 + 7] ^= 1;
    let response = rig.run_with(&verify(FIXED | BYTCMP, 3), data.clone());
    assert_check(&response, sense(MISCOMPARE, Some(2), [0x1d, 0]));
    assert_eq!(response.data_out_length, 3 * 512);
    assert_eq!(rig.position(), 2);
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    let response = rig.run_with(&verify(BYTCMP, 512), data[512..1024].to_vec());
    assert_check(&response, sense(MISCOMPARE, Some(512 - 7), [0x1d, 0]));
    assert_eq!(rig.position(), 2);
}

#[test]
fn less_data_than_the_comparison_needs_is_refused() {
    let rig = recorded();
    let response = rig.run_with(&verify(FIXED | BYTCMP, 2), noise(1023, 0));
    assert_check(&response, invalid_field(true, 2, None));
    assert_eq!(rig.position(), 0);
}

#[test]
fn damage_is_found_and_told_with_the_position_before_it() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(5000, 0));
    rig.write(noise(6000, 1));
    rig.filemarks(1);
    rig.drive.unload().unwrap();
    let name = store.segments().unwrap()[0];
    let file = store.open_segment(name).unwrap();
    let at = 8192 + 5000 + 2000;
    let mut byte = [0];
    file.read_at(&mut byte, at).unwrap();
    file.write_at(&[&[byte[0] ^ 0xff]], at).unwrap();
    rig.insert(open(store));
    let error = |information| sense(MEDIUM_ERROR, information, [0x11, 0]);
    for (cdb, information) in [
        (verify(VTE, 0), None),
        (verify(VBF, 1), Some(1)),
        (verify(0, 6000), Some(6000)),
    ] {
        rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_check(&rig.run(&cdb), error(information));
        assert_eq!(rig.position(), 1);
    }
    rig.rewind();
    assert_check(&rig.run(&verify(VTE, 0)), error(None));
    assert_eq!(rig.position(), 1, "as far as it is whole");
}

#[test]
fn the_long_form_begins_where_it_says() {
    let rig = recorded();
    let cdb = [0x8f, FIXED, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0];
    rig.good(&cdb);
    assert_eq!(rig.position(), 3);
    let response = rig.run(&[0x8f, BYTCMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 100, 0]);
    assert_check(&response, invalid_field(true, 12, None));
    let cdb = [0x8f, BYTCMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 100, 0];
    assert_eq!(rig.run_with(&cdb, noise(100, 4)).status, Status::Good);
    assert_eq!(rig.position(), 5);
}

#[test]
fn an_aborted_verify_ends_at_the_next_block() {
    for cdb in [verify(VTE, 0), verify(VBF, 1), verify(FIXED, 40)] {
        let store = FaultyStore::default();
        let rig = Rig::loaded_with(store.clone(), PLENTY);
        rig.set_block_length(5000);
        for seed in 0..40 {
            rig.write(noise(5000, seed));
        }
        rig.filemarks(1);
        rig.rewind();
        let (unwanted, reads) = (Arc::clone(&rig.drive.unwanted), AtomicU8::new(0));
        store.on_read(move || {
            // As task management does it, with the third frame.
            if reads.fetch_add(1, Ordering::Relaxed) == 2 {
                unwanted.store(true, Ordering::Relaxed);
            }
        });
        let response = rig.run(&cdb);
        assert_eq!(response.sense.unwrap().key, SenseKey::AbortedCommand);
        let interrupted = rig.position();
        assert!((1..10).contains(&interrupted), "{interrupted}");
        rig.rewind();
        rig.good(&verify(FIXED, 40));
    }
}
