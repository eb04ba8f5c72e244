//! A disk that is nearly full, without one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scsi::Status;

use super::harness::*;
use crate::logical_unit::DeviceServer;
use crate::room::{Marks, Room, SLOWED_MAX, Space};

const TOTAL: u64 = 1 << 40;
const PLENTY_FREE: u64 = TOTAL / 2;
/// Between the marks.
const LITTLE: u64 = 1 << 30;
const NEXT_TO_NOTHING: u64 = 1 << 20;

/// A loaded drive on a disk with as much room as the number says.
fn rig(free: u64) -> (Rig, Arc<AtomicU64>) {
    let free = Arc::new(AtomicU64::new(free));
    let told = Arc::clone(&free);
    let probe = move || {
        Ok(Space {
            free_bytes: told.load(Ordering::Relaxed),
            total_bytes: TOTAL,
        })
    };
    let room = Room::with_probe(Path::new("/data"), Marks::default(), Box::new(probe));
    let mut rig = Rig::loaded();
    rig.drive = rig.drive.with_room(Arc::new(room));
    (rig, free)
}

/// Forces a look with as much as is looked for.
fn write_much(rig: &Rig) {
    for seed in 0..17 {
        rig.write(noise(1 << 20, seed));
    }
}

#[test]
fn little_room_slows_writers_and_nobody_else() {
    let (rig, free) = rig(PLENTY_FREE);
    rig.write(noise(5000, 1));
    assert_eq!(rig.drive.owes(), Duration::ZERO);
    assert!(rig.ends_at_once(&[0x0a, 0, 0, 0, 4, 0], b"tape"));
    free.store(LITTLE, Ordering::Relaxed);
    write_much(&rig);
    let owed = rig.drive.owes();
    assert!(
        owed > Duration::from_millis(1) && owed < SLOWED_MAX,
        "{owed:?}"
    );
    assert!(
        !rig.ends_at_once(&[0x0a, 0, 0, 0, 4, 0], b"tape"),
        "the transport's thread must not be held up"
    );
    rig.write(noise(5000, 2));
    // Nobody has taken what that owes.
    rig.filemarks(1);
    assert_eq!(rig.drive.owes(), Duration::ZERO, "a filemark is not slowed");
    rig.rewind();
    rig.good(&read_bytes(5000));
    assert_eq!(rig.drive.owes(), Duration::ZERO, "nor is reading");
}

#[test]
fn next_to_no_room_stops_writers_until_there_is_some() {
    let (rig, free) = rig(PLENTY_FREE);
    rig.write(noise(5000, 1));
    free.store(NEXT_TO_NOTHING, Ordering::Relaxed);
    let refused = loop {
        let response = rig.run_with(&write_bytes(1 << 20), noise(1 << 20, 2));
        if response.status != Status::Good {
            break response;
        }
        assert!(rig.position() < 20, "the disk is looked at");
    };
    assert_check(&refused, sense(MEDIUM_ERROR, Some(1 << 20), [0x0c, 0]));
    let sense = refused.sense.unwrap();
    assert!(!sense.end_of_medium, "the tape is not full");
    let accepted = rig.position();
    let again = rig.run_with(&write_bytes(5000), noise(5000, 3));
    assert_eq!(again.status, Status::CheckCondition);
    assert_eq!(rig.position(), accepted, "nothing of it was written");
    rig.filemarks(2);
    rig.rewind();
    assert!(rig.good(&read_bytes(5000)) == noise(5000, 1));
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    free.store(PLENTY_FREE, Ordering::Relaxed);
    rig.write(noise(5000, 4));
    assert_eq!(rig.drive.owes(), Duration::ZERO);
    assert_eq!(rig.position(), accepted + 3);
}

#[test]
fn tape_that_is_written_over_may_go_on_for_it_makes_room() {
    let (rig, free) = rig(PLENTY_FREE);
    write_much(&rig);
    rig.filemarks(1);
    rig.rewind();
    free.store(NEXT_TO_NOTHING, Ordering::Relaxed);
    rig.write(noise(1 << 20, 1));
    write_much(&rig);
    assert_eq!(rig.drive.owes(), SLOWED_MAX, "but slowly");
}
