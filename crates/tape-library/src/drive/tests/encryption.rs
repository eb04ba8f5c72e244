//! Encryption by the application: what SECURITY PROTOCOL IN and OUT do to READ and WRITE.

use bytes::Bytes;
use cartridge::{Codec, MemoryStore};
use scsi::{AdditionalSense, Cdb, NexusId, Response, Status};

use super::harness::{
    DATA_PROTECT, ONE, PLENTY, Rig, TWO, assert_check, invalid_field, new_cartridge, nexus_of,
    open, read_blocks, read_bytes, sense, spec, write_bytes,
};
use crate::logical_unit::DeviceServer as _;
use crate::profile::{DriveProfile, MediaAccess};

const CHANGED: AdditionalSense = AdditionalSense::DATA_ENCRYPTION_PARAMETERS_CHANGED;
const PUBLIC: u8 = 0x00;
const LOCAL: u8 = 0x20;
const ALL: u8 = 0x40;
const CKOD: u8 = 0x04;
const CKORP: u8 = 0x02;
const CKORL: u8 = 0x01;

/// The page for a key of 32 bytes `key`; both modes.
fn page(scope: u8, flags: u8, modes: [u8; 2], key: u8) -> Vec<u8> {
    let mut page = vec![0, 0x10, 0, 0, scope, flags, modes[0], modes[1], 1];
    page.resize(18, 0);
    page.extend_from_slice(&[0, 32]);
    page.extend_from_slice(&[key; 32]);
    page.extend_from_slice(&[0, 0, 0, 5, b'k', b'e', b'y', b' ', key]);
    page[3] = u8::try_from(page.len() - 4).unwrap();
    page
}

/// The page that has everybody encrypt and decrypt with key `key`.
pub(super) fn key_page(key: u8) -> Vec<u8> {
    page(ALL, 0, ENCRYPT, key)
}

const ENCRYPT: [u8; 2] = [2, 2];
const MIXED: [u8; 2] = [2, 3];
const OFF: [u8; 2] = [0, 0];

fn send(rig: &Rig, nexus: NexusId, page: &[u8]) -> Response {
    let length = u8::try_from(page.len()).unwrap();
    let cdb = [0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, length, 0, 0];
    rig.run_as(nexus, &cdb, page.to_vec())
}

/// Sets parameters and expects it to work.
fn set(rig: &Rig, nexus: NexusId, scope: u8, flags: u8, modes: [u8; 2], key: u8) {
    let response = send(rig, nexus, &page(scope, flags, modes, key));
    assert_eq!(response.status, Status::Good, "{response:?}");
}

fn page_in(rig: &Rig, nexus: NexusId, protocol: u8, page: u8) -> Bytes {
    let cdb = [0xa2, protocol, 0, page, 0, 0, 0, 0, 2, 0, 0, 0];
    let response = rig.run_as(nexus, &cdb, Bytes::new());
    assert_eq!(response.status, Status::Good, "{response:?}");
    response.data_in
}

/// SCOPE byte, both modes and the key instance counter of page 0020h.
fn status(rig: &Rig, nexus: NexusId) -> (u8, [u8; 2], u32) {
    let page = page_in(rig, nexus, 0x20, 0x20);
    let instance = u32::from_be_bytes(page[8..12].try_into().unwrap());
    (page[4], [page[5], page[6]], instance)
}

fn write_as(rig: &Rig, nexus: NexusId, block: &'static [u8]) {
    let response = rig.run_as(nexus, &write_bytes(block.len()), block);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

fn read_as(rig: &Rig, nexus: NexusId) -> Response {
    rig.run_as(nexus, &read_bytes(100), Bytes::new())
}

/// READ(6) with SILI, so that a good read is GOOD.
fn read(rig: &Rig) -> Response {
    rig.run(&[0x08, 0x02, 0, 0, 100, 0])
}

fn refused(qualifier: u8) -> [u8; 18] {
    sense(DATA_PROTECT, Some(100), [0x74, qualifier])
}

const UNABLE_TO_DECRYPT: u8 = 1;
const NOT_ENCRYPTED: u8 = 2;
const WRONG_KEY: u8 = 3;

#[test]
fn what_was_written_with_a_key_is_read_with_that_key_only() {
    let rig = Rig::loaded();
    rig.write(&b"in clear"[..]);
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    rig.write(&b"secret"[..]);
    rig.rewind();

    assert_check(&read(&rig), refused(NOT_ENCRYPTED));
    assert_eq!(rig.position(), 0, "before the block");
    set(&rig, ONE, ALL, 0, MIXED, 1);
    assert_eq!(read(&rig).data_in, &b"in clear"[..]);
    assert_eq!(read(&rig).data_in, &b"secret"[..]);

    set(&rig, ONE, ALL, 0, MIXED, 2);
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_check(&read(&rig), refused(WRONG_KEY));
    assert_eq!(rig.position(), 1, "before the block");
    set(&rig, ONE, ALL, 0, OFF, 0);
    assert_check(&read(&rig), refused(UNABLE_TO_DECRYPT));
    assert_eq!(rig.position(), 1);
    // Motion needs no key.
    rig.good(&[0x11, 0, 0, 0, 1, 0]);
    assert_eq!(rig.position(), 2);
}

/// Blocks before the one that cannot be decrypted are returned, and INFORMATION counts the others.
#[test]
fn a_fixed_read_ends_before_the_first_block_that_cannot_be_decrypted() {
    let rig = Rig::loaded();
    rig.set_block_length(6);
    let write = |count: u8, data: &'static [u8]| {
        let response = rig.run_with(&[0x0a, 1, 0, 0, count, 0], data);
        assert_eq!(response.status, Status::Good);
    };
    write(2, b"plain1plain2");
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    write(1, b"secret");
    set(&rig, ONE, ALL, 0, OFF, 0);
    rig.rewind();
    let data = assert_check(
        &rig.run(&read_blocks(5)),
        sense(DATA_PROTECT, Some(3), [0x74, UNABLE_TO_DECRYPT]),
    );
    assert_eq!(data, &b"plain1plain2"[..]);
    assert_eq!(rig.position(), 2);
}

#[test]
fn verify_needs_the_key_too() {
    let rig = Rig::loaded();
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    rig.write(&b"secret"[..]);
    rig.rewind();
    let verify = [0x13, 0, 0, 0, 6, 0];
    rig.good(&verify);
    set(&rig, ONE, ALL, 0, OFF, 0);
    rig.rewind();
    let response = rig.run(&verify);
    let told = response.sense.unwrap().additional;
    assert_eq!(told, AdditionalSense::UNABLE_TO_DECRYPT_DATA);
}

#[test]
fn the_next_block_is_described_with_the_name_of_its_key() {
    let rig = Rig::loaded();
    rig.write(&b"in clear"[..]);
    set(&rig, ONE, ALL, 0, ENCRYPT, 7);
    rig.write(&b"secret"[..]);
    rig.filemarks(1);
    let at = |object: u8| {
        rig.good(&[0x2b, 0, 0, 0, 0, 0, object, 0, 0, 0]);
        let page = page_in(&rig, ONE, 0x20, 0x21);
        assert_eq!(page[11], object, "the position");
        (page[12], page.slice(16..))
    };
    assert_eq!(at(0).0, 3);
    assert_eq!(at(2).0, 2, "a filemark");
    assert_eq!(at(3).0, 1, "end of data");
    let descriptor = &[0, 1, 0, 5, b'k', b'e', b'y', b' ', 7][..];
    assert_eq!(at(1), (5, Bytes::from_static(descriptor)));
    for (modes, key) in [(ENCRYPT, 8), ([2, 0], 7), (OFF, 0)] {
        set(&rig, ONE, ALL, 0, modes, key);
        assert_eq!(at(1), (6, Bytes::from_static(descriptor)), "{modes:?}");
    }
}

#[test]
fn status_tells_the_parameters_and_whether_the_volume_has_encrypted_blocks() {
    let rig = Rig::loaded();
    assert_eq!(status(&rig, ONE), (0x00, OFF, 0));
    let contains = || page_in(&rig, ONE, 0x20, 0x20)[12] & 0x08 != 0;
    set(&rig, ONE, ALL, 0, MIXED, 1);
    assert!(!contains());
    rig.write(&b"secret"[..]);
    assert!(contains());
    let (scope, modes, first) = status(&rig, ONE);
    assert_eq!((scope, modes), (0x42, MIXED));
    set(&rig, ONE, LOCAL, 0, OFF, 0);
    let (scope, modes, second) = status(&rig, ONE);
    assert_eq!((scope, modes), (0x21, OFF));
    assert!(second > first);
    rig.rewind();
    rig.write(&b"in clear"[..]);
    assert!(!contains(), "overwritten");
}

#[test]
fn parameters_for_all_are_everybodys_and_local_ones_are_not() {
    let rig = Rig::loaded();
    status(&rig, TWO); // so it wants to be told
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    assert_eq!(rig.attention(TWO), Some(CHANGED));
    assert_eq!(rig.attention(ONE), None);
    assert_eq!(status(&rig, TWO).0, 0x02);
    write_as(&rig, TWO, b"under 1, by two");

    set(&rig, TWO, LOCAL, 0, ENCRYPT, 2);
    assert_eq!(rig.attention(ONE), None);
    assert_eq!(status(&rig, TWO).0, 0x21);
    assert_eq!(status(&rig, ONE).0, 0x42);
    write_as(&rig, TWO, b"under 2");
    write_as(&rig, ONE, b"under 1, by one");
    rig.rewind();
    let told = |response: Response| response.sense.unwrap().additional;
    assert_eq!(
        told(read_as(&rig, TWO)),
        AdditionalSense::INCORRECT_DATA_ENCRYPTION_KEY
    );
    assert_eq!(read_as(&rig, ONE).data_in, &b"under 1, by two"[..]);
    assert_eq!(
        told(read_as(&rig, ONE)),
        AdditionalSense::INCORRECT_DATA_ENCRYPTION_KEY
    );
    assert_eq!(read_as(&rig, TWO).data_in, &b"under 2"[..]);
    assert_eq!(read_as(&rig, ONE).data_in, &b"under 1, by one"[..]);

    // A local key is no news to others; new parameters for all are none to who has its own.
    set(&rig, ONE, ALL, 0, ENCRYPT, 3);
    assert_eq!(rig.attention(TWO), None);
    // Back to what all have; then two takes over, and one has PUBLIC scope.
    set(&rig, TWO, PUBLIC, 0, OFF, 0);
    assert_eq!(status(&rig, TWO).0, 0x02);
    set(&rig, TWO, ALL, 0, OFF, 0);
    assert_eq!(rig.attention(ONE), Some(CHANGED));
    assert_eq!(status(&rig, ONE), (0x02, OFF, status(&rig, TWO).2));
}

#[test]
fn who_never_asked_about_encryption_is_not_told() {
    let rig = Rig::loaded();
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    assert_eq!(rig.attention(TWO), None);
}

#[test]
fn parameters_for_all_end_when_their_nexus_wants_others() {
    let rig = Rig::loaded();
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    status(&rig, TWO);
    set(&rig, ONE, PUBLIC, 0, OFF, 0);
    assert_eq!(rig.attention(TWO), Some(CHANGED));
    for nexus in [ONE, TWO] {
        let (scope, modes, _) = status(&rig, nexus);
        assert_eq!((scope, modes), (0, OFF));
    }
}

#[test]
fn whoever_locked_itself_does_not_write_under_anothers_key() {
    let rig = Rig::loaded();
    let response = send(&rig, ONE, &page(ALL | 1, 0, ENCRYPT, 1));
    assert_eq!(response.status, Status::Good);
    rig.write(&b"locked"[..]);
    set(&rig, TWO, ALL, 0, ENCRYPT, 2);
    assert_eq!(rig.attention(ONE), Some(CHANGED));
    let response = rig.run_with(&write_bytes(5), &b"other"[..]);
    assert_check(&response, sense(DATA_PROTECT, None, [0x2a, 0x13]));
    set(&rig, ONE, PUBLIC, 0, OFF, 0);
    rig.write(&b"other"[..]);
}

/// Bytes of all files of the cartridge.
fn on_disk(store: &MemoryStore) -> Vec<u8> {
    use cartridge::SegmentStore as _;
    let mut all = Vec::new();
    for name in store.segments().unwrap() {
        let file = store.open_segment(name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        all.append(&mut bytes);
    }
    all
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// A block that waits for its frame when its key goes is still encrypted.
#[test]
fn what_was_accepted_under_a_key_is_encrypted_whatever_comes_then() {
    let events: [fn(&Rig); 4] = [
        |rig| set(rig, ONE, ALL, 0, OFF, 0),
        Rig::drive_reset,
        |rig| rig.drive.unload().unwrap(),
        |rig| set(rig, TWO, ALL, 0, ENCRYPT, 9),
    ];
    for event in events {
        let store = MemoryStore::new();
        let rig = Rig::of_profile("ibm-ult3580-td5", Codec::Stored);
        rig.insert(new_cartridge(store.clone(), PLENTY));
        set(&rig, ONE, ALL, CKOD, ENCRYPT, 1);
        rig.write(&b"the quarterly figures"[..]);
        event(&rig);
        rig.drive.synchronize().unwrap();
        let bytes = on_disk(&store);
        assert!(holds(&bytes, b"key \x01"));
        assert!(!holds(&bytes, b"quarterly"));
        assert!(!holds(&bytes, &[1; 32]), "the key");
    }
}

#[test]
fn keys_go_with_the_volume_when_asked_to() {
    for (flags, robot, stays) in [
        (CKOD, true, false),
        (CKOD, false, false),
        (0, true, true),
        (0, false, true),
    ] {
        let rig = Rig::loaded();
        set(&rig, ONE, ALL, flags, MIXED, 1);
        rig.write(&b"secret"[..]);
        if robot {
            rig.drive.unload().unwrap();
            rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
        } else {
            rig.good(&[0x1b, 0, 0, 0, 0, 0]);
            rig.good(&[0x1b, 0, 0, 0, 1, 0]);
            let readable = read(&rig).status == Status::Good;
            assert_eq!(readable, stays);
        }
        let modes = if stays { MIXED } else { OFF };
        assert_eq!(status(&rig, ONE).1, modes, "{flags} {robot}");
    }
}

#[test]
fn a_key_that_goes_with_the_volume_needs_a_volume() {
    let rig = Rig::empty();
    let response = send(&rig, ONE, &page(ALL, CKOD, ENCRYPT, 1));
    assert_check(&response, invalid_field(false, 5, Some(2)));
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
}

#[test]
fn keys_that_go_with_a_reservation_need_one_and_go_with_it() {
    let rig = Rig::loaded();
    for (flags, bit) in [(CKORP, 1), (CKORL, 0)] {
        let response = send(&rig, ONE, &page(ALL, flags, ENCRYPT, 1));
        assert_check(&response, invalid_field(false, 5, Some(bit)));
    }
    let hold = |nexus: Option<NexusId>, preempted| {
        let holders = nexus.map(|id| nexus_of(id).name()).into_iter().collect();
        rig.drive.reservation_changed(holders, preempted);
    };
    for (flags, taker, preempted, stays) in [
        (CKORP, Some(TWO), true, false),
        (CKORP, None, false, true),
        (CKORL, None, false, false),
        (CKORL, Some(TWO), true, true),
        (CKORL, Some(ONE), false, true),
    ] {
        hold(Some(ONE), false);
        set(&rig, ONE, ALL, flags, ENCRYPT, 1);
        status(&rig, TWO);
        while rig.attention(TWO).is_some() {}
        hold(taker, preempted);
        let kept = status(&rig, TWO).1 == ENCRYPT;
        assert_eq!(kept, stays, "{flags} {taker:?} {preempted}");
        let told = rig.attention(TWO);
        assert_eq!(told, (!stays).then_some(CHANGED));
    }
}

#[test]
fn a_lost_nexus_takes_its_own_key_along_but_not_that_of_all() {
    let rig = Rig::loaded();
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    set(&rig, TWO, LOCAL, 0, ENCRYPT, 2);
    write_as(&rig, TWO, b"under 2");
    rig.drive.nexus_lost(TWO);
    rig.drive.nexus_lost(ONE);
    let (scope, modes, _) = status(&rig, TWO);
    assert_eq!((scope, modes), (0x02, ENCRYPT));
    rig.rewind();
    let told = read_as(&rig, TWO).sense.unwrap().additional;
    assert_eq!(told, AdditionalSense::INCORRECT_DATA_ENCRYPTION_KEY);
}

#[test]
fn a_reset_wipes_every_key() {
    let rig = Rig::loaded();
    set(&rig, ONE, ALL, 0, MIXED, 1);
    rig.write(&b"secret"[..]);
    let (_, _, before) = status(&rig, ONE);
    rig.drive_reset();
    let (scope, modes, after) = status(&rig, ONE);
    assert_eq!((scope, modes), (0, OFF));
    assert!(after > before);
    rig.rewind();
    assert_check(&read(&rig), refused(UNABLE_TO_DECRYPT));
}

#[test]
fn a_medium_before_lto_4_is_not_written_encrypted() {
    let rig = Rig::of_profile("ibm-ult3580-td5", Codec::Stored);
    let store = MemoryStore::new();
    let lto_3 = cartridge::CartridgeSpec {
        media: "LTO-3".into(),
        density: 0x44,
        ..spec(PLENTY)
    };
    cartridge::Cartridge::create(Box::new(store.clone()), &lto_3).unwrap();
    // Not what the library would do with it, but what a drive of LTO-4 does.
    rig.drive.load(open(store), MediaAccess::ReadWrite);
    rig.attention(ONE);
    let capabilities = page_in(&rig, ONE, 0x20, 0x10);
    assert_eq!(capabilities[24] & 0x80, 0, "AVFMV");
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    let response = rig.run_with(&write_bytes(6), &b"secret"[..]);
    assert_check(&response, sense(DATA_PROTECT, None, [0x74, 0x07]));
    assert_eq!(rig.position(), 0);
    assert_eq!(page_in(&rig, ONE, 0x20, 0x21)[12], 0);
    set(&rig, ONE, ALL, 0, OFF, 0);
    rig.write(&b"in clear"[..]);
}

#[test]
fn a_drive_without_encryption_does_not_know_the_commands() {
    let mut profile = (*DriveProfile::builtin("ibm-ult3580-td5").unwrap()).clone();
    profile.capabilities.encryption = false;
    let without = Rig::of(profile.into(), Codec::Stored);
    for operation_code in [0xa2, 0xb5] {
        let cdb = Cdb::new(&[operation_code, 0x20]);
        let table = without.drive.commands();
        assert_eq!(table.find(&cdb), None);
        assert!(table.rows().all(|row| row.operation_code != operation_code));
        let unknown = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
        assert_eq!(table.refusal(&cdb).additional, unknown);
        assert!(Rig::empty().drive.commands().find(&cdb).is_some());
    }
}

#[test]
fn an_old_drive_does_not_know_the_commands_of_later_ones() {
    let old = DriveProfile::builtin("ibm-ult3580-td3").unwrap();
    let old = Rig::of(old, Codec::Stored).drive.commands();
    for operation_code in [0x04, 0x82, 0xa2, 0xb5] {
        let cdb = Cdb::new(&[operation_code, 0x10]);
        assert_eq!(old.find(&cdb), None, "{operation_code:02x}");
        assert!(Rig::empty().drive.commands().find(&cdb).is_some());
    }
}

#[test]
fn pages_are_cut_at_the_allocation_length_and_unknown_ones_refused() {
    let rig = Rig::empty();
    let of =
        |protocol, page, length| rig.run(&[0xa2, protocol, 0, page, 0, 0, 0, 0, 0, length, 0, 0]);
    assert_eq!(of(0x00, 0, 9).data_in, &[0, 0, 0, 0, 0, 0, 0, 2, 0][..]);
    assert_eq!(of(0x20, 0x10, 255).data_in.len(), 44);
    assert_eq!(of(0x20, 0x20, 0).data_in.len(), 0);
    assert_check(&of(0x20, 0x30, 255), invalid_field(true, 2, None));
    assert_check(&of(0x01, 0, 255), invalid_field(true, 1, None));
    let with_512 = rig.run(&[0xa2, 0x20, 0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0]);
    assert_check(&with_512, invalid_field(true, 4, Some(7)));
    assert_eq!(
        of(0x20, 0x21, 255).data_in,
        &[0, 0x21, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..]
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let rig = Rig::loaded();
    set(&rig, ONE, ALL, 0, ENCRYPT, 1);
    let before = status(&rig, ONE);
    let mut wrong = page(ALL, 0, ENCRYPT, 2);
    wrong[8] = 9; // the algorithm
    assert_check(&send(&rig, ONE, &wrong), invalid_field(false, 8, None));
    assert_eq!(status(&rig, ONE), before);
    let nothing = [0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(rig.run(&nothing).status, Status::Good);
    assert_eq!(status(&rig, ONE), before);
}
