//! REWIND, SPACE, LOCATE, READ POSITION.

use super::harness::*;

/// Objects: block 0, mark 1, blocks 2 and 3, mark 4, mark 5, block 6; end of data is 7.
fn recorded() -> Rig {
    let rig = Rig::loaded();
    rig.write(noise(10, 0));
    rig.filemarks(1);
    rig.write(noise(10, 2));
    rig.write(noise(10, 3));
    rig.filemarks(2);
    rig.write(noise(10, 6));
    rig
}

fn locate(rig: &Rig, object: u8) {
    rig.good(&[0x2b, 0, 0, 0, 0, 0, object, 0, 0, 0]);
}

/// SPACE(6) from `from`; the sense it must give, and where it must end.
#[track_caller]
fn space(rig: &Rig, from: u8, code: u8, count: i32, expected: Option<[u8; 18]>, to: u32) {
    let [_, high, middle, low] = count.to_be_bytes();
    let short = vec![0x11, code, high, middle, low, 0];
    let mut long = vec![0x91, code, 0, 0];
    long.extend_from_slice(&i64::from(count).to_be_bytes());
    long.extend_from_slice(&[0; 4]);
    for cdb in [short, long] {
        locate(rig, from);
        let response = rig.run(&cdb);
        match expected {
            None => assert_eq!(response.sense, None),
            Some(bytes) => {
                assert_check(&response, bytes);
            }
        }
        assert_eq!(rig.position(), to, "SPACE {code} {count} from {from}");
    }
}

#[test]
fn space_over_blocks_stops_behind_a_filemark() {
    let rig = recorded();
    space(&rig, 0, 0, 1, None, 1);
    space(&rig, 2, 0, 2, None, 4);
    let mark = |residue| Some(sense(FILEMARK | NO_SENSE, Some(residue), [0, 1]));
    space(&rig, 0, 0, 2, mark(1), 2);
    space(&rig, 2, 0, 9, mark(7), 5);
}

#[test]
fn space_back_over_blocks_stops_before_a_filemark() {
    let rig = recorded();
    space(&rig, 4, 0, -2, None, 2);
    let mark = |residue| Some(sense(FILEMARK | NO_SENSE, Some(residue), [0, 1]));
    space(&rig, 4, 0, -3, mark(1), 1);
    space(&rig, 7, 0, -3, mark(2), 5);
}

#[test]
fn space_over_the_end_of_data_is_a_blank_check() {
    let rig = recorded();
    let end = |residue| Some(sense(BLANK_CHECK, Some(residue), [0, 5]));
    space(&rig, 6, 0, 3, end(2), 7);
    space(&rig, 0, 1, 5, end(2), 7);
    // What `mt eod` sends when fast positioning is off.
    space(&rig, 0, 1, 0x7f_ffff, end(0x7f_fffc), 7);
}

#[test]
fn space_back_over_the_beginning_is_told_with_eom() {
    let rig = recorded();
    let beginning = |residue| Some(sense(EOM | NO_SENSE, Some(residue), [0, 4]));
    space(&rig, 1, 0, -3, beginning(2), 0);
    space(&rig, 3, 1, -4, beginning(3), 0);
    space(&rig, 0, 1, -1, beginning(1), 0);
}

#[test]
fn space_over_filemarks_ends_on_their_far_side() {
    let rig = recorded();
    space(&rig, 0, 1, 1, None, 2);
    space(&rig, 0, 1, 3, None, 6);
    space(&rig, 7, 1, -1, None, 5);
    space(&rig, 7, 1, -3, None, 1);
    space(&rig, 2, 1, -1, None, 1);
}

#[test]
fn space_to_filemarks_in_a_row_passes_those_that_stand_alone() {
    let rig = recorded();
    space(&rig, 0, 2, 1, None, 2);
    space(&rig, 0, 2, 2, None, 6);
    space(&rig, 5, 2, 1, None, 6);
    space(&rig, 7, 2, -2, None, 4);
    space(&rig, 7, 2, -1, None, 5);
    space(&rig, 4, 2, -1, None, 1);
    space(&rig, 3, 2, 0, None, 3);
}

#[test]
fn space_to_more_filemarks_in_a_row_than_there_are_counts_those_at_the_end() {
    let rig = recorded();
    let end = |residue| Some(sense(BLANK_CHECK, Some(residue), [0, 5]));
    space(&rig, 0, 2, 3, end(3), 7);
    rig.filemarks(2);
    // Block 6, marks 7 and 8; end of data is 9.
    space(&rig, 0, 2, 5, end(3), 9);
    space(&rig, 8, 2, 5, end(4), 9);
    let beginning = |residue| Some(sense(EOM | NO_SENSE, Some(residue), [0, 4]));
    space(&rig, 9, 2, -3, beginning(3), 0);
    rig.rewind();
    rig.filemarks(2);
    space(&rig, 2, 2, -5, beginning(3), 0);
}

#[test]
fn space_of_nothing_moves_nothing() {
    let rig = recorded();
    space(&rig, 3, 0, 0, None, 3);
    space(&rig, 1, 1, 0, None, 1);
}

#[test]
fn space_to_the_end_of_data_ignores_the_count() {
    let rig = recorded();
    space(&rig, 3, 3, 0, None, 7);
    space(&rig, 7, 3, -5, None, 7);
}

#[test]
fn space_with_other_codes_is_refused() {
    let rig = recorded();
    for code in [4, 5, 6] {
        space(&rig, 3, code, 1, Some(invalid_field(true, 1, Some(3))), 3);
    }
}

#[test]
fn locate_by_object_file_and_end_of_data() {
    let rig = recorded();
    for object in 0..=7 {
        locate(&rig, object);
        assert_eq!(rig.position(), u32::from(object));
    }
    let locate_16 = |byte_1: u8, identifier: u8| {
        rig.run(&[
            0x92, byte_1, 0, 0, 0, 0, 0, 0, 0, 0, 0, identifier, 0, 0, 0, 0,
        ])
    };
    for (file, object) in [(0, 0), (1, 2), (2, 5), (3, 6)] {
        assert_eq!(locate_16(0x08, file).sense, None);
        assert_eq!(rig.position(), object, "file {file}");
    }
    assert_eq!(locate_16(0x00, 3).sense, None);
    assert_eq!(rig.position(), 3);
    assert_eq!(locate_16(0x18, 0).sense, None);
    assert_eq!(rig.position(), 7, "end of data");
    for byte_1 in [0x00, 0x08] {
        rig.rewind();
        assert_check(&locate_16(byte_1, 9), sense(BLANK_CHECK, None, [0, 5]));
        assert_eq!(rig.position(), 7, "stops at the end of data");
    }
}

#[test]
fn locate_takes_either_mode_of_addressing() {
    let rig = recorded();
    for mode in [0, 1] {
        rig.good(&[0x92, 0, mode, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
        assert_eq!(rig.position(), 3);
    }
}

#[test]
fn st_seeks_with_bt_and_tells_with_service_action_1() {
    let rig = recorded();
    rig.good(&[0x2b, 0x04, 0, 0, 0, 0, 5, 0, 0, 0]);
    let data = rig.good(&[0x34, 0x01, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(data[4..8], [0, 0, 0, 5]);
}

#[test]
fn there_is_only_partition_0() {
    let rig = recorded();
    rig.good(&[0x2b, 0x02, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(rig.position(), 1);
    // CP=0: the field means nothing.
    rig.good(&[0x2b, 0x00, 0, 0, 0, 0, 2, 0, 7, 0]);
    let response = rig.run(&[0x2b, 0x02, 0, 0, 0, 0, 3, 0, 1, 0]);
    assert_check(&response, invalid_field(true, 8, None));
    let response = rig.run(&[0x92, 0x02, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
    assert_check(&response, invalid_field(true, 3, None));
    assert_eq!(rig.position(), 2);
}

#[test]
fn read_position_in_three_forms() {
    let rig = Rig::loaded();
    let short = rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        short,
        [
            0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        ][..]
    );
    rig.write(noise(10, 1));
    rig.filemarks(1);
    rig.write(noise(300, 2));
    // Two objects on the medium, one of 300 bytes in the buffer.
    let short = rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        short,
        [
            0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 1, 0x2c
        ][..]
    );
    let long = rig.good(&[0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(long.len(), 32);
    assert_eq!(long[..8], [0; 8]);
    assert_eq!(
        long[8..24],
        [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1]
    );
    let extended = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
    assert_eq!(extended[..8], [0, 0, 0, 0x1c, 0, 0, 0, 1]);
    assert_eq!(extended[15], 3);
    assert_eq!(extended[23], 2);
    let cut = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 7, 0]);
    assert_eq!(cut, extended[..7]);
    let response = rig.run(&[0x34, 0, 0, 0, 0, 0, 0, 0, 20, 0]);
    assert_check(&response, invalid_field(true, 7, None));
}

#[test]
fn everything_that_moves_synchronises_first() {
    let moves: [&[u8]; 6] = [
        &[0x01, 0, 0, 0, 0, 0],
        &[0x11, 0, 0xff, 0xff, 0xff, 0],
        &[0x11, 3, 0, 0, 0, 0],
        &[0x2b, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x92, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x19, 0, 0, 0, 0, 0],
    ];
    for cdb in moves {
        let rig = recorded();
        rig.good(cdb);
        let data = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
        assert_eq!(data[4..8], [0; 4], "nothing in the buffer after {cdb:02x?}");
    }
    // READ after WRITE too; it finds the end of data.
    let rig = recorded();
    assert_check(
        &rig.run(&read_bytes(9)),
        sense(BLANK_CHECK, Some(9), [0, 5]),
    );
    let data = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
    assert_eq!(data[4..8], [0; 4]);
}
