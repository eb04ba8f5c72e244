//! WORM cartridges, and append-only mode, which makes any cartridge nearly one.

use cartridge::{Cartridge, CartridgeSpec, Form, MemoryStore};
use scsi::{Response, Status};

use super::harness::*;

const WRITE_FILEMARK: [u8; 6] = [0x10, 0, 0, 0, 1, 0];
const ERASE: [u8; 6] = [0x19, 0, 0, 0, 0, 0];
const FORMAT: [u8; 6] = [0x04, 0, 0, 0, 0, 0];
const SET_CAPACITY: [u8; 6] = [0x0b, 0, 0, 0xff, 0xff, 0];
const OVERWRITE_ATTEMPTED: (u8, [u8; 2]) = (DATA_PROTECT, [0x30, 0x0c]);

fn worm() -> Rig {
    worm_of("LTO-5W")
}

fn worm_of(media: &str) -> Rig {
    let store = MemoryStore::new();
    let spec = CartridgeSpec {
        media: media.to_owned(),
        form: Form::Worm,
        ..spec(PLENTY)
    };
    Cartridge::create(Box::new(store.clone()), &spec).unwrap();
    let rig = Rig::empty();
    rig.insert(open(store));
    rig
}

/// The sense key and code, without the residue of a variable transfer.
fn refused_with(response: &Response) -> (u8, [u8; 2]) {
    let sense = response.sense.expect("CHECK CONDITION");
    (
        sense.to_fixed()[2],
        [sense.additional.0, sense.additional.1],
    )
}

fn write(rig: &Rig, seed: u64) -> Response {
    rig.run_with(&write_bytes(100), noise(100, seed))
}

fn locate(rig: &Rig, object: u8) {
    rig.good(&[0x2b, 0, 0, 0, 0, 0, object, 0, 0, 0]);
}

/// MODE SELECT of page 10h/01h with this WRITE MODE.
fn set_write_mode(rig: &Rig, write_mode: u8) -> Response {
    let mut list = rig.good(&[0x1a, 8, 0x10, 1, 0xff, 0]).to_vec();
    list[..4].fill(0);
    list[4 + 5] = list[4 + 5] & 0x0f | write_mode << 4;
    rig.run_with(&[0x15, 0x10, 0, 0, 36, 0], list)
}

fn append_only() -> Rig {
    let rig = Rig::loaded();
    assert_eq!(set_write_mode(&rig, 1).status, Status::Good);
    rig
}

/// ALLOW OVERWRITE.
fn allow(rig: &Rig, what: u8, object: u8) -> Response {
    rig.run(&[0x82, 0, what, 0, 0, 0, 0, 0, 0, 0, 0, object, 0, 0, 0, 0])
}

/// Three blocks and a filemark; whoever comes back may append only.
fn recorded(rig: &Rig) {
    for seed in 0..3 {
        assert_eq!(write(rig, seed).status, Status::Good);
    }
    rig.good(&WRITE_FILEMARK);
}

fn overwrites_nothing(rig: &Rig) {
    recorded(rig);
    for object in 0..3 {
        for command in [WRITE_FILEMARK, ERASE] {
            locate(rig, object);
            assert_eq!(refused_with(&rig.run(&command)), OVERWRITE_ATTEMPTED);
        }
        assert_eq!(refused_with(&write(rig, 9)), OVERWRITE_ATTEMPTED);
        assert_eq!(rig.position(), u32::from(object), "nothing has moved");
    }
    rig.rewind();
    for command in [FORMAT, SET_CAPACITY] {
        assert_eq!(refused_with(&rig.run(&command)), OVERWRITE_ATTEMPTED);
    }
    locate(rig, 4);
    assert_eq!(write(rig, 4).status, Status::Good, "at the end of data");
    locate(rig, 4);
    assert_eq!(refused_with(&write(rig, 9)), OVERWRITE_ATTEMPTED);
    rig.rewind();
    for seed in 0..3 {
        assert_eq!(rig.good(&read_bytes(100)), noise(100, seed));
    }
}

#[test]
fn a_worm_cartridge_takes_appends_alone() {
    overwrites_nothing(&worm());
}

#[test]
fn append_only_mode_takes_appends_alone() {
    overwrites_nothing(&append_only());
}

#[test]
fn filemarks_at_the_end_may_be_replaced() {
    for rig in [worm(), append_only()] {
        recorded(&rig);
        locate(&rig, 3);
        assert_eq!(write(&rig, 3).status, Status::Good);
        rig.rewind();
        for seed in 0..4 {
            assert_eq!(rig.good(&read_bytes(100)), noise(100, seed));
        }
    }
}

#[test]
fn everything_says_that_the_cartridge_is_worm() {
    let rig = worm();
    // Medium type in the header, WORMM in page 1Dh and no second partition in page 11h.
    let told = rig.good(&[0x1a, 8, 0x1d, 0, 0xff, 0]);
    assert_eq!(told[1], 0x5c, "LTO-5 WORM");
    assert_eq!(told[4..10], [0x1d, 30, 1, 0, 0, 3]);
    assert_eq!(rig.good(&[0x1a, 8, 0x11, 0, 0xff, 0])[4 + 2], 0);
    // It is the label's form that counts, whatever the kind of medium is called.
    let rig = worm_of("LTO-5");
    assert_eq!(rig.good(&[0x1a, 8, 0x1d, 0, 0xff, 0])[1], 0x5c);
    let rig = Rig::loaded();
    let told = rig.good(&[0x1a, 8, 0x1d, 0, 0xff, 0]);
    assert_eq!((told[1], told[4 + 2]), (0x58, 0));
    rig.drive.unload().unwrap();
    assert_eq!(rig.good(&[0x1a, 8, 0x1d, 0, 0xff, 0])[4 + 2], 0);
}

#[test]
fn append_only_mode_stays_until_the_cartridge_is_out() {
    let rig = append_only();
    // 4 of the header, byte 5 of the page.
    assert_check(&set_write_mode(&rig, 0), invalid_field(false, 9, Some(7)));
    assert_check(&set_write_mode(&rig, 2), invalid_field(false, 9, Some(7)));
    rig.good(&[0x1b, 0, 0, 0, 0, 0]);
    assert_eq!(set_write_mode(&rig, 0).status, Status::Good);
    rig.good(&[0x1b, 0, 0, 0, 1, 0]);
    recorded(&rig);
    rig.rewind();
    assert_eq!(write(&rig, 9).status, Status::Good);
}

#[test]
fn allow_overwrite_permits_one_command_at_one_place() {
    let rig = append_only();
    recorded(&rig);
    locate(&rig, 1);
    let elsewhere = (ILLEGAL_REQUEST, [0x3b, 0]);
    assert_eq!(refused_with(&allow(&rig, 1, 2)), elsewhere);
    assert_eq!(refused_with(&write(&rig, 9)), OVERWRITE_ATTEMPTED);
    assert_eq!(allow(&rig, 1, 1).status, Status::Good);
    locate(&rig, 0);
    assert_eq!(refused_with(&write(&rig, 9)), OVERWRITE_ATTEMPTED);
    locate(&rig, 1);
    assert_eq!(write(&rig, 9).status, Status::Good);
    locate(&rig, 1);
    assert_eq!(
        refused_with(&write(&rig, 9)),
        OVERWRITE_ATTEMPTED,
        "used up"
    );
    assert_eq!(allow(&rig, 1, 1).status, Status::Good);
    assert_eq!(allow(&rig, 0, 0).status, Status::Good);
    assert_eq!(
        refused_with(&write(&rig, 9)),
        OVERWRITE_ATTEMPTED,
        "taken back"
    );
    assert_eq!(allow(&rig, 1, 1).status, Status::Good);
    rig.good(&ERASE);
    assert_eq!(rig.drive.status().object, 1);
    let response = allow(&rig, 3, 0);
    assert_check(&response, invalid_field(true, 2, Some(3)));
}

#[test]
fn allow_overwrite_permits_a_format() {
    let rig = append_only();
    rig.good(&FORMAT); // nothing is lost
    recorded(&rig);
    rig.rewind();
    assert_eq!(refused_with(&rig.run(&FORMAT)), OVERWRITE_ATTEMPTED);
    assert_eq!(allow(&rig, 1, 0).status, Status::Good);
    assert_eq!(refused_with(&rig.run(&FORMAT)), OVERWRITE_ATTEMPTED);
    assert_eq!(allow(&rig, 2, 0).status, Status::Good);
    rig.good(&FORMAT);
    recorded(&rig);
    rig.rewind();
    assert_eq!(refused_with(&rig.run(&SET_CAPACITY)), OVERWRITE_ATTEMPTED);
}

#[test]
fn allow_overwrite_is_for_append_only_mode_and_never_for_worm() {
    let rig = Rig::loaded();
    assert_eq!(
        refused_with(&allow(&rig, 1, 0)),
        (ILLEGAL_REQUEST, [0x2c, 0])
    );
    let rig = worm();
    recorded(&rig);
    assert_eq!(set_write_mode(&rig, 1).status, Status::Good);
    locate(&rig, 1);
    assert_eq!(allow(&rig, 1, 1).status, Status::Good);
    assert_eq!(refused_with(&write(&rig, 9)), OVERWRITE_ATTEMPTED);
    assert_eq!(refused_with(&rig.run(&ERASE)), OVERWRITE_ATTEMPTED);
    let rig = Rig::empty();
    assert_eq!(refused_with(&allow(&rig, 2, 0)), (NOT_READY, [0x3a, 0]));
}
