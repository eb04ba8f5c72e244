//! Faults and delays of the whole machine, as initiators and the API meet them.

use std::time::{Duration, Instant};

use scsi::{AdditionalSense, Response, SenseKey};

use crate::inject::{DelayOverrides, Effect, NewFault, Subject, Which};
use crate::profile::Preset;
use crate::testing::{Bench, Initiator, result};
use crate::{Error, MoveError};

const TEST_UNIT_READY: [u8; 6] = [0; 6];
const DRIVE_0: u16 = 1;
const PATIENCE: Duration = Duration::from_secs(20);

fn sense_of(response: &Response) -> Option<AdditionalSense> {
    response.sense.map(|sense| sense.additional)
}

/// Asks until the drive says something else, and returns what it says.
fn next_state(host: &Initiator, now: AdditionalSense) -> Option<AdditionalSense> {
    let start = Instant::now();
    loop {
        let said = sense_of(&host.send(DRIVE_0, &TEST_UNIT_READY, &[]));
        if said != Some(now) {
            return said;
        }
        assert!(start.elapsed() < PATIENCE, "{now:?} for ever");
        std::thread::yield_now();
    }
}

#[test]
fn drive_becomes_ready_then_tells_once_then_is_good() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("one"), bench.initiator("two"));
    let slow = DelayOverrides {
        load: Some(Duration::from_millis(60)),
        ..DelayOverrides::default()
    };
    let slow = NewFault::lasting(Subject::Drive(0), Effect::Delays(slow));
    bench.library.add_fault(slow).unwrap();
    bench.try_move("slot:1", "drive:0").unwrap();
    let becoming = AdditionalSense::BECOMING_READY;
    let changed = AdditionalSense::NOT_READY_TO_READY_CHANGE;
    let first = one.send(DRIVE_0, &TEST_UNIT_READY, &[]);
    assert_eq!(sense_of(&first), Some(becoming));
    assert_eq!(next_state(&one, becoming), Some(changed));
    let told = |host: &Initiator| sense_of(&host.send(DRIVE_0, &TEST_UNIT_READY, &[]));
    assert_eq!(told(&one), None);
    assert_eq!(told(&two), Some(changed), "once for each");
    assert_eq!(sense_of(&two.send(DRIVE_0, &TEST_UNIT_READY, &[])), None);
    // UNLOAD and LOAD with IMMED: GOOD at once, ready later.
    assert_eq!(
        result(&one.send(DRIVE_0, &[0x1b, 1, 0, 0, 0, 0], &[])),
        Ok(())
    );
    let gone = AdditionalSense::MEDIUM_NOT_PRESENT;
    assert_eq!(
        sense_of(&one.send(DRIVE_0, &TEST_UNIT_READY, &[])),
        Some(gone)
    );
    assert_eq!(
        result(&one.send(DRIVE_0, &[0x1b, 1, 0, 0, 1, 0], &[])),
        Ok(())
    );
    assert_eq!(
        sense_of(&two.send(DRIVE_0, &TEST_UNIT_READY, &[])),
        Some(becoming)
    );
    assert_eq!(next_state(&one, becoming), None, "who asked for it knows");
    assert_eq!(
        sense_of(&two.send(DRIVE_0, &TEST_UNIT_READY, &[])),
        Some(changed)
    );
}

#[test]
fn request_sense_tells_of_a_drive_that_becomes_ready() {
    let bench = Bench::new(Preset::Default);
    let host = bench.initiator("one");
    let slow = DelayOverrides {
        load: Some(Duration::from_hours(1)),
        ..DelayOverrides::default()
    };
    let slow = NewFault::lasting(Subject::Drive(0), Effect::Delays(slow));
    bench.library.add_fault(slow).unwrap();
    bench.try_move("slot:1", "drive:0").unwrap();
    let data = host.send(DRIVE_0, &[0x03, 0, 0, 0, 18, 0], &[]).data_in;
    assert_eq!((data[2], data[12], data[13]), (0x02, 0x04, 0x01));
    assert_eq!(data[15] & 0x80, 0x80, "SKSV: progress");
    // Whoever is impatient takes it out again, and the next one gets the time that it needs.
    bench.try_move("drive:0", "slot:1").unwrap();
    let empty = host.send(DRIVE_0, &TEST_UNIT_READY, &[]);
    assert_eq!(sense_of(&empty), Some(AdditionalSense::MEDIUM_NOT_PRESENT));
}

#[test]
fn stuck_robot_leaves_everything_where_it_was() {
    let bench = Bench::new(Preset::Default);
    let host = bench.initiator("one");
    let stuck = NewFault {
        nth: 2,
        ..NewFault::once(Subject::Changer, Effect::RobotStuck)
    };
    bench.library.add_fault(stuck).unwrap();
    let (slot, drive) = (bench.address("slot:1"), bench.address("drive:0"));
    assert_eq!(host.move_medium(slot, drive), Ok(()));
    assert_eq!(
        host.move_medium(drive, slot),
        Err((
            SenseKey::HardwareError,
            AdditionalSense::MECHANICAL_POSITIONING_ERROR
        ))
    );
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(host.move_medium(drive, slot), Ok(()), "it was stuck once");
}

#[test]
fn dropped_cartridge_is_nowhere_until_somebody_puts_it_back() {
    let bench = Bench::new(Preset::Default);
    let host = bench.initiator("one");
    bench.try_move("slot:1", "drive:0").unwrap();
    while host.send(DRIVE_0, &TEST_UNIT_READY, &[]).sense.is_some() {}
    let write = host.send(DRIVE_0, &[0x0a, 0, 0, 0, 5, 0], b"hello");
    assert_eq!(result(&write), Ok(()));
    let tape = Subject::Cartridge("CAP001L5".into());
    let dropped = NewFault::once(tape, Effect::RobotDrop);
    bench.library.add_fault(dropped).unwrap();
    let error = bench.try_move("drive:0", "slot:1").unwrap_err();
    assert!(matches!(error, MoveError::RobotDropped { .. }), "{error}");
    assert_eq!(bench.library.cartridge("CAP001L5").unwrap().element, None);
    let empty = host.send(DRIVE_0, &TEST_UNIT_READY, &[]);
    assert_eq!(sense_of(&empty), Some(AdditionalSense::MEDIUM_NOT_PRESENT));
    // It is still nowhere after a restart.
    drop(host);
    let bench = bench.reopen();
    assert_eq!(bench.library.cartridge("CAP001L5").unwrap().element, None);
    let nowhere = bench
        .library
        .move_named("CAP001L5", bench.address("drive:1"));
    assert!(matches!(nowhere, Err(Error::NoElement { .. })));
    let put = |barcode, to| bench.library.put_cartridge(barcode, bench.address(to));
    assert!(
        put("CAP001L5", "drive:0").is_err(),
        "a person loads no drive"
    );
    assert!(put("CAP001L5", "slot:2").is_err(), "full");
    assert!(matches!(
        put("CAP002L5", "slot:22"),
        Err(Error::HasElement { .. })
    ));
    put("CAP001L5", "slot:22").unwrap();
    assert_eq!(bench.place("CAP001L5"), "slot:22");
    bench.try_move("slot:22", "drive:0").unwrap();
    let host = bench.initiator("one");
    let read = host.send(DRIVE_0, &[0x08, 0, 0, 0, 5, 0], &[]);
    assert_eq!(&read.data_in[..], b"hello", "what was written is there");
}

#[test]
fn robot_takes_its_time_and_tells_at_once_what_cannot_be() {
    let bench = Bench::new(Preset::Default);
    let slow = DelayOverrides {
        transport: Some(Duration::from_millis(50)),
        ..DelayOverrides::default()
    };
    let slow = NewFault::lasting(Subject::Changer, Effect::Delays(slow));
    bench.library.add_fault(slow).unwrap();
    let start = Instant::now();
    bench.try_move("slot:1", "drive:0").unwrap();
    assert!(start.elapsed() >= Duration::from_millis(50));
    let long = DelayOverrides {
        transport: Some(Duration::from_hours(1)),
        ..DelayOverrides::default()
    };
    let long = NewFault::lasting(Subject::Changer, Effect::Delays(long));
    bench.library.add_fault(long).unwrap();
    let error = bench.try_move("slot:1", "drive:1").unwrap_err();
    assert!(matches!(error, MoveError::SourceEmpty(_)), "{error}");
    // The end of the library waits for nobody's robot.
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| bench.try_move("drive:0", "slot:1"));
        std::thread::sleep(Duration::from_millis(10));
        bench.library.shut_down();
        moving.join().unwrap().unwrap();
    });
}

#[test]
fn slow_command_waits_on_the_worker_and_an_abort_ends_the_wait() {
    let bench = Bench::new(Preset::Default);
    let host = bench.initiator("one");
    let short = Duration::from_millis(40);
    let slow = NewFault::once(Subject::Drive(0), Effect::Slow(short));
    bench.library.add_fault(slow).unwrap();
    let start = Instant::now();
    host.send(DRIVE_0, &TEST_UNIT_READY, &[]);
    assert!(start.elapsed() >= short);
    let start = Instant::now();
    let long = NewFault::once(Subject::Drive(0), Effect::Slow(Duration::from_mins(10)));
    bench.library.add_fault(long).unwrap();
    host.start(DRIVE_0, &TEST_UNIT_READY);
    host.reset(DRIVE_0);
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn faults_of_what_is_not_there_are_refused() {
    let bench = Bench::new(Preset::Default);
    let add = |subject, effect| bench.library.add_fault(NewFault::lasting(subject, effect));
    assert!(matches!(
        add(Subject::Drive(4), Effect::NeedsCleaning),
        Err(Error::NoSuchDrive { number: 4 })
    ));
    assert!(matches!(
        add(Subject::Cartridge("NONE".into()), Effect::WriteProtect),
        Err(Error::NoSuchCartridge { .. })
    ));
    assert!(matches!(
        add(Subject::Changer, Effect::WriteProtect),
        Err(Error::Fault(_))
    ));
    assert_eq!(bench.library.clear_faults(&Which::All), []);
}
