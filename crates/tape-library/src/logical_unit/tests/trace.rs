//! What the trace remembers, and what it must not.

use super::*;
use crate::logical_unit::trace::{COMMANDS_MAX, PREFIX_BYTES_MAX, PREFIXES_BYTES_MAX};

const WRITE_6: u8 = 0x0a;
const MODE_SELECT_6: u8 = 0x15;

fn submit_with(bench: &Bench, nexus: &Nexus, cdb: &[u8], data_out: &[u8]) {
    let command = Command {
        cdb: Cdb::new(cdb),
        data_out: Bytes::copy_from_slice(data_out),
    };
    nexus.submit(TaskTag(7), LUN, command);
    bench.unit.wait_until_idle();
}

#[test]
fn commands_are_numbered_and_a_reader_can_go_on_where_it_was() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    submit(&nexus, 1, &TEST_UNIT_READY);
    submit(&nexus, 2, &[0xff; 6]);
    let all = bench.unit.trace(0, 10);
    assert_eq!(all.last, 2);
    let names: Vec<_> = all.commands.iter().map(|it| (it.number, it.name)).collect();
    assert_eq!(names, [(1, Some("TEST UNIT READY")), (2, None)]);
    assert_eq!(all.commands[0].status, Status::Good);
    assert_eq!(all.commands[0].initiator, InitiatorPort("a".into()));
    let refused = all.commands[1].sense.unwrap();
    assert_eq!(refused.key, SenseKey::IllegalRequest);
    submit(&nexus, 3, &INQUIRY);
    let newer = bench.unit.trace(2, 10);
    assert_eq!(newer.commands.len(), 1);
    assert_eq!(newer.commands[0].tag, TaskTag(3));
    let newest = bench.unit.trace(0, 1);
    assert_eq!(newest.commands, newer.commands, "the newest are told");
}

#[test]
fn command_aborted_while_it_ran_is_there_without_answer() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    nexus.manage(LUN, TaskManagementFunction::AbortTaskSet);
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    let trace = bench.unit.trace(0, 10);
    assert_eq!(trace.commands.len(), 1);
    assert!(!trace.commands[0].answered);
}

#[test]
fn blocks_are_counted_and_parameters_are_kept_in_part() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    submit_with(&bench, &nexus, &[WRITE_6, 0, 0, 4, 0, 0], &[0xab; 1024]);
    submit_with(
        &bench,
        &nexus,
        &[MODE_SELECT_6, 0x10, 0, 0, 255, 0],
        &[0xcd; 1024],
    );
    let trace = bench.unit.trace(0, 10).commands;
    assert_eq!(trace[0].data_out.length, 1024);
    assert!(trace[0].data_out.prefix.is_empty(), "no block is kept");
    assert_eq!(trace[1].data_out.length, 1024);
    assert_eq!(&*trace[1].data_out.prefix, [0xcd; PREFIX_BYTES_MAX]);
}

#[test]
fn keys_and_what_may_be_one_are_never_kept() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    // SECURITY PROTOCOL OUT, SET DATA ENCRYPTION; and a command that nobody knows.
    submit_with(
        &bench,
        &nexus,
        &[0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, 52, 0, 0],
        &[0x77; 52],
    );
    submit_with(&bench, &nexus, &[0xee, 0, 0, 0, 0, 0], &[0x77; 52]);
    let trace = bench.unit.trace(0, 10).commands;
    assert_eq!(trace.len(), 2);
    for command in &trace {
        assert_eq!(command.data_out.length, 52);
        assert!(command.data_out.prefix.is_empty(), "{command:?}");
    }
}

#[test]
fn the_ring_is_bounded_in_commands_and_in_bytes() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    for _ in 0..COMMANDS_MAX + 5 {
        submit(&nexus, 1, &TEST_UNIT_READY);
    }
    let trace = bench.unit.trace(0, usize::MAX);
    assert_eq!(trace.commands.len(), COMMANDS_MAX);
    assert_eq!(trace.commands[0].number, 6, "the oldest have gone");
    for _ in 0..PREFIXES_BYTES_MAX / PREFIX_BYTES_MAX + 5 {
        submit_with(
            &bench,
            &nexus,
            &[MODE_SELECT_6, 0x10, 0, 0, 255, 0],
            &[0; 4096],
        );
    }
    let trace = bench.unit.trace(0, usize::MAX);
    let kept: usize = trace
        .commands
        .iter()
        .map(|it| it.data_out.prefix.len())
        .sum();
    assert_eq!(kept, PREFIXES_BYTES_MAX);
}
