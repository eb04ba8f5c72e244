//! Early warning and the end of the medium.

use bytes::Bytes;
use cartridge::MemoryStore;

use super::harness::*;

/// Writes noise until the medium is full; returns the blocks that were accepted.
fn fill(rig: &Rig, length: usize) -> Vec<Bytes> {
    let mut blocks = Vec::new();
    let mut warned = false;
    loop {
        let block = Bytes::from(noise(length, blocks.len() as u64 + 1));
        let response = rig.run_with(&write_bytes(length), block.clone());
        match response.sense {
            None => assert!(!warned, "early warning is told with every write after it"),
            Some(found) if found.to_fixed()[2] & 0x0f == VOLUME_OVERFLOW => {
                assert!(warned, "early warning comes before the end");
                let residue = i32::try_from(length).unwrap();
                assert_check(
                    &response,
                    sense(EOM | VOLUME_OVERFLOW, Some(residue), [0, 2]),
                );
                return blocks;
            }
            Some(_) => {
                // The block is written all the same: residue 0.
                assert_check(&response, sense(EOM | NO_SENSE, Some(0), [0, 2]));
                warned = true;
            }
        }
        blocks.push(block);
    }
}

#[test]
fn early_warning_then_volume_overflow_and_everything_accepted_reads_back() {
    let rig = Rig::loaded_with(MemoryStore::new(), 1 << 20);
    let blocks = fill(&rig, 10_000);
    assert!(rig.drive.status().early_warning);
    let short = rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(short[0] & 0xc0, 0x40, "EOP");
    // There is still room for marks, as every backup product wants it.
    let response = rig.run(&[0x10, 0, 0, 0, 2, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), [0, 2]));
    rig.rewind();
    for block in &blocks {
        assert!(rig.good(&read_bytes(10_000)) == *block);
    }
    for _ in 0..2 {
        let response = rig.run(&read_bytes(10_000));
        assert_check(&response, sense(FILEMARK | NO_SENSE, Some(10_000), [0, 1]));
    }
    let response = rig.run(&read_bytes(10_000));
    assert_check(&response, sense(EOM | BLANK_CHECK, Some(10_000), [0, 5]));
}

#[test]
fn overflow_in_a_fixed_write_tells_the_blocks_not_written() {
    let rig = Rig::loaded_with(MemoryStore::new(), 1 << 20);
    rig.set_block_length(4096);
    // 300 blocks of 4096 bytes that do not compress: more than a mebibyte.
    let data = noise(300 * 4096, 7);
    let response = rig.run_with(&[0x0a, 1, 0, 1, 44, 0], data.clone());
    let written = rig.position();
    assert!(written > 100 && written < 300, "{written}");
    let residue = 300 - i32::try_from(written).unwrap();
    assert_check(
        &response,
        sense(EOM | VOLUME_OVERFLOW, Some(residue), [0, 2]),
    );
    rig.rewind();
    let mut read = Vec::new();
    for _ in 0..written {
        read.extend_from_slice(&rig.good(&read_blocks(1)));
    }
    assert!(read == data[..read.len()]);
}

#[test]
fn a_full_cartridge_can_be_written_again_from_the_beginning() {
    let rig = Rig::loaded_with(MemoryStore::new(), 1 << 20);
    let blocks = fill(&rig, 50_000);
    rig.rewind();
    assert!(!rig.drive.status().early_warning, "not at the end any more");
    rig.write(noise(100, 1));
    let again = fill(&rig, 50_000);
    assert!(again.len() + 1 >= blocks.len());
}
