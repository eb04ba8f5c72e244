//! Commands of any bytes through the logical unit, in every state that a drive can be in: an answer as
//! the table has it, never a panic.

use std::sync::Arc;

use cartridge::{Cartridge, Form, MemoryStore};
use proptest::prelude::*;
use scsi::command::Restriction;
use scsi::{CommandTable, DeviceType, Lun, Status};

use super::harness::*;
use crate::logical_unit::LogicalUnit;
use crate::profile::MediaAccess;
use crate::target::Target;
use crate::testing::Initiator;
use crate::testing::answers::{AnyCommand, Reserved, any_command, judge};

const DRIVE: CommandTable = CommandTable::of(DeviceType::SequentialAccess);
const LUN: u16 = 0;

/// Where a case begins.
#[derive(Clone, Copy, Debug)]
enum State {
    Empty,
    Unloaded,
    Blank,
    AtBeginning,
    AtEnd,
    SmallAndFull,
    WriteProtected,
    Worm,
    Prevented,
    Cleaning,
    Partitioned,
    Encrypting,
    Protecting,
    ReservedByAnother,
    WriteExclusiveForAnother,
    ExclusiveForAnother,
}

const STATES: [State; 16] = [
    State::Empty,
    State::Unloaded,
    State::Blank,
    State::AtBeginning,
    State::AtEnd,
    State::SmallAndFull,
    State::WriteProtected,
    State::Worm,
    State::Prevented,
    State::Cleaning,
    State::Partitioned,
    State::Encrypting,
    State::Protecting,
    State::ReservedByAnother,
    State::WriteExclusiveForAnother,
    State::ExclusiveForAnother,
];

const REWIND: [u8; 6] = [0x01, 0, 0, 0, 0, 0];
const UNLOAD: [u8; 6] = [0x1b, 0, 0, 0, 0, 0];
const PREVENT: [u8; 6] = [0x1e, 0, 0, 0, 1, 0];
const RESERVE: [u8; 6] = [0x16, 0, 0, 0, 0, 0];
/// MODE SELECT(10) of page 0Ah, sub-page F0h: the Reed-Solomon CRC for writing and reading.
const PROTECT: [u8; 10] = [0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0];
const PROTECTION: [u8; 15] = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x4a, 0xf0, 0, 0x1c, 1, 4, 0xc0];
/// MODE SELECT(10) of page 11h: FDP, two partitions.
const DIVIDE: [u8; 10] = [0x55, 0x10, 0, 0, 0, 0, 0, 0, 20, 0];
const DIVISION: [u8; 20] = [
    0, 0, 0, 0x10, 0, 0, 0, 0, 0x11, 10, 1, 1, 0x9c, 3, 9, 0, 0, 0, 0, 0,
];
const FORMAT_MEDIUM: [u8; 6] = [0x04, 0, 1, 0, 0, 0];

struct Bench {
    target: Arc<Target>,
    one: Initiator,
    two: Initiator,
}

impl Bench {
    fn new(state: State) -> Self {
        let rig = Rig::empty();
        let (capacity, form) = match state {
            State::SmallAndFull => (1 << 20, Form::Data),
            State::Worm => (PLENTY, Form::Worm),
            State::Cleaning => (PLENTY, Form::Cleaning),
            _ => (PLENTY, Form::Data),
        };
        let access = match state {
            State::WriteProtected => MediaAccess::ReadOnly,
            _ => MediaAccess::ReadWrite,
        };
        if !matches!(state, State::Empty) {
            rig.drive.load(cartridge_of(form, capacity), access);
        }
        let Rig { drive, attentions } = rig;
        let unit = LogicalUnit::start("test", Arc::new(drive), attentions).unwrap();
        let target = Target::new("iqn.t,t,0x0001", vec![(Lun::new(LUN), Arc::new(unit))]);
        let (one, two) = (Initiator::new(&target, "a"), Initiator::new(&target, "b"));
        let bench = Self { target, one, two };
        bench.bring_to(state);
        bench
    }

    fn bring_to(&self, state: State) {
        let good = |cdb: &[u8], data: &[u8]| {
            let response = self.one.send(LUN, cdb, data);
            assert!(response.sense.is_none(), "{response:?}");
        };
        let write = |blocks| {
            for seed in 0..blocks {
                good(&write_bytes(9000), &noise(9000, seed));
            }
            good(&[0x10, 0, 0, 0, 2, 0], &[]);
        };
        match state {
            State::Empty | State::Blank | State::WriteProtected | State::Cleaning => {}
            State::Unloaded => good(&UNLOAD, &[]),
            State::AtBeginning | State::Worm => {
                write(5);
                good(&REWIND, &[]);
            }
            State::AtEnd => write(5),
            State::SmallAndFull => {
                while self
                    .one
                    .send(LUN, &write_bytes(9000), &noise(9000, 7))
                    .sense
                    .is_none()
                {}
            }
            State::Prevented => good(&PREVENT, &[]),
            State::Partitioned => {
                good(&DIVIDE, &DIVISION);
                good(&FORMAT_MEDIUM, &[]);
                write(3);
            }
            State::Encrypting => {
                let key = super::encryption::key_page(7);
                let length = u8::try_from(key.len()).unwrap();
                good(&[0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, length, 0, 0], &key);
                write(3);
                good(&REWIND, &[]);
            }
            State::Protecting => {
                let mut list = PROTECTION.to_vec();
                list.resize(40, 0);
                good(&PROTECT, &list);
            }
            State::ReservedByAnother => {
                assert!(self.two.send(LUN, &RESERVE, &[]).sense.is_none());
            }
            State::WriteExclusiveForAnother => self.reserve_persistently(0x01),
            State::ExclusiveForAnother => self.reserve_persistently(0x03),
        }
        self.one.forget_attentions(&self.target);
    }

    /// The other initiator registers and takes a persistent reservation of type `kind`.
    fn reserve_persistently(&self, kind: u8) {
        let out = |action: u8, kind: u8, keys: [u8; 2]| {
            let mut list = [0; 24];
            [list[7], list[15]] = keys;
            let cdb = [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0];
            assert_eq!(self.two.send(LUN, &cdb, &list).status, Status::Good);
        };
        out(0x00, 0, [0, 9]);
        out(0x01, kind, [9, 0]);
    }

    fn check(&self, state: State, command: &AnyCommand) -> Result<(), TestCaseError> {
        let reserved = match state {
            State::ReservedByAnother => Reserved::ByAnother(Restriction::Reserved),
            State::WriteExclusiveForAnother => Reserved::ByAnother(Restriction::WriteExclusive),
            State::ExclusiveForAnother => Reserved::ByAnother(Restriction::ExclusiveAccess),
            _ => Reserved::No,
        };
        let response = self.one.send(LUN, &command.cdb, &command.data_out);
        judge(DRIVE, command, reserved, &response)
            .map_err(|error| TestCaseError::fail(format!("{state:?}: {response:?}: {error}")))?;
        // What the initiator did to itself, with a persistent reservation perhaps, or a load.
        self.one.forget_attentions(&self.target);
        Ok(())
    }
}

fn cartridge_of(form: Form, capacity_bytes: u64) -> Cartridge {
    let store = MemoryStore::new();
    let spec = cartridge::CartridgeSpec {
        form,
        ..spec(capacity_bytes)
    };
    Cartridge::create(Box::new(store.clone()), &spec).unwrap();
    open(store)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 320, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_command_is_answered_as_the_table_has_it(
        state in prop::sample::select(&STATES[..]),
        commands in prop::collection::vec(any_command(DRIVE), 1..60),
    ) {
        let bench = Bench::new(state);
        for command in &commands {
            bench.check(state, command)?;
        }
    }
}
