//! The zones before the end of a partition: programmable early warning, SEW, and what both do to
//! fixed transfers.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cartridge::limits::early_warning_distance_bytes;
use cartridge::{Cartridge, Codec, LyingStore, MemoryStore, SegmentStore, Settings, Writing};
use scsi::{Response, Status};

use super::harness::*;
use crate::profile::DriveProfile;

/// A megabyte of the programmable zone.
const MB: usize = 1_000_000;
/// Early warning is an eighth of it before the end: after 14 000 000 bytes.
const CAPACITY: u64 = 16_000_000;
const PROGRAMMABLE: [u8; 2] = [0, 7];
const EARLY: [u8; 2] = [0, 2];

fn rig() -> Rig {
    let rig = empty_rig(Codec::Stored);
    rig.insert(new_cartridge(MemoryStore::new(), CAPACITY));
    rig
}

fn empty_rig(codec: Codec) -> Rig {
    let mut profile = DriveProfile::clone(&DriveProfile::builtin("ibm-ult3580-td5").unwrap());
    profile.capabilities.programmable_early_warning = true;
    Rig::of(Arc::new(profile), codec)
}

/// A drive that compresses, with a cartridge of [`CAPACITY`] that is written as `writing` says.
fn compressing_rig(store: impl SegmentStore + Clone + 'static, writing: Writing) -> Rig {
    Cartridge::create(Box::new(store.clone()), &spec(CAPACITY)).unwrap();
    let settings = Settings {
        writing,
        reserve_step_bytes: 32 << 20,
        ..Settings::default()
    };
    let rig = empty_rig(Codec::Zstd);
    rig.insert(Cartridge::open(Box::new(store), settings).unwrap().0);
    rig
}

/// MODE SELECT(10) of page 10h, sub-page 01h.
fn set_size(rig: &Rig, megabytes: u16) {
    let mut list = vec![0; 8];
    list[3] = 0x10;
    let told = rig.good(&[0x5a, 0x08, 0x10, 0x01, 0, 0, 0, 0, 0xff, 0]);
    list.extend_from_slice(&told[8..]);
    list[8 + 6..8 + 8].copy_from_slice(&megabytes.to_be_bytes());
    let response = rig.run_with(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0], list);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

/// Writes a block of half a megabyte; returns what it met.
fn write(rig: &Rig) -> Option<[u8; 2]> {
    let response = rig.run_with(&write_bytes(MB / 2), noise(MB / 2, 1));
    response.sense.map(|found| {
        let code = [found.additional.0, found.additional.1];
        assert_eq!(found.to_fixed(), sense(EOM | NO_SENSE, Some(0), code));
        code
    })
}

/// BPEW and EOP of READ POSITION.
fn flags(rig: &Rig) -> u8 {
    rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0])[0] & 0x41
}

#[test]
fn early_warning_comes_where_this_file_says() {
    assert_eq!(early_warning_distance_bytes(CAPACITY), 2_000_000);
}

#[test]
fn the_programmable_zone_is_told_once_and_early_warning_with_every_write() {
    let rig = rig();
    set_size(&rig, 4);
    // It begins at 10 MB, with the twentieth block.
    for _ in 1..20 {
        assert_eq!(write(&rig), None);
        assert_eq!(flags(&rig), 0);
    }
    assert_eq!(write(&rig), Some(PROGRAMMABLE));
    assert_eq!(flags(&rig), 0x01, "BPEW");
    for _ in 21..28 {
        assert_eq!(write(&rig), None, "told already");
    }
    for _ in 28..31 {
        assert_eq!(write(&rig), Some(EARLY));
        assert_eq!(flags(&rig), 0x41, "BPEW and EOP");
    }
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
}

#[test]
fn who_jumps_over_the_zone_is_told_of_it_before_early_warning() {
    let rig = rig();
    set_size(&rig, 1);
    let long = 14_500_000;
    let response = rig.run_with(&write_bytes(long), noise(long, 1));
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), PROGRAMMABLE));
    assert_eq!(flags(&rig), 0x41);
    assert_eq!(write(&rig), Some(EARLY));
}

#[test]
fn a_filemark_may_meet_the_zone() {
    let rig = rig();
    set_size(&rig, 4);
    let length = 10_000_000 - 30;
    rig.write(noise(length, 1));
    assert_eq!(flags(&rig), 0);
    // A mark is charged 64 bytes. Synchronising writes none.
    rig.good(&[0x10, 0, 0, 0, 0, 0]);
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), PROGRAMMABLE));
    rig.good(&[0x10, 0, 0, 0, 1, 0]);
}

#[test]
fn what_another_exception_hid_is_told_with_the_next_write() {
    let rig = rig();
    rig.set_block_length(u32::try_from(MB).unwrap());
    set_size(&rig, 4);
    // Seventeen blocks do not fit: the zone and early warning are met on the way.
    let response = rig.run_with(&[0x0a, 1, 0, 0, 17, 0], noise(17 * MB, 1));
    assert_check(&response, sense(EOM | VOLUME_OVERFLOW, Some(1), EARLY));
    assert_eq!(rig.position(), 16);
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), PROGRAMMABLE));
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
}

#[test]
fn a_zone_that_was_left_before_it_was_told_is_met_anew() {
    let rig = rig();
    rig.set_block_length(u32::try_from(MB).unwrap());
    set_size(&rig, 4);
    rig.run_with(&[0x0a, 1, 0, 0, 17, 0], noise(17 * MB, 1));
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(write(&rig), None, "before both");
    assert_eq!(flags(&rig), 0);
    for _ in 0..12 {
        assert_eq!(write(&rig), None);
    }
    assert_eq!(write(&rig), Some(PROGRAMMABLE));
}

#[test]
fn without_a_size_there_is_no_zone_and_a_new_size_moves_it() {
    let rig = rig();
    for _ in 0..22 {
        assert_eq!(write(&rig), None);
    }
    assert_eq!(flags(&rig), 0);
    set_size(&rig, 4);
    assert_eq!(flags(&rig), 0x01);
    assert_eq!(write(&rig), Some(PROGRAMMABLE));
    set_size(&rig, 1);
    assert_eq!(flags(&rig), 0);
    assert_eq!(write(&rig), None);
    set_size(&rig, 0);
    for _ in 24..27 {
        assert_eq!(write(&rig), None);
    }
    assert_eq!(write(&rig), Some(EARLY));
    assert_eq!(flags(&rig), 0x40);
}

#[test]
fn with_sew_nothing_waits_behind_early_warning() {
    for (sew, left) in [(0, 2), (0x08, 0)] {
        let rig = rig();
        let mut list = vec![0, 0, 0x10, 0];
        list.extend_from_slice(&rig.good(&[0x1a, 8, 0x10, 0, 0xff, 0])[4..]);
        list[4 + 10] |= sew;
        let length = u8::try_from(list.len()).unwrap();
        let response = rig.run_with(&[0x15, 0x10, 0, 0, length, 0], list);
        assert_eq!(response.status, Status::Good, "{response:?}");
        let buffered = || rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0])[7];
        rig.write(noise(13_000_000, 1));
        assert_eq!(buffered(), 1, "before it all waits");
        rig.good(&[0x10, 0, 0, 0, 0, 0]);
        let response = rig.run_with(&write_bytes(2 * MB), noise(2 * MB, 1));
        assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
        let response = rig.run(&[0x10, 1, 0, 0, 1, 0]);
        assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
        assert_eq!(buffered(), left);
    }
}

/// Synchronize at early warning.
fn set_sew(rig: &Rig) {
    let mut list = vec![0, 0, 0x10, 0];
    list.extend_from_slice(&rig.good(&[0x1a, 8, 0x10, 0, 0xff, 0])[4..]);
    list[4 + 10] |= 0x08;
    let length = u8::try_from(list.len()).unwrap();
    let response = rig.run_with(&[0x15, 0x10, 0, 0, length, 0], list);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

/// Every answer of a host that fills the cartridge, and the flags after it.
fn answers(writing: Writing) -> Vec<(Response, u8)> {
    let rig = compressing_rig(MemoryStore::new(), writing);
    set_size(&rig, 3);
    let mut answers: Vec<(Response, u8)> = Vec::new();
    let mut refused = 0;
    for number in 0.. {
        // Noise that does not shrink, and between it what does.
        let mut block = noise(30_000 + 7919 * (number % 13), 1 + number as u64 % 250);
        if number % 3 > 0 {
            block.truncate(block.len() / 2);
            block.extend(vec![b'a'; 200_000]);
        }
        let response = rig.run_with(&write_bytes(block.len()), block);
        refused += usize::from(response.status != Status::Good && flags(&rig) == 0x41);
        answers.push((response, flags(&rig)));
        if refused > 40 {
            break;
        }
    }
    answers
}

#[test]
fn with_threads_the_zones_are_met_at_the_same_block() {
    let at_once = answers(Writing::AtOnce);
    assert!(at_once.len() > 100);
    let of = |code: [u8; 2]| {
        let told = at_once.iter().filter(move |(response, _)| {
            let sense = response.sense.as_ref();
            sense.is_some_and(|sense| [sense.additional.0, sense.additional.1] == code)
        });
        told.count()
    };
    assert_eq!(of(PROGRAMMABLE), 1);
    assert!(of(EARLY) > 10);
    for _ in 0..3 {
        let behind = answers(Writing::Behind);
        let differs = at_once.iter().zip(&behind).position(|(a, b)| a != b);
        assert_eq!((differs, behind.len()), (None, at_once.len()));
    }
}

/// A run of text, which leaves nearly all the room that it is counted for until it is compressed.
static TEXT: [u8; 30_000] = [b'a'; 30_000];

/// Fills up to `filled` bytes, lets the disk stall, and writes text as long as that is said to end without
/// waiting. Returns how often it was.
fn written_while_stalled(filled: usize, prepare: impl FnOnce(&Rig)) -> usize {
    let store = LyingStore::new();
    let rig = compressing_rig(store.clone(), Writing::Behind);
    prepare(&rig);
    let mut used = 0;
    while used < filled {
        let length = (filled - used).min(MB);
        rig.run_with(&write_bytes(length), noise(length, 1 + used as u64));
        used += length;
    }
    rig.good(&[0x10, 0, 0, 0, 0, 0]);
    let cdb = write_bytes(TEXT.len());
    store.stall(true);
    let (sender, receiver) = mpsc::channel();
    let written = thread::scope(|scope| {
        scope.spawn(|| {
            let mut count = 0;
            while rig.ends_at_once(&cdb, &TEXT) {
                rig.run_with(&cdb, &TEXT[..]);
                count += 1;
            }
            sender.send(count).unwrap();
        });
        let written = receiver.recv_timeout(Duration::from_mins(1));
        store.stall(false);
        written
    });
    let written = written.expect("it waited for a disk that stalls");
    // Whoever waits learns that text takes no room to speak of.
    let flags_before = flags(&rig);
    rig.run_with(&cdb, &TEXT[..]);
    assert_eq!(flags(&rig), flags_before);
    written
}

#[test]
fn a_write_near_a_zone_is_not_said_to_end_at_once() {
    let near = |border: usize| border - MB;
    let expected = MB / TEXT.len();
    // The programmable zone begins at 10 MB, early warning at 14 MB.
    let written = written_while_stalled(near(10 * MB), |rig| set_size(rig, 4));
    assert!((expected - 2..=expected).contains(&written), "{written}");
    let written = written_while_stalled(near(14 * MB), |_| ());
    assert!((expected - 2..=expected).contains(&written), "{written}");
    // Behind early warning it is known that one is behind it, up to the end of the capacity.
    let written = written_while_stalled(15 * MB, |_| ());
    assert!((expected - 2..=expected).contains(&written), "{written}");
    // There everything is synchronized with SEW.
    assert_eq!(written_while_stalled(15 * MB, set_sew), 0);
    let written = written_while_stalled(near(14 * MB), set_sew);
    assert!((expected - 2..=expected).contains(&written), "{written}");
}

/// A new size asks about data that nobody has compressed yet.
#[test]
fn a_zone_that_is_moved_is_told_of_for_sure() {
    for _ in 0..5 {
        let rig = compressing_rig(MemoryStore::new(), Writing::Behind);
        rig.run_with(&write_bytes(9 * MB), noise(9 * MB, 1));
        for _ in 0..100 {
            rig.run_with(&write_bytes(TEXT.len()), &TEXT[..]);
        }
        set_size(&rig, 4);
        assert_eq!(flags(&rig), 0, "text does not reach 10 MB");
    }
}
