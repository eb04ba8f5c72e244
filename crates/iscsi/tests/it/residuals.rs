//! What is told about data that was not transferred (RFC 7143 §11.4.5): D3, U1 to U3.

use crate::rig::*;
use iscsi::initiator::{DataTransfer, InitiatorEvent, InitiatorParams};
use iscsi::wire::Residual::{self, None, Overflow, Underflow};

/// Runs one command and returns status, residual and data.
fn run_one(cdb: &[u8], data: DataTransfer) -> (u8, Residual, usize) {
    let mut target = Target::plain();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(2));
    let (mut initiator, _) = log_in(&mut target, params);
    initiator.command(lun0(), cdb, data);
    run(&mut target, &mut initiator, || usize::MAX);
    match &events(&mut initiator)[..] {
        [InitiatorEvent::Finished(it)] => (it.status, it.residual, it.data.len()),
        other => panic!("{other:?}"),
    }
}

fn with_control(mut cdb: [u8; 6], control: u8) -> [u8; 6] {
    cdb[5] = control;
    cdb
}

#[test]
fn the_table_of_residuals() {
    let out = |length: usize| DataTransfer::Out(pattern(length, 1));
    let cases = [
        // Reads: as much as expected, less, more.
        (read6(1000), DataTransfer::In(1000), (0, None, 1000)),
        (
            read6(1000),
            DataTransfer::In(1500),
            (0, Underflow(500), 1000),
        ),
        (read6(1000), DataTransfer::In(600), (0, Overflow(400), 600)),
        // Nothing expected, data there: none is sent (D3).
        (read6(1000), DataTransfer::In(0), (0, Overflow(1000), 0)),
        (read6(1000), DataTransfer::None, (0, Overflow(1000), 0)),
        // No data there.
        (read6(0), DataTransfer::In(1000), (0, Underflow(1000), 0)),
        // Data and CHECK CONDITION: a short and a long block (U2).
        (
            with_control(read6(1000), 1),
            DataTransfer::In(1000),
            (2, Underflow(500), 500),
        ),
        (
            with_control(read6(1000), 2),
            DataTransfer::In(1000),
            (0, Overflow(1000), 1000),
        ),
        // Writes: as much as the CDB asks for, more, less (U3).
        (write6(1000), out(1000), (0, None, 0)),
        (write6(1000), out(1500), (0, Underflow(500), 0)),
        (write6(1000), out(600), (0, Overflow(400), 0)),
        (write6(1000), out(0), (0, Overflow(1000), 0)),
        // A command that fails before it takes data.
        ([0x99, 0, 0, 0, 0, 0], out(1000), (2, Underflow(1000), 0)),
        (
            [0x99, 0, 0, 0, 0, 0],
            DataTransfer::In(1000),
            (2, Underflow(1000), 0),
        ),
        ([0xff, 0, 0, 0, 0, 0], DataTransfer::None, (8, None, 0)),
        (TEST_UNIT_READY, DataTransfer::None, (0, None, 0)),
        (TEST_UNIT_READY, DataTransfer::In(36), (0, Underflow(36), 0)),
    ];
    for (cdb, data, expected) in cases {
        assert_eq!(run_one(&cdb, data.clone()), expected, "{cdb:02x?} {data:?}");
    }
}

#[test]
fn u1_flags_and_count_stand_in_data_in_and_in_response() {
    let mut target = session(&[]);
    let mut command = read_command(1, 0, 100);
    command.expected_length = 160;
    target.feed(&bytes_of(command.emit(), &[]));
    let pdu = target.pdus().remove(0);
    assert_eq!((pdu.opcode(), pdu.byte(1)), (0x25, 0x83), "F, U, S");
    assert_eq!(pdu.u32(44), 60);
    let mut command = read_command(2, 1, 100);
    command.expected_length = 0;
    target.feed(&bytes_of(command.emit(), &[]));
    let pdu = target.pdus().remove(0);
    assert_eq!((pdu.opcode(), pdu.byte(1)), (0x21, 0x84), "O");
    assert_eq!(pdu.u32(44), 100);
}

#[test]
fn u3_the_device_gets_what_was_sent_and_not_more() {
    let mut target = session(&[]);
    let mut command = write_command(1, 0, 300);
    command.expected_length = 200;
    target.feed(&bytes_of(command.emit(), &pattern(200, 1)));
    assert_eq!(target.executed[0].1, pattern(200, 1));
    assert_eq!(target.pdus()[0].byte(1), 0x84, "O");
}
