//! Early warning and the end of the medium.

use bytes::Bytes;
use cartridge::MemoryStore;
use proptest::prelude::*;
use scsi::Status;

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
fn filemarks_that_do_not_fit_are_not_written() {
    let rig = Rig::loaded_with(MemoryStore::new(), 1 << 20);
    // 65536 marks, which weigh four times the cartridge.
    let response = rig.run(&[0x10, 0, 1, 0, 0, 0]);
    assert_check(
        &response,
        sense(EOM | VOLUME_OVERFLOW, Some(0x1_0000), [0, 2]),
    );
    assert_eq!(rig.position(), 0);
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

#[test]
fn early_warning_once_met_stays_even_when_what_follows_compresses_well() {
    let rig = Rig::loaded_with(MemoryStore::new(), 1 << 20);
    // Early warning is at 917504 bytes: an eighth before the end of so small a cartridge.
    for seed in 0..91 {
        rig.write(noise(10_000, seed));
    }
    rig.write(noise(5_000, 91));
    let mut told = Vec::new();
    for _ in 0..40 {
        let response = rig.run_with(&write_bytes(1000), vec![0; 1000]);
        told.push(response.sense.is_some());
    }
    let first = told.iter().position(|met| *met).unwrap();
    assert!(first < 5, "blocks that wait count in full");
    assert!(told[first..].iter().all(|met| *met), "{told:?}");
    let here = u8::try_from(rig.position()).unwrap();
    let eop = || rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0])[0] & 0x40;
    rig.good(&[0x2b, 0, 0, 0, 0, 0, here - 1, 0, 0, 0]);
    assert_eq!(eop(), 0x40);
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 10, 0, 0, 0]);
    assert_eq!(eop(), 0);
    // Written anew before it, the warning has to come anew.
    rig.write(noise(10, 1));
    assert_eq!(eop(), 0);
}

/// What an initiator does to a tiny cartridge.
#[derive(Clone, Debug)]
enum Step {
    Write {
        length: u16,
        seed: u8,
        compressible: bool,
    },
    Mark,
    Locate(u16),
    Reinsert,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (1..9000_u16, any::<u8>(), any::<bool>())
            .prop_map(|(length, seed, compressible)| Step::Write { length, seed, compressible }),
        3 => Just(Step::Mark),
        1 => any::<u16>().prop_map(Step::Locate),
        1 => Just(Step::Reinsert),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Whatever was refused, what was accepted is there and nothing else.
    #[test]
    fn a_tiny_cartridge_keeps_exactly_what_it_accepted(
        steps in prop::collection::vec(step(), 1..150)
    ) {
        let store = MemoryStore::new();
        let rig = Rig::loaded_with(store.clone(), 96 << 10);
        let mut objects: Vec<Option<Vec<u8>>> = Vec::new();
        for step in steps {
            let at = rig.position() as usize;
            let (object, response) = match step {
                Step::Write { length, seed, compressible } => {
                    let length = usize::from(length);
                    let block = if compressible { vec![seed; length] } else { noise(length, seed.into()) };
                    (Some(block.clone()), rig.run_with(&write_bytes(length), block))
                }
                Step::Mark => (None, rig.run(&[0x10, 0, 0, 0, 1, 0])),
                Step::Locate(to) => {
                    let to = u32::try_from(usize::from(to) % (objects.len() + 1)).unwrap();
                    let [_, _, high, low] = to.to_be_bytes();
                    rig.good(&[0x2b, 0, 0, 0, 0, high, low, 0, 0, 0]);
                    continue;
                }
                Step::Reinsert => {
                    rig.drive.unload().unwrap();
                    rig.insert(open(store.clone()));
                    rig.good(&[0x11, 3, 0, 0, 0, 0]);
                    prop_assert_eq!(rig.position() as usize, objects.len());
                    continue;
                }
            };
            let key = response.sense.map_or(NO_SENSE, |sense| sense.to_fixed()[2] & 0x0f);
            if key == NO_SENSE {
                objects.truncate(at);
                objects.push(object);
            } else {
                prop_assert_eq!(key, VOLUME_OVERFLOW);
            }
        }
        rig.rewind();
        for object in &objects {
            let response = rig.run(&[0x08, 0x02, 0xff, 0xff, 0xff, 0]);
            if let Some(block) = object {
                prop_assert_eq!(response.status, Status::Good);
                prop_assert!(response.data_in == *block);
            } else {
                let expected = sense(FILEMARK, Some(0xff_ffff), [0, 1]);
                prop_assert_eq!(response.sense.unwrap().to_fixed(), expected);
            }
        }
        let end = rig.run(&[0x08, 0x02, 0xff, 0xff, 0xff, 0]).sense.unwrap().to_fixed();
        prop_assert_eq!((end[2] & 0x0f, end[12], end[13]), (BLANK_CHECK, 0, 5));
    }
}
