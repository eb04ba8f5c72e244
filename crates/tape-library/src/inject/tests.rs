//! When faults strike, and whom.

use scsi::{AdditionalSense, Cdb, CommandTable, SenseKey};

use super::*;

const READ: Sense = Sense::new(
    SenseKey::MediumError,
    AdditionalSense::UNRECOVERED_READ_ERROR,
);

fn drives() -> CommandTable {
    CommandTable::of(DeviceType::SequentialAccess)
}

fn spec(code: u8) -> &'static CommandSpec {
    drives().find(&Cdb::new(&[code])).unwrap()
}

fn drive(faults: &Arc<Faults>, number: u16) -> Injector {
    Injector::new(Arc::clone(faults), Subject::Drive(number))
}

#[test]
fn counted_fault_strikes_from_the_nth_time_and_so_often() {
    let faults = Faults::new(Delays::default());
    let drive = drive(&faults, 0);
    let new = NewFault {
        commands: Commands::parse("read", drives()).unwrap(),
        nth: 3,
        times: Some(2),
        ..NewFault::once(Subject::Drive(0), Effect::Sense(READ))
    };
    let added = faults.add(new).unwrap();
    let struck: Vec<bool> = (0..6)
        .map(|_| {
            assert_eq!(drive.command(spec(0x0a), None, false), None, "a WRITE");
            drive.command(spec(0x08), None, false) == Some(CommandFault::Sense(READ))
        })
        .collect();
    assert_eq!(struck, [false, false, true, true, false, false]);
    let listed = &faults.list()[0];
    assert_eq!((listed.number, listed.struck), (added.number, 2));
    assert!(listed.is_over());
}

#[test]
fn faults_of_others_do_not_strike() {
    let faults = Faults::new(Delays::default());
    let lasting = |subject| NewFault::lasting(subject, Effect::Sense(READ));
    faults.add(lasting(Subject::Drive(1))).unwrap();
    faults.add(lasting(Subject::Changer)).unwrap();
    let tape = Subject::Cartridge("CAP001L5".into());
    faults.add(lasting(tape.clone())).unwrap();
    let drive = drive(&faults, 0);
    let test_unit_ready = spec(0x00);
    assert_eq!(drive.command(test_unit_ready, None, false), None);
    assert_eq!(
        drive.command(test_unit_ready, Some("CAP002L5"), false),
        None
    );
    let struck = drive.command(test_unit_ready, Some("CAP001L5"), false);
    assert_eq!(struck, Some(CommandFault::Sense(READ)));
    assert_eq!(
        drive.command(spec(0x12), Some("CAP001L5"), false),
        None,
        "INQUIRY"
    );
    assert_eq!(faults.clear(&Which::Of(tape)).len(), 1);
    assert_eq!(
        drive.command(test_unit_ready, Some("CAP001L5"), false),
        None
    );
    assert_eq!(faults.clear(&Which::All).len(), 2);
    assert!(!drive.is_armed());
}

#[test]
fn slow_command_is_not_counted_where_it_cannot_wait() {
    let faults = Faults::new(Delays::default());
    let wait = Duration::from_secs(1);
    faults
        .add(NewFault::once(Subject::Drive(0), Effect::Slow(wait)))
        .unwrap();
    let drive = drive(&faults, 0);
    assert!(drive.slows(None));
    assert_eq!(drive.command(spec(0x08), None, false), None);
    assert_eq!(
        drive.command(spec(0x08), None, true),
        Some(CommandFault::Slow(wait))
    );
    assert_eq!(drive.command(spec(0x08), None, true), None, "once");
}

#[test]
fn faults_that_make_no_sense_are_refused_with_a_reason() {
    let faults = Faults::new(Delays::default());
    let refused = |new: NewFault| faults.add(new).unwrap_err().to_string();
    let stuck = NewFault::once(Subject::Drive(0), Effect::RobotStuck);
    assert!(
        refused(stuck).contains("for the changer"),
        "a drive has no robot"
    );
    let dirty = NewFault::lasting(Subject::Changer, Effect::NeedsCleaning);
    assert!(refused(dirty).contains("for a drive"));
    let counted = NewFault::once(Subject::Drive(0), Effect::WriteProtect);
    assert!(refused(counted).contains("until it is cleared"));
    let never = NewFault {
        nth: 0,
        ..NewFault::once(Subject::Changer, Effect::Sense(READ))
    };
    assert!(refused(never).contains("from 1"));
    let flag = NewFault::once(Subject::Changer, Effect::TapeAlert(vec![65]));
    assert!(refused(flag).contains("1 to 64"));
}

#[test]
fn commands_by_name_and_by_code() {
    let parse = |text| Commands::parse(text, drives());
    let read = parse("read").unwrap();
    assert!(read.contain(spec(0x08)) && !read.contain(spec(0x0a)));
    for text in ["Write-Filemarks", "write filemarks(6)", "0x10", "10h"] {
        assert!(parse(text).unwrap().contain(spec(0x10)), "{text}");
    }
    let any = parse("any").unwrap();
    assert!(any.contain(spec(0x00)) && !any.contain(spec(0x12)));
    assert!(parse("inquiry").unwrap().contain(spec(0x12)));
    let unknown = parse("fly").unwrap_err();
    assert!(unknown.contains("REWIND, "), "{unknown}");
}

#[test]
fn the_list_is_bounded_and_what_is_over_makes_room() {
    let faults = Faults::new(Delays::default());
    let alert = || NewFault::once(Subject::Drive(0), Effect::TapeAlert(vec![20]));
    for _ in 0..FAULTS_MAX {
        faults.add(alert()).unwrap();
    }
    assert_eq!(faults.add(alert()).unwrap_err(), FaultError::TooMany);
    assert_eq!(drive(&faults, 0).alerts(), [20]);
    let added = faults.add(alert()).unwrap();
    assert_eq!(usize::try_from(added.number).unwrap(), FAULTS_MAX + 1);
}

#[test]
fn delays_of_a_fault_go_over_those_of_the_configuration() {
    let configured = Delays {
        load: Duration::from_secs(9),
        ..Delays::default()
    };
    let faults = Faults::new(configured);
    let overrides = DelayOverrides {
        rewind: Some(Duration::from_secs(3)),
        ..DelayOverrides::default()
    };
    let fault = NewFault::lasting(Subject::Drive(0), Effect::Delays(overrides));
    faults.add(fault).unwrap();
    let delays = drive(&faults, 0).delays();
    assert_eq!((delays.load.as_secs(), delays.rewind.as_secs()), (9, 3));
    assert_eq!(drive(&faults, 1).delays(), configured);
}
