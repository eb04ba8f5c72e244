//! Partitions: mode page 11h, FORMAT MEDIUM, SET CAPACITY, and every motion in them.

use bytes::Bytes;
use cartridge::MemoryStore;
use cartridge::limits::early_warning_distance_bytes;
use scsi::{AdditionalSense, Response, Status};

use super::harness::*;

const FORMAT: [u8; 6] = [0x04, 0, 1, 0, 0, 0];
const FORMAT_DEFAULT: [u8; 6] = [0x04, 0, 0, 0, 0, 0];
const IDP: u8 = 0x20;
const MB: u8 = 0x10;
const POFM: u8 = 0x04;
const MEGABYTE: u64 = 1_000_000;
/// First command of a sequence: byte 1 of WRITE(16).
const FCS: u8 = 0x08;
const END_OF_DATA: [u8; 2] = [0, 5];

/// MODE SELECT(10) of page 11h with sizes in megabytes, without a block descriptor.
fn select(rig: &Rig, sizes: &[u16]) -> Response {
    let page = page_11(&rig.good(&[0x1a, 8, 0x11, 0, 0xff, 0])[4..], sizes);
    let mut list = vec![0; 8];
    list.extend(page);
    let length = u8::try_from(list.len()).unwrap();
    rig.run_with(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, length, 0], list)
}

/// The page that MODE SENSE told, changed to so many megabytes for each partition.
fn page_11(told: &[u8], sizes: &[u16]) -> Vec<u8> {
    let mut page = told.to_vec();
    page[3] = u8::try_from(sizes.len() - 1).unwrap();
    page[4] = IDP | MB | POFM;
    page[6] = 0;
    for (at, size) in sizes.iter().enumerate() {
        page[8 + 2 * at..10 + 2 * at].copy_from_slice(&size.to_be_bytes());
    }
    page
}

fn divided(sizes: &[u16]) -> Rig {
    let rig = Rig::loaded();
    assert_eq!(select(&rig, sizes).status, Status::Good);
    rig.good(&FORMAT);
    rig
}

/// LOCATE(16) with CP=1.
fn locate(rig: &Rig, partition: u8, object: u8) -> Response {
    rig.run(&[
        0x92, 0x02, 0, partition, 0, 0, 0, 0, 0, 0, 0, object, 0, 0, 0, 0,
    ])
}

fn go(rig: &Rig, partition: u8, object: u8) {
    assert_eq!(locate(rig, partition, object).status, Status::Good);
}

/// Partition and object as READ POSITION tells them in its three forms, and BOP.
fn place(rig: &Rig) -> (u8, u8, bool) {
    let short = rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let long = rig.good(&[0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
    let extended = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
    let told = (short[1], short[7], short[0] & 0x80 != 0);
    assert_eq!((long[7], long[15], long[0] & 0x80 != 0), told);
    assert_eq!((extended[1], extended[15], extended[0] & 0x80 != 0), told);
    told
}

fn refused_with(response: &Response) -> (u8, [u8; 2]) {
    let sense = response.sense.expect("CHECK CONDITION");
    let code = sense.additional;
    (sense.to_fixed()[2], [code.0, code.1])
}

fn told_page(rig: &Rig) -> Bytes {
    rig.good(&[0x1a, 8, 0x11, 0, 0xff, 0]).slice(4..)
}

#[test]
fn a_new_cartridge_has_one_partition_and_room_for_a_second() {
    let rig = Rig::loaded();
    // 2^30 bytes are one gigabyte, as far as the unit tells.
    assert_eq!(
        told_page(&rig)[..],
        [0x11, 10, 1, 0, 0x3c, 3, 9, 0, 0, 1, 0, 0]
    );
    assert_eq!(
        told_page(&Rig::empty())[..],
        [0x11, 10, 1, 0, 0x1c, 3, 9, 0, 0, 0, 0, 0]
    );
}

#[test]
fn what_mode_select_wants_is_made_by_format_medium_alone() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.rewind();
    assert_eq!(select(&rig, &[20, 0xffff]).status, Status::Good);
    assert_eq!(told_page(&rig)[3..5], [1, IDP | MB | POFM], "POFM: pending");
    assert_eq!(
        refused_with(&locate(&rig, 1, 0)),
        (ILLEGAL_REQUEST, [0x24, 0])
    );
    assert_eq!(
        rig.good(&read_bytes(10)),
        noise(10, 1),
        "nothing is lost yet"
    );
    assert_eq!(
        rig.attention(TWO),
        Some(AdditionalSense::MODE_PARAMETERS_CHANGED)
    );
    rig.rewind();
    rig.good(&FORMAT);
    assert_eq!(
        rig.attention(TWO),
        Some(AdditionalSense::MODE_PARAMETERS_CHANGED)
    );
    assert_eq!(place(&rig), (0, 0, true));
    assert_eq!(
        refused_with(&rig.run(&read_bytes(10))),
        (BLANK_CHECK, END_OF_DATA)
    );
    assert_eq!(rig.drive.status().capacity_bytes, 20 * MEGABYTE);
    go(&rig, 1, 0);
    assert_eq!(rig.drive.status().capacity_bytes, PLENTY - 20 * MEGABYTE);
}

#[test]
fn format_medium_works_at_the_beginning_alone() {
    let rig = divided(&[20, 0xffff]);
    let past = (ILLEGAL_REQUEST, [0x3b, 0x0c]);
    go(&rig, 1, 0);
    assert_eq!(refused_with(&rig.run(&FORMAT)), past, "partition 1");
    go(&rig, 0, 0);
    rig.write(noise(10, 1));
    assert_eq!(refused_with(&rig.run(&FORMAT)), past, "behind a block");
    assert_eq!(refused_with(&rig.run(&[0x0b, 0, 0, 0xff, 0xff, 0])), past);
    rig.rewind();
    rig.good(&FORMAT_DEFAULT);
    assert_eq!(told_page(&rig)[3], 0);
    assert_eq!(rig.drive.status().capacity_bytes, PLENTY);
    let response = rig.run(&[0x04, 0, 3, 0, 0, 0]);
    assert_check(&response, invalid_field(true, 2, Some(3)));
}

#[test]
fn the_page_that_was_told_makes_the_same_partitions_again() {
    let rig = divided(&[20, 0xffff]);
    rig.good(&[0x04, 0x03, 2, 0, 0, 0]);
    assert_eq!(told_page(&rig)[2..4], [1, 1]);
    assert_eq!(rig.drive.status().capacity_bytes, 20 * MEGABYTE);
}

#[test]
fn a_division_that_cannot_be_is_pointed_at_and_changes_nothing() {
    let rig = Rig::loaded();
    let before = told_page(&rig);
    let fault = |at| invalid_field(false, at, None);
    assert_check(&select(&rig, &[600, 600]), fault(8 + 10));
    assert_check(&select(&rig, &[0, 600]), fault(8 + 8));
    let mut list = vec![0; 8];
    list.extend(page_11(&before, &[1, 1]));
    list[8 + 3] = 2;
    let response = rig.run_with(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 20, 0], list);
    assert_check(&response, fault(8 + 3));
    assert_eq!(told_page(&rig), before);
}

#[test]
fn each_partition_has_its_own_objects_and_its_own_end() {
    let rig = divided(&[20, 0xffff]);
    for partition in [0, 1, 0, 1] {
        let end = rig.run(&[0x92, 0x1a, 0, partition, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(end.status, Status::Good);
        rig.write(noise(100 + usize::from(partition), 7));
        rig.filemarks(1);
    }
    assert_eq!(place(&rig), (1, 4, false));
    rig.rewind();
    assert_eq!(place(&rig), (1, 0, true), "of the current partition");
    assert_eq!(rig.good(&read_bytes(101)), noise(101, 7));
    // SPACE stays in its partition, both ways.
    rig.good(&[0x11, 1, 0, 0, 2, 0]);
    assert_eq!(place(&rig), (1, 4, false));
    let response = rig.run(&[0x11, 1, 0, 0, 1, 0]);
    assert_eq!(refused_with(&response), (BLANK_CHECK, END_OF_DATA));
    let response = rig.run(&[0x11, 1, 0xff, 0xff, 0xfd, 0]);
    assert_eq!(refused_with(&response), (EOM, [0, 4]));
    assert_eq!(place(&rig), (1, 0, true));
    // LOCATE(10), as st sends it.
    rig.good(&[0x2b, 0x06, 0, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(place(&rig), (0, 2, false));
    // Without CP the partition byte means nothing.
    rig.good(&[0x2b, 0x04, 0, 0, 0, 0, 1, 0, 1, 0]);
    assert_eq!(place(&rig), (0, 1, false));
    let response = locate(&rig, 1, 9);
    assert_eq!(refused_with(&response), (BLANK_CHECK, END_OF_DATA));
    assert_eq!(place(&rig), (1, 4, false), "at the end of data there");
    let response = locate(&rig, 2, 0);
    assert_check(&response, invalid_field(true, 3, None));
    assert_eq!(place(&rig), (1, 4, false));
}

#[test]
fn the_16_byte_commands_go_into_the_partition_that_they_name() {
    let rig = divided(&[20, 0xffff]);
    let at = |code, byte_1, partition, object, length| {
        [
            code, byte_1, 0, partition, 0, 0, 0, 0, 0, 0, 0, object, 0, 0, length, 0,
        ]
    };
    for partition in [1, 0] {
        let cdb = at(0x8a, FCS, partition, 0, 50);
        let response = rig.run_with(&cdb, noise(50, partition.into()));
        assert_eq!(response.status, Status::Good);
    }
    for partition in [1, 0] {
        let block = rig.good(&at(0x88, 0, partition, 0, 50));
        assert_eq!(block, noise(50, partition.into()));
        assert_eq!(place(&rig), (partition, 1, false));
    }
    assert_check(
        &rig.run(&at(0x88, 0, 2, 0, 50)),
        invalid_field(true, 3, None),
    );
}

#[test]
fn erase_and_overwrite_touch_the_current_partition_alone() {
    let rig = divided(&[20, 0xffff]);
    for partition in [0, 1] {
        go(&rig, partition, 0);
        for seed in 0..3 {
            rig.write(noise(100, seed));
        }
    }
    go(&rig, 1, 1);
    rig.good(&[0x19, 1, 0, 0, 0, 0]);
    assert_eq!(refused_with(&locate(&rig, 1, 2)).0, BLANK_CHECK);
    go(&rig, 0, 3);
    go(&rig, 0, 0);
    rig.write(noise(5, 5));
    go(&rig, 1, 0);
    assert_eq!(rig.good(&read_bytes(100)), noise(100, 0));
}

#[test]
fn loading_goes_to_the_first_partition() {
    let rig = divided(&[20, 0xffff]);
    for load in [
        &[[0x1b, 0, 0, 0, 0, 0], [0x1b, 0, 0, 0, 1, 0]][..],
        &[[0x1b, 0, 0, 0, 1, 0]],
    ] {
        go(&rig, 1, 0);
        rig.write(noise(10, 1));
        for command in load {
            rig.good(command);
        }
        assert_eq!(place(&rig), (0, 0, true));
        assert_eq!(told_page(&rig)[3], 1);
    }
}

#[test]
fn early_warning_and_the_end_are_those_of_the_partition() {
    let rig = divided(&[1, 0xffff]);
    let capacity = MEGABYTE;
    let warned_at = capacity - early_warning_distance_bytes(capacity);
    let block = 10_000;
    let mut written = 0;
    loop {
        let response = rig.run_with(&write_bytes(block), noise(block, written));
        let eop = rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0])[0] & 0x40 != 0;
        if response.status == Status::Good {
            written += 1;
            assert!(written * 10_000 < warned_at && !eop);
            continue;
        }
        let (key, code) = refused_with(&response);
        assert_eq!(code, [0, 2]);
        assert!(eop);
        if key == VOLUME_OVERFLOW | EOM {
            break;
        }
        assert_eq!(key, EOM);
        written += 1;
    }
    assert_eq!(written, 100);
    go(&rig, 1, 0);
    rig.write(noise(block, 1));
    assert_eq!(rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0])[0] & 0x40, 0);
}

#[test]
fn programmable_early_warning_shows_in_read_position() {
    let rig = divided(&[10, 0xffff]);
    let flags = || rig.good(&[0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0])[0] & 0x41;
    for seed in 0..50 {
        rig.write(noise(100_000, seed));
    }
    assert_eq!(flags(), 0);
    let mut list = rig.good(&[0x1a, 8, 0x10, 1, 0xff, 0]).to_vec();
    list[0] = 0;
    list[4 + 7] = 4; // 4 MB before the 1.25 MB of early warning
    let length = u8::try_from(list.len()).unwrap();
    let response = rig.run_with(&[0x15, 0x10, 0, 0, length, 0], list);
    assert_eq!(response.status, Status::Good);
    assert_eq!(flags(), 1, "BPEW");
    for seed in 0..40 {
        let _ = rig.run_with(&write_bytes(100_000), noise(100_000, seed));
    }
    assert_eq!(flags(), 0x41, "BPEW and EOP");
    go(&rig, 1, 0);
    assert_eq!(flags(), 0);
}

#[test]
fn set_capacity_limits_the_cartridge_until_the_next_one() {
    let rig = divided(&[20, 0xffff]);
    rig.good(&[0x0b, 1, 0, 0x80, 0, 0]);
    let half = u64::from(u16::MAX / 2 + 1) * PLENTY / u64::from(u16::MAX);
    assert_eq!(rig.drive.status().capacity_bytes, half);
    assert_eq!(told_page(&rig)[3], 0, "one partition");
    // A format keeps to it, and the whole comes back with SET CAPACITY.
    assert_eq!(select(&rig, &[20, 0xffff]).status, Status::Good);
    rig.good(&FORMAT);
    go(&rig, 1, 0);
    assert_eq!(rig.drive.status().capacity_bytes, half - 20 * MEGABYTE);
    go(&rig, 0, 0);
    rig.good(&[0x0b, 0, 0, 0xff, 0xff, 0]);
    assert_eq!(rig.drive.status().capacity_bytes, PLENTY);
    let response = rig.run(&[0x0b, 0, 0, 0, 0, 0]);
    assert_check(&response, invalid_field(true, 3, None));
}

#[test]
fn a_protected_cartridge_and_an_empty_drive_are_not_formatted() {
    let rig = Rig::empty();
    assert_eq!(refused_with(&rig.run(&FORMAT)), (NOT_READY, [0x3a, 0]));
    let mut cartridge = new_cartridge(MemoryStore::new(), PLENTY);
    cartridge.set_write_protected(true).unwrap();
    rig.insert(cartridge);
    for command in [FORMAT, [0x0b, 0, 0, 0xff, 0xff, 0]] {
        assert_eq!(refused_with(&rig.run(&command)), (DATA_PROTECT, [0x27, 0]));
    }
}

#[test]
fn older_media_have_one_partition_and_newer_ones_four() {
    let rig = Rig::of_profile("ibm-ult3580-td6", cartridge::Codec::Zstd);
    let insert = |media: &str| {
        let store = MemoryStore::new();
        let spec = cartridge::CartridgeSpec {
            media: media.to_owned(),
            ..spec(PLENTY)
        };
        cartridge::Cartridge::create(Box::new(store.clone()), &spec).unwrap();
        rig.drive.unload().unwrap();
        rig.insert(open(store));
        told_page(&rig)[2]
    };
    assert_eq!(insert("LTO-4"), 0);
    assert_eq!(insert("LTO-5"), 1);
    assert_eq!(insert("LTO-6"), 3);
    assert_eq!(select(&rig, &[10, 20, 30, 0xffff]).status, Status::Good);
    rig.good(&FORMAT);
    go(&rig, 3, 0);
    assert_eq!(rig.drive.status().capacity_bytes, PLENTY - 60 * MEGABYTE);
}

#[test]
fn after_a_restart_nothing_is_appended_to_the_wrong_partition() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    assert_eq!(select(&rig, &[20, 0xffff]).status, Status::Good);
    rig.good(&FORMAT);
    go(&rig, 1, 0);
    rig.write(noise(10, 1));
    rig.filemarks(1);
    let rig = Rig::empty();
    rig.drive
        .load_again(open(store), crate::profile::MediaAccess::ReadWrite);
    rig.attentions.take(ONE);
    // Partition 0 is empty: its end of data is here, and the initiator believes to be in 1.
    for command in [[0x10, 0, 0, 0, 1, 0], FORMAT_DEFAULT] {
        let (_, code) = refused_with(&rig.run(&command));
        assert_eq!(code, [0x3b, 0]);
    }
    go(&rig, 1, 2);
    rig.filemarks(1);
    assert_eq!(place(&rig), (1, 3, false));
}
