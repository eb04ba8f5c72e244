//! READ(6): lengths that fit and lengths that do not, marks, the end of data.

use scsi::Status;

use super::harness::*;

#[test]
fn variable_block_of_the_length_asked_for_is_good() {
    let rig = Rig::loaded();
    rig.write(noise(1000, 1));
    rig.rewind();
    assert_eq!(rig.good(&read_bytes(1000)), noise(1000, 1));
    assert_eq!(rig.position(), 1);
}

#[test]
fn short_block_comes_whole_with_ili_and_the_difference() {
    let rig = Rig::loaded();
    rig.write(noise(300, 1));
    rig.rewind();
    // READ(6), FIXED=0, SILI=0, TRANSFER LENGTH 1024.
    let response = rig.run(&[0x08, 0x00, 0, 4, 0, 0]);
    let data = assert_check(&response, sense(ILI | NO_SENSE, Some(1024 - 300), [0, 0]));
    assert_eq!(data, noise(300, 1));
    assert_eq!(rig.position(), 1, "behind the block");
}

#[test]
fn short_block_with_sili_is_good() {
    let rig = Rig::loaded();
    rig.write(noise(300, 1));
    rig.rewind();
    assert_eq!(rig.good(&[0x08, 0x02, 0, 4, 0, 0]), noise(300, 1));
}

#[test]
fn long_block_is_cut_with_ili_and_a_negative_difference() {
    let rig = Rig::loaded();
    rig.write(noise(1024, 1));
    rig.write(noise(10, 2));
    rig.rewind();
    let response = rig.run(&[0x08, 0x00, 0, 2, 0, 0]);
    let data = assert_check(&response, sense(ILI | NO_SENSE, Some(512 - 1024), [0, 0]));
    assert_eq!(data, noise(1024, 1)[..512]);
    assert_eq!(
        rig.good(&read_bytes(10)),
        noise(10, 2),
        "the rest is skipped"
    );
}

#[test]
fn long_block_with_sili_is_told_only_when_a_block_length_is_set() {
    let rig = Rig::loaded();
    rig.write(noise(1024, 1));
    rig.rewind();
    assert_eq!(rig.good(&[0x08, 0x02, 0, 2, 0, 0]), noise(1024, 1)[..512]);
    rig.set_block_length(512);
    rig.rewind();
    let response = rig.run(&[0x08, 0x02, 0, 2, 0, 0]);
    assert_check(&response, sense(ILI | NO_SENSE, Some(-512), [0, 0]));
    // A short block stays untold even then.
    rig.rewind();
    assert_eq!(rig.good(&[0x08, 0x02, 0, 8, 0, 0]), noise(1024, 1));
}

#[test]
fn fixed_blocks_come_together() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    let data = noise(512 * 5, 1);
    let response = rig.run_with(&[0x0a, 0x01, 0, 0, 5, 0], data.clone());
    assert_eq!(response.status, Status::Good);
    assert_eq!(response.data_out_length, 512 * 5);
    assert_eq!(rig.position(), 5, "five blocks");
    rig.rewind();
    assert_eq!(rig.good(&read_blocks(1)), data[..512]);
    assert_eq!(rig.good(&read_blocks(4)), data[512..]);
}

#[test]
fn fixed_read_stops_at_a_block_of_another_length() {
    for odd in [100, 700] {
        let rig = Rig::loaded();
        rig.set_block_length(512);
        rig.write(noise(512, 1));
        rig.write(noise(512, 2));
        rig.write(noise(odd, 3));
        rig.write(noise(512, 4));
        rig.rewind();
        // READ(6), FIXED=1, four blocks: two read, two not, the odd one counts as not read.
        let response = rig.run(&read_blocks(4));
        let data = assert_check(&response, sense(ILI | NO_SENSE, Some(2), [0, 0]));
        assert_eq!(data, [noise(512, 1), noise(512, 2)].concat());
        assert_eq!(rig.position(), 3, "behind the odd block");
        assert_eq!(rig.good(&read_blocks(1)), noise(512, 4));
    }
}

#[test]
fn fixed_read_returns_what_stands_before_a_filemark() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    rig.write(noise(512, 1));
    rig.filemarks(1);
    rig.rewind();
    let response = rig.run(&read_blocks(10));
    let data = assert_check(&response, sense(FILEMARK | NO_SENSE, Some(9), [0, 1]));
    assert_eq!(data, noise(512, 1));
    assert_eq!(rig.position(), 2, "behind the mark");
}

#[test]
fn variable_read_of_a_filemark_leaves_all_bytes_as_residue() {
    let rig = Rig::loaded();
    rig.filemarks(1);
    rig.rewind();
    for byte_1 in [0x00, 0x02] {
        rig.rewind();
        let response = rig.run(&[0x08, byte_1, 1, 0, 0, 0]);
        let data = assert_check(&response, sense(FILEMARK | NO_SENSE, Some(65536), [0, 1]));
        assert!(data.is_empty());
    }
}

#[test]
fn end_of_data_is_a_blank_check_with_residue() {
    let rig = Rig::loaded();
    rig.write(noise(512, 1));
    rig.rewind();
    rig.good(&read_bytes(512));
    for _ in 0..2 {
        let response = rig.run(&read_bytes(1024));
        assert_check(&response, sense(BLANK_CHECK, Some(1024), [0, 5]));
        assert_eq!(rig.position(), 1);
    }
    rig.set_block_length(512);
    rig.rewind();
    let response = rig.run(&read_blocks(3));
    let data = assert_check(&response, sense(BLANK_CHECK, Some(2), [0, 5]));
    assert_eq!(data, noise(512, 1));
}

#[test]
fn read_of_nothing_is_good_and_moves_nothing() {
    let rig = Rig::loaded();
    rig.filemarks(1);
    rig.rewind();
    assert!(rig.good(&read_bytes(0)).is_empty());
    rig.set_block_length(512);
    assert!(rig.good(&read_blocks(0)).is_empty());
    assert_eq!(rig.position(), 0);
}

#[test]
fn fixed_without_a_block_length_is_refused() {
    let rig = Rig::loaded();
    let response = rig.run(&read_blocks(1));
    assert_check(&response, invalid_field(true, 1, Some(0)));
    let response = rig.run_with(&[0x0a, 0x01, 0, 0, 1, 0], noise(512, 1));
    assert_check(&response, invalid_field(true, 1, Some(0)));
    assert_eq!(rig.position(), 0);
}

#[test]
fn fixed_with_sili_is_refused() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    let response = rig.run(&[0x08, 0x03, 0, 0, 1, 0]);
    assert_check(&response, invalid_field(true, 1, Some(1)));
}

#[test]
fn a_fixed_transfer_over_the_limit_is_refused_and_not_gathered() {
    let rig = Rig::loaded();
    rig.set_block_length(1 << 20);
    rig.write(noise(10, 1));
    rig.rewind();
    let response = rig.run(&[0x08, 0x01, 0, 0, 65, 0]);
    assert_check(&response, invalid_field(true, 2, None));
    let response = rig.run(&[0x08, 0x01, 0xff, 0xff, 0xff, 0]);
    assert_check(&response, invalid_field(true, 2, None));
    assert_eq!(rig.position(), 0);
}

#[test]
fn read_behind_what_was_just_written_is_the_end_of_data() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.write(noise(10, 2));
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    rig.write(noise(20, 3));
    assert_check(
        &rig.run(&read_bytes(10)),
        sense(BLANK_CHECK, Some(10), [0, 5]),
    );
}

#[test]
fn without_a_cartridge_nothing_is_read_or_written() {
    let rig = Rig::empty();
    let not_ready = sense(NOT_READY, None, [0x3a, 0]);
    assert_check(&rig.run(&read_bytes(10)), not_ready);
    let response = rig.run_with(&write_bytes(10), noise(10, 1));
    assert_check(&response, not_ready);
    assert_eq!(response.data_out_length, 10);
    for cdb in [
        &[0x00, 0, 0, 0, 0, 0][..],
        &[0x01, 0, 0, 0, 0, 0],
        &[0x10, 0, 0, 0, 1, 0],
        &[0x11, 0, 0, 0, 1, 0],
        &[0x19, 0, 0, 0, 0, 0],
        &[0x1b, 0, 0, 0, 1, 0],
        &[0x1b, 0, 0, 0, 0, 0],
        &[0x2b, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x44, 1, 0, 0, 0, 0, 0, 1, 0, 0],
    ] {
        assert_check(&rig.run(cdb), not_ready);
    }
}
