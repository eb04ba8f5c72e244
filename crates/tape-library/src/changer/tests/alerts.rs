//! What raises the changer's TapeAlert flags.

use super::*;

const NONE: [u8; 0] = [];

/// The flags that are up for `initiator` in page 2Eh; reading lowers them for it.
fn flags(initiator: &Initiator) -> Vec<u8> {
    let page = initiator
        .changer(&[0x4d, 0, 0x6e, 0, 0, 0, 0, 2, 0, 0])
        .data_in;
    let up = page[4..].chunks_exact(5).filter(|flag| flag[4] == 1);
    up.map(|flag| flag[1]).collect()
}

#[test]
fn move_that_cannot_be_is_an_illegal_operation_until_one_works() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    let (slot, other) = (bench.address("slot:1"), bench.address("slot:2"));
    one.move_medium(slot, other).unwrap_err();
    assert_eq!(flags(&one), [25]);
    assert_eq!(flags(&one), NONE, "it has read that");
    assert_eq!(flags(&two), [25], "and the other has not");
    one.move_medium(slot, other).unwrap_err();
    assert_eq!(flags(&one), [25], "again");
    one.move_medium(slot, bench.address("slot:24")).unwrap();
    assert_eq!(flags(&two), NONE);
}

#[test]
fn open_station_and_drive_out_of_service() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    result(&initiator.changer(&[0x1b, 0, 0, 10, 0, 0])).unwrap();
    assert_eq!(
        flags(&initiator),
        NONE,
        "an open station alone harms nobody"
    );
    let (slot, port) = (bench.address("slot:1"), bench.address("ie:1"));
    initiator.move_medium(slot, port).unwrap_err();
    bench.library.set_in_service(2, false);
    initiator.take_attentions();
    assert_eq!(flags(&initiator), [16, 22]);
    initiator.move_medium(slot, port).unwrap_err();
    result(&initiator.changer(&[0x1b, 0, 0, 10, 1, 0])).unwrap();
    bench.library.set_in_service(2, true);
    initiator.take_attentions();
    assert_eq!(flags(&initiator), NONE);
}

#[test]
fn missing_files_are_an_inventory_that_does_not_fit() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let record = bench.library.cartridge("CAP001L5").unwrap();
    let files = bench
        .data
        .path()
        .join(format!("cartridges/{}", record.uuid));
    let elsewhere = bench.data.path().join("elsewhere");
    std::fs::rename(&files, &elsewhere).unwrap();
    let look = [0x07, 0, 0, 0, 0, 0];
    result(&initiator.changer(&look)).unwrap();
    assert_eq!(flags(&initiator), [24]);
    result(&initiator.changer(&look)).unwrap();
    assert_eq!(flags(&initiator), NONE, "no news");
    std::fs::rename(&elsewhere, &files).unwrap();
    result(&initiator.changer(&look)).unwrap();
    std::fs::remove_file(files.join("label")).unwrap();
    let (slot, drive) = (bench.address("slot:1"), bench.address("drive:0"));
    initiator.move_medium(slot, drive).unwrap_err();
    assert_eq!(flags(&initiator), [24], "a load found it");
}

#[test]
fn cartridge_that_cannot_be_loaded() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let record = bench.library.cartridge("CAP001L5").unwrap();
    let label = bench
        .data
        .path()
        .join(format!("cartridges/{}/label", record.uuid));
    std::fs::write(&label, b"not a label").unwrap();
    let drive = bench.address("drive:0");
    initiator
        .move_medium(bench.address("slot:1"), drive)
        .unwrap_err();
    assert_eq!(flags(&initiator), [15]);
    initiator
        .move_medium(bench.address("slot:1"), drive)
        .unwrap_err();
    initiator
        .move_medium(bench.address("slot:2"), drive)
        .unwrap();
    assert_eq!(flags(&initiator), NONE, "another could");
}
